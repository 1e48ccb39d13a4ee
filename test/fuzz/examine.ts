/** Runs one input and judges what it did: what it threw, how long it took, how much it allocated. */
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { KerberosError } from '../../src/errors.ts';
import { GssError } from '../../src/gss/status.ts';
import { countProcessorTime } from '../support/processor-time.ts';
import type { Case, Target } from './case.ts';
import { Breach } from './case.ts';

export type Problem = 'foreign error' | 'accepted' | 'slow' | 'memory' | 'unhandled rejection';

/** What is wrong with an input. */
export interface Finding {
  readonly problem: Problem;
  readonly detail: string;
}

export interface Verdict {
  /** What came of it, in words that many inputs share. */
  readonly outcome: string;
  readonly finding?: Finding;
  readonly milliseconds: number;
  /** Allocated and still there when it was over; garbage that nobody has collected yet counts. */
  readonly bytes: number;
}

/** @param limit - Milliseconds of processor time. */
export async function examine(target: Target, input: Case, limit: number): Promise<Verdict> {
  const verdict = await once(target, input);
  if (verdict.finding !== undefined || target.manyCalls === true) return verdict;
  if (verdict.milliseconds > limit) return await confirmSlow(target, input, verdict, limit);
  if (verdict.bytes > MAX_BYTES) return await confirmLarge(target, input, verdict);
  return verdict;
}

/** What {@link examine} cannot see: call it once. The rejection counts for the input that runs then. */
export function watchRejections(): void {
  process.on('unhandledRejection', (reason) => {
    rejection = { problem: 'unhandled rejection', detail: describeError(reason) };
  });
}

async function once(target: Target, input: Case): Promise<Verdict> {
  const bytesBefore = allocated();
  const time = countProcessorTime();
  let outcome: string;
  let finding: Finding | undefined;
  try {
    outcome = await target.run(input);
  } catch (error) {
    outcome = `${error instanceof Error ? error.name : typeof error}: ${messageOf(error)}`;
    finding = judge(error);
  }
  const milliseconds = time();
  const bytes = allocated() - bytesBefore;
  if (rejection !== undefined) {
    finding ??= rejection;
    rejection = undefined;
  }
  return { outcome: generalise(outcome), ...(finding && { finding }), milliseconds, bytes };
}

/** Undefined for a refusal: an error of our types all the way down. */
export function judge(error: unknown): Finding | undefined {
  if (error instanceof Breach) return { problem: 'accepted', detail: error.message };
  for (let at = error; at !== undefined; at = (at as Error).cause) {
    if (!(at instanceof KerberosError || at instanceof GssError)) {
      return { problem: 'foreign error', detail: describeError(at) };
    }
  }
  return undefined;
}

async function confirmSlow(
  target: Target,
  input: Case,
  first: Verdict,
  limit: number,
): Promise<Verdict> {
  let best = first;
  for (let left = REPETITIONS; left > 0 && best.milliseconds > limit; left--) {
    const again = await once(target, input);
    if (again.milliseconds < best.milliseconds) best = { ...first, ...again };
  }
  if (best.milliseconds <= limit) return best;
  const detail = `${best.milliseconds.toFixed(0)} ms of processor time`;
  return { ...best, finding: { problem: 'slow', detail } };
}

async function confirmLarge(target: Target, input: Case, first: Verdict): Promise<Verdict> {
  let best = first;
  for (let left = REPETITIONS; left > 0 && best.bytes > MAX_BYTES; left--) {
    collectGarbage();
    const again = await once(target, input);
    if (again.bytes < best.bytes) best = { ...first, ...again };
  }
  if (best.bytes <= MAX_BYTES) return best;
  const detail = `${(best.bytes / 1_048_576).toFixed(1)} MiB allocated`;
  return { ...best, finding: { problem: 'memory', detail } };
}

function allocated(): number {
  const { used_heap_size, external_memory } = getHeapStatistics();
  return used_heap_size + external_memory;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function describeError(error: unknown): string {
  if (!(error instanceof Error)) return `thrown: ${String(error)}`;
  const at = error.stack?.split('\n').find((line) => line.includes(' at ')) ?? '';
  return `${error.name}: ${error.message.slice(0, 200)} ${at.trim().replace(/\(.*\/src\//, '(src/')}`;
}

/** Numbers, names and quoted texts are not what makes an outcome another one. */
function generalise(outcome: string): string {
  return outcome
    .slice(0, 400)
    .replace(/"(?:[^"\\]|\\.)*"?/g, '"…"')
    .replace(/0x[0-9a-f]+|\d+/g, '#')
    .slice(0, 120);
}

let rejection: Finding | undefined;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const MAX_BYTES = 10 * 1_048_576;
const REPETITIONS = 5;
