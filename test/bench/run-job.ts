/** Runs a job: all contenders warm, then in turn, round after round. */
import type { Participant } from './contender.ts';
import type { Job, Measurement, Session } from './job.ts';
import type { BenchRealm } from './realm.ts';
import type { Spread } from './statistics.ts';
import { median, spread } from './statistics.ts';

export interface JobResult {
  readonly job: string;
  readonly bytes?: number;
  readonly contenders: readonly ContenderResult[];
}

export interface ContenderResult {
  readonly name: string;
  readonly own: boolean;
  /** Microseconds of a call: the median over the rounds. */
  readonly p50: number;
  readonly cpu: number;
  /** What our contenders take for each second that this one takes, round by round. */
  readonly ratios: Readonly<Record<string, Ratio>>;
  readonly rounds: readonly Measurement[];
}

export interface Ratio {
  readonly p50: Spread;
  readonly cpu: Spread;
}

export async function runJob<P extends Participant>(
  job: Job<P>,
  all: readonly P[],
  realm: BenchRealm,
  rounds: number,
  effort: number,
): Promise<JobResult> {
  const runners = all.filter(({ abilities }) => abilities.includes(job.needs));
  const sessions: Session[] = [];
  const measured: Measurement[][] = runners.map(() => []);
  try {
    for (const runner of runners) {
      const session = await job.prepare(runner, realm);
      sessions.push(session);
      // One round is no measurement: it shows that the job runs.
      const warmUp = rounds === 1 ? 0 : runner.warmUp * (job.warmUp ?? 1);
      for (let i = 0; i < warmUp; i++) await session.round(1);
    }
    for (let round = 0; round < rounds; round++) {
      for (const [i, session] of sessions.entries()) {
        measured[i]!.push(await session.round(effort));
      }
    }
  } finally {
    for (const session of sessions) await session.close?.();
  }
  const ours = runners.flatMap(({ name, own }, i) => (own ? [{ name, rounds: measured[i]! }] : []));
  const contenders = runners.map(({ name, own }, i) => {
    const taken = measured[i]!;
    return {
      name,
      own,
      p50: median(taken.map((round) => round.p50)),
      cpu: median(taken.map((round) => round.cpu)),
      ratios: Object.fromEntries(
        ours.filter((our) => our.name !== name).map((our) => [our.name, ratio(our.rounds, taken)]),
      ),
      rounds: taken,
    };
  });
  return { job: job.name, ...(job.bytes !== undefined && { bytes: job.bytes }), contenders };
}

function ratio(ours: readonly Measurement[], theirs: readonly Measurement[]): Ratio {
  return {
    p50: spread(ours.map((round, i) => round.p50 / theirs[i]!.p50)),
    cpu: spread(ours.map((round, i) => round.cpu / theirs[i]!.cpu)),
  };
}
