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

/** What was asked in one turn is sent when it is over. */
const turn = () => new Promise((resolve) => setTimeout(resolve));

describe('Batches', () => {
  it('sends together what comes in one turn, and what comes while two are under way', async () => {
    const { batches, sent } = open();
    const answers = [1, 2].map((item) => batches.ask(item));
    expect(sent).toEqual([]);
    await turn();
    answers.push(batches.ask(3));
    await turn();
    answers.push(batches.ask(4));
    await turn();
    answers.push(batches.ask(5));
    await turn();
    expect(sent.map(({ items }) => items)).toEqual([[1, 2], [3]]);
    sent[1]!.settle.resolve(['c']);
    expect(await answers[2]).toBe('c');
    await turn();
    expect(sent.map(({ items }) => items)).toEqual([[1, 2], [3], [4, 5]]);
    sent[2]!.settle.resolve(['d', 'e']);
    expect(await Promise.all([answers[3], answers[4]])).toEqual(['d', 'e']);
    sent[0]!.settle.resolve(['a', 'b']);
    expect(await Promise.all([answers[0], answers[1]])).toEqual(['a', 'b']);
  });

  it('sends together what all clients ask that a batch has answered', async () => {
    const { batches, sent } = open();
    const client = async (item: number): Promise<void> => {
      await batches.ask(item);
      await undefined;
      await batches.ask(item + 10);
    };
    for (const item of [1, 2, 3]) void client(item);
    await turn();
    sent[0]!.settle.resolve(['', '', '']);
    await turn();
    expect(sent.map(({ items }) => items)).toEqual([
      [1, 2, 3],
      [11, 12, 13],
    ]);
  });

  it.each([
    [31, [31]],
    [32, [16, 16]],
    [64, [32, 32]],
    [2 * MAX_BATCH + 3, [MAX_BATCH, MAX_BATCH]],
  ])('sends %i in batches of %j, of which two may be under way', async (count, sizes) => {
    const { batches, sent } = open();
    for (let item = 0; item < count; item++) void batches.ask(item);
    await turn();
    expect(sent.map(({ items }) => items.length)).toEqual(sizes);
  });

  it('fails all of a batch with it, and no other', async () => {
    const { batches, sent } = open();
    const asked: Promise<string>[] = [];
    for (const items of [[1], [2], [3, 4]]) {
      asked.push(...items.map((item) => batches.ask(item)));
      await turn();
    }
    const results = Promise.allSettled(asked);
    sent[0]!.settle.resolve(['a']);
    sent[1]!.settle.resolve(['b']);
    await asked[1];
    await turn();
    sent[2]!.settle.reject(new Error('out of memory'));
    expect((await results).map(({ status }) => status)).toEqual([
      'fulfilled',
      'fulfilled',
      'rejected',
      'rejected',
    ]);
    void batches.ask(5);
    await turn();
    expect(sent[3]!.items).toEqual([5]);
  });

  it.each([[[]], [['a', 'b']]])(
    'believes no answers that are not one for each: %j',
    async (few) => {
      const { batches, sent } = open();
      const answer = batches.ask(1);
      await turn();
      sent[0]!.settle.resolve(few);
      await expect(answer).rejects.toThrow('an answer for each item');
    },
  );

  it('does not wait for batches on a connection that is dead', async () => {
    const { batches, sent, timers } = open();
    for (const item of [1, 2, 3]) {
      void batches.ask(item);
      await turn();
    }
    expect(sent).toHaveLength(2);
    for (const expire of [...timers]) expire();
    expect(sent.map(({ items }) => items)).toEqual([[1], [2], [3]]);
    // When those return after all, they do not make room a second time.
    sent[0]!.settle.resolve(['']);
    sent[1]!.settle.resolve(['']);
    await turn();
    for (const item of [4, 5]) {
      void batches.ask(item);
      await turn();
    }
    expect(sent.map(({ items }) => items)).toEqual([[1], [2], [3], [4]]);
  });

  it('leaves no timer behind', async () => {
    const { batches, sent, timers } = open();
    const answer = batches.ask(1);
    await turn();
    expect(timers.size).toBe(1);
    sent[0]!.settle.resolve(['a']);
    await answer;
    await turn();
    expect(timers.size).toBe(0);
  });
});
