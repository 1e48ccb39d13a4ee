/** One message of a client for a KDC: whether it may be relayed, the wait for the answer, and why there is none. */
import { KerberosError } from '../errors.ts';
import type { UnreachableKdcDetail } from '../explain/relay-details.ts';
import type { RelaySettings, RelaySignal } from '../krb5/relay-settings.ts';
import { Relays } from '../krb5/relays.ts';
import type { Exchange } from '../krb5/settings.ts';
import { DerReader } from '../messages/der/reader.ts';
import type { ProxiedMessage } from '../messages/kdc/iakerb.ts';
import { describeThrown, printableName } from '../text.ts';

/** Its owner calls {@link end} in any case, after {@link explain}. */
export class Inquiry {
  readonly #asked: ProxiedMessage;
  readonly #exchange: Exchange;
  readonly #relay: RelaySettings;
  readonly #stop = new AbortController();
  readonly #leave: () => void;
  #isAsking = false;
  #asking: Promise<unknown> | undefined;

  /** @throws {@link KerberosError} if the realm is not relayed, or a bound is reached. */
  constructor(asked: ProxiedMessage, exchange: Exchange) {
    const { settings, options } = exchange;
    const { relay } = settings;
    if (relay === undefined || !mayBeRelayed(asked.targetRealm, relay, exchange)) {
      throw unknownRealm(asked.targetRealm);
    }
    this.#asked = asked;
    this.#exchange = exchange;
    this.#relay = relay;
    relay.relays ??= new Relays(relay.bounds, settings.clock);
    this.#leave = relay.relays.begin(options.peerAddress);
  }

  /** @returns What the function of the application returned, for {@link read}. Rejects for {@link explain}. */
  answer(): Promise<unknown> {
    const { realms } = this.#relay;
    return typeof realms === 'function' ? this.#askIfRelayed(realms) : this.#ask();
  }

  /** @throws {@link KerberosError} if it is no answer of a KDC. */
  read(answer: unknown): Uint8Array {
    this.#isAsking = false;
    const { targetRealm, message } = this.#asked;
    if (!(answer instanceof Uint8Array)) {
      throw unreachable(targetRealm, `the function kdc returned ${typeof answer}, not bytes`);
    }
    const allowed = [KRB_ERROR, message[0]! + 1];
    if (answer.length > MAX_MESSAGE || !isWhole(answer, allowed)) {
      throw unreachable(
        targetRealm,
        `the KDC answered with ${answer.length} bytes that are no answer`,
      );
    }
    return answer;
  }

  /** @returns The error to report, for what {@link answer} or {@link read} threw. */
  async explain(thrown: unknown): Promise<unknown> {
    const { aborted } = this.#exchange.patience;
    if (aborted !== undefined) return aborted;
    if (!this.#isAsking) return thrown;
    this.#stop.abort(OVER);
    const { targetRealm } = this.#asked;
    const cause = (await lastWordOf(this.#asking)) ?? thrown;
    if (cause instanceof KerberosError && cause.code === 'KRB5_REALM_UNKNOWN') {
      return unknownRealm(targetRealm, cause);
    }
    const problem = cause instanceof KerberosError ? cause.message : describeThrown(cause);
    return unreachable(targetRealm, problem, cause);
  }

  end(): void {
    // With a reason, since an error of the runtime's own would be made for each relay.
    this.#stop.abort(OVER);
    this.#leave();
  }

  async #askIfRelayed(realms: (realm: string) => unknown): Promise<unknown> {
    const { targetRealm } = this.#asked;
    const verdict = Promise.resolve(realms(targetRealm));
    const { patience } = this.#exchange;
    const isRelayed = await patience.wait(verdict, this.#relay.answerer);
    if (isRelayed !== true) throw unknownRealm(targetRealm);
    return await this.#ask();
  }

  #ask(): Promise<unknown> {
    const { kdc, answerer, deadline } = this.#relay;
    const { targetRealm, message } = this.#asked;
    this.#isAsking = true;
    this.#asking = kdc(targetRealm, message.slice(), this.#stop.signal as RelaySignal);
    return this.#exchange.patience.wait(this.#asking, answerer, deadline);
  }
}

/** Whether a realm is relayed, as far as no function of the application must be asked. */
function mayBeRelayed(realm: string, { realms }: RelaySettings, { settings }: Exchange): boolean {
  if (realms === undefined) return settings.credential.hasKeysOf(realm);
  return typeof realms === 'function' || realms.includes(realm);
}

/**
 * The error with which a function rejects when its signal is aborted: it may name the servers that were asked.
 * Undefined if the function does not reject at once.
 */
async function lastWordOf(asking: Promise<unknown> | undefined): Promise<unknown> {
  let word: unknown;
  const heard = (error: unknown): void => {
    // The reason of the signal, as of fetch, says nothing.
    if (error !== OVER) word = error;
  };
  Promise.resolve(asking).catch(heard);
  for (let step = 0; step < LAST_STEPS && word === undefined; step++) await undefined;
  return word;
}

/** @param cause - Why no KDC of a realm that may be relayed is known. */
export function unknownRealm(realm: string, cause?: unknown): KerberosError {
  return new KerberosError('KRB_AP_ERR_IAKERB_KDC_NOT_FOUND', {
    reason: 'iakerb.realm-not-relayed',
    detail: {
      ...(realm !== '' && { realm: printableName(realm) }),
      ...(cause !== undefined && { problem: 'no-kdc' as const }),
    },
    ...(cause !== undefined && { cause }),
  });
}

export function unreachable(realm: string, problem: string, cause?: unknown): KerberosError {
  return new KerberosError('KRB_AP_ERR_IAKERB_KDC_NO_RESPONSE', {
    reason: 'iakerb.kdc-unreachable',
    detail: { realm: printableName(realm), problem, ...triedIn(cause) },
    ...(cause !== undefined && { cause }),
  });
}

/** What each server did, where the function that asked them says so. */
function triedIn(cause: unknown): { readonly tried?: readonly string[] } {
  if (!(cause instanceof KerberosError) || cause.reason !== 'kdc.unreachable') return {};
  const { tried } = cause.detail as UnreachableKdcDetail;
  return tried === undefined ? {} : { tried };
}

/** Whether bytes are one DER element with one of these tags. It is not looked into. */
export function isWhole(bytes: Uint8Array, tags: readonly number[]): boolean {
  const [tag = 0] = bytes;
  if (!tags.includes(tag)) return false;
  try {
    return (
      new DerReader(bytes, 'message for a KDC', 'definite').element(tag).length === bytes.length
    );
  } catch {
    return false;
  }
}

/** Bytes of a message in either direction. Windows' MaxTokenSize is 48000; a TGS-REQ holds a TGT and little more. */
export const MAX_MESSAGE = 131_072;
// Microtasks.
const LAST_STEPS = 64;
const OVER: unknown = new Error('the relay is over');
// RFC 4120 §5.10: an answer has the number of its question and 1, or this one.
const KRB_ERROR = 0x7e;
