import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import type { StopSignal } from '../../src/ap/patience.ts';
import { Answerer, Patience } from '../../src/ap/patience.ts';
import { KerberosError } from '../../src/errors.ts';
import type { Timer } from '../../src/time.ts';

function make() {
  const timers: { callback: () => void; milliseconds: number; isOn: boolean }[] = [];
  const timer: Timer = (callback, milliseconds) => {
    const one = { callback, milliseconds, isOn: true };
    timers.push(one);
    return () => {
      one.isOn = false;
    };
  };
  const patience = new Patience({ timer, deadline: 5 });
  const answerer = new Answerer('cache', 'KRB5_RC_IO', 'replay.cache-silent');
  return {
    patience,
    answerer,
    timers,
    wait: (answer: unknown) => wait(patience, answerer, answer),
  };
}

function wait(patience: ReturnType<typeof make>['patience'], answerer: Answerer, answer: unknown) {
  return patience.wait(answer as PromiseLike<unknown>, answerer);
}

/** What a thenable does with the functions that it gets. */
function thenable(
  act: (resolve: (value: unknown) => void, reject: (error: unknown) => void) => void,
) {
  // biome-ignore lint/suspicious/noThenProperty: that is what is tested.
  return { then: act };
}

const NEVER = new Promise<never>(() => {});

describe('Patience', () => {
  it('passes an answer on, and clears up', async () => {
    const { wait, answerer, timers } = make();
    const controller = new AbortController();
    const answer = wait(Promise.resolve(7));
    expect(answerer.waiting).toBe(1);
    expect(timers).toMatchObject([{ milliseconds: 5000, isOn: true }]);
    expect(await answer).toBe(7);
    expect(answerer.waiting).toBe(0);
    expect(timers[0]!.isOn).toBe(false);
    controller.abort();
    const fault = new Error('no');
    await expect(wait(Promise.reject(fault))).rejects.toBe(fault);
    expect(answerer.waiting).toBe(0);
  });

  it('ends at the deadline; a later answer is dropped', async () => {
    const { wait, answerer, timers } = make();
    let answerLate = (_: unknown): void => {};
    const answer = wait(thenable((resolve) => (answerLate = resolve)));
    await undefined;
    timers[0]!.callback();
    await expect(answer).rejects.toMatchObject({
      code: 'KRB5_RC_IO',
      reason: 'replay.cache-silent',
      detail: { name: 'cache', seconds: 5 },
    });
    answerLate(1);
    timers[0]!.callback();
    expect(answerer.waiting).toBe(0);
  });

  it('ends with an abort, and does not begin after one', async () => {
    const { patience, wait, answerer, timers } = make();
    const answer = wait(NEVER);
    const cause = new Error('gone');
    patience.abort(cause);
    const aborted = expect.objectContaining({ reason: 'fault.aborted', cause });
    await expect(answer).rejects.toEqual(aborted);
    await expect(wait(Promise.resolve(1))).rejects.toEqual(aborted);
    expect(answerer.waiting).toBe(0);
    expect(timers.map(({ isOn }) => isOn)).toEqual([false, false]);
  });

  it('listens to the signal only while it waits', async () => {
    const { patience, wait } = make();
    const controller = new AbortController();
    patience.signal = controller.signal;
    expect(await wait(Promise.resolve(1))).toBe(1);
    const answer = wait(NEVER);
    controller.abort(new Error('gone'));
    await expect(answer).rejects.toMatchObject({ reason: 'fault.aborted' });
    expect(patience.aborted).toBeInstanceOf(KerberosError);
  });

  it.each([
    ['settles twice', thenable((resolve, reject) => [resolve(1), reject(2), resolve(3)])],
    [
      'settles, and then throws',
      thenable((resolve) => {
        resolve(1);
        throw new Error('late');
      }),
    ],
    ['answers with another one', thenable((resolve) => resolve(thenable((next) => next(1))))],
    [
      'is a promise with a method of its own',
      Object.assign(
        Promise.resolve(1),
        thenable((resolve) => resolve(NEVER)),
      ),
    ],
  ])('takes the first answer of what %s', async (_, answer) => {
    const { wait, answerer } = make();
    expect(await wait(answer)).toBe(1);
    expect(answerer.waiting).toBe(0);
  });

  it('waits no longer than the deadline for an answer that is another promise', async () => {
    const { wait, timers } = make();
    const answer = wait(thenable((resolve) => resolve(NEVER)));
    await undefined;
    timers[0]!.callback();
    await expect(answer).rejects.toMatchObject({ reason: 'replay.cache-silent' });
  });

  it('rejects with what a signal throws', async () => {
    const { patience, wait, answerer } = make();
    const fault = new Error('no listeners');
    const signal = (method: string): StopSignal => ({
      aborted: false,
      reason: undefined,
      addEventListener: () => {},
      removeEventListener: () => {},
      [method]: () => {
        throw fault;
      },
    });
    for (const method of ['addEventListener', 'removeEventListener']) {
      patience.signal = signal(method);
      await expect(wait(Promise.resolve(1))).rejects.toBe(fault);
    }
    expect(answerer.waiting).toBe(0);
  });

  it('lets an exchange go whose answer never comes', async () => {
    setFlagsFromString('--expose-gc');
    const gc = runInNewContext('gc') as () => void;
    const waitInVain = async (): Promise<WeakRef<object>> => {
      const { patience, wait, timers } = make();
      const answer = wait(NEVER);
      timers[0]!.callback();
      // Not with `expect`, which keeps the error and so what is on its stack.
      await answer.catch(() => {});
      return new WeakRef(patience);
    };
    const held = await waitInVain();
    await new Promise(setImmediate);
    gc();
    expect(held.deref()).toBeUndefined();
  });
});
