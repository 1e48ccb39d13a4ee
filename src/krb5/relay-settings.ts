/** What an acceptor relays (IAKERB): its option, and the option with its defaults. */
import type { StopSignal } from '../ap/patience.ts';
import { Answerer } from '../ap/patience.ts';
import type { OptionRule, OptionRules } from '../options.ts';
import {
  callback,
  definite,
  either,
  listOf,
  nonEmpty,
  range,
  required,
  seconds,
  wholeNumber,
} from '../options.ts';
import type { RelayBounds, Relays } from './relays.ts';

/** The type of an `AbortSignal` where the project has it, for functions that pass the signal on. */
export type RelaySignal = typeof globalThis extends {
  AbortSignal: { readonly prototype: infer Signal };
}
  ? Signal
  : StopSignal;

/**
 * Asks a KDC.
 *
 * @param realm - The realm of the KDC, which the acceptor's policy permits.
 * @param message - An AS-REQ or TGS-REQ in DER, at most 131072 bytes. A copy.
 * @param signal - Aborted when nobody needs the answer any longer; the function should then stop.
 * @returns The answer in DER. The promise rejects, with any error, if there is none: {@link KerberosError}
 *   KRB5_REALM_UNKNOWN if no KDC of the realm is known.
 */
export type AskKdc = (
  realm: string,
  message: Uint8Array,
  signal: RelaySignal,
) => Promise<Uint8Array>;

/** What an acceptor relays (IAKERB). */
export interface IakerbOptions {
  /** The way to a KDC. */
  readonly kdc: AskKdc;
  /**
   * The realms whose KDCs clients may ask: a list, or a function that must return exactly `true`. If
   * absent, the realms of the service's keys. The function is asked within the bounds below, with any text
   * that a client sends.
   */
  readonly realms?: readonly string[] | ((realm: string) => boolean | Promise<boolean>);
  /** Seconds that a client waits for one answer of a KDC; 10 if absent. */
  readonly deadline?: number;
  /** Messages that may wait for an answer at the same time; 4096 if absent. */
  readonly maxRelays?: number;
  /** The same for one source, an IPv4 address or a /64 of IPv6; 256 if absent. */
  readonly maxRelaysPerSource?: number;
  /** Messages per second for one source; 20 if absent. Ten times as many may come at once. */
  readonly ratePerSource?: number;
}

/** {@link IakerbOptions} with their defaults. */
export interface RelaySettings extends Pick<IakerbOptions, 'kdc' | 'realms'> {
  /** Seconds. */
  readonly deadline: number;
  readonly bounds: RelayBounds;
  /** Made for the first relay. */
  relays: Relays | undefined;
  /** The functions of the option. */
  readonly answerer: Answerer;
}

/** @param options - Checked. */
export function relayOf(options: IakerbOptions): RelaySettings {
  const {
    kdc,
    realms,
    deadline = RELAY_DEADLINE,
    maxRelays = 4096,
    maxRelaysPerSource = 256,
    ratePerSource = 20,
  } = options;
  return {
    kdc,
    ...(realms !== undefined && { realms: typeof realms === 'function' ? realms : [...realms] }),
    deadline,
    bounds: { maxRelays, maxRelaysPerSource, ratePerSource },
    relays: undefined,
    answerer: new Answerer(
      'function of iakerb',
      'KRB_AP_ERR_IAKERB_KDC_NO_RESPONSE',
      'fault.callback-silent',
    ),
  };
}

// Seconds. A KDC behind a lost packet takes longer than a cache.
const RELAY_DEADLINE = 10;

/** A rule for realms, which are not patterns: '*' would match none. */
export const REALMS: OptionRule = listOf(
  range('a realm', (value) => typeof value === 'string' && /^[^*]+$/.test(value)),
);

export const IAKERB_OPTIONS: OptionRules<IakerbOptions> = {
  kdc: required(callback),
  realms: definite(either(callback, nonEmpty(REALMS))),
  deadline: definite(seconds()),
  maxRelays: definite(wholeNumber(1, 1_000_000)),
  maxRelaysPerSource: definite(wholeNumber(1, 1_000_000)),
  ratePerSource: definite(
    range('a number of messages', (value) => typeof value === 'number' && value > 0),
  ),
};
