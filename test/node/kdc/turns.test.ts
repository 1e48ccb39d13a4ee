import { describe, expect, it } from 'vitest';
import { Turns } from '../../../src/node/kdc/turns.ts';

/** The next turn of the event loop. */
const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('Turns', () => {
  it('does little work at once', () => {
    const turns = new Turns();
    const done: number[] = [];
    for (let i = 0; i < 3; i++) turns.take(() => done.push(i));
    expect(done).toEqual([0, 1, 2]);
  });

  it('spreads much work over turns, in order, and lets others come between', async () => {
    const turns = new Turns();
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
    expect(Math.max(...steps)).toBe(Math.min(16, steps[0]!));
    await turn();
    turns.take(() => done.push(100));
    expect(done).toHaveLength(101);
  });

  it('takes work that work brings', async () => {
    const turns = new Turns();
    let count = 0;
    const work = (): void => {
      count++;
      if (count < 50) turns.take(work);
    };
    turns.take(work);
    while (count < 50) await turn();
    expect(count).toBe(50);
  });
});
