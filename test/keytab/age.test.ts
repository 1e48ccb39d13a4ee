import { describe, expect, it } from 'vitest';
import { isNewer, newerThan, newestOf } from '../../src/keytab/age.ts';
import type { KeytabEntry } from '../../src/keytab/keytab.ts';
import { makeKeytab } from '../support/realm-kit.ts';

const LONG_AGO = 1_000_000_000;
const LATER = LONG_AGO + 60;

function entry(kvno: number, timestamp: number): KeytabEntry {
  return makeKeytab({ kvno, timestamp }).entries[0]!;
}

describe('the age of a key', () => {
  // As in MIT krb5, whose t_keytab.py passes 255 and 65535.
  it.each([
    [2, LATER, 1, LATER],
    [1, LATER, 255, LATER],
    [1, LATER, 255, LONG_AGO],
    [1, LATER, 65_535, LONG_AGO],
    [255, LATER, 1, LONG_AGO],
    [256, LONG_AGO, 255, LATER],
  ])('kvno %i of %i is newer than %i of %i', (kvno, at, otherKvno, otherAt) => {
    const [a, b] = [entry(kvno, at), entry(otherKvno, otherAt)];
    expect([isNewer(a, b), isNewer(b, a)]).toEqual([true, false]);
    expect(newestOf([a, b])).toBe(a);
    expect(newestOf([b, a])).toBe(a);
  });

  it.each([
    ['the next kvno', 4, LATER, 3, LONG_AGO, true],
    ['written at once', 4, LATER, 3, LATER, true],
    ['the same kvno', 3, LATER, 3, LONG_AGO, false],
    ['times unknown', 4, 0, 3, 0, true],
    ['one time unknown', 4, 0, 3, LATER, true],
    ['255 before what may be 258', 255, LONG_AGO, 2, LATER, false],
    ['255 with what may be 258', 255, LATER, 2, LATER, false],
    ['255 beside what may be 258, times unknown', 255, 0, 2, 0, false],
    ['255 of unknown time', 255, 0, 2, LATER, false],
    ['255 beside 2 of unknown time', 255, LATER, 2, 0, false],
    ['255 after 2', 255, LATER, 2, LONG_AGO, true],
    ['200 before what may be 265', 200, LONG_AGO, 9, LATER, false],
    ['300 before what may be 301', 300, LONG_AGO, 45, LATER, false],
    ['300 before 299 in 32 bits', 300, LONG_AGO, 299, LATER, true],
    ['every kvno', 4, LATER, 0, LONG_AGO, false],
  ])('is certain, or not: %s', (_, kvno, at, otherKvno, otherAt, isCertain) => {
    const [a, b] = [entry(kvno, at), entry(otherKvno, otherAt)];
    expect(newerThan([b], [a])).toEqual(isCertain ? [a] : []);
    // Whichever is newer, the older one is not.
    if (isCertain) expect(newerThan([a], [b])).toEqual([]);
  });

  it('is that of all others', () => {
    const [three, four, five] = [entry(3, LONG_AGO), entry(4, LONG_AGO), entry(5, LATER)];
    expect(newerThan([three, four], [four, five])).toEqual([five]);
    expect(newerThan([three, five], [four])).toEqual([]);
  });
});
