/** Bounds the relays of an acceptor: how many at once, and how many in a time, in all and per source. */
import { KerberosError } from '../errors.ts';
import { sourceOf } from '../messages/address-source.ts';
import type { HostAddress } from '../messages/primitives.ts';
import type { Clock } from '../time.ts';

/** The bounds of {@link Relays}; see `IakerbOptions`. */
export interface RelayBounds {
  readonly maxRelays: number;
  readonly maxRelaysPerSource: number;
  /** Messages per second that a source may have relayed for long. */
  readonly ratePerSource: number;
}

/** One for each acceptor. */
export class Relays {
  readonly #bounds: RelayBounds;
  readonly #clock: Clock;
  readonly #sources = new Map<string, Source>();
  #open = 0;

  /** @param clock - Refills the allowance of each source. */
  constructor(bounds: RelayBounds, clock: Clock) {
    this.#bounds = bounds;
    this.#clock = clock;
  }

  /** The number of relays that wait for a KDC now. */
  get open(): number {
    return this.#open;
  }

  /** The number of sources that are remembered. */
  get sources(): number {
    return this.#sources.size;
  }

  /**
   * Begins a relay.
   *
   * @param address - The initiator's; all unknown ones are one source, and so is a /64 of IPv6.
   * @returns Ends it; to be called once.
   * @throws {@link KerberosError} if a bound is reached.
   */
  begin(address: HostAddress | undefined): () => void {
    const { maxRelays, maxRelaysPerSource, ratePerSource } = this.#bounds;
    if (this.#open >= maxRelays) throw tooMany('all clients together', `maxRelays, ${maxRelays}`);
    const source = this.#source(address);
    if (source.open >= maxRelaysPerSource) {
      throw tooMany('this client', `maxRelaysPerSource, ${maxRelaysPerSource}`);
    }
    if (source.allowance < 1)
      throw tooMany('this client', `ratePerSource, ${ratePerSource} a second`);
    source.allowance--;
    source.open++;
    this.#open++;
    return () => {
      source.open--;
      this.#open--;
    };
  }

  /** The source of an address, with the allowance that it has now. */
  #source(address: HostAddress | undefined): Source {
    const name = sourceOf(address);
    const { ratePerSource } = this.#bounds;
    const most = ratePerSource * BURST;
    const now = this.#clock();
    let source = this.#sources.get(name);
    if (source === undefined) {
      if (this.#sources.size >= MAX_SOURCES) this.#forget(now);
      source = { allowance: most, at: now, open: 0 };
      this.#sources.set(name, source);
      return source;
    }
    // A clock that was set back gives nothing, and takes nothing.
    const elapsed = Math.max(0, now - source.at) / 1000;
    source.allowance = Math.min(most, source.allowance + elapsed * ratePerSource);
    source.at = now;
    return source;
  }

  /** Forgets the sources that would be the same if they were new; if there are none, the oldest ones. */
  #forget(now: number): void {
    for (const [name, { open, at }] of this.#sources) {
      if (open === 0 && now - at >= BURST * 1000) this.#sources.delete(name);
    }
    for (const [name, { open }] of this.#sources) {
      if (this.#sources.size < MAX_SOURCES) return;
      if (open === 0) this.#sources.delete(name);
    }
  }
}

interface Source {
  allowance: number;
  /** Milliseconds since 1970: when the allowance was computed. */
  at: number;
  open: number;
}

function tooMany(whose: string, bound: string): KerberosError {
  return new KerberosError('KRB_AP_ERR_IAKERB_KDC_NO_RESPONSE', {
    reason: 'iakerb.too-many',
    message: `Too many relayed messages of ${whose}`,
    detail: { bound },
  });
}

// Seconds of its rate that a source may use at once.
const BURST = 10;
const MAX_SOURCES = 10_000;
