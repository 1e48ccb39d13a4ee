/** Bounds the relays of an acceptor: how many at once, and how many in a time, in all and per source. */
import { KerberosError } from '../errors.ts';
import { sourceOf } from '../messages/address-source.ts';
import type { HostAddress } from '../messages/primitives.ts';
import type { Clock } from '../time.ts';

/** The bounds of {@link Relays}; see `IakerbOptions`. */
export interface RelayBounds {
  readonly maxRelays: number;
  readonly maxRelaysPerSource: number;
  /** Messages per second that a source may have relayed in the long run. */
  readonly ratePerSource: number;
}

/** One for each acceptor. */
export class Relays {
  readonly #bounds: RelayBounds;
  readonly #clock: Clock;
  /** The allowance of a new source, which none exceeds. */
  readonly #most: number;
  /** The sources with a relay that waits. */
  readonly #busy = new Map<string, Source>();
  /** The others, the one whose last relay ended first at the front. */
  readonly #idle = new Map<string, Source>();
  #open = 0;

  /** @param clock - Refills the allowance of each source. */
  constructor(bounds: RelayBounds, clock: Clock) {
    this.#bounds = bounds;
    this.#clock = clock;
    // At least one: otherwise a rate below one message in ten seconds would refuse all.
    this.#most = Math.max(1, bounds.ratePerSource * BURST);
  }

  /** The number of relays that wait for a KDC now. */
  get open(): number {
    return this.#open;
  }

  /** The number of sources that are remembered. */
  get sources(): number {
    return this.#busy.size + this.#idle.size;
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
    const name = sourceOf(address);
    const source = this.#source(name);
    if (source.open >= maxRelaysPerSource) {
      throw tooMany('this client', `maxRelaysPerSource, ${maxRelaysPerSource}`);
    }
    if (source.allowance < 1)
      throw tooMany('this client', `ratePerSource, ${ratePerSource} a second`);
    source.allowance--;
    source.open++;
    this.#open++;
    this.#idle.delete(name);
    this.#busy.set(name, source);
    return () => {
      source.open--;
      this.#open--;
      if (source.open === 0) this.#rest(name, source);
    };
  }

  /** The source of this name, with the allowance that it has now. */
  #source(name: string): Source {
    const now = this.#clock();
    const source = this.#busy.get(name) ?? this.#idle.get(name);
    if (source === undefined) return { allowance: this.#most, at: now, open: 0 };
    // A clock that was set back gives nothing, and takes nothing.
    const elapsed = Math.max(0, now - source.at) / 1000;
    source.allowance = Math.min(
      this.#most,
      source.allowance + elapsed * this.#bounds.ratePerSource,
    );
    source.at = now;
    return source;
  }

  /** Remembers a source for its allowance, and forgets the one that has been idle for longest. */
  #rest(name: string, source: Source): void {
    this.#busy.delete(name);
    this.#idle.set(name, source);
    if (this.#idle.size <= MAX_IDLE) return;
    const [oldest] = this.#idle.keys();
    this.#idle.delete(oldest!);
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
const MAX_IDLE = 10_000;
