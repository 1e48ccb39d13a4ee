import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Reader, Writer } from '../../src/bytes.ts';
import { writeWindow } from '../../src/context/export-format.ts';
import { readWindow } from '../../src/context/import.ts';
import { SequenceCounter, SequenceWindow } from '../../src/tokens/sequence.ts';
import { runs } from '../support/properties.ts';

const MASK = (1n << 64n) - 1n;

/** The window as RFC 2743 §1.2.3 and MIT krb5 define it, in plain BigInt. */
class Model {
  readonly #base: bigint;
  readonly #flags: { replay: boolean; sequence: boolean };
  readonly #mask: bigint;
  readonly #received = new Set<bigint>();
  #next = 0n;

  constructor(base: bigint, flags: { replay: boolean; sequence: boolean }, mask: bigint) {
    this.#base = base;
    this.#flags = flags;
    this.#mask = mask;
  }

  check(number: bigint): string {
    const { replay, sequence } = this.#flags;
    if (!replay && !sequence) return 'ok';
    const relative = (number - this.#base) & this.#mask;
    if (relative >= this.#next) {
      const gap = relative > this.#next;
      this.#received.add(relative);
      this.#next = (relative + 1n) & this.#mask;
      return gap && sequence ? 'gap' : 'ok';
    }
    if (this.#next - relative > 64n) return sequence ? 'unsequenced' : 'old';
    if (replay && this.#received.has(relative)) return 'duplicate';
    this.#received.add(relative);
    return sequence ? 'unsequenced' : 'ok';
  }
}

const flags = fc.record({ replay: fc.boolean(), sequence: fc.boolean() });
const base = fc.oneof(
  fc.integer({ min: 0, max: 0xffff_ffff }),
  fc.constantFrom(0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_fff0, 0xffff_ffff),
);
const step = fc.oneof(
  { weight: 6, arbitrary: fc.bigInt({ min: -3n, max: 4n }) },
  { weight: 3, arbitrary: fc.bigInt({ min: -70n, max: 70n }) },
  { weight: 1, arbitrary: fc.bigInt({ min: -(1n << 62n), max: 1n << 62n }) },
  { weight: 1, arbitrary: fc.constantFrom(31n, 32n, 33n, 63n, 64n, 65n, -63n, -64n, -65n) },
);

const BOTH = { replay: true, sequence: true };

describe('the sequence window', () => {
  for (const width of [64, 32] as const) {
    it(`agrees with the model at ${width} bits`, () => {
      const mask = width === 64 ? MASK : 0xffff_ffffn;
      fc.assert(
        fc.property(base, flags, fc.array(step, { maxLength: 150 }), (first, how, steps) => {
          const window = new SequenceWindow(first, { ...how, width });
          const model = new Model(BigInt(first), how, mask);
          // Peers send no number below their first one, and wrap around only once: relative numbers
          // stay within half of the range. (Like MIT krb5, the window treats a number below the
          // first as one far ahead.)
          let relative = 0n;
          for (const by of steps) {
            const number = (BigInt(first) + relative) & mask;
            const seen = window.check(Number(number >> 32n), Number(number & 0xffff_ffffn));
            expect(seen).toBe(model.check(number));
            const next = relative + by;
            if (next >= 0n && next < mask / 2n) relative = next;
          }
        }),
        { numRuns: runs(400) },
      );
    });
  }

  it('continues after being written and read', () => {
    fc.assert(
      fc.property(base, flags, fc.array(step), fc.array(step), (first, how, before, after) => {
        const window = new SequenceWindow(first, how);
        let number = BigInt(first);
        const halves = () => [Number(number >> 32n), Number(number & 0xffff_ffffn)] as const;
        for (const by of before) {
          window.check(...halves());
          number = (number + by) & MASK;
        }
        const writer = new Writer();
        writeWindow(writer, window);
        const copy = Reader.all(writer.finish(), 'window', readWindow);
        for (const by of after) {
          expect(copy.check(...halves())).toBe(window.check(...halves()));
          number = (number + by) & MASK;
        }
      }),
    );
  });

  it('reports the supplementary bits of RFC 2743 §1.2.3', () => {
    const both = new SequenceWindow(10, { replay: true, sequence: true });
    expect([10, 11, 13, 12, 12, 100, 20].map((n) => both.check(0, n))).toEqual([
      'ok',
      'ok',
      'gap',
      'unsequenced',
      'duplicate',
      'gap',
      'unsequenced',
    ]);
    const replayOnly = new SequenceWindow(10, { replay: true, sequence: false });
    expect([10, 200, 11, 199, 199].map((n) => replayOnly.check(0, n))).toEqual([
      'ok',
      'ok',
      'old',
      'ok',
      'duplicate',
    ]);
  });
});

describe('the edge of the sequence window', () => {
  // All of 0 to 99 arrived: every bit of the window is set, and 36 is the oldest number in it.
  function full(sequence: boolean): SequenceWindow {
    const window = new SequenceWindow(0, { replay: true, sequence });
    for (let n = 0; n < 100; n++) expect(window.check(0, n)).toBe('ok');
    return window;
  }

  it('is 64 numbers below the next one', () => {
    expect([36, 35, 0].map((n) => full(false).check(0, n))).toEqual(['duplicate', 'old', 'old']);
    expect([36, 35, 0].map((n) => full(true).check(0, n))).toEqual([
      'duplicate',
      'unsequenced',
      'unsequenced',
    ]);
  });

  it.each([1, 31, 32, 33, 62, 63, 64, 65])('moves by %i numbers', (by) => {
    const window = full(false);
    expect(window.check(0, 99 + by)).toBe('ok');
    const lowest = 99 + by - 63;
    for (let n = 99 + by; n >= lowest; n--) {
      // Each number of the window is a duplicate, each skipped one is not.
      const skipped = n > 99 && n < 99 + by;
      expect(window.check(0, n)).toBe(skipped ? 'ok' : 'duplicate');
      expect(window.check(0, n)).toBe('duplicate');
    }
    expect(window.check(0, lowest - 1)).toBe('old');
  });
});

describe('the window where the low half wraps around', () => {
  it('continues after exactly 2^32 numbers', () => {
    const window = new SequenceWindow(0, { replay: true, sequence: true });
    expect(window.check(0, 0xffff_ffff)).toBe('gap');
    expect(window.check(1, 0)).toBe('ok');
    expect(window.check(0, 0xffff_ffff)).toBe('duplicate');
    expect(window.check(1, 0)).toBe('duplicate');
    expect(window.check(1, 1)).toBe('ok');
    const narrow = new SequenceWindow(0, { replay: true, sequence: true, width: 32 });
    expect(narrow.check(0, 0xffff_ffff)).toBe('gap');
    expect(narrow.check(0, 0)).toBe('ok');
  });

  it('is as wide as elsewhere', () => {
    const window = new SequenceWindow(0, { replay: true, sequence: false });
    const first = 2 ** 32 - 40;
    const check = (n: number) => window.check(Math.floor(n / 2 ** 32), n % 2 ** 32);
    for (let n = first; n < first + 70; n++) expect(check(n)).toBe('ok');
    expect(check(first + 6)).toBe('duplicate');
    expect(check(first + 5)).toBe('old');
  });
});

describe('the window in the upper half of the numbers', () => {
  it('takes a number below the first for one far ahead, as MIT krb5 does', () => {
    const window = new SequenceWindow(10, BOTH);
    expect(window.check(0, 10)).toBe('ok');
    expect(window.check(0, 8)).toBe('gap');
    expect(window.check(0, 8)).toBe('duplicate');
    expect(window.check(0, 9)).toBe('ok');
    // That was the highest number relative to the first: the next one wraps around.
    expect(window.check(0, 10)).toBe('ok');
    expect(window.check(0, 10)).toBe('duplicate');
  });

  it('continues where the high half passes 2^31, and where it wraps around', () => {
    for (const [before, after] of [
      [0x7fff_ffff, 0x8000_0000],
      [0xffff_fffe, 0xffff_ffff],
      [0xffff_ffff, 0],
    ] as const) {
      for (const base of [0, 0x9000_0000]) {
        const high = (half: number) => (half + base) % 2 ** 32;
        const window = new SequenceWindow(0, { replay: true, sequence: true }, base);
        expect(window.check(high(before), 0xffff_ffff)).toBe('gap');
        expect(window.check(high(after), 0)).toBe('ok');
        expect(window.check(high(after), 0)).toBe('duplicate');
        expect(window.check(high(after), 1)).toBe('ok');
      }
    }
  });
});

describe('the number that was expected', () => {
  it.each<[string, number, number, 32 | 64, readonly [number, number][], string, string]>([
    [
      'a gap',
      0,
      5,
      64,
      [
        [0, 5],
        [0, 9],
      ],
      'gap',
      '6',
    ],
    ['a gap at the start', 0, 5, 64, [[0, 7]], 'gap', '5'],
    [
      'a repeated token',
      0,
      5,
      64,
      [
        [0, 5],
        [0, 6],
        [0, 5],
      ],
      'duplicate',
      '7',
    ],
    [
      'a late one',
      0,
      5,
      64,
      [
        [0, 5],
        [0, 8],
        [0, 6],
      ],
      'unsequenced',
      '9',
    ],
    [
      'a gap over 2^32',
      0,
      0xffff_ffff,
      64,
      [
        [0, 0xffff_ffff],
        [1, 1],
      ],
      'gap',
      '4294967296',
    ],
    [
      'a gap over 2^64',
      0xffff_ffff,
      0xffff_ffff,
      64,
      [
        [0xffff_ffff, 0xffff_ffff],
        [0, 1],
      ],
      'gap',
      '0',
    ],
    [
      'a gap over 2^32 of 32 bits',
      0,
      0xffff_ffff,
      32,
      [
        [0, 0xffff_ffff],
        [0, 1],
      ],
      'gap',
      '0',
    ],
  ])('is known after %s', (_, high, low, width, numbers, status, expected) => {
    const window = new SequenceWindow(low, { ...BOTH, width }, high);
    const verdicts = numbers.map(([high, low]) => window.check(high, low));
    expect(verdicts.at(-1)).toBe(status);
    expect(String(window.expected())).toBe(expected);
  });
});

describe('a window that was written', () => {
  function written(window: SequenceWindow): Uint8Array {
    const writer = new Writer();
    writeWindow(writer, window);
    return writer.finish();
  }

  it.each([32, 64] as const)('keeps its width of %i bits', (width) => {
    const flags = { replay: true, sequence: true, width };
    const window = new SequenceWindow(0xffff_ffff, flags, 7);
    expect(window.check(7, 0xffff_ffff)).toBe('ok');
    const copy = Reader.all(written(window), 'window', readWindow);
    // 32 bits wrap around and ignore the high half; 64 bits carry into it.
    expect(copy.check(width === 64 ? 8 : 3, 0)).toBe('ok');
    expect(copy.check(width === 64 ? 8 : 3, 0)).toBe('duplicate');
    if (width === 64) expect(copy.check(3, 1)).not.toBe('ok');
    else expect(copy.check(9, 1)).toBe('ok');
  });

  it.each([
    { replay: true, sequence: false },
    { replay: false, sequence: true },
    { replay: false, sequence: false },
  ])('keeps $replay and $sequence', (how) => {
    const window = new SequenceWindow(5, how);
    window.check(0, 6);
    const copy = Reader.all(written(window), 'window', readWindow);
    const narrow = new SequenceWindow(5, { ...how, width: 32 });
    narrow.check(0, 6);
    const narrowCopy = Reader.all(written(narrow), 'window', readWindow);
    for (const n of [6, 5, 9]) {
      const expected = window.check(0, n);
      expect(copy.check(0, n)).toBe(expected);
      expect(narrow.check(0, n)).toBe(expected);
      expect(narrowCopy.check(0, n)).toBe(expected);
    }
    expect(written(copy)).toEqual(written(window));
    expect(written(narrowCopy)).toEqual(written(narrow));
  });

  it('has flags, then the first number, the next one relative to it, and what was seen', () => {
    const at = (...halves: number[]) => {
      const bytes = new Uint8Array(4 * halves.length);
      for (const [i, half] of halves.entries()) new DataView(bytes.buffer).setUint32(4 * i, half);
      return bytes;
    };
    const window = new SequenceWindow(0xffff_fffe, BOTH, 0x8000_0007);
    expect(written(window)).toEqual(Uint8Array.of(7, ...at(0x8000_0007, 0xffff_fffe, 0, 0, 0, 0)));
    window.check(0x8000_0007, 0xffff_fffe);
    window.check(0x8000_0008, 29);
    // 31 behind the highest: the last bit of the low half.
    expect(written(window).subarray(9)).toEqual(at(0, 32, 0, 0x8000_0001));
    window.check(0x8000_0008, 30);
    expect(written(window).subarray(9)).toEqual(at(0, 33, 1, 3));
    for (let n = 0; n < 64; n++) window.check(0x8000_0008, 31 + n);
    expect(written(window).subarray(9)).toEqual(at(0, 97, 0xffff_ffff, 0xffff_ffff));
    const copy = Reader.all(written(window), 'window', readWindow);
    expect(written(copy)).toEqual(written(window));
  });

  it('has no flags but the three that there are', () => {
    const bytes = written(new SequenceWindow(0, { replay: true, sequence: true }));
    expect(bytes[0]).toBe(7);
    bytes[0] = 8;
    expect(() => Reader.all(bytes, 'window', readWindow)).toThrowError(
      expect.objectContaining({ message: expect.stringContaining('unknown flags') }),
    );
  });
});

describe('the sequence counter', () => {
  it('carries into the high half', () => {
    const counter = new SequenceCounter(0xffff_ffff);
    counter.increment();
    expect([counter.high, counter.low]).toEqual([1, 0]);
    const last = new SequenceCounter(0xffff_ffff, 0xffff_ffff);
    last.increment();
    expect([last.high, last.low]).toEqual([0, 0]);
  });

  it('takes numbers that were signed for what they are', () => {
    const counter = new SequenceCounter(-2);
    expect([counter.high, counter.low]).toEqual([0, 0xffff_fffe]);
    counter.increment();
    expect([counter.high, counter.low]).toEqual([0, 0xffff_ffff]);
    expect(new SequenceWindow(-2, BOTH).check(0, 0xffff_fffe)).toBe('ok');
  });

  it('reaches numbers above 2^31 in either half', () => {
    const counter = new SequenceCounter(0x7fff_ffff, 0x7fff_ffff);
    counter.increment();
    expect([counter.high, counter.low]).toEqual([0x7fff_ffff, 0x8000_0000]);
    const high = new SequenceCounter(0xffff_ffff, 0x7fff_ffff);
    high.increment();
    expect([high.high, high.low]).toEqual([0x8000_0000, 0]);
  });
});
