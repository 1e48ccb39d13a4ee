/** Calls the application's functions that decide, and waits for each result for a bounded time. */
import type { Deadline } from '../ap/patience.ts';
import { Answerer, Patience } from '../ap/patience.ts';
import { isOwnFault, KerberosError } from '../errors.ts';
import { GssError } from '../gss/status.ts';
import { dropPromise } from '../hooks.ts';
import type { HandshakeOptions } from '../krb5/settings.ts';
import { isThenable } from '../options.ts';
import { describeThrown } from '../text.ts';

/** The functions that an authenticator calls, each with a bound on the requests that wait for it. */
export class Questions {
  readonly #deadline: Deadline;
  readonly #answerers = {
    authorize: new Answerer('function authorize', 'KRB_ERR_GENERIC', 'fault.callback-silent'),
    sessions: new Answerer('session keeper', 'KRB_ERR_GENERIC', 'fault.callback-silent'),
    exchanges: new Answerer('exchange keeper', 'KRB_ERR_GENERIC', 'fault.callback-silent'),
  } as const;

  constructor(deadline: Deadline) {
    this.#deadline = deadline;
  }

  /**
   * Calls a function, and waits for its promise until the deadline or the signal.
   *
   * @param discard - Called with a result that comes too late.
   * @returns The result; a promise only if the function returned one.
   * @throws {@link GssError} of an exchange keeper, which refuses the client. Any other exception, and a
   *   missed deadline, is a fault of the application and not of the client: {@link KerberosError}
   *   KRB_ERR_GENERIC.
   */
  ask<T>(
    whom: 'authorize' | 'sessions' | 'exchanges',
    question: () => T | PromiseLike<T>,
    signal: HandshakeOptions['signal'],
    discard?: (late: T) => void,
  ): T | Promise<T> {
    let answer: T | PromiseLike<T>;
    try {
      // Before it is asked: nobody would wait for the answer, and a rejection would end the process.
      this.#answerers[whom].checkRoom();
      answer = question();
    } catch (error) {
      throw this.#faultOf(whom, error);
    }
    // Most sessions are opened synchronously: a promise per call is measurable.
    return isThenable(answer)
      ? this.#wait(whom, answer as PromiseLike<T>, signal, discard)
      : answer;
  }

  async #wait<T>(
    whom: 'authorize' | 'sessions' | 'exchanges',
    answer: PromiseLike<T>,
    signal: HandshakeOptions['signal'],
    discard: ((late: T) => void) | undefined,
  ): Promise<T> {
    const answerer = this.#answerers[whom];
    try {
      const patience = new Patience(this.#deadline);
      patience.signal = signal;
      return (await patience.wait(answer, answerer)) as T;
    } catch (error) {
      if (discard !== undefined) dropPromise(answer.then(discard));
      throw this.#faultOf(whom, error);
    }
  }

  #faultOf(whom: 'authorize' | 'sessions' | 'exchanges', error: unknown): unknown {
    if (whom === 'exchanges' && error instanceof GssError) return error;
    if (error instanceof KerberosError && isOwnFault(error.code)) return error;
    const problem = describeThrown(error);
    return new KerberosError('KRB_ERR_GENERIC', {
      reason: 'fault.callback',
      detail: { callback: whom, problem },
      message: `The ${this.#answerers[whom].name} failed`,
      hint: problem,
      cause: error,
    });
  }
}
