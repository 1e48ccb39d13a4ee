/**
 * Matches POSIX extended regular expressions, leftmost and longest, in time proportional to the
 * product of the lengths of the expression and the text.
 *
 * The operator writes the expression, but the text is a client's name. JavaScript's own RegExp
 * backtracks: `(a+)+b` and a name of forty letters would stop the server. This matcher follows all
 * alternatives at once instead (K. Thompson, CACM 11(6), 1968).
 */
import type { CharTest, RegexNode, RegexRefusal } from './regex-syntax.ts';
import { parseRegex } from './regex-syntax.ts';

/** The range of a match, in code points: `start` is included, `end` is not. */
export interface RegexMatch {
  readonly start: number;
  readonly end: number;
}

/** A compiled expression. */
export interface Regex {
  /**
   * Finds the leftmost match, and the longest of those.
   *
   * @param chars - The text, one code point per item.
   * @param from - The index where the search starts; `^` matches there.
   * @param work - The search takes its steps from it, and ends without a match when none are left.
   *   Unbounded if absent.
   */
  search(chars: readonly string[], from: number, work?: Work): RegexMatch | undefined;
}

/** A budget of steps that several searches share; `left` is negative when it is used up. */
export interface Work {
  left: number;
}

/** Compiles an expression. @returns A refusal as {@link parseRegex}, also if the program is too long. */
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
  /** Continues at each of the targets. */
  | { readonly kind: 'fork'; readonly targets: number[] };

/** Appends the steps of a node. @returns false if the program becomes too long. */
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
    const start = program.length;
    if (!emit(node, program)) return false;
    // An empty group is the same however often: nested repetitions of it would take for ever.
    if (program.length === start) break;
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

/** An attempt: its step of the program, and the index in the text where it began. */
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
    // Attempts are ordered by their start: where two reach the same step, the leftmost one remains.
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

/** The steps that read a character or match, and that a step reaches without reading one. */
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
// The cost of a character, in addition to the steps that read it.
const CHAR_WORK = 4;
