/** One who takes part. */
import type { WorkerCommand, WorkerProcess } from './worker-process.ts';

/** What a contender can do: operations of `protocol.ts`, and to serve over TCP. */
export type Ability = 'accept' | 'messages' | 'transfer' | 'flows';

export interface Contender {
  /** As in the table. */
  readonly name: string;
  /** Whether it is this library, and so what the others are compared with. */
  readonly own: boolean;
  readonly abilities: readonly Ability[];
  /** How to start its worker. */
  readonly command: WorkerCommand;
  /** How to start its gss-server, for flows. */
  readonly server?: (port: number, keytab: string) => WorkerCommand;
  /** Rounds of a job that come before the first that counts: for what compiles as it runs. */
  readonly warmUp: number;
}

/** A contender at the start. */
export interface Runner extends Contender {
  readonly worker: WorkerProcess;
}
