/**
 * The keys of a credential: asks the keytab provider for them again and limits their age.
 *
 * A key that was removed from a keytab must stop opening tickets, but no event announces its removal.
 * From the age {@link LOOK_AGAIN_AGE} on, the provider is asked again in the background; from
 * {@link MAX_AGE} on, requests wait for its answer. The age counts from the moment when the provider was
 * asked, because the keytab may change while it answers.
 */
import type { CryptoProvider } from '../crypto/provider.ts';
import { KerberosError } from '../errors.ts';
import { LOOK_AT_STORE } from '../explain/unusable-keys.ts';
import type { Ticket } from '../messages/ticket.ts';
import { describeThrown } from '../text.ts';
import type { Clock } from '../time.ts';
import { systemTimer } from '../time.ts';
import type { Keytab, KeytabEntry } from './keytab.ts';
import { carryOver, faultOfKeytab, sameKeys } from './succession.ts';
import type { CredentialWarning } from './warning.ts';
import { warningOfSkipped } from './warning.ts';

/** The keys of a credential, which may change. */
export interface CurrentKeys {
  /** The keys in use: the same object until they change. It has no entries once they have expired. */
  readonly keytab: Keytab;
  /** Why the keys have expired; undefined if they have not. */
  readonly expired: KerberosError | undefined;
  /** See {@link ServiceKeys.current}. */
  current(): Promise<void> | undefined;
  /** See {@link ServiceKeys.refresh}. */
  refresh(): Promise<boolean>;
}

/** The keys of a service, as the AP exchange asks for them. */
export interface ServiceKeys {
  /** The keys in use: the same object until they change. */
  readonly keytab: Keytab;
  /** The implementation of the keys' cryptography. */
  readonly crypto: CryptoProvider;
  /**
   * To be called before the keys are used, so that a key which is no longer in the keytab opens no
   * ticket.
   *
   * @returns A promise to await first, which takes a few seconds at most and never rejects; undefined
   *   if the keys are young enough.
   */
  current(): Promise<void> | undefined;
  /** The keys to try on a ticket, the likeliest first; empty if none fits. */
  candidates(ticket: Ticket): Iterable<KeytabEntry>;
  /** Whether there is a key of this realm for the service. */
  hasKeysOf(realm: string): boolean;
  /**
   * The reason why there was no candidate, or why no candidate opened the ticket. A promise while the
   * explanations are not loaded.
   *
   * @param hasOpened - Whether the key of an entry has opened another ticket before.
   */
  explain(
    ticket: Ticket,
    hasOpened: (entry: KeytabEntry) => boolean,
  ): KerberosError | Promise<KerberosError>;
  /** Asks for newer keys. @returns Whether there are other keys, so that a retry makes sense. */
  refresh(): Promise<boolean>;
}

/**
 * Returns the current keys. It should return the same object as long as they do not change, and must not
 * modify an object that it has returned.
 */
export interface KeytabProvider {
  /**
   * Called when a client comes and the keys are more than a second old, and when a ticket finds no key
   * among them. After two seconds without an answer the present keys are used.
   *
   * @throws Any error if the keys cannot be read: the present ones stay in use for `maxKeytabAge`.
   */
  (): Keytab | Promise<Keytab>;
  /**
   * Set while the provider returns earlier keys because it cannot read the current ones. A provider that
   * sets it reports the failure to the operator itself.
   */
  readonly failure?: unknown;
}

/** Options of {@link KeySource}. */
export interface KeySourceOptions {
  /** Asked for the keys again. */
  readonly provider: KeytabProvider;
  /** The implementation of the keys' cryptography; that of the keytab if undefined. */
  readonly crypto: CryptoProvider | undefined;
  /** Measures the age of the keys. */
  readonly clock: Clock;
  /** Milliseconds for which keys stay in use while the provider fails. */
  readonly maxKeytabAge: number;
  /**
   * Why a keytab has no key for the service; undefined if it has one. If the promise rejects, the provider
   * has failed.
   */
  readonly explainUseless: (keytab: Keytab) => Promise<KerberosError> | undefined;
  /** Called with each further keytab that has a key for the service, once it is in use. */
  readonly judge: (keytab: Keytab) => void;
  /** Must not throw. */
  readonly warn: (warning: CredentialWarning) => void;
}

