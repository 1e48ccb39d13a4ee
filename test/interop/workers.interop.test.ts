/** gss-server -workers: several processes, one port, one replay cache. It needs no KDC. */
import {
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { encodeUtf8 } from '../../src/bytes.ts';
import { EncryptionKey } from '../../src/crypto/key.ts';
import { unframeToken } from '../../src/gss/framing.ts';
import type { Keytab } from '../../src/keytab/keytab.ts';
import { formatKeytab } from '../../src/keytab/keytab.ts';
import { createInitiator } from '../../src/testing/initiator.ts';
import { mintTicket } from '../../src/testing/mint.ts';
import { isLetIn, isServed, KEYTAB, SampleClient } from '../node/server/sample-client.ts';
import { freePort, isListening } from '../support/ports.ts';
import type { ProgramOptions } from '../support/program.ts';
import { ENDLESS_GRACE, Program } from '../support/program.ts';

const EMPTY = new Uint8Array(0);
const MESSAGE = encodeUtf8('testmsg');
const SERVICE = 'host@www.example.com';

let directory: string;
let keytab: string;
/** Where the replay cache is: new for each test. */
let env: Record<string, string>;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'gss-server-'));
  keytab = join(directory, 'keytab');
  writeFileSync(keytab, formatKeytab(KEYTAB), { mode: 0o600 });
});

beforeEach(() => {
  env = {
    KRB5RCACHENAME: '',
    KRB5RCACHETYPE: '',
    KRB5RCACHEDIR: mkdtempSync(join(directory, 'cache-')),
  };
});

afterAll(() => rmSync(directory, { recursive: true }));

type Listening = Program & { readonly port: number };

function listen(args: readonly string[] = [], options: ProgramOptions = {}): Promise<Listening> {
  const argv = ['-workers', '2', '-keytab', keytab, ...args, SERVICE];
  return Program.listen(argv, { env, ...options });
}

async function run(...args: readonly string[]): Promise<Program & { readonly code: unknown }> {
  const program = new Program([...args, SERVICE], { env });
  return Object.assign(program, { code: await program.ended });
}

/** One client's whole exchange. */
async function serve(port: number): Promise<void> {
  expect(await isServed(port)).toBe(true);
}

/** Presents an AP-REQ. */
async function present(port: number, request: Uint8Array): Promise<'accepted' | 'refused'> {
  const client = new SampleClient(port);
  client.send(0x11, EMPTY);
  client.send(0x02, request);
  const reply = await client.receive();
  client.close();
  // RFC 4121 §4.1: the token identifiers of AP-REP and KRB-ERROR.
  const tokenId = unframeToken(reply!.data).inner.subarray(0, 2).join(' ');
  expect(['2 0', '3 0']).toContain(tokenId);
  return tokenId === '2 0' ? 'accepted' : 'refused';
}

function newRequest(): Uint8Array {
  return createInitiator({ ticket: mintTicket({ keytab: KEYTAB, client: 'alice' }) }).begin();
}

/** The processes that another has started. */
function workersOf({ process: { pid } }: Program): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && parentOf(name) === pid)
    .map(Number)
    .sort((a, b) => a - b);
}

function parentOf(pid: string | number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // After the name, which may hold anything: state and parent.
    const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return state === 'Z' ? undefined : Number(parent);
  } catch {
    return undefined;
  }
}

/** Until none of these processes is there. */
async function untilGone(pids: readonly number[]): Promise<void> {
  await expect.poll(() => pids.filter((pid) => parentOf(pid) !== undefined)).toEqual([]);
}

/**
 * Waits until somebody is served. To be connected is not enough: a connection may still wait at the
 * socket of the processes that were killed, and be reset when that is closed.
 */
async function untilServed({ port }: Listening): Promise<void> {
  const isServed = () =>
    serve(port).then(
      () => true,
      () => false,
    );
  await expect.poll(isServed).toBe(true);
}

/** What it has said, but for what each process says of its first client, which delegates nothing. */
function withoutHints({ stderr }: Program): string {
  return stderr.replace(/^hint: no credential was delegated: .*\n/gm, '');
}

/** Runs something while only one of the two workers can take connections. */
async function withOnly<T>(workers: readonly number[], one: number, action: () => T): Promise<T> {
  const others = workers.filter((pid) => pid !== one);
  for (const pid of others) process.kill(pid, 'SIGSTOP');
  try {
    return await action();
  } finally {
    for (const pid of others) process.kill(pid, 'SIGCONT');
  }
}

