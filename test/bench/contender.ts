/** One who takes part. */
import type { WorkerCommand, WorkerProcess } from './worker-process.ts';

/** What a worker can do: a part of the operations of `protocol.ts`. */
export type Ability = 'accept' | 'messages' | 'transfer';

export interface Contender {
  /** As in the table. */
  readonly name: string;
  /** Whether it is this library, and so what the others are compared with. */
  readonly own: boolean;
  readonly abilities: readonly Ability[];
  /** How to start its worker. */
  readonly command: WorkerCommand;
  /** Rounds of a job that come before the first that counts: for what compiles as it runs. */
  readonly warmUp: number;
}

/** A contender at the start. */
export interface Runner extends Contender {
  readonly worker: WorkerProcess;
}