/** The keys of a provider, at most {@link MAX_AGE} old. */
export class KeySource implements CurrentKeys {
  readonly #options: KeySourceOptions;
  /** The object that the provider returned last. */
  #given: Keytab | undefined;
  #keytab: Keytab;
  /** Start of the last look that has ended. */
  #lookedAt: number;
  /** Start of the last look that found keys. */
  #confirmedAt: number;
  #look: Look | undefined;
  #waiting = 0;
  #expired: KerberosError | undefined;
  #told: string | undefined;
  #toldSkipped: string | undefined;

  /**
   * @param keytab - Its skipped records have been reported.
   * @param askedAt - The time at which the provider was asked for `keytab`.
   */
  constructor(keytab: Keytab, askedAt: number, options: KeySourceOptions) {
    this.#options = options;
    this.#given = keytab;
    this.#keytab = carryOver([], keytab, options.crypto);
    this.#lookedAt = askedAt;
    this.#confirmedAt = askedAt;
    this.#toldSkipped = warningOfSkipped(keytab)?.message;
  }

  /** See {@link CurrentKeys.keytab}. */
  get keytab(): Keytab {
    return this.#keytab;
  }

  /** See {@link CurrentKeys.expired}. */
  get expired(): KerberosError | undefined {
    return this.#expired;
  }

  /** See {@link ServiceKeys.current}. */
  current(): Promise<void> | undefined {
    const age = this.#options.clock() - this.#lookedAt;
    // A clock that was set back, or returns no number, does not prove that the keys are recent.
    if (age >= 0 && age < LOOK_AGAIN_AGE) return undefined;
    if (!(age >= 0 && age < MAX_AGE)) return this.#catchUp();
    this.#begin();
    return undefined;
  }

  /**
   * Asks the provider now, because a ticket found no key. Callers at the same time share one look;
   * at most {@link MAX_WAITING} of them wait for it.
   *
   * @returns Whether there are other keys than before.
   */
  async refresh(): Promise<boolean> {
    if (this.#waiting === MAX_WAITING) return false;
    this.#waiting++;
    try {
      return await this.#answerOf(this.#begin());
    } finally {
      this.#waiting--;
    }
  }

  async #catchUp(): Promise<void> {
    const { clock } = this.#options;
    // A process that was frozen may resume within an old look, hence the second attempt.
    for (let attempt = 0; attempt < 2; attempt++) {
      await this.#answerOf(this.#begin());
      const age = clock() - this.#lookedAt;
      if (age >= 0 && age < MAX_AGE) return;
    }
    this.#expireIfOld();
  }

  /** The look in progress, or a new one. */
  #begin(): Look {
    const now = this.#options.clock();
    if (this.#look !== undefined && !isGivenUp(this.#look, now)) return this.#look;
    const look: Look = { begun: now, answer: NOTHING_NEW, bounded: undefined, isLate: false };
    this.#look = look;
    look.answer = this.#ask(look);
    return look;
  }

  async #ask(look: Look): Promise<boolean> {
    const { provider, explainUseless } = this.#options;
    const answer = await answerOf(provider, explainUseless);
    // A look that was given up has been overtaken by another.
    if (this.#look !== look) return false;
    this.#look = undefined;
    this.#lookedAt = look.begun;
    if (answer instanceof KerberosError) {
      this.#warn('provider', answer);
      this.#expireIfOld();
      return false;
    }
    if (provider.failure !== undefined) {
      this.#expireIfOld();
      return false;
    }
    this.#confirmedAt = look.begun;
    this.#told = undefined;
    return this.#adopt(answer);
  }

