/** Runs a job: all contenders warm, then in turn, round after round. */
import type { Job, Measurement, Session } from './job.ts';
import type { BenchRealm } from './realm.ts';
import type { Spread } from './statistics.ts';
import { median, spread } from './statistics.ts';
import type { WorkerProcess } from './worker-process.ts';

/** A contender at the start: its process lives for the whole run. */
export interface Runner {
  readonly name: string;
  readonly worker: WorkerProcess;
  readonly warmUp: number;
}

export interface JobResult {
  readonly job: string;
  readonly bytes?: number;
  readonly contenders: readonly ContenderResult[];
}

export interface ContenderResult {
  readonly name: string;
  /** Microseconds: the median over the rounds. */
  readonly p50: number;
  readonly cpu: number;
  /** The first contender's figure over this one's, round by round. */
  readonly ratio: Spread;
  readonly cpuRatio: Spread;
  readonly rounds: readonly Measurement[];
}

export async function runJob(
  job: Job,
  runners: readonly Runner[],
  realm: BenchRealm,
  rounds: number,
  effort: number,
): Promise<JobResult> {
  const sessions: Session[] = [];
  for (const { worker, warmUp } of runners) {
    const session = await job.prepare(worker, realm);
    for (let i = 0; i < warmUp; i++) await session.round(effort);
    sessions.push(session);
  }
  const measured: Measurement[][] = runners.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (const [i, session] of sessions.entries()) {
      measured[i]!.push(await session.round(effort));
    }
  }
  const contenders = runners.map(({ name }, i) => summarise(name, measured[i]!, measured[0]!));
  return { job: job.name, ...(job.bytes !== undefined && { bytes: job.bytes }), contenders };
}

function summarise(
  name: string,
  rounds: readonly Measurement[],
  ours: readonly Measurement[],
): ContenderResult {
  return {
    name,
    p50: median(rounds.map((round) => round.p50)),
    cpu: median(rounds.map((round) => round.cpu)),
    ratio: spread(rounds.map((round, i) => ours[i]!.p50 / round.p50)),
    cpuRatio: spread(rounds.map((round, i) => ours[i]!.cpu / round.cpu)),
    rounds,
  };
}
