/** What a soak has shown: the bars, whether each is met, and the figures behind. */
import type { GoodClientFigures } from './good-clients.ts';
import type { HostileReport } from './hostile-process.ts';
import type { Sample } from './probe.ts';

export interface SoakFigures {
  readonly seconds: number;
  readonly backend: string;
  readonly idle: number;
  readonly machine: string;
  readonly node: string;
  readonly date: string;
  /** Processes that want a core, over the last minute; on this machine, not only of this run. */
  readonly load: number;
  readonly good: GoodClientFigures;
  readonly hostile: HostileReport;
  /** The server before its first client, after the warm-up, at the end, and when all are gone. */
  readonly before: Sample;
  readonly warm: Sample;
  readonly end: Sample;
  readonly after: Sample;
  /** One for each second of the measured time. */
  readonly samples: readonly Sample[];
  /** Delays over the whole measured time. */
  readonly delays: Sample;
  readonly complaints: readonly string[];
  /** The server's exit status, when asked to stop. */
  readonly exit: number | null;
}

export interface Judgement {
  readonly bar: string;
  readonly figure: string;
  readonly verdict: 'met' | 'missed' | 'machine too busy to say';
  /** A time: on a slow machine it is missed without any fault of the server, so it is only told. */
  readonly isTime?: true;
}

/** Whether the server did something wrong. How long it took is for whoever reads the report. */
export function hasFault(figures: SoakFigures): boolean {
  return judge(figures).some(({ verdict, isTime }) => verdict === 'missed' && !isTime);
}

function judge(figures: SoakFigures): Judgement[] {
  const { good, delays, before, warm, end, after, hostile, complaints, exit } = figures;
  const longest = good.waits.at(-1) ?? { milliseconds: 0, step: 'connection' };
  const wrongly = Object.values(hostile).reduce((sum, tally) => sum + tally.wrongly, 0);
  const liveGrowth = end.live - warm.live;
  // Both after a collection: in between, the runtime takes what it likes and gives it back.
  const residentGrowth = end.rss - warm.rss;
  const failed = good.failures.length;
  return [
    {
      bar: 'no good client fails',
      figure: `${failed} of ${good.flows}${failed === 0 ? '' : `: ${good.failures[0]}`}`,
      verdict: verdictOf(failed === 0 && good.flows > 0),
    },
    {
      bar: 'none of them waits longer than 1 s',
      figure: `${ms(longest.milliseconds)} at most, for: ${longest.step}`,
      verdict: verdictOf(longest.milliseconds <= MAX_WAIT, isStarved(figures)),
      isTime: true,
    },
    {
      bar: 'event-loop delay p99 under 50 ms',
      figure: `${ms(delays.delay.p99)}, ${ms(delays.ownDelay.p99)} without waiting for a core`,
      verdict: verdictOf(delays.delay.p99 < MAX_DELAY, delays.ownDelay.p99 < MAX_DELAY),
      isTime: true,
    },
    {
      bar: 'nobody gets in who should not',
      figure: `${wrongly} did`,
      verdict: verdictOf(wrongly === 0),
    },
    {
      bar: 'what is in use stays as it is',
      figure: `${mib(liveGrowth)} more than after the warm-up`,
      verdict: verdictOf(liveGrowth <= MAX_LIVE_GROWTH),
    },
    {
      bar: 'resident memory stays flat',
      figure: `${mib(residentGrowth)} more than after the warm-up`,
      verdict: verdictOf(residentGrowth <= MAX_RESIDENT_GROWTH),
    },
    {
      bar: 'no descriptor leaks',
      figure: `${before.descriptors} before, ${after.descriptors} after`,
      verdict: verdictOf(after.descriptors! <= before.descriptors!),
    },
    {
      bar: 'the server finds no fault with itself',
      figure: complaints[0] ?? `exit status ${exit}`,
      verdict: verdictOf(complaints.length === 0 && exit === 0),
    },
  ];
}

/** The bars, then the figures, as tables. */
export function format(figures: SoakFigures): string {
  const { good, hostile, delays, samples, before, warm, end, after, seconds, idle } = figures;
  const rows = judge(figures).map(
    ({ bar, figure, verdict, isTime }) =>
      `${bar.padEnd(40)} ${verdict.padEnd(8)} ${figure}${isTime ? ' (not judged)' : ''}`,
  );
  const kinds = Object.entries(hostile).map(
    ([kind, { connections, accepted, wrongly }]) =>
      `  ${kind.padEnd(12)}${String(connections).padStart(12)}${String(accepted).padStart(10)}` +
      `${String(wrongly).padStart(8)}`,
  );
  const first = samples[0]!;
  const cpu = (delays.cpu - first.cpu) / (seconds * 10);
  const starved = (delays.starved - first.starved) / (seconds * 10);
  const wait = (share: number): string => {
    const at = Math.min(good.waits.length - 1, Math.floor(good.waits.length * share));
    return ms(good.waits[at]?.milliseconds ?? 0);
  };
  return [
    `${figures.date}  ${figures.machine}, Node.js ${figures.node}, load ${figures.load.toFixed(1)}`,
    `${seconds} s, ${idle} idle connections, crypto: ${figures.backend}`,
    '',
    ...rows,
    '',
    `good clients: ${good.flows} flows; waits p50 ${wait(0.5)}, p99 ${wait(0.99)}, ` +
      `max ${wait(1)}; own delay at most ${ms(good.ownDelay)}`,
    '  hostile      connections  accepted   wrongly',
    ...kinds,
    `event-loop delay: p50 ${ms(delays.delay.p50)}, p99 ${ms(delays.delay.p99)}, ` +
      `max ${ms(delays.delay.max)}`,
    `server: ${cpu.toFixed(0)} % of a core, and ${starved.toFixed(0)} % of the time waiting for one`,
    `in use: ${mib(before.live)} before, ${mib(warm.live)} warm, ${mib(end.live)} at the end, ` +
      `${mib(after.live)} after`,
    `resident: ${mib(before.rss)} before, ${mib(warm.rss)} warm, ` +
      `${mib(end.rss)} at the end, ${mib(after.rss)} after`,
    `descriptors: ${before.descriptors} before, ${end.descriptors} at the end, ` +
      `${after.descriptors} after`,
  ].join('\n');
}

/** @param excused - It is missed, and the machine's other work is why. */
function verdictOf(met: boolean, excused = false): Judgement['verdict'] {
  if (met) return 'met';
  return excused ? 'machine too busy to say' : 'missed';
}

/** Whether the server or the clients that measure it had no core for a good part of the time. */
function isStarved({ samples, good }: SoakFigures): boolean {
  const worst = samples.slice(1).map((sample, i) => sample.starved - samples[i]!.starved);
  return Math.max(...worst) > MAX_WAIT / 2 || good.ownDelay > MAX_WAIT / 2;
}

function ms(milliseconds: number): string {
  return `${milliseconds.toFixed(milliseconds < 10 ? 1 : 0)} ms`;
}

function mib(bytes: number): string {
  return `${(bytes / 1_048_576).toFixed(1)} MiB`;
}

const MAX_WAIT = 1000;
const MAX_DELAY = 50;
// 3 on a machine with one core, where less is compiled and remembered when the warm-up ends.
const MAX_LIVE_GROWTH = 8 * 1_048_576;
// The young generation alone may grow by 48 before the runtime gives anything back.
const MAX_RESIDENT_GROWTH = 128 * 1_048_576;
