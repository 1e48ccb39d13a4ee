/**
 * Many logins at once through a server that relays (IAKERB), to a KDC that takes its time: when are they done,
 * and how long do ordinary clients wait meanwhile? Server, KDC and the many clients are a process each; the
 * ordinary clients are this one.
 */
import type { ChildProcess } from 'node:child_process';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { loadavg, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Keytab } from '../../../src/index.ts';
import { parseKeytab } from '../../../src/index.ts';
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
  readonly load: number;
}

interface Held {
  readonly handles: number;
  /** Bytes. */
  readonly rss: number;
  /** Of the process, those of the runtime included; absent where the system does not say. */
  readonly threads?: number;
}

interface Waiting {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
}

export async function measureRelays(): Promise<RelayFigures> {
  const directory = mkdtempSync(join(tmpdir(), 'bench-relays-'));
  const file = (name: string) => join(directory, name);
  const children: ChildProcess[] = [];
  const start = async (worker: string, ...argv: readonly string[]) => {
    const child = fork(resolve(import.meta.dirname, `../workers/${worker}.js`), argv);
    children.push(child);
    return { child, started: await answerOf(child) };
  };
  try {
    const kdc = await start('slow-kdc', String(DELAY), file('keytab'), file('user.keytab'));
    const config = `[realms]\nEXAMPLE.TEST = {\n kdc = 127.0.0.1:${kdc.started.port}\n}\n`;
    writeFileSync(file('krb5.conf'), config);
    const server = await start('relay-server', file('keytab'), file('krb5.conf'));
    const port = server.started.port!;
    const argv = [String(port), file('user.keytab'), String(LOGINS)];
    const clients = await start('relay-clients', ...argv);
    const ordinary = new OrdinaryClients(port, parseKeytab(readFileSync(file('keytab'))));
    // The code is warm then.
    await ordinary.come(sleep(1000));
    const before = await ordinary.come(sleep(5000));
    const held = async (question: string) => (await ask(server.child, question)) as Held;
    const heldBefore = await held('reset');
    const load = loadavg()[0]!;
    const result = answerOf(clients.child);
    clients.child.send('go');
    const midst = sleep(MIDST).then(() => held('figures'));
    const during = await ordinary.come(result);
    const { done = 0, begin = 0, first = 0, answered = 0, last = 0, failures = [] } = await result;
    // Connections have been closed by then.
    await sleep(1000);
    const after = await ask(server.child, 'figures');
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
      load,
    };
  } finally {
    for (const child of children) child.kill();
    rmSync(directory, { recursive: true });
  }
}

/** Clients with a ticket, which come one after another. */
class OrdinaryClients {
  readonly #port: number;
  readonly #keytab: Keytab;

  constructor(port: number, keytab: Keytab) {
    this.#port = port;
    this.#keytab = keytab;
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
    return { count: times.length, p50: at(0.5), p99: at(0.99) };
  }

  async #accept(): Promise<number> {
    const ticket = mintTicket({ keytab: this.#keytab, client: 'bob@EXAMPLE.TEST' });
    const initiator = createInitiator({ ticket });
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
  readonly rss?: number;
  readonly handles?: number;
  readonly threads?: number;
}

async function answerOf(child: ChildProcess): Promise<Told> {
  const [message] = (await once(child, 'message')) as [Told];
  return message;
}

async function ask(child: ChildProcess, question: string): Promise<Told> {
  const answer = answerOf(child);
  child.send(question);
  return await answer;
}

const LOGINS = 1000;
// Seconds of each answer of the KDC, of which a login needs three.
const DELAY = 2;
// Milliseconds after which all wait for the first answer.
const MIDST = 1500;
// Milliseconds between two ordinary clients.
const GAP = 5;
