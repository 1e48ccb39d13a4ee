import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { FINGERPRINT_BYTES, FingerprintSet } from '../../src/ap/fingerprint-set.ts';
import { runs } from '../support/properties.ts';

/** Measures tables created from now on: bytes of the last one, number of slots visited. */
function watchTables(): { bytes: number; places: number } {
  const seen = { bytes: 0, places: 0 };
  const construct = (made: Uint32ArrayConstructor, [length]: [number]): Uint32Array => {
    const table = new made(length);
    seen.bytes = table.byteLength;
    let last = -1;
    return new Proxy(table, {
      get(words, key) {
        const index = typeof key === 'string' ? Number(key) : Number.NaN;
        if (Number.isNaN(index)) {
          const member: unknown = Reflect.get(words, key, words);
          return typeof member === 'function' ? member.bind(words) : member;
        }
        const place = index >> 2;
        if (place !== last) seen.places++;
        last = place;
        return words[index];
      },
      set: (words, key, value) => Reflect.set(words, key, value, words),
    });
  };
  vi.stubGlobal('Uint32Array', new Proxy(Uint32Array, { construct }));
  return seen;
}

afterEach(() => {
  vi.unstubAllGlobals();
});

describe('a set of fingerprints', () => {
  it('distinguishes ciphertexts by their last 16 bytes, except for the bit that marks a used slot', () => {
    for (const fill of [0x00, 0x55, 0xff]) {
      const first = new Uint8Array(24).fill(fill);
      const set = new FingerprintSet(1);
      expect(set.lookUp(first)).toBe(false);
      set.add(first);
      expect(set.lookUp(first)).toBe(true);
      for (let bit = 0; bit < 24 * 8; bit++) {
        const other = first.slice();
        other[bit >> 3]! ^= 1 << (bit & 7);
        // Byte 11 is the last of the first word.
        const same = bit < 8 * 8 || bit === 11 * 8;
        expect(set.lookUp(other)).toBe(same);
      }
    }
  });

  it('finds a fingerprint at any end index', () => {
    const set = new FingerprintSet(2);
    const bytes = Uint8Array.from({ length: 60 }, (_, at) => at * 7);
    set.add(bytes, 40);
    expect(set.lookUp(bytes, 40)).toBe(true);
    expect(set.lookUp(bytes.subarray(0, 40))).toBe(true);
    expect(set.lookUp(bytes.subarray(24, 40))).toBe(true);
    expect(set.lookUp(bytes, 41)).toBe(false);
    expect(set.lookUp(bytes)).toBe(false);
  });

  it('keeps all members while it grows, as a model does', () => {
    const members = fc.uniqueArray(fc.integer({ min: 0, max: 0xffff }), { maxLength: 400 });
    fc.assert(
      fc.property(fc.integer(), members, (seed, ids) => {
        const set = new FingerprintSet(seed);
        const bytes = new Uint8Array(16);
        const view = new DataView(bytes.buffer);
        const known = new Set<number>();
        for (const id of ids) {
          // They differ in one word of four.
          view.setUint32(12, id);
          expect(set.lookUp(bytes)).toBe(false);
          set.add(bytes);
          known.add(id);
          expect(set.size).toBe(known.size);
        }
        for (let id = 0; id < 500; id++) {
          view.setUint32(12, id);
          expect(set.lookUp(bytes)).toBe(known.has(id));
        }
        for (const id of ids) {
          view.setUint32(12, id);
          expect(set.lookUp(bytes)).toBe(true);
        }
      }),
      { numRuns: runs(50) },
    );
  });

  it('fills at most three quarters of its table, and never has one twice as large as needed', () => {
    const tables = watchTables();
    const set = new FingerprintSet(3);
    const bytes = new Uint8Array(16);
    const view = new DataView(bytes.buffer);
    let fullest = 0;
    let emptiest = 1;
    for (let n = 1; n <= 5000; n++) {
      view.setUint32(4, n);
      set.add(bytes);
      const full = (n * FINGERPRINT_BYTES) / tables.bytes;
      fullest = Math.max(fullest, full);
      // The first table has a fixed size.
      if (n > 48) emptiest = Math.min(emptiest, full);
    }
    expect(fullest).toBe(3 / 4);
    expect(emptiest).toBeGreaterThan(3 / 8);
  });

  // A client with patience can choose its ciphertexts. It must not be able to make them collide by a
  // pattern in one word, which works for every seed.
  describe.each([0, 4, 8, 12])('given a pattern in the word at %i', (offset) => {
    const patterns = [0x00, 0xff].flatMap((fill) =>
      // Shifted by 17: multiples of a power of two, which collide in a hash that drops its upper bits.
      [1, 17].flatMap((shift) => [0, 0xffff_ffff].map((seed) => ({ fill, shift, seed }))),
    );

    it.each(patterns)('finds all members in a few steps: %o', ({ fill, shift, seed }) => {
      const tables = watchTables();
      const set = new FingerprintSet(seed);
      const bytes = new Uint8Array(16).fill(fill);
      const view = new DataView(bytes.buffer);
      const write = (n: number): void =>
        view.setUint32(offset, (n << shift) | (n >>> (32 - shift)));
      // As full as a table gets.
      const members = 3 * 512;
      for (let n = 0; n < members; n++) {
        write(n);
        set.add(bytes);
      }
      tables.places = 0;
      for (let n = 0; n < members; n++) {
        write(n);
        expect(set.lookUp(bytes)).toBe(true);
      }
      // (1 + 1 / (1 - 3/4)) / 2 = 2.5 for random slots (Knuth, 6.4).
      expect(tables.places / members).toBeLessThan(4);
    });
  });
});
