/**
 * Waits for the application's code, the replay cache and the keytab provider. They may hang; every
 * accept ends nevertheless.
 */
import type { KerberosErrorName } from '../errors.ts';
import { KerberosError } from '../errors.ts';
import type { Reason } from '../explain/reasons.ts';
import { describeThrown } from '../text.ts';
import type { Timer } from '../time.ts';

/** How long to wait for one answer. */
export interface Deadline {
  /** Starts the timer of the deadline. */
  readonly timer: Timer;
  /** Seconds. */
  readonly deadline: number;
}

/** Settings that all exchanges of an acceptor share. */
export interface WaitSettings extends Deadline {
  /** Counts the exchanges that wait for the replay cache. */
  readonly replayCache: Answerer;
  /** Counts the exchanges that wait for the keytab provider. */
  readonly keytab: Answerer;
  /** Counts the exchanges that wait for code which is loaded when it is needed. */
  readonly modules: Answerer;
}

/** The reasons of an error about application code that does not answer. */
export type SilenceReason = Extract<
  Reason,
  'replay.cache-silent' | 'keytab.silent' | 'fault.callback-silent' | 'fault.module-silent'
>;

/** Application code that exchanges wait for. Shared by all exchanges of an acceptor. */
export class Answerer {
  /** For messages, without an article: `'replay cache'`. */
  readonly name: string;
  /** The error of an exchange that gets no answer. */
  readonly code: KerberosErrorName;
  /** The reason of that error. */
  readonly reason: SilenceReason;
  /** Number of exchanges that wait at present. */
  waiting = 0;

  /** See {@link name}, {@link code} and {@link reason}. */
  constructor(name: string, code: KerberosErrorName, reason: SilenceReason) {
    this.name = name;
    this.code = code;
    this.reason = reason;
  }

  /**
   * Must be called before each question, so that exchanges do not pile up if no answers come.
   *
   * @throws {@link KerberosError} with {@link code} if too many exchanges wait already.
   */
  checkRoom(): void {
    if (this.waiting < MAX_WAITING) return;
    throw new KerberosError(this.code, {
      reason: this.reason,
      message: `The ${this.name} does not answer`,
      detail: { name: this.name, waiting: this.waiting },
    });
  }
}

/**
 * The shape of an `AbortSignal`. That name is declared by the types of Node.js and of the DOM only, and a
 * project needs neither to use this package.
 */
export interface StopSignal {
  /** Whether it was triggered. */
  readonly aborted: boolean;
  /** Any value; an error becomes the cause of the refusal. */
  readonly reason: unknown;
  /** Calls the listener when the signal is triggered. */
  addEventListener(type: 'abort', listener: () => void): void;
  /** Removes a listener. */
  removeEventListener(type: 'abort', listener: () => void): void;
}

/** Waits on behalf of one exchange, until an answer, the deadline or {@link abort}. */
export class Patience<Settings extends Deadline = WaitSettings> {
  /** Shared by all exchanges of the acceptor. */
  readonly settings: Settings;
  /** The signal of the current call of `accept`. */
  signal: StopSignal | undefined;
  #pending: Pending | undefined;
  #aborted: KerberosError | undefined;

  /** @param settings - Those of the acceptor. */
  constructor(settings: Settings) {
    this.settings = settings;
  }

  /** The error of an exchange that was aborted, by {@link abort} or by its signal; else undefined. */
  get aborted(): KerberosError | undefined {
    if (this.signal?.aborted === true) this.#aborted ??= abortedBy(this.signal.reason);
    return this.#aborted;
  }

  /** Rejects the current wait and every later one. @param reason - The cause of the error. */
  abort(reason?: unknown): void {
    this.#aborted ??= abortedBy(reason);
    this.#pending?.reject(this.#aborted);
  }

  /**
   * Waits for an answer. One that comes after the deadline or after an abort is dropped.
   *
   * @param answer - Any thenable; it need not behave like a promise.
   * @param deadline - Seconds; those of the settings if absent.
   * @returns The answer. Rejects with the answer's own rejection, with a {@link KerberosError} of the
   *   answerer's code at the deadline, or with {@link aborted}.
   */
  wait(
    answer: PromiseLike<unknown>,
    answerer: Answerer,
    deadline: number = this.settings.deadline,
  ): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const pending = new Pending({ resolve, reject });
      settleWith(answer, pending);
      const { signal } = this;
      const onAbort = (): void => this.abort(signal?.reason);
      const late = (): void => pending.reject(unanswered(answerer, deadline));
      const cancel = this.settings.timer(late, deadline * 1000);
      answerer.waiting++;
      this.#pending = pending;
      pending.whenSettled(() => {
        answerer.waiting--;
        this.#pending = undefined;
        cancel();
        signal?.removeEventListener('abort', onAbort);
      });
      try {
        signal?.addEventListener('abort', onAbort);
        if (this.aborted !== undefined) throw this.aborted;
      } catch (error) {
        pending.reject(error);
      }
    });
  }
}

interface Waiter {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** A wait that is settled once, and then keeps no reference to its waiter. */
class Pending {
  #waiter: Waiter | undefined;
  #clear: (() => void) | undefined;

  constructor(waiter: Waiter) {
    this.#waiter = waiter;
  }

  /** @param clear - Called at once if it is settled already. Its exception is that of the wait. */
  whenSettled(clear: () => void): void {
    if (this.#waiter === undefined) clear();
    else this.#clear = clear;
  }

  resolve(value: unknown): void {
    this.#settle()?.resolve(value);
  }

  reject(error: unknown): void {
    this.#settle()?.reject(error);
  }

  #settle(): Waiter | undefined {
    const waiter = this.#waiter;
    const clear = this.#clear;
    this.#waiter = undefined;
    this.#clear = undefined;
    try {
      clear?.();
    } catch (error) {
      waiter?.reject(error);
    }
    return waiter;
  }
}

/**
 * The handlers live until the answer comes, if it ever does: they refer to the `Pending` only, which is empty once
 * it is settled, and not to the exchange. They are made here, since functions of one scope keep all that any
 * of them refers to.
 */
function settleWith(answer: PromiseLike<unknown>, pending: Pending): void {
  Promise.prototype.then.call(
    Promise.resolve(answer),
    (value) => pending.resolve(value),
    (error: unknown) => pending.reject(error),
  );
}

function unanswered({ name, code, reason }: Answerer, seconds: number): KerberosError {
  return new KerberosError(code, {
    reason,
    message: `The ${name} did not answer for ${seconds} s`,
    detail: { name, seconds },
  });
}

function abortedBy(reason: unknown): KerberosError {
  return new KerberosError('KRB_ERR_GENERIC', {
    reason: 'fault.aborted',
    message: 'The exchange was aborted',
    cause: reason,
    ...(reason instanceof Error && { hint: describeThrown(reason) }),
  });
}

const MAX_WAITING = 1024;
