/** Clients that do nothing wrong, at a steady rate, and how long each of them has to wait. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { encodeUtf8 } from '../../src/bytes.ts';
import { Mechanism } from '../../src/gss/mechanism.ts';
import { decodeNegToken, encodeNegTokenInit } from '../../src/spnego/neg-token.ts';
import { Flow, Frame, GOODBYE, HELLO } from './flow.ts';
import type { Credentials } from './realm.ts';
import { ENCTYPES, initiatorOf } from './realm.ts';

export interface GoodClientFigures {
  readonly flows: number;
  readonly failures: readonly string[];
  /** Milliseconds from a request to its answer, in order of length, and what was waited for. */
  readonly waits: readonly Wait[];
  /** Milliseconds that this process was late by itself, at most. */
  readonly ownDelay: number;
}

export interface Wait {
  readonly milliseconds: number;
  readonly step: 'connection' | 'context' | 'message' | 'end';
}

export class GoodClients {
  readonly #port: number;
  readonly #credentials: Credentials;
  readonly #failures: string[] = [];
  readonly #running = new Set<Promise<void>>();
  readonly #ownDelay = monitorEventLoopDelay({ resolution: 5 });
  #waits: Wait[] = [];
  #flows = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(port: number, credentials: Credentials) {
    this.#port = port;
    this.#credentials = credentials;
  }

  /** @param rate - Flows in a second. */
  start(rate: number): void {
    this.#ownDelay.enable();
    this.#timer = setInterval(() => {
      const flow = this.#one(this.#flows++).catch((error: unknown) => {
        this.#failures.push(String(error));
      });
      this.#running.add(flow);
      void flow.then(() => this.#running.delete(flow));
    }, 1000 / rate);
  }

  /** Forgets the figures so far: those of the warm-up. */
  reset(): void {
    this.#waits = [];
    this.#failures.length = 0;
    this.#flows = 0;
    this.#ownDelay.reset();
  }

  async stop(): Promise<GoodClientFigures> {
    clearInterval(this.#timer);
    await Promise.all(this.#running);
    return {
      flows: this.#flows,
      failures: this.#failures,
      waits: this.#waits.sort((a, b) => a.milliseconds - b.milliseconds),
      ownDelay: this.#ownDelay.max / 1_000_000,
    };
  }

  /** A whole conversation: context, one message sealed and one signed, good-bye. */
  async #one(number: number): Promise<void> {
    const flow = new Flow(this.#port);
    const giveUp = setTimeout(() => flow.socket.destroy(), GIVE_UP);
    try {
      await this.#waited('connection', flow.connected());
      const initiator = initiatorOf(this.#credentials, ENCTYPES[number % ENCTYPES.length]!);
      const negotiates = number % 3 === 0;
      const mechToken = initiator.begin();
      const first = negotiates
        ? encodeNegTokenInit({ mechTypes: [Mechanism.krb5], mechToken })
        : mechToken;
      flow.send(HELLO, { flags: Frame.context, data: first });
      const reply = await this.#answer('context', flow);
      const context = initiator.finish(negotiates ? responseOf(reply) : reply);
      for (const confidential of [true, false]) {
        const data = context.wrap(MESSAGE, { confidential });
        flow.send({ flags: Frame.data | Frame.wrapped | Frame.sendMic, data });
        context.verifyMic(MESSAGE, await this.#answer('message', flow));
      }
      flow.send(GOODBYE);
      flow.socket.end();
      await this.#waited('end', flow.closed());
      context.dispose();
    } finally {
      clearTimeout(giveUp);
      flow.socket.destroy();
    }
  }

  async #answer(step: Wait['step'], flow: Flow): Promise<Uint8Array> {
    const frame = await this.#waited(step, flow.receive());
    if (frame === undefined) throw new Error('closed without an answer');
    return new Uint8Array(frame.data);
  }

  async #waited<T>(step: Wait['step'], answer: Promise<T>): Promise<T> {
    const started = performance.now();
    try {
      return await answer;
    } finally {
      this.#waits.push({ step, milliseconds: performance.now() - started });
    }
  }
}

function responseOf(token: Uint8Array): Uint8Array {
  const resp = decodeNegToken(token);
  if (resp.kind !== 'resp' || resp.responseToken === undefined) throw new Error('no AP-REP');
  return resp.responseToken;
}

const MESSAGE = encodeUtf8('what a good client has to say, again and again');
const GIVE_UP = 20_000;
