/** One who takes part. */
import type { WorkerCommand, WorkerProcess } from './worker-process.ts';

/** What a contender can do: operations of `protocol.ts`, and to serve over TCP and HTTP. */
export type Ability =
  | 'accept'
  | 'messages'
  | 'transfer'
  | 'sasl'
  | 'flows'
  | 'sign-on'
  | 'page'
  | 'cold start';

/** What every job knows of a contender. */
export interface Participant {
  /** As in the table. */
  readonly name: string;
  /** Whether it is this library, and so what the others are compared with. */
  readonly own: boolean;
  readonly abilities: readonly Ability[];
  /** Rounds of a job that come before the first that counts: for what compiles as it runs. */
  readonly warmUp: number;
}

/** One with a worker. */
export interface Contender extends Participant {
  /** How to start its worker. */
  readonly command: WorkerCommand;
  /** How to start its gss-server, for flows. */
  readonly server?: (port: number, keytab: string) => WorkerCommand;
  /** The package's file as it was built, for cold starts. */
  readonly built?: string;
}

/** A contender at the start. */
export interface Runner extends Contender {
  readonly worker: WorkerProcess;
}
