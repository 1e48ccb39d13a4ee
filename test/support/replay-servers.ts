/** Servers with one replay cache, and clients that send each token to two of them at the same moment. */
import type { ChildProcess } from 'node:child_process';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { formatKeytab } from '../../src/keytab/keytab.ts';
import { createInitiator } from '../../src/testing/initiator.ts';
import { testKeytab } from '../../src/testing/keytab.ts';
import { mintTicket } from '../../src/testing/mint.ts';

/** `accepted`, the code of the refusal, or `died`. */
export type Answer = string;

const keytab = testKeytab('HTTP/www.example.com@EXAMPLE.COM');
const ticket = mintTicket({ keytab, client: 'alice@EXAMPLE.COM' });

/** @param ahead - Seconds by which the client's clock is ahead. */
export function newToken(ahead = 0): Uint8Array {
  return createInitiator({ ticket, clock: () => Date.now() + ahead * 1000 }).begin();
}

/** A server in a process of its own. */
export class ReplayServer {
  readonly #url: string;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #process: ChildProcess | undefined;
  #next = 0;

  private constructor(url: string) {
    this.#url = url;
  }

  static async start(url: string): Promise<ReplayServer> {
    const server = new ReplayServer(url);
    await server.restart();
    return server;
  }

  async restart(): Promise<void> {
    this.stop();
    const script = resolve(import.meta.dirname, 'replay-server.mjs');
    const bytes = Buffer.from(formatKeytab(keytab)).toString('base64');
    const child = fork(script, [this.#url, bytes]);
    this.#process = child;
    await once(child, 'message');
    child.on('message', ({ id, answer }: { id: number; answer: Answer }) => {
      this.#waiting.get(id)?.(answer);
      this.#waiting.delete(id);
    });
    child.once('exit', () => {
      for (const settle of this.#waiting.values()) settle('died');
      this.#waiting.clear();
    });
  }

  /** @param dies - Whether the process is killed when the token is stored and not yet answered. */
  async ask(token: Uint8Array, dies = false): Promise<Answer> {
    const child = this.#process!;
    if (!child.connected) return 'died';
    return await new Promise((settle) => {
      const id = this.#next++;
      this.#waiting.set(id, settle);
      const message = { id, token: Buffer.from(token).toString('base64'), dies };
      child.send(message, (error) => error && settle('died'));
    });
  }

  stop(): void {
    this.#process?.kill('SIGKILL');
  }
}

/** What came of tokens that were each sent to two servers. */
export class Outcomes {
  /** Every token, and how often it was accepted. */
  readonly accepted = new Map<Uint8Array, number>();
  readonly answers = new Map<Answer, number>();
  readonly #times: number[] = [];
  readonly #last: Uint8Array[] = [];

  add(token: Uint8Array, answers: readonly Answer[]): void {
    const count = answers.filter((answer) => answer === 'accepted').length;
    this.accepted.set(token, count);
    this.#times[count] = this.times(count) + 1;
    if (count > 0) this.#last.push(token);
    for (const answer of answers) this.answers.set(answer, (this.answers.get(answer) ?? 0) + 1);
  }

  /** How many tokens were accepted this often. */
  times(count: number): number {
    return this.#times[count] ?? 0;
  }

  /** The tokens that were accepted last. */
  last(count: number): readonly Uint8Array[] {
    return this.#last.slice(-count);
  }
}

/** Sends tokens until told to stop, at most `count`: each to two of the servers at the same moment. */
export async function send(
  servers: readonly ReplayServer[],
  count: number,
  outcomes: Outcomes,
  goesOn: () => boolean = () => true,
): Promise<void> {
  let sent = 0;
  const client = async (): Promise<void> => {
    while (sent < count && goesOn()) {
      const first = sent++;
      const token = newToken();
      const two = [servers[first % servers.length]!, servers[(first + 1) % servers.length]!];
      outcomes.add(token, await Promise.all(two.map((server) => server.ask(token))));
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
}

/** @returns Milliseconds until a new client is accepted. */
export async function untilServed(server: ReplayServer): Promise<number> {
  const begun = performance.now();
  for (;;) {
    if ((await server.ask(newToken())) === 'accepted') return performance.now() - begun;
    if (performance.now() - begun > GIVING_UP) throw new Error('nobody is accepted');
    await new Promise((next) => setTimeout(next, 20));
  }
}

const CLIENTS = 32;
const GIVING_UP = 60_000;
