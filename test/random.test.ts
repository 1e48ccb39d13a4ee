import { afterEach, describe, expect, it, vi } from 'vitest';
import { systemRandom } from '../src/random.ts';

afterEach(() => vi.restoreAllMocks());

/** Puts a counter in place of the runtime's generator; returns how much was asked for each time. */
function countingGenerator(): number[] {
  const asked: number[] = [];
  let next = 0;
  vi.spyOn(globalThis.crypto, 'getRandomValues').mockImplementation((target) => {
    const bytes = target as unknown as Uint8Array;
    // As Web Crypto does.
    if (bytes.length > 65_536) throw new Error('QuotaExceededError');
    asked.push(bytes.length);
    for (let i = 0; i < bytes.length; i++) bytes[i] = 1 + (next++ % 255);
    return target;
  });
  return asked;
}

describe('the runtime’s randomness', () => {
  it('fills all of what is longer than a request may be', () => {
    const asked = countingGenerator();
    const target = new Uint8Array(2 * 65_536 + 5);
    systemRandom(target);
    expect(asked).toEqual([65_536, 65_536, 5]);
    expect(target.includes(0)).toBe(false);
  });

  it('is read in blocks, and gives no byte twice', () => {
    const asked = countingGenerator();
    // What an earlier caller left in the pool goes first.
    while (asked.length === 0) systemRandom(new Uint8Array(64));
    const taken: number[] = [];
    for (let i = 0; i < 1000; i++) {
      const target = new Uint8Array(16);
      systemRandom(target);
      taken.push(...target);
    }
    expect(asked).toEqual([4096, 4096, 4096, 4096]);
    const continued = taken.filter((byte, i) => i > 0 && byte === 1 + (taken[i - 1]! % 255));
    expect(continued).toHaveLength(taken.length - 1);
  });

  it('leaves a pool that is too short for the whole of a request', () => {
    const asked = countingGenerator();
    while (asked.length === 0) systemRandom(new Uint8Array(64));
    const first = new Uint8Array(4096);
    systemRandom(first);
    expect(asked).toEqual([4096, 4096]);
    expect(first.includes(0)).toBe(false);
    systemRandom(new Uint8Array());
    expect(asked).toHaveLength(2);
    systemRandom(new Uint8Array(1));
    expect(asked).toHaveLength(3);
  });
});
