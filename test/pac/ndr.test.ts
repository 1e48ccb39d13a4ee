import { describe, expect, test } from 'vitest';
import { DecodeError } from '../../src/errors.ts';
import type { NdrReader } from '../../src/pac/ndr.ts';
import { readNdr } from '../../src/pac/ndr.ts';
import { NdrWriter } from '../../src/testing/ndr-writer.ts';
import { thrownBy } from '../support/pac.ts';

/** What is read of an object that was written so. */
function read<T>(write: (ndr: NdrWriter) => void, reader: (ndr: NdrReader) => T): T {
  return readNdr(NdrWriter.object(write), 'object', reader);
}

function refusal(write: (ndr: NdrWriter) => void, reader: (ndr: NdrReader) => unknown): unknown {
  const error = thrownBy(() => read(write, reader));
  expect(error).toBeInstanceOf(DecodeError);
  return (error as DecodeError).message;
}

test('numbers are aligned to their size, from the start of the object', () => {
  const numbers = read(
    (ndr) => ndr.u16(1).u64(2n).u16(3).u32(4).u16(5).u16(6),
    (ndr) => [ndr.u16(), ndr.u64(), ndr.u16(), ndr.u32(), ndr.u16(), ndr.u16()],
  );
  expect(numbers).toEqual([1, 2n, 3, 4, 5, 6]);
});

describe('an RPC_UNICODE_STRING', () => {
  const text = (ndr: NdrReader) => ndr.unicodeText(ndr.unicodeString());

  test('that is null is empty, if it says so', () => {
    const header = (length: number) => (ndr: NdrWriter) => ndr.u16(length).u16(0).pointer(false);
    expect(read(header(0), text)).toBe('');
    expect(refusal(header(2), text)).toBe("object lacks a string's text");
  });

  const written = (length: number, content: string, maximum = content.length, offset = 0) => {
    return (ndr: NdrWriter) => {
      ndr.u16(length).u16(length).pointer(true).u32(maximum).u32(offset).u32(content.length);
      for (let i = 0; i < content.length; i++) ndr.u16(content.charCodeAt(i));
    };
  };

  test.each([
    [0, '', ''],
    [0, 'beyond', ''],
    [6, 'abcd', 'abc'],
    // With and without its terminator counted; but one alone.
    [6, 'ab\0', 'ab'],
    [2, '\0', ''],
  ])('of %i bytes of %j is %j', (length, content, expected) => {
    expect(read(written(length, content), text)).toBe(expected);
    expect(read(written(length, content, 100), text)).toBe(expected);
  });

  test.each([
    [written(4, 'a'), 'object holds a string shorter than announced'],
    [written(1, 'a'), 'object holds a string shorter than announced'],
    [written(2, 'a', 0), 'object holds a malformed string'],
    [written(2, 'a', 2, 1), 'object holds a malformed string'],
    [written(6, 'a\0b'), 'object holds a NUL inside a string'],
    [written(6, 'a\0\0'), 'object holds a NUL inside a string'],
    [written(2, '\ud83d'), 'object holds a lone surrogate'],
  ])('that lies is refused: %#', (write, message) => {
    expect(refusal(write, text)).toBe(message);
  });
});

describe('a terminated string', () => {
  const written = (content: string) => (ndr: NdrWriter) => ndr.unicodeText(content);
  const text = (ndr: NdrReader) => ndr.wideString();

  test('ends where it says', () => {
    expect(read(written('\0'), text)).toBe('');
    expect(read(written('ab\0'), text)).toBe('ab');
    for (const content of ['', 'ab', 'ab\0\u0100', 'ab\u0001']) {
      expect(refusal(written(content), text)).toBe('object holds a string without its end');
    }
  });
});

describe('a SID', () => {
  const SID = 'S-1-5-21-1-2-3';
  const sid = (ndr: NdrReader) => ndr.sid();

  test('has as many parts as its array', () => {
    expect(read((ndr) => ndr.sid(SID), sid)).toBe(SID);
    for (const count of [0, 3, 5]) {
      const bytes = NdrWriter.object((ndr) => ndr.sid(SID));
      // Behind both headers and the pointer.
      bytes[20] = count;
      expect(thrownBy(() => readNdr(bytes, 'object', sid))).toMatchObject({
        name: 'DecodeError',
        message: 'object holds a malformed SID',
      });
    }
  });

  test('that ends within its header is refused', () => {
    const empty = (ndr: NdrWriter) => ndr.u32(0);
    expect(refusal(empty, sid)).toMatch(/^object (is truncated|holds a malformed SID)/);
  });
});

test('an array that cannot be there is refused before it is made', () => {
  const count = (ndr: NdrReader) => ndr.count(8);
  expect(read((ndr) => ndr.u32(1).u64(0n), count)).toBe(1);
  expect(refusal((ndr) => ndr.u32(2).u64(0n), count)).toBe(
    'object announces 2 elements, more than it can hold',
  );
  expect(
    refusal(
      (ndr) => ndr.u32(0xffffffff).u64(0n),
      (ndr) => ndr.bytes(0xffffffff),
    ),
  ).toBe('object announces 4294967295 elements, more than it can hold');
  expect(
    refusal(
      (ndr) => ndr.u32(3).u32(0),
      (ndr) => ndr.bytes(2),
    ),
  ).toBe('object announces 2 elements and holds 3');
});
