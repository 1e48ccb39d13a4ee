/** What is measured: one line of the table each. */
import type { BenchRealm } from './realm.ts';
import type { WorkerProcess } from './worker-process.ts';

export interface Job {
  /** `accept aes256-sha1`: what `--only` is matched against. */
  readonly name: string;
  /** Bytes of one call's message; the table then has MB/s too. */
  readonly bytes?: number;
  /** Sets a worker up; not measured. */
  prepare(worker: WorkerProcess, realm: BenchRealm): Promise<Session>;
}

/** A worker that is ready for a job. */
export interface Session {
  /** @param effort - Calls of a full round, as a share: less than 1 in a quick run. */
  round(effort: number): Promise<Measurement>;
}

/** Of one call. */
export interface Measurement {
  /** Microseconds on the wall, the median. */
  readonly p50: number;
  /** Microseconds of CPU: all threads, and cleaning up, included. */
  readonly cpu: number;
}
