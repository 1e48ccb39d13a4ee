import { afterEach, describe, expect, it, vi } from 'vitest';
import type { RandomSource } from '../src/random.ts';
import { checkedRandom, contextRandom, systemRandom } from '../src/random.ts';

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

  it('is asked at each call: nothing is fetched ahead that a clone would have as well', () => {
    const asked = countingGenerator();
    for (const length of [4, 16, 32]) systemRandom(new Uint8Array(length));
    expect(asked).toEqual([4, 16, 32]);
  });
});

describe('the randomness of a context', () => {
  it('is read in blocks of its own, and gives no byte twice', () => {
    const asked = countingGenerator();
    const taken: number[] = [];
    const first = contextRandom();
    const other = contextRandom();
    expect(asked).toEqual([]);
    for (const length of [32, 4, 16, 16, 1, 15, ...Array<number>(40).fill(16)]) {
      const target = new Uint8Array(length);
      first(target);
      taken.push(...target);
    }
    // What is left of a block that is too short is not used.
    expect(asked).toEqual([64, 256, 256, 256]);
    expect(taken.every((byte) => byte > 0)).toBe(true);
    expect(new Set(taken.slice(0, 240)).size).toBe(240);
    asked.length = 0;
    other(new Uint8Array(16));
    expect(asked).toEqual([64]);
  });

  it('leaves what is longer than a key to the runtime', () => {
    const asked = countingGenerator();
    const random = contextRandom();
    random(new Uint8Array(65));
    random(new Uint8Array());
    expect(asked).toEqual([65]);
  });
});

describe('the randomness of an application', () => {
  it('is taken where it writes, and for what is too short to tell', () => {
    const target = new Uint8Array(16);
    checkedRandom((bytes) => bytes.set([1], 15))(target);
    expect(target[15]).toBe(1);
    checkedRandom(() => {})(new Uint8Array(15));
  });

  it.each<[string, RandomSource, string]>([
    ['writes nothing', () => {}, 'the option random wrote nothing'],
    [
      'throws',
      () => {
        throw new Error('no entropy');
      },
      'the option random threw',
    ],
  ])('that %s is refused', (_, random, hint) => {
    expect(() => checkedRandom(random)(new Uint8Array(16))).toThrow(
      expect.objectContaining({ code: 'KRB_ERR_GENERIC', hint: expect.stringContaining(hint) }),
    );
  });
});
