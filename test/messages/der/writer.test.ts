import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toHex } from '../../../src/bytes.ts';
import { DerReader, Tag } from '../../../src/messages/der/reader.ts';
import type { DerWriter, Write } from '../../../src/messages/der/writer.ts';
import { encodeDer } from '../../../src/messages/der/writer.ts';

const hex = (write: (writer: DerWriter) => void) => toHex(encodeDer(write, undefined));

describe('encodeDer', () => {
  it.each([
    [0, '020100'],
    [127, '02017f'],
    [128, '02020080'],
    [-1, '0201ff'],
    [-128, '020180'],
    [-129, '0202ff7f'],
    [2 ** 31, '02050080000000'],
    [-(2 ** 31), '020480000000'],
    [2 ** 32 - 1, '020500ffffffff'],
  ])('writes %i in the fewest bytes', (value, expected) => {
    expect(hex((writer) => writer.integer(value, -(2 ** 40), 2 ** 40))).toBe(expected);
  });

  it('refuses numbers outside of their range', () => {
    for (const value of [-1, 6, 1.5, Number.NaN]) {
      expect(() => hex((writer) => writer.integer(value, 0, 5))).toThrow(RangeError);
    }
  });

  it.each([0, 127, 128, 255, 256, 65_535, 65_536, 0x100_0000])(
    'announces %i bytes in the shortest form, at every level',
    (length) => {
      const contents = new Uint8Array(length).fill(0x61);
      const bytes = encodeDer((writer) => {
        const outer = writer.begin(Tag.sequence);
        writer.field(1, (w, value: Uint8Array) => w.octetString(value), contents);
        writer.end(outer);
      }, undefined);
      const read = DerReader.all(bytes, 'test', (reader) => {
        const outer = reader.enter(Tag.sequence);
        const value = reader.field(1, (r) => r.octetString());
        reader.leave(outer);
        return value;
      });
      expect(read.length).toBe(length);
      expect(read.every((byte) => byte === 0x61)).toBe(true);
    },
  );

  it('writes every primitive type', () => {
    expect(hex((writer) => writer.boolean(true))).toBe('0101ff');
    expect(hex((writer) => writer.boolean(false))).toBe('010100');
    expect(hex((writer) => writer.enumerated(2))).toBe('0a0102');
    expect(hex((writer) => writer.flags(0xfedcba98))).toBe('030500fedcba98');
    expect(hex((writer) => writer.generalizedTime(0))).toBe('180f31393730303130313030303030305a');
    expect(hex((writer) => writer.generalString('A\u00e4'))).toBe('1b0341c3a4');
    expect(hex((writer) => writer.utf8String('A'))).toBe('0c0141');
    expect(hex((writer) => writer.objectIdentifier(Uint8Array.of(0x2b, 5)))).toBe('06022b05');
    expect(hex((writer) => writer.raw(Uint8Array.of(5, 0)))).toBe('0500');
  });

  it('leaves out fields that are undefined', () => {
    const writeOctets: Write<Uint8Array> = (writer, value) => writer.octetString(value);
    expect(hex((writer) => writer.optional(3, writeOctets, undefined))).toBe('');
    expect(hex((writer) => writer.optional(3, writeOctets, new Uint8Array()))).toBe('a3020400');
  });

  it('fills a buffer of exactly the size that it measured', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 8 }), (items) => {
        const bytes = encodeDer((writer) => {
          writer.list(items, (w, item) => w.octetString(item));
        }, undefined);
        expect(bytes.byteLength).toBe(bytes.buffer.byteLength);
        const read = DerReader.all(bytes, 'test', (reader) =>
          reader.list(8, (r) => r.octetString()),
        );
        expect(read).toEqual(items);
      }),
    );
  });

  it('encloses a value in an OCTET STRING, with the room that it asks for', () => {
    const size = fc.integer({ min: 0, max: 300 });
    fc.assert(
      fc.property(fc.array(size, { maxLength: 5 }), size, size, size, (items, length, b, a) => {
        const value = new Uint8Array(length).fill(0x61);
        const measured: number[] = [];
        const bytes = encodeDer(
          (writer) => {
            const outer = writer.begin(Tag.sequence);
            writer.enclosed(
              (w) => {
                const begun = w.begin(Tag.sequence);
                for (const item of items) w.octetString(new Uint8Array(item).fill(0x62));
                w.octetString(value);
                w.end(begun);
              },
              undefined,
              (inner) => {
                measured.push(inner);
                return { before: b, after: a };
              },
            );
            writer.octetString(value);
            writer.end(outer);
          },
          undefined,
          () => ({ before: 7, after: 9 }),
        );
        expect(bytes.subarray(0, 7)).toEqual(new Uint8Array(7));
        expect(bytes.subarray(bytes.length - 9)).toEqual(new Uint8Array(9));
        const [enclosed, after] = DerReader.all(
          bytes.subarray(7, bytes.length - 9),
          'test',
          (reader) => reader.list(2, (r) => r.octetString()),
        );
        expect(after).toEqual(value);
        expect(measured).toEqual([enclosed!.length - b - a]);
        expect(enclosed!.subarray(0, b)).toEqual(new Uint8Array(b));
        expect(enclosed!.subarray(enclosed!.length - a)).toEqual(new Uint8Array(a));
        const inside = enclosed!.subarray(b, enclosed!.length - a);
        const read = DerReader.all(inside, 'test', (reader) =>
          reader.list(6, (r) => r.octetString()),
        );
        expect(read.map((each) => each.length)).toEqual([...items, length]);
      }),
    );
  });
});
