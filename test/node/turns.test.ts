import { describe, expect, it } from 'vitest';
import { Turns } from '../../src/node/turns.ts';

/** The next turn of the event loop. */
const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('Turns', () => {
  it('does little work at once', () => {
    const turns = new Turns(16);
    const done: number[] = [];
    for (let i = 0; i < 3; i++) turns.take(() => done.push(i));
    expect(done).toEqual([0, 1, 2]);
  });

  it('spreads much work over turns, in order, and lets others come between', async () => {
    const turns = new Turns(16);
    const done: number[] = [];
    for (let i = 0; i < 100; i++) turns.take(() => done.push(i));
    const counts = [done.length];
    while (done.length < 100) {
      await turn();
      counts.push(done.length);
    }
    expect(done).toEqual(Array.from({ length: 100 }, (_, i) => i));
    expect(counts.length).toBeGreaterThan(5);
    const steps = counts.map((count, i) => count - (counts[i - 1] ?? 0));
    expect(Math.max(...steps)).toBe(16);
    await turn();
    turns.take(() => done.push(100));
    expect(done).toHaveLength(101);
  });

  it('takes work that work brings', async () => {
    const turns = new Turns(16);
    let count = 0;
    const work = (): void => {
      count++;
      if (count < 50) turns.take(work);
    };
    turns.take(work);
    while (count < 50) await turn();
    expect(count).toBe(50);
  });

  it('takes from each source in turn', async () => {
    const turns = new Turns(4);
    const done: string[] = [];
    const take = (name: string, source: string) => turns.take(() => done.push(name), source);
    for (let i = 0; i < 9; i++) take(`a${i}`, 'a');
    for (let i = 0; i < 4; i++) take(`b${i}`, 'b');
    const steps: string[][] = [done.splice(0)];
    for (let i = 0; i < 4; i++) {
      await turn();
      steps.push(done.splice(0));
    }
    expect(steps).toEqual([
      ['a0', 'a1', 'a2', 'a3'],
      // What was done at once is a part of the turn.
      [],
      ['a4', 'b0', 'a5', 'b1'],
      ['a6', 'b2', 'a7', 'b3'],
      ['a8'],
    ]);
  });

  it('gives half of a turn to sources that had nothing waiting', async () => {
    const turns = new Turns(4);
    const done: string[] = [];
    const take = (name: string, source: string) => turns.take(() => done.push(name), source);
    for (const source of ['a', 'b']) for (let i = 0; i < 8; i++) take(`${source}${i}`, source);
    await turn();
    await turn();
    done.splice(0);
    for (const source of ['c', 'd', 'e']) take(source, source);
    await turn();
    expect(done.splice(0)).toEqual(['a6', 'c', 'b2', 'd']);
    await turn();
    expect(done).toEqual(['a7', 'e', 'b3', 'b4']);
  });

  it('forgets what is withdrawn', async () => {
    const turns = new Turns(2);
    const done: string[] = [];
    const take = (name: string, source: string, isFurther = false) =>
      turns.take(() => done.push(name), source, isFurther);
    expect(take('old0', 'd', true)).toBeUndefined();
    const further = take('old1', 'd', true);
    expect(take('now0', 'a')).toBeUndefined();
    expect(take('now1', 'a')).toBeUndefined();
    const waiting = ['a0', 'a1', 'a2', 'b0', 'c0'].map((name) => take(name, name[0]!));
    for (const at of [0, 2, 4]) waiting[at]?.();
    further?.();
    further?.();
    await turn();
    await turn();
    expect(done.splice(0)).toEqual(['old0', 'now0', 'now1', 'a1', 'b0']);
    for (const name of ['now2', 'now3']) take(name, 'a');
    expect(take('later', 'a')).toBeTypeOf('function');
    // It is done long ago.
    waiting[1]?.();
    await turn();
    await turn();
    expect(done).toEqual(['now2', 'now3', 'later']);
  });

  it('takes one piece of a turn from what continues, three beside what begins', async () => {
    const turns = new Turns(2);
    const done: string[] = [];
    const take = (name: string, isFurther: boolean) =>
      turns.take(() => done.push(name), name, isFurther);
    const steps: string[][] = [];
    const step = async () => {
      await turn();
      steps.push(done.splice(0));
    };
    for (let i = 0; i < 9; i++) take(`old${i}`, true);
    expect(done.splice(0)).toEqual(['old0']);
    await step();
    await step();
    for (const name of ['new0', 'new1', 'new2']) take(name, false);
    expect(done.splice(0)).toEqual(['new0', 'new1']);
    for (let i = 0; i < 4; i++) await step();
    expect(steps).toEqual([
      [],
      ['old1'],
      ['old2', 'old3', 'old4'],
      ['new2', 'old5', 'old6', 'old7'],
      ['old8'],
      [],
    ]);
  });

  it('finishes what has begun while something begins in each turn', async () => {
    const turns = new Turns(4);
    let begun = 0;
    let left = 0;
    for (let i = 0; i < 300; i++) {
      // Each client goes on twice.
      turns.take(() => begun++, `client${i}`);
      for (let token = 0; token < 2; token++) {
        left++;
        turns.take(() => left--, `client${i} ${token}`, true);
      }
      await turn();
    }
    expect(begun).toBe(300);
    expect(left).toBeLessThan(10);
  });
});