describe.runIf(process.platform === 'linux')('gss-server -workers', () => {
  it('serves one port with so many processes, and prints that port once', async () => {
    await using program = await listen();
    const workers = workersOf(program);
    expect(workers).toHaveLength(2);
    for (const pid of workers) await withOnly(workers, pid, () => serve(program.port));
    await Promise.all(Array.from({ length: 20 }, () => serve(program.port)));
    await program.until('stdout', /(NOOP token\n[\s\S]*){22}$/);
    expect(withoutHints(program)).toBe(`starting...\nlistening on port ${program.port}\n`);
  });

  it('refuses in each process what any of them has seen, also before a kill -9 of it', async () => {
    await using program = await listen();
    const [first, second] = workersOf(program) as [number, number];
    const both = [first, second];
    const [one, two] = [newRequest(), newRequest()];
    expect(await withOnly(both, first, () => present(program.port, one))).toBe('accepted');
    expect(await withOnly(both, first, () => present(program.port, one))).toBe('refused');
    expect(await withOnly(both, second, () => present(program.port, one))).toBe('refused');
    expect(await withOnly(both, second, () => present(program.port, two))).toBe('accepted');
    process.kill(first, 'SIGKILL');
    process.kill(second, 'SIGKILL');
    await untilGone(both);
    await untilServed(program);
    for (const request of [one, two]) {
      expect(await present(program.port, request)).toBe('refused');
    }
    expect(await present(program.port, newRequest())).toBe('accepted');
  });

  it('lets of many that present the same request at once only one in', async () => {
    await using program = await listen();
    const request = newRequest();
    const answers = await Promise.all(
      Array.from({ length: 16 }, () => present(program.port, request)),
    );
    expect(answers.filter((answer) => answer === 'accepted')).toHaveLength(1);
  });

  it('replaces a process that was killed, while the other serves on', async () => {
    await using program = await listen();
    for (let round = 0; round < 2; round++) {
      const [first, second] = workersOf(program) as [number, number];
      process.kill(first, 'SIGKILL');
      await untilGone([first]);
      await serve(program.port);
      await program.until(
        'stderr',
        new RegExp(`gss-server: worker ${first} ended by SIGKILL; another takes its place in 0`),
      );
      await expect.poll(() => workersOf(program)).toHaveLength(2);
      const workers = workersOf(program);
      expect(workers).toContain(second);
      // It takes connections as soon as it listens.
      const other = workers.find((pid) => pid !== second)!;
      await withOnly(workers, other, () => serve(program.port));
    }
  });

  it('serves on without a keytab, and replaces a process as soon as there is one again', async () => {
    const own = join(env.KRB5RCACHEDIR!, 'keytab');
    copyFileSync(keytab, own);
    await using program = await listen(['-keytab', own]);
    const [first, second] = workersOf(program) as [number, number];
    renameSync(own, `${own}.away`);
    process.kill(first, 'SIGKILL');
    await program.until(
      'stderr',
      /worker \d+ ended with exit code 255; another takes .* in 0\.2 s/,
    );
    await serve(program.port);
    renameSync(`${own}.away`, own);
    await expect.poll(() => workersOf(program)).toHaveLength(2);
    const workers = workersOf(program);
    const other = workers.find((pid) => pid !== second)!;
    await withOnly(workers, other, () => serve(program.port));
  });

  it('comes back on the same port when all were killed at once', async () => {
    await using program = await listen();
    const workers = workersOf(program);
    for (const pid of workers) process.kill(pid, 'SIGKILL');
    await untilGone(workers);
    await untilServed(program);
  });

  const patient = (options: ProgramOptions = {}) =>
    listen([], { ...options, env: { ...env, ...ENDLESS_GRACE } });

  it.each(['SIGTERM', 'SIGINT'] as const)('ends all with %s', async (signal) => {
    await using program = await patient();
    const workers = workersOf(program);
    await serve(program.port);
    program.process.kill(signal);
    expect(await program.ended).toBe(0);
    await untilGone(workers);
    expect(withoutHints(program)).toBe(`starting...\nlistening on port ${program.port}\n`);
  });

  it('waits for clients when the whole process group is told to end', async () => {
    await using program = await patient({ detached: true });
    const busy = new SampleClient(program.port);
    const context = await busy.authenticate();
    process.kill(-program.process.pid!, 'SIGINT');
    await expect.poll(() => isListening(program.port)).toBe(false);
    expect(await busy.sign(context, MESSAGE)).toBe(true);
    expect(program.process.exitCode).toBeNull();
    busy.send(0x01, EMPTY);
    expect(await program.ended).toBe(0);
  });

  it('does not wait for ever for a client', async () => {
    await using program = await listen();
    const idle = new SampleClient(program.port);
    await idle.authenticate();
    program.process.kill('SIGTERM');
    expect(await program.ended).toBe(0);
    await idle.closed;
  });

  it('does not wait after a second signal, nor for ever for a process that hangs', async () => {
    await using program = await patient();
    const workers = workersOf(program);
    process.kill(workers[0]!, 'SIGSTOP');
    program.process.kill('SIGTERM');
    // Another one: two of a kind may come as one.
    program.process.kill('SIGINT');
    expect(await program.ended).toBe(0);
    await untilGone(workers);
  });

  it('ends them when the primary is killed', async () => {
    await using program = await listen();
    const workers = workersOf(program);
    expect(workers).toHaveLength(2);
    program.process.kill('SIGKILL');
    await untilGone(workers);
    expect(program.stderr).not.toContain('Error');
  });

  it('keeps lines together that belong together', async () => {
    const logfile = join(directory, 'log');
    await using program = await listen(['-verbose', '-logfile', logfile]);
    await Promise.all(Array.from({ length: 40 }, () => serve(program.port)));
    const log = (): string => readFileSync(logfile, 'latin1');
    await expect.poll(() => log().match(/NOOP token\n/g)?.length).toBe(40);
    const accepted =
      /context flag: GSS_C_MUTUAL_FLAG\n(context flag: .*\n){4}Accepted connection using mechanism OID \{ 1 2 840 113554 1 2 2 \}\.\n/g;
    expect(log().match(accepted)).toHaveLength(40);
    const dumps = /Received token \(size=(\d+)\): \n((?:(?:[0-9a-f]{2} )+\n)+)/g;
    const sizes = [...log().matchAll(dumps)].map(([, size, dump]) => [
      Number(size),
      dump!.trim().split(/\s+/).length,
    ]);
    expect(sizes).toHaveLength(40);
    for (const [announced, dumped] of sizes) expect(dumped).toBe(announced);
  });
});

