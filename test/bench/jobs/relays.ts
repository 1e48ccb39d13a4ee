/**
 * Many logins at once through `gss-server -iakerb`, to a KDC that takes its time: when are they done, and how long
 * do ordinary clients wait meanwhile? Server, KDC and the many clients are a process each; the ordinary clients
 * are this one. KDC and many clients give way to the other two, where the machine has too few processors for all:
 * in use they are on other machines.
 */
import type { ChildProcess } from 'node:child_process';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { constants, loadavg, setPriority, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Keytab } from '../../../src/index.ts';
import { parseKeytab } from '../../../src/index.ts';
import type { Initiator } from '../../../src/testing/index.ts';
import { createInitiator, mintTicket } from '../../../src/testing/index.ts';
import { encodeFrame, Frame, FrameReader } from '../../support/frames.ts';

/** Times are in milliseconds. */
export interface RelayFigures {
  readonly logins: number;
  readonly done: number;
  readonly failures: readonly string[];
  /**
   * From the first token to the first answer of the KDC; from that until all have had their first one, which is
   * one exchange for each of them, and to the end of the last login, which takes three.
   */
  readonly first: number;
  readonly answered: number;
  readonly afterFirst: number;
  /** Of ordinary clients: from their token to the answer. */
  readonly before: Waiting;
  readonly during: Waiting;
  /** How late the server's event loop was, during the logins. */
  readonly loop: { readonly p99: number; readonly most: number };
  /** Of the server: before, in the midst of the logins, and afterwards. */
  readonly held: { readonly before: Held; readonly during: Held; readonly after: Held };
  /** Seconds of processor time, during the logins. */
  readonly cpu: {
    readonly server: number;
    readonly kdc: number;
    readonly clients: number;
    readonly ordinary: number;
  };
  /** Messages that the KDC got. */
  readonly asked: Asked;
  readonly load: number;
}

interface Held {
  readonly handles: number;
  /** Bytes. */
  readonly rss: number;
  /** Of the process, those of the runtime included; absent where the system does not say. */
  readonly threads?: number;
}

interface Asked {
  readonly udp: number;
  readonly tcp: number;
}

interface Waiting {
  readonly count: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly most: number;
}

export async function measureRelays(): Promise<RelayFigures> {
  const directory = mkdtempSync(join(tmpdir(), 'bench-relays-'));
  const file = (name: string) => join(directory, name);
  const children: ChildProcess[] = [];
  const worker = (name: string) => resolve(import.meta.dirname, `../workers/${name}.js`);
  const start = async (name: string, argv: readonly string[]) => {
    const child = fork(worker(name), argv);
    children.push(child);
    setPriority(child.pid!, constants.priority.PRIORITY_LOW);
    return { child, started: await answerOf(child) };
  };
  try {
    const kdc = await start('slow-kdc', [file('keytab'), file('user.keytab')]);
    const config = `[realms]\nEXAMPLE.TEST = {\n kdc = 127.0.0.1:${kdc.started.port}\n}\n`;
    writeFileSync(file('krb5.conf'), config);
    const { server, port } = await startServer(directory, worker('relay-probe'));
    children.push(server);
    const clients = await start('relay-clients', [String(port), file('user.keytab')]);
    const ordinary = new OrdinaryClients(port, parseKeytab(readFileSync(file('keytab'))));
    // All four run the code that has been compiled for them then, as a server does that runs for longer.
    await ask(clients.child, { logins: WARM_LOGINS, network: 2 });
    ordinary.prepare(CLIENTS);
    await ordinary.come(sleep(1000));
    const before = await ordinary.come(sleep(5000));
    const held = async (question: string) => (await ask(server, question)) as Held;
    const heldBefore = await held('reset');
    await ask(kdc.child, { delay: DELAY });
    const load = loadavg()[0]!;
    const cpu = process.cpuUsage();
    const result = ask(clients.child, { logins: LOGINS, network: 1 });
    const midst = sleep(MIDST).then(() => held('figures'));
    const during = await ordinary.come(result);
    const { user, system } = process.cpuUsage(cpu);
    const { done = 0, begin = 0, first = 0, answered = 0, last = 0, failures = [] } = await result;
    // Connections have been closed by then.
    await sleep(1000);
    const after = await ask(server, 'figures');
    const { cpu: kdcCpu = 0, asked = { udp: 0, tcp: 0 } } = await ask(kdc.child, {});
    return {
      logins: LOGINS,
      done,
      failures,
      first: first - begin,
      answered: answered - first,
      afterFirst: last - first,
      before,
      during,
      loop: { p99: after.p99!, most: after.most! },
      held: { before: heldBefore, during: await midst, after: after as Held },
      cpu: {
        server: after.cpu!,
        kdc: kdcCpu,
        clients: (await result).cpu!,
        ordinary: (user + system) / 1e6,
      },
      asked,
      load,
    };
  } finally {
    for (const child of children) child.kill();
    rmSync(directory, { recursive: true });
  }
}

