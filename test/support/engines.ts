/** Redis and PostgreSQL of a test's own, which it may kill and start again. */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { postgresPrograms, REDIS } from './peers.ts';
import { freePort, untilListening } from './ports.ts';
import { run, runOrThrow } from './run.ts';
import { until } from './until.ts';

/** An engine that listens on 127.0.0.1. */
export interface Engine extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** Its process, of the last start. */
  readonly process: () => ChildProcess;
  /** To all its processes. */
  signal(name: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void;
  /** Ends it as a crash does. */
  kill(): Promise<void>;
  /** Starts it again with the data that it has left. */
  start(): Promise<void>;
}

/** Starts a Redis. @param options - Beside a port and a directory: `['--appendonly', 'yes']`. */
export async function startRedis(...options: readonly string[]): Promise<Engine> {
  const directory = mkdtempSync(join(tmpdir(), 'redis-'));
  let port = await freePort();
  // The nodes of a cluster talk on the port that is 10 000 higher.
  while (options.includes('--cluster-enabled') && port > 55_535) port = await freePort();
  const where = ['--port', String(port), '--bind', '127.0.0.1', '--dir', directory];
  const quiet = ['--save', '', '--loglevel', 'warning', '--daemonize', 'no'];
  return await engine(`redis://127.0.0.1:${port}`, port, directory, {
    command: [REDIS, ...where, ...quiet, ...options],
    // It listens before it has read its data.
    isReady: () => answersPing(port),
  });
}

async function answersPing(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    socket.write('PING\r\n');
    const [answer] = (await once(socket, 'data')) as [Buffer];
    return answer.toString() === '+PONG\r\n';
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** Starts a Sentinel that promotes a replica when this primary, named `primary`, is away for half a second. */
export async function startSentinel(primary: Engine): Promise<Engine> {
  const directory = mkdtempSync(join(tmpdir(), 'sentinel-'));
  const port = await freePort();
  const file = join(directory, 'sentinel.conf');
  const settings = [
    `port ${port}`,
    'bind 127.0.0.1',
    `dir ${directory}`,
    `sentinel monitor primary 127.0.0.1 ${primary.port} 1`,
    'sentinel down-after-milliseconds primary 500',
    'sentinel failover-timeout primary 2000',
  ];
  writeFileSync(file, settings.map((line) => `${line}\n`).join(''));
  return await engine(`redis://127.0.0.1:${port}`, port, directory, {
    command: [REDIS, file, '--sentinel'],
    isReady: async () => true,
  });
}

/** Makes a PostgreSQL and starts it. @param options - Settings: `['-c', 'fsync=off']`. */
export async function startPostgres(...options: readonly string[]): Promise<Engine> {
  return await postgres(options, async (programs, as, data) => {
    const initdb = as(`${programs}/initdb`, '-D', data, '-A', 'trust', '-U', 'test', '--no-sync');
    await runOrThrow(initdb[0]!, initdb.slice(1), { cwd: '/' });
  });
}

/** Starts a standby of a PostgreSQL, which follows it. */
export async function startStandby({ port }: Engine): Promise<Engine> {
  return await postgres([], async (programs, as, data) => {
    const where = ['-h', '127.0.0.1', '-p', String(port), '-U', 'test'];
    const how = ['-D', data, '--write-recovery-conf', '--checkpoint=fast', '--no-sync'];
    const backup = as(`${programs}/pg_basebackup`, ...where, ...how);
    await runOrThrow(backup[0]!, backup.slice(1), { cwd: '/' });
  });
}

async function postgres(
  options: readonly string[],
  fill: (
    programs: string,
    as: (...command: readonly string[]) => string[],
    data: string,
  ) => Promise<void>,
): Promise<Engine> {
  const programs = postgresPrograms()!;
  const directory = mkdtempSync(join(tmpdir(), 'postgres-'));
  const port = await freePort();
  // It does not run as root.
  const user = process.getuid?.() === 0 ? ['setpriv', '--reuid=postgres', '--clear-groups'] : [];
  if (user.length > 0) await runOrThrow('chown', ['postgres', directory]);
  chmodSync(directory, 0o700);
  const data = join(directory, 'data');
  const as = (...command: readonly string[]) => [...user, ...command];
  await fill(programs, as, data);
  const where = ['-p', String(port), '-h', '127.0.0.1', '-k', directory];
  const ready = ['-q', '-h', '127.0.0.1', '-p', String(port)];
  return await engine(`postgres://test@127.0.0.1:${port}/postgres`, port, directory, {
    command: as(`${programs}/postgres`, '-D', data, ...where, ...options),
    isReady: async () => (await run(`${programs}/pg_isready`, ready)).code === 0,
  });
}

interface EngineProgram {
  readonly command: readonly string[];
  /** Asked once it listens. */
  readonly isReady: () => Promise<boolean>;
}

async function engine(
  url: string,
  port: number,
  directory: string,
  { command: [command, ...args], isReady }: EngineProgram,
): Promise<Engine> {
  let child: ChildProcess;
  const start = async (): Promise<void> => {
    child = spawn(command!, args, { stdio: 'ignore', cwd: directory });
    await untilListening(port);
    await until(isReady, () => `${command} ${args.join(' ')} is not ready`);
  };
  const signal = (name: NodeJS.Signals): void => {
    for (const pid of [child.pid!, ...childrenOf(child.pid!)]) tryToKill(pid, name);
  };
  const kill = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    signal('SIGKILL');
    await ended;
  };
  await start();
  return {
    url,
    port,
    process: () => child,
    signal,
    kill,
    start,
    async [Symbol.asyncDispose]() {
      await kill();
      rmSync(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
    },
  };
}

/** PostgreSQL has a process for each connection, in a session of its own. */
function childrenOf(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return children.split(' ').filter(Boolean).map(Number);
}

function tryToKill(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended meanwhile.
  }
}