describe('gss-server -workers with other options', () => {
  it('-once serves one client, and ends with 0', async () => {
    await using program = await listen(['-once']);
    const client = new SampleClient(program.port);
    const context = await client.authenticate();
    const other = new SampleClient(program.port);
    await other.closed;
    expect(await client.sign(context, MESSAGE)).toBe(true);
    client.send(0x01, EMPTY);
    expect(await program.ended).toBe(0);
    expect(program.stdout.match(/Accepted connection/g)).toHaveLength(1);
  });

  it('-inetd is a wrong command line', async () => {
    const { code, stderr } = await run('-inetd', '-workers', '2');
    expect(code).toBe(1);
    expect(stderr).toMatch(/^gss-server: -workers: inetd starts a process for each client/);
  });

  it('says once that the port is in use', async () => {
    const port = await freePort();
    const taken = createServer().listen(port);
    const args = ['-workers', '3', '-port', String(port), '-keytab', keytab];
    const { code, stderr } = await run(...args);
    taken.close();
    expect(code).toBe(1);
    expect(stderr).toMatch(
      new RegExp(`^binding socket: Address already in use: port ${port}\\nhint: .*-port.*\\n$`),
    );
  });

  it('says once that there is no keytab', async () => {
    const { code, stdout } = await run('-workers', '2', '-port', '0', '-keytab', '/nonexistent');
    expect(code).toBe(255);
    expect(stdout.match(/GSS-API error acquiring credentials: /g)).toHaveLength(2);
  });

  it('does not start with a replay cache that workers cannot share', async () => {
    const args = ['-workers', '2', '-port', '0', '-keytab', keytab, '-rcache', 'memory:'];
    const { code, stdout, stderr } = await run(...args);
    expect(code).toBe(255);
    expect(stdout).toContain('Replay cache memory: cannot be shared by workers\n');
    expect(stderr).toBe('hint: write -rcache dfl: or -rcache dir:/path/to/a/directory\n');
  });

  it('does not start without its replay cache', async () => {
    env = { KRB5RCACHEDIR: '/nonexistent' };
    const { code, stdout, stderr } = await run('-workers', '2', '-port', '0', '-keytab', keytab);
    expect(code).toBe(255);
    expect(stdout).toMatch(/GSS-API error acquiring credentials: Replay cache \/nonexistent\//);
    expect(stderr).toContain('hint: nobody is let in until this works');
  });
});

describe('a key that is taken out of the keytab', () => {
  it('soon opens nothing in any process, and no good client is lost', async () => {
    const leaked: Keytab = {
      ...KEYTAB,
      entries: KEYTAB.entries.map((entry) => ({
        ...entry,
        kvno: 9,
        key: new EncryptionKey(entry.key.enctype, new Uint8Array(32).fill(9)),
      })),
    };
    const own = join(directory, 'rotated');
    const both = { ...KEYTAB, entries: [...KEYTAB.entries, ...leaked.entries] };
    writeFileSync(own, formatKeytab(both), { mode: 0o600 });
    const argv = ['-workers', '2', '-keytab', own, SERVICE];
    await using program = await Program.listen(argv, { env });
    // The kernel chooses the process: so many go to both, as good as surely.
    const attempts = Array.from({ length: 20 });
    const everybody = (keys: Keytab) => {
      const ticket = () => mintTicket({ keytab: keys, client: 'alice' });
      return Promise.all(attempts.map(() => isLetIn(program.port, ticket())));
    };
    expect(new Set(await everybody(leaked))).toEqual(new Set([true]));
    writeFileSync(own, formatKeytab(KEYTAB));
    const served: boolean[] = [];
    const leak = async () => {
      served.push(...(await everybody(KEYTAB)));
      return new Set(await everybody(leaked));
    };
    await expect.poll(leak).toEqual(new Set([false]));
    expect(new Set(served)).toEqual(new Set([true]));
    expect(new Set(await everybody(KEYTAB))).toEqual(new Set([true]));
  });
});
