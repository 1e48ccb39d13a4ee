/** What is measured: one row of the table for each contender. */
import type { Ability, Participant, Runner } from './contender.ts';
import type { BenchRealm } from './realm.ts';

export interface Job<P extends Participant = Runner> {
  /** `accept aes256-cts`: what `--only` is matched against. */
  readonly name: string;
  readonly needs: Ability;
  /** Whether a quick run has it. */
  readonly quick: boolean;
  /** Bytes of one call's message; the table then has MB/s. */
  readonly bytes?: number;
  /** How many times the contender's own rounds to warm up; 1 if absent, 0 for what is cold. */
  readonly warmUp?: number;
  /** Sets a contender up; not measured. */
  prepare(participant: P, realm: BenchRealm): Promise<Session>;
}

/** A contender that is ready for a job. */
export interface Session {
  /** @param effort - Calls of a full round, as a share: less than 1 in a quick run. */
  round(effort: number): Promise<Measurement>;
  close?(): Promise<void>;
}

/** Of one call. */
export interface Measurement {
  /** Microseconds on the wall, the median. */
  readonly p50: number;
  /** Microseconds of CPU: all threads, and cleaning up, included. */
  readonly cpu: number;
}
