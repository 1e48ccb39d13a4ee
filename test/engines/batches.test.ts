import { describe, expect, it } from 'vitest';
import { Batches, MAX_BATCH } from '../../src/engines/batches.ts';

/** Batches to an engine that answers when told, with a clock that moves when told. */
function open() {
  const sent: { items: readonly number[]; settle: PromiseWithResolvers<readonly string[]> }[] = [];
  const timers = new Set<() => void>();
  const batches = new Batches<number, string>(
    (items) => {
      const settle = withResolvers<readonly string[]>();
      sent.push({ items, settle });
      return settle.promise;
    },
    (callback) => {
      timers.add(callback);
      return () => timers.delete(callback);
    },
  );
  return { batches, sent, timers };
}

interface PromiseWithResolvers<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
}

function withResolvers<T>(): PromiseWithResolvers<T> {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

describe('Batches', () => {
  it('sends at once while there is little to do, and together what comes meanwhile', async () => {
    const { batches, sent } = open();
    const answers = [1, 2, 3, 4].map((item) => batches.ask(item));
    expect(sent.map(({ items }) => items)).toEqual([[1], [2]]);
    sent[1]!.settle.resolve(['b']);
    expect(await answers[1]).toBe('b');
    expect(sent.map(({ items }) => items)).toEqual([[1], [2], [3, 4]]);
    sent[2]!.settle.resolve(['c', 'd']);
    expect(await Promise.all([answers[2], answers[3]])).toEqual(['c', 'd']);
    sent[0]!.settle.resolve(['a']);
    expect(await answers[0]).toBe('a');
  });

  it('has a bound for each batch', async () => {
    const { batches, sent } = open();
    for (let item = 0; item < 2 * MAX_BATCH + 3; item++) void batches.ask(item);
    sent[0]!.settle.resolve(['']);
    sent[1]!.settle.resolve(['']);
    await new Promise((resolve) => setTimeout(resolve));
    expect(sent.map(({ items }) => items.length)).toEqual([1, 1, MAX_BATCH, MAX_BATCH]);
  });

  it('fails all of a batch with it, and no other', async () => {
    const { batches, sent } = open();
    const answers = [1, 2, 3, 4].map((item) => batches.ask(item));
    const results = Promise.allSettled(answers);
    sent[0]!.settle.resolve(['a']);
    sent[1]!.settle.resolve(['b']);
    await answers[1];
    sent[2]!.settle.reject(new Error('out of memory'));
    expect((await results).map(({ status }) => status)).toEqual([
      'fulfilled',
      'fulfilled',
      'rejected',
      'rejected',
    ]);
    void batches.ask(5);
    expect(sent[3]!.items).toEqual([5]);
  });

  it.each([[[]], [['a', 'b']]])(
    'believes no answers that are not one for each: %j',
    async (few) => {
      const { batches, sent } = open();
      const answer = batches.ask(1);
      sent[0]!.settle.resolve(few);
      await expect(answer).rejects.toThrow('an answer for each item');
    },
  );

  it('does not wait for batches on a connection that is dead', async () => {
    const { batches, sent, timers } = open();
    for (const item of [1, 2, 3]) void batches.ask(item);
    expect(sent).toHaveLength(2);
    for (const expire of [...timers]) expire();
    expect(sent.map(({ items }) => items)).toEqual([[1], [2], [3]]);
    // When those return after all, they do not make room a second time.
    sent[0]!.settle.resolve(['']);
    sent[1]!.settle.resolve(['']);
    await new Promise((resolve) => setTimeout(resolve));
    for (const item of [4, 5]) void batches.ask(item);
    expect(sent.map(({ items }) => items)).toEqual([[1], [2], [3], [4]]);
  });

  it('leaves no timer behind', async () => {
    const { batches, sent, timers } = open();
    const answer = batches.ask(1);
    expect(timers.size).toBe(1);
    sent[0]!.settle.resolve(['a']);
    await answer;
    await new Promise((resolve) => setTimeout(resolve));
    expect(timers.size).toBe(0);
  });
});
