/** The time since which each run of an engine is known, to tell what the engine may have forgotten. */
import type { ReplayRecord } from '../ap/replay-cache.ts';
import { KerberosError } from '../errors.ts';
import type { Clock } from '../time.ts';

/** Seconds since 1970, with a fraction. */
export type ExactTime = number;

/**
 * Tells requests that an engine may have forgotten from those that it cannot have seen. A run of an engine
 * ends with a restart, or when a replica takes its place: the latest records may be lost then, and a
 * request of that time could be a replay. `test/models` explores the consequences of these rules.
 */
export class RunHistory {
  readonly #remember: (run: string, since: ExactTime) => Promise<ExactTime>;
  readonly #clock: Clock;
  readonly #known = new Map<string, ExactTime | Promise<ExactTime>>();

  /**
   * @param remember - Stores a time for a run in the engine unless it has one already, in one atomic
   *   step, and returns the stored one.
   * @param clock - Milliseconds.
   */
  constructor(remember: (run: string, since: ExactTime) => Promise<ExactTime>, clock: Clock) {
    this.#remember = remember;
    this.#clock = clock;
  }

  /**
   * Checks that an engine's answer "new" can be believed.
   *
   * @param run - The run that gave the answer.
   * @returns A promise only for a run that is not known yet.
   * @throws {@link KerberosError} KRB5_RC_IO if the request may be older than the run.
   */
  check(run: string, record: ReplayRecord): Promise<void> | undefined {
    const since = this.#known.get(run) ?? this.#meet(run);
    if (typeof since !== 'number') return since.then((known) => checkSince(record, known));
    checkSince(record, since);
    return undefined;
  }

  /**
   * Notes a run before a request depends on it: what a request must be younger than is then in the past.
   * The time is that of this call, and not an earlier one: the engine may have been another until now.
   */
  async meet(run: string): Promise<void> {
    if (!this.#known.has(run)) await this.#meet(run);
  }

  async #meet(run: string): Promise<ExactTime> {
    const met = this.#remember(run, firstMet(this.#clock));
    this.#known.set(run, met);
    try {
      const since = await met;
      this.#known.set(run, since);
      const [oldest] = this.#known.keys();
      if (this.#known.size > MAX_RUNS) this.#known.delete(oldest!);
      return since;
    } catch (error) {
      this.#known.delete(run);
      throw error;
    }
  }
}

/** @returns The time since which a run is known that a server meets now. */
export function firstMet(clock: Clock): ExactTime {
  return clock() / 1000 + MARGIN;
}

/** @throws {@link KerberosError} KRB5_RC_IO if the request may be older than the run. */
export function checkSince({ ctime, cusec = 0 }: ReplayRecord, since: ExactTime): void {
  const madeAt = ctime + cusec / 1e6;
  if (madeAt > since) return;
  const seconds = Math.floor(since - madeAt) + 1;
  throw new KerberosError('KRB5_RC_IO', {
    reason: 'replay.cache-restarted',
    detail: { seconds },
    message: 'Replay cache may have forgotten this request',
    hint:
      `its engine began a new run (a restart, or a replica took over), which is known for requests ` +
      `from ${seconds} s later on only: the client's next attempt is accepted, unless its ` +
      'clock is behind',
  });
}

/**
 * Seconds. It covers clients and other servers whose clocks are ahead of this one's; a request that comes
 * right after an engine's return is refused for that long.
 */
const MARGIN = 1;
// Each node of a cluster has a run of its own.
const MAX_RUNS = 1024;