/** The program with its defaults. -latefallback: it accepts Kerberos, too. */
async function startServer(
  directory: string,
  probe: string,
): Promise<{ server: ChildProcess; port: number }> {
  const program = resolve(import.meta.dirname, '../../../src/cli/gss-server/main.js');
  const server = fork(
    program,
    [
      ...['-iakerb', '-latefallback', '-port', '0', '-host', '127.0.0.1'],
      ...['-keytab', join(directory, 'keytab'), 'host/bench.example.test@EXAMPLE.TEST'],
    ],
    {
      execArgv: ['--import', probe],
      env: {
        ...process.env,
        KRB5_CONFIG: join(directory, 'krb5.conf'),
        KRB5RCACHEDIR: directory,
      },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    },
  );
  let printed = '';
  for await (const piece of server.stderr!.iterator({ destroyOnReturn: false })) {
    printed += String(piece);
    const port = /listening on port (\d+)/.exec(printed)?.[1];
    if (port === undefined) continue;
    server.stderr!.resume();
    return { server, port: Number(port) };
  }
  throw new Error(`gss-server does not start: ${printed}`);
}

/** Clients with a ticket, which come one after another. */
class OrdinaryClients {
  readonly #port: number;
  readonly #keytab: Keytab;
  readonly #prepared: Initiator[] = [];

  constructor(port: number, keytab: Keytab) {
    this.#port = port;
    this.#keytab = keytab;
  }

  /** Issues tickets for as many clients, which takes longer than an accept. */
  prepare(clients: number): void {
    for (let i = 0; i < clients; i++) {
      const ticket = mintTicket({ keytab: this.#keytab, client: 'bob@EXAMPLE.TEST' });
      this.#prepared.push(createInitiator({ ticket }));
    }
  }

  /** @param end - They come until then. */
  async come(end: Promise<unknown>): Promise<Waiting> {
    let ended = false;
    const ends = end.finally(() => {
      ended = true;
    });
    const times: number[] = [];
    while (!ended) {
      times.push(await this.#accept());
      await sleep(GAP);
    }
    await ends;
    times.sort((a, b) => a - b);
    const at = (share: number) =>
      times[Math.min(times.length - 1, Math.floor(times.length * share))]!;
    return { count: times.length, p50: at(0.5), p95: at(0.95), p99: at(0.99), most: at(1) };
  }

  async #accept(): Promise<number> {
    if (this.#prepared.length === 0) this.prepare(1);
    const initiator = this.#prepared.pop()!;
    const data = initiator.begin();
    const socket = createConnection({ port: this.#port, host: '127.0.0.1', noDelay: true });
    await once(socket, 'connect');
    socket.write(encodeFrame({ flags: Frame.noop | Frame.contextNext, data: new Uint8Array() }));
    const begin = performance.now();
    socket.write(encodeFrame({ flags: Frame.context, data }));
    const reader = new FrameReader();
    for await (const chunk of socket) {
      const [frame] = reader.push(chunk as Buffer);
      if (frame === undefined) continue;
      const taken = performance.now() - begin;
      if (initiator.step(Uint8Array.from(frame.data)).status !== 'complete') break;
      socket.destroy();
      return taken;
    }
    throw new Error('an ordinary client was not accepted');
  }
}

/** What the processes tell; each its own part. */
interface Told {
  readonly port?: number;
  readonly begin?: number;
  readonly done?: number;
  readonly first?: number;
  readonly answered?: number;
  readonly last?: number;
  readonly failures?: readonly string[];
  readonly p99?: number;
  readonly most?: number;
  readonly cpu?: number;
  readonly asked?: Asked;
  readonly rss?: number;
  readonly handles?: number;
  readonly threads?: number;
}

async function answerOf(child: ChildProcess): Promise<Told> {
  const [message] = (await once(child, 'message')) as [Told];
  return message;
}

async function ask(child: ChildProcess, question: string | object): Promise<Told> {
  const answer = answerOf(child);
  child.send(question);
  return await answer;
}

const LOGINS = 1000;
const WARM_LOGINS = 1000;
// Milliseconds of each answer of the KDC, of which a login needs three.
const DELAY = 2000;
// Milliseconds after which all wait for the first answer.
const MIDST = 1500;
// Milliseconds between two ordinary clients.
const GAP = 10;
// Ordinary clients: as many as may come.
const CLIENTS = 1500;
