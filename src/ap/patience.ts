/**
 * Waiting for what is the caller's code: the replay cache and the keytab. They may hang, and every
 * accept ends all the same.
 */
import type { KerberosErrorName } from '../errors.ts';
import { KerberosError } from '../errors.ts';
import { describeThrown } from '../text.ts';
import type { Timer } from '../time.ts';

/** What all exchanges of an acceptor have in common. */
export interface WaitSettings {
  readonly timer: Timer;
  /** Seconds that an exchange waits for one answer. */
  readonly deadline: number;
  readonly replayCache: Answerer;
  readonly keytab: Answerer;
}

/** Who is waited for. */
export class Answerer {
  /** For messages: `'replay cache'`. */
  readonly name: string;
  /** The error of an exchange that gets no answer. */
  readonly code: KerberosErrorName;
  /** How many exchanges wait at present. */
  waiting = 0;

  constructor(name: string, code: KerberosErrorName) {
    this.name = name;
    this.code = code;
  }

  /**
   * To be called before each question: exchanges must not pile up behind an answerer that hangs.
   *
   * @throws {@link KerberosError} if too many wait for it.
   */
  checkRoom(): void {
    if (this.waiting < MAX_WAITING) return;
    throw new KerberosError(this.code, {
      message: `The ${this.name} does not answer`,
      hint: `${this.waiting} exchanges wait for it; until it answers, all others are refused`,
      detail: { waiting: this.waiting },
    });
  }
}

/**
 * An `AbortSignal` by its shape: the name is not in the types of ECMAScript, but in those of Node.js
 * or of the DOM, and no project needs either to use this package.
 */
export interface StopSignal {
  readonly aborted: boolean;
  readonly reason: unknown;
  addEventListener(type: 'abort', listener: () => void): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

/** The waiting of one exchange. It ends with an answer, at the deadline, or by {@link abort}. */
export class Patience {
  readonly settings: WaitSettings;
  /** Of the call that is going on. */
  signal: StopSignal | undefined;
  #pending: Pending | undefined;
  #aborted: KerberosError | undefined;

  constructor(settings: WaitSettings) {
    this.settings = settings;
  }

  /** The refusal of an exchange that was aborted, by {@link abort} or by its signal. */
  get aborted(): KerberosError | undefined {
    if (this.signal?.aborted === true) this.#aborted ??= abortedBy(this.signal.reason);
    return this.#aborted;
  }

  /** Refuses what waits, and whatever would wait later. */
  abort(reason?: unknown): void {
    this.#aborted ??= abortedBy(reason);
    this.#pending?.reject(this.#aborted);
  }

  /**
   * Waits for an answer. An answer that comes after the deadline, or after an abort, is dropped.
   *
   * @param answer - Any thenable, however strange.
   * @returns Rejects with a {@link KerberosError} of the answerer's code at the deadline; with what
   *   the answer rejects with.
   */
  async wait(answer: PromiseLike<unknown>, answerer: Answerer): Promise<unknown> {
    const { timer, deadline } = this.settings;
    const pending = new Pending();
    // The handlers live until the answer comes, if it ever does. They keep an empty `Pending` alive
    // then, and nothing of the exchange.
    new Promise((resolve) => resolve(answer)).then(
      (value) => pending.resolve(value),
      (error: unknown) => pending.reject(error),
    );
    const { signal } = this;
    const onAbort = (): void => this.abort(signal?.reason);
    const cancel = timer(() => pending.reject(unanswered(answerer, deadline)), deadline * 1000);
    answerer.waiting++;
    this.#pending = pending;
    try {
      signal?.addEventListener('abort', onAbort);
      if (this.aborted !== undefined) throw this.aborted;
      return await pending.promise;
    } finally {
      answerer.waiting--;
      this.#pending = undefined;
      cancel();
      signal?.removeEventListener('abort', onAbort);
    }
  }
}

/** A promise that is settled from outside, and then lets go of whoever awaits it. */
class Pending {
  readonly promise: Promise<unknown>;
  #settle: { resolve: (value: unknown) => void; reject: (error: unknown) => void } | undefined;

  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    // An exchange that was aborted before does not await it.
    this.promise.catch(() => {});
  }

  resolve(value: unknown): void {
    this.#settle?.resolve(value);
    this.#settle = undefined;
  }

  reject(error: unknown): void {
    this.#settle?.reject(error);
    this.#settle = undefined;
  }
}

function unanswered({ name, code }: Answerer, seconds: number): KerberosError {
  return new KerberosError(code, {
    message: `The ${name} did not answer for ${seconds} s`,
    hint: `clients are refused until it answers; the acceptor's deadline is ${seconds} s`,
    detail: { seconds },
  });
}

function abortedBy(reason: unknown): KerberosError {
  return new KerberosError('KRB_ERR_GENERIC', {
    message: 'The exchange was aborted',
    cause: reason,
    ...(reason instanceof Error && { hint: describeThrown(reason) }),
  });
}

const MAX_WAITING = 1024;
