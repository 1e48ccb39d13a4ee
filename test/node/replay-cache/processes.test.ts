import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { FileReplayCache } from '../../../src/node/replay-cache/file.ts';
import type { CompiledProgram } from '../../support/compile.ts';
import { compileProgram } from '../../support/compile.ts';
import { NOW, NOW_SECONDS } from '../../support/realm-kit.ts';
import { until } from '../../support/until.ts';
import type { ChildTask } from './support.ts';
import { ciphertextOf, recordOf } from './support.ts';

let program: CompiledProgram;
let parent: string;
let directory: string;

beforeAll(() => {
  program = compileProgram(resolve(import.meta.dirname, 'child.ts'));
});
afterAll(() => program[Symbol.dispose]());
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'replay-cache-'));
  directory = join(parent, 'cache');
});
afterEach(() => rmSync(parent, { recursive: true }));

interface Child {
  readonly process: ChildProcess;
  /** Everything that it has printed so far. */
  readonly output: () => string;
  /** The records that it called fresh, when it has ended. */
  readonly fresh: Promise<number[]>;
}

/** Starts a process for each task, and lets them begin together. */
async function startTogether(tasks: readonly StartOptions[]): Promise<Child[]> {
  const children = tasks.map(start);
  for (const child of children) {
    await until(() => child.output().startsWith('ready\n'), child.output);
  }
  for (const child of children) child.process.stdin?.write('\n');
  return children;
}

interface StartOptions extends Partial<ChildTask> {
  /** A program that starts the process. */
  readonly prefix?: readonly string[];
}

function start({ prefix, ...task }: StartOptions): Child {
  const whole: ChildTask = {
    directory,
    now: NOW,
    ctime: NOW_SECONDS,
    first: 0,
    count: 3000,
    stride: 1,
    report: 'end',
    ...task,
  };
  // Into a file, for that is written at once: nothing of it is lost with the process.
  const path = join(parent, `output-${outputs++}`);
  const file = openSync(path, 'w');
  const command = [...(prefix ?? []), process.execPath, program.path, JSON.stringify(whole)];
  const childProcess = spawn(command[0]!, command.slice(1), {
    stdio: ['pipe', file, 'inherit'],
  });
  closeSync(file);
  const output = (): string => readFileSync(path, 'utf8');
  const fresh = once(childProcess, 'close').then(() =>
    output().split('\n').slice(1, -1).map(Number),
  );
  return { process: childProcess, output, fresh };
}
let outputs = 0;

/** How often each record was called fresh. */
function count(answers: readonly (readonly number[])[]): Map<number, number> {
  const times = new Map<number, number>();
  for (const id of answers.flat()) times.set(id, (times.get(id) ?? 0) + 1);
  return times;
}

describe('processes that share a replay cache', () => {
  it.each([
    ['two, in the same order', [1, 1]],
    ['four, in the same order', [1, 1, 1, 1]],
    ['four, in different orders', [1, 7, 1231, 2999]],
  ])('accept each of 3000 records exactly once: %s', async (_, strides) => {
    const children = await startTogether(strides.map((stride) => ({ stride })));
    const times = count(await Promise.all(children.map((child) => child.fresh)));
    expect(times.size).toBe(3000);
    expect(new Set(times.values())).toEqual(new Set([1]));
  });

  it('refuse all records that any of them accepted before it was killed', async () => {
    const reported: number[] = [];
    for (let round = 0; round < 10; round++) {
      const task = { first: round * 10_000_000, count: 9_999_991, report: 'each' } as const;
      // Two that race for the same records, killed in the midst of it.
      const children = await startTogether([task, task]);
      await expect.poll(() => children.some((child) => child.output().length > 3000)).toBe(true);
      await sleep(3 * round);
      for (const child of children) child.process.kill('SIGKILL');
      const answers = await Promise.all(children.map((child) => child.fresh));
      expect(new Set(count(answers).values())).toEqual(new Set([1]));
      reported.push(...answers.flat());
    }
    expect(reported.length).toBeGreaterThan(1000);
    const cache = await FileReplayCache.open({ directory, clock: () => NOW });
    for (const id of reported) {
      expect(cache.checkAndStore(recordOf(ciphertextOf(id), NOW_SECONDS))).toBe(false);
    }
    expect(cache.checkAndStore(recordOf(ciphertextOf(9_999_999), NOW_SECONDS))).toBe(true);
    await cache.close();
  });

  it('refuse all while the kernel writes no more, and remember the earlier records', async () => {
    // Files may have 16 blocks; how large these are is the shell's matter.
    const prefix = ['/bin/sh', '-c', 'ulimit -f 16 && exec "$0" "$@"'];
    const [limited] = await startTogether([{ prefix, report: 'despite errors' }]);
    const fresh = await limited!.fresh;
    expect([8192 / 32, 16_384 / 32]).toContain(fresh.length);
    const [other] = await startTogether([{}]);
    const others = await other!.fresh;
    expect(new Set([...fresh, ...others]).size).toBe(3000);
    expect(others).toHaveLength(3000 - fresh.length);
  });

  it('continue after the whole directory is removed, each with its own records', async () => {
    const cache = await FileReplayCache.open({ directory, clock: () => NOW });
    for (let id = 0; id < 3000; id += 2) {
      cache.checkAndStore(recordOf(ciphertextOf(id), NOW_SECONDS));
    }
    rmSync(directory, { recursive: true });
    // The one request that meets the loss is refused, and makes the file again for others.
    expect(() => cache.checkAndStore(recordOf(ciphertextOf(1), NOW_SECONDS))).toThrow(
      expect.objectContaining({ code: 'KRB5_RC_IO', message: expect.stringContaining('removed') }),
    );
    const [child] = await startTogether([{}]);
    const fresh = await child!.fresh;
    expect(fresh.every((id) => id % 2 === 1 && id !== 1)).toBe(true);
    expect(fresh).toHaveLength(1499);
    await cache.close();
  });
});