  /** The answer of a look; false if it is late, which is reported as a failure of the provider. */
  #answerOf(look: Look): Promise<boolean> {
    if (look.isLate) return NOTHING_NEW;
    look.bounded ??= new Promise((resolve) => {
      const cancel = systemTimer(() => {
        look.isLate = true;
        this.#warn('provider', silent());
        resolve(false);
      }, PATIENCE);
      void look.answer.then((isNew) => {
        cancel();
        resolve(isNew);
      });
    });
    return look.bounded;
  }

  #adopt({ keytab, useless }: Answer): boolean {
    const given = this.#given;
    if (keytab === given) return false;
    this.#given = keytab;
    this.#reportSkipped(keytab);
    if (given !== undefined && sameKeys(keytab, given)) return false;
    this.#keytab = carryOver(this.#keytab.entries, keytab, this.#options.crypto);
    this.#expired = undefined;
    if (useless === undefined) this.#options.judge(this.#keytab);
    else this.#warn('no-service', useless);
    return true;
  }

  #expireIfOld(): void {
    const { clock, maxKeytabAge } = this.#options;
    if (this.#expired !== undefined || clock() - this.#confirmedAt <= maxKeytabAge) return;
    this.#expired = new KerberosError('KRB5_KT_IOERR', {
      reason: 'keytab.stale',
      message: `The keytab cannot be read, and its keys have expired after ${maxKeytabAge / 1000} s`,
      hint: 'make the keytab readable again; maxKeytabAge limits how long its last keys are used',
    });
    // The same keys are used again as soon as the provider confirms them.
    this.#given = undefined;
    this.#keytab = { version: 2, entries: [] };
    this.#warn('expired', this.#expired);
  }

  #reportSkipped(keytab: Keytab): void {
    const warning = warningOfSkipped(keytab);
    if (warning === undefined) return;
    if (warning.message !== this.#toldSkipped) this.#options.warn(warning);
    this.#toldSkipped = warning.message;
  }

  /** Warns once about each fault, even if it is found repeatedly. */
  #warn(kind: CredentialWarning['kind'], error: KerberosError): void {
    if (this.#told === error.message) return;
    if (kind === 'provider' && this.#expired !== undefined) return;
    this.#told = error.message;
    const consequence = kind === 'provider' ? '; the keys read before stay in use' : '';
    const hint = error.hint === undefined ? '' : ` (${error.hint})`;
    this.#options.warn({ kind, message: `${error.message}${consequence}${hint}`, error });
  }
}

/** What the provider has returned. */
interface Answer {
  readonly keytab: Keytab;
  /** Why it has no key for the service. */
  readonly useless: KerberosError | undefined;
}

/** One call of the provider. */
interface Look {
  readonly begun: number;
  /** Never rejects. */
  answer: Promise<boolean>;
  /** The answer, or false after {@link PATIENCE}; made when the first one waits. */
  bounded: Promise<boolean> | undefined;
  /** Whether a request has waited in vain: later ones do not wait then. */
  isLate: boolean;
}

function isGivenUp({ isLate, begun }: Look, now: number): boolean {
  return isLate && !(Math.abs(now - begun) < GIVE_UP_AGE);
}

async function answerOf(
  provider: KeytabProvider,
  explainUseless: KeySourceOptions['explainUseless'],
): Promise<Answer | KerberosError> {
  try {
    const keytab = await provider();
    const fault = faultOfKeytab(keytab);
    if (fault !== undefined) return failed(`expected a keytab, ${fault}`);
    // A tool that rewrites a keytab in place begins with an empty file.
    if (keytab.entries.length === 0) return failed('the keytab has no entries');
    return { keytab, useless: await explainUseless(keytab) };
  } catch (error) {
    return failed(describeThrown(error), error);
  }
}

function failed(problem: string, cause?: unknown): KerberosError {
  return new KerberosError('KRB5_KT_IOERR', {
    reason: 'keytab.failed',
    detail: { problem },
    message: `The keytab provider failed: ${problem}`,
    hint: (cause instanceof KerberosError ? cause.hint : undefined) ?? LOOK_AT_STORE,
    cause,
  });
}

function silent(): KerberosError {
  const seconds = PATIENCE / 1000;
  return new KerberosError('KRB5_KT_IOERR', {
    reason: 'keytab.silent',
    detail: { name: 'keytab', seconds },
    message: `The keytab provider has not answered for ${seconds} s`,
    hint: LOOK_AT_STORE,
  });
}

const NOTHING_NEW = Promise.resolve(false);
// Milliseconds.
const LOOK_AGAIN_AGE = 1000;
// With the time that a look may take, a removed key opens tickets for less than 5 s.
const MAX_AGE = 2000;
/** Maximum duration of a look. */
const PATIENCE = 2000;
/** After this time a late look counts as lost, and another one begins. */
const GIVE_UP_AGE = 30_000;
// A keytab is read in milliseconds. Requests must not pile up if one hangs.
const MAX_WAITING = 256;
