/**
 * Matching of POSIX extended regular expressions, leftmost and longest, in a time that is bounded
 * by the product of the lengths of expression and text.
 *
 * The expression is the operator's, but the text is a client's name. JavaScript's own RegExp
 * backtracks: `(a+)+b` and a name of forty letters would stop the server. This walks all
 * possibilities at once instead (K. Thompson, CACM 11(6), 1968).
 */
import type { CharTest, RegexNode, RegexRefusal } from './regex-syntax.ts';
import { parseRegex } from './regex-syntax.ts';

/** Where a match lies: `start` included, `end` not. */
export interface RegexMatch {
  readonly start: number;
  readonly end: number;
}

export interface Regex {
  /**
   * The leftmost match, and of those the longest.
   *
   * @param chars - The text, one code point each.
   * @param from - Where the search starts; `^` matches there, as at the start of a text.
   * @param work - Steps are taken from it; the search ends without a match when none are left.
   */
  search(chars: readonly string[], from: number, work?: Work): RegexMatch | undefined;
}

/** What a caller spends on several searches together; `left` is below 0 when it is used up. */
export interface Work {
  left: number;
}

/** Compiles an expression, unless {@link parseRegex} refuses it or it unfolds too far. */
export function compileRegex(pattern: string): Regex | RegexRefusal {
  const tree = parseRegex(pattern);
  if (typeof tree === 'string') return tree;
  const program: Step[] = [];
  if (!emit(tree, program)) return 'unsupported';
  program.push({ kind: 'match' });
  return { search: (chars, from, work) => search(program, chars, from, work) };
}

type Step =
  | { readonly kind: 'char'; readonly test: CharTest }
  | { readonly kind: 'start' | 'end' | 'match' }
  /** Go on at each of the targets. */
  | { readonly kind: 'fork'; readonly targets: number[] };

/** Appends the steps of a node; false if the program gets too long. */
function emit(node: RegexNode, program: Step[]): boolean {
  if (program.length > MAX_STEPS) return false;
  switch (node.kind) {
    case 'char':
      program.push({ kind: 'char', test: node.test });
      return true;
    case 'start':
    case 'end':
      program.push({ kind: node.kind });
      return true;
    case 'sequence':
      return node.nodes.every((part) => emit(part, program));
    case 'choice':
      return emitChoice(node.nodes, program);
    case 'repeat':
      return emitRepeat(node.node, node.min, node.max, program);
  }
}

function emitChoice(nodes: readonly RegexNode[], program: Step[]): boolean {
  const targets: number[] = [];
  const exits: number[][] = [];
  program.push({ kind: 'fork', targets });
  for (const node of nodes) {
    targets.push(program.length);
    if (!emit(node, program)) return false;
    const exit: number[] = [];
    program.push({ kind: 'fork', targets: exit });
    exits.push(exit);
  }
  for (const exit of exits) exit.push(program.length);
  return true;
}

function emitRepeat(node: RegexNode, min: number, max: number, program: Step[]): boolean {
  for (let i = 0; i < min; i++) {
    if (!emit(node, program)) return false;
  }
  if (max === Number.POSITIVE_INFINITY) {
    const loop = program.length;
    const targets = [loop + 1];
    program.push({ kind: 'fork', targets });
    if (!emit(node, program)) return false;
    program.push({ kind: 'fork', targets: [loop] });
    targets.push(program.length);
    return true;
  }
  const skips: number[][] = [];
  for (let i = min; i < max; i++) {
    const targets = [program.length + 1];
    program.push({ kind: 'fork', targets });
    skips.push(targets);
    if (!emit(node, program)) return false;
  }
  for (const targets of skips) targets.push(program.length);
  return true;
}

/** A place in the program, and where in the text the attempt that is there began. */
interface Thread {
  readonly step: number;
  readonly start: number;
}

function search(
  program: readonly Step[],
  chars: readonly string[],
  from: number,
  work: Work = { left: Number.POSITIVE_INFINITY },
): RegexMatch | undefined {
  let threads: Thread[] = [];
  let best: RegexMatch | undefined;
  for (let at = from; at <= chars.length; at++) {
    // Attempts are in the order of their start: where two meet, the one further left stays.
    const attempts = best === undefined ? [...threads, { step: 0, start: at }] : threads;
    const seen = new Set<number>();
    threads = [];
    for (const { step, start } of attempts) {
      if (best !== undefined && start > best.start) break;
      for (const reached of closure(program, step, seen, at === from, at === chars.length)) {
        if (program[reached]!.kind === 'match') best = { start, end: at };
        else threads.push({ step: reached, start });
      }
    }
    work.left -= seen.size + CHAR_WORK;
    if (work.left < 0) return undefined;
    const char = chars[at];
    if (char === undefined || (threads.length === 0 && best !== undefined)) break;
    threads = advance(program, threads, char);
  }
  return best;
}

function advance(program: readonly Step[], threads: readonly Thread[], char: string): Thread[] {
  const moved: Thread[] = [];
  for (const { step, start } of threads) {
    const { test } = program[step] as Extract<Step, { kind: 'char' }>;
    if (test(char)) moved.push({ step: step + 1, start });
  }
  return moved;
}

/** The steps that wait for a character, or match, reachable from a step without reading one. */
function closure(
  program: readonly Step[],
  from: number,
  seen: Set<number>,
  atStart: boolean,
  atEnd: boolean,
): number[] {
  const reached: number[] = [];
  const pending = [from];
  for (let index = pending.pop(); index !== undefined; index = pending.pop()) {
    if (seen.has(index)) continue;
    seen.add(index);
    const step = program[index]!;
    if (step.kind === 'fork') pending.push(...step.targets);
    else if (step.kind === 'start' || step.kind === 'end') {
      if (step.kind === 'start' ? atStart : atEnd) pending.push(index + 1);
    } else reached.push(index);
  }
  return reached;
}

const MAX_STEPS = 1000;
// What a character costs beside the steps that wait for it.
const CHAR_WORK = 4;
