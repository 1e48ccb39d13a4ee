import { describe, expect, it, vi } from 'vitest';
import type { Turn } from '../../../src/node/kdc/in-turn.ts';
import { firstInTurn } from '../../../src/node/kdc/in-turn.ts';

/** Items that end when the test says so. */
function items(...names: readonly string[]) {
  const begun: string[] = [];
  const ends = new Map<string, Ends>();
  let over = false;
  const turn: Turn<string, string> = {
    begin: (name) => {
      begun.push(name);
      return new Promise((resolve, reject) => ends.set(name, { resolve, reject }));
    },
    patience: () => 1000,
    isOver: () => over,
    onLate: vi.fn(),
    onFailure: vi.fn(),
  };
  return {
    begun,
    turn,
    first: firstInTurn(names, turn),
    end: (name: string, result?: string) => ends.get(name)!.resolve(result),
    fail: (name: string) => ends.get(name)!.reject(new Error(name)),
    stop: () => {
      over = true;
    },
  };
}

interface Ends {
  readonly resolve: (result?: string) => void;
  readonly reject: (error: Error) => void;
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('firstInTurn', () => {
  it('begins nothing after a result', async () => {
    const { begun, first, end } = items('a', 'b');
    end('a', 'result');
    expect(await first).toBe('result');
    await settled();
    expect(begun).toEqual(['a']);
  });

  it('begins the next after a failure, and after no result', async () => {
    const { begun, turn, first, end, fail } = items('a', 'b', 'c');
    fail('a');
    await settled();
    end('b');
    await settled();
    end('c', 'result');
    expect(await first).toBe('result');
    expect(begun).toEqual(['a', 'b', 'c']);
    expect(turn.onFailure).toHaveBeenCalledExactlyOnceWith('a', new Error('a'));
  });

  it('rejects with the last error when all have failed', async () => {
    const { first, fail } = items('a', 'b');
    fail('a');
    await settled();
    fail('b');
    await expect(first).rejects.toThrow('b');
  });

  it('begins the next beside one that is late, and takes the first result', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const { begun, turn, first, end } = items('a', 'b');
      vi.advanceTimersByTime(999);
      expect(begun).toEqual(['a']);
      vi.advanceTimersByTime(1);
      expect(begun).toEqual(['a', 'b']);
      expect(turn.onLate).toHaveBeenCalledExactlyOnceWith('a');
      end('a', 'result');
      expect(await first).toBe('result');
      end('b', 'another');
      await settled();
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });

  it('begins nothing more when it is over', async () => {
    const { begun, first, fail, stop } = items('a', 'b');
    stop();
    fail('a');
    await expect(first).rejects.toThrow('a');
    expect(begun).toEqual(['a']);
  });
});
