import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeUtf8, fromHex, toHex } from '../../../src/bytes.ts';
import { DecodeError } from '../../../src/errors.ts';
import type { Read } from '../../../src/messages/der/reader.ts';
import { DerReader, Tag, tagName } from '../../../src/messages/der/reader.ts';

const read = <T>(hex: string, as: Read<T>): T => DerReader.all(fromHex(hex), 'test', as);
const octets = (hex: string) => toHex(read(hex, (reader) => reader.octetString()));
const integer = (hex: string) => read(hex, (reader) => reader.integer(-(2 ** 47), 2 ** 47));
const flags = (hex: string) => read(hex, (reader) => reader.flags());
const text = (hex: string) => read(hex, (reader) => reader.generalString());

describe('lengths (X.690 §10.1)', () => {
  it.each([0, 1, 127, 128, 255, 256, 65_535, 65_536])('reads %i bytes', (length) => {
    const header = { 128: '8180', 255: '81ff', 256: '820100', 65535: '82ffff', 65536: '83010000' };
    const short = length.toString(16).padStart(2, '0');
    const announced = length < 128 ? short : header[length as keyof typeof header];
    expect(octets(`04${announced}${'61'.repeat(length)}`)).toBe('61'.repeat(length));
  });

  it.each([
    ['0480', /indefinite length/],
    ['04800000', /indefinite length/],
    ['0485000000000161', /length of 5 bytes/],
    ['04ff', /length of 127 bytes/],
    ['048261', /truncated length/],
    ['04810161', /shortest form/],
    [`04820080${'61'.repeat(128)}`, /shortest form/],
    [`0483000100${'61'.repeat(256)}`, /shortest form/],
    ['0484ffffffff61', /4294967295 bytes announced/],
    ['04847fffffff', /2147483647 bytes announced/],
    ['0402 61', /2 bytes announced/],
    ['04', /truncated: OCTET STRING expected at byte 0/],
    ['', /truncated: OCTET STRING expected/],
    ['040161 00', /1 unexpected bytes at byte 3/],
    ['0301 00', /OCTET STRING expected, got BIT STRING at byte 0/],
    ['240104', /OCTET STRING expected, got 0x24/],
    ['1f0401 61', /OCTET STRING expected, got 0x1f/],
  ])('refuses %s', (hex, message) => {
    expect(() => octets(hex)).toThrow(DecodeError);
    expect(() => octets(hex)).toThrow(message);
  });

  it('does not look past the element that it is in', () => {
    const bytes = fromHex('3003 0402 6161');
    expect(() =>
      DerReader.all(bytes, 'test', (reader) => {
        const outer = reader.enter(Tag.sequence);
        reader.octetString();
        reader.leave(outer);
      }),
    ).toThrow(/2 bytes announced/);
  });
});

describe('INTEGER', () => {
  it.each([
    ['020100', 0],
    ['02017f', 127],
    ['02020080', 128],
    ['0201ff', -1],
    ['020180', -128],
    ['0202ff7f', -129],
    ['02047fffffff', 2_147_483_647],
    ['020480000000', -2_147_483_648],
    ['020500ffffffff', 4_294_967_295],
  ])('%s is %i', (hex, value) => {
    expect(integer(hex)).toBe(value);
  });

  it.each([
    ['0200', /INTEGER of 0 bytes/],
    ['02020000', /padding/],
    ['0202007f', /padding/],
    ['0202ff80', /padding/],
    ['0207 01000000000000', /INTEGER of 7 bytes/],
  ])('refuses %s', (hex, message) => {
    expect(() => integer(hex)).toThrow(DecodeError);
    expect(() => integer(hex)).toThrow(message);
  });

  it('keeps to its range, and ENUMERATED to its own', () => {
    expect(() => read('020106', (reader) => reader.integer(0, 5))).toThrow(/INTEGER 6 out of/);
    expect(() => read('0201ff', (reader) => reader.integer(0, 5))).toThrow(/INTEGER -1 out of/);
    expect(read('0a0103', (reader) => reader.enumerated(3))).toBe(3);
    expect(() => read('0a0104', (reader) => reader.enumerated(3))).toThrow(DecodeError);
    expect(() => read('020103', (reader) => reader.enumerated(3))).toThrow(/ENUMERATED expected/);
  });
});

describe('KerberosFlags (RFC 4120 §5.2.8)', () => {
  it.each([
    ['030500fedcba98', 0xfedcba98],
    ['03050020000000', 0x20000000],
    ['030100', 0],
    ['03020520', 0x20000000],
    ['03020680', 0x80000000],
    ['030700fedcba98ffff', 0xfedcba98],
    ['03060400000000f0', 0],
  ])('%s is %i', (hex, value) => {
    expect(flags(hex)).toBe(value);
  });

  it.each(['0300', '030101', '03020880', '030201ff', '0302ff00', '03060500000000f0'])(
    'refuses %s',
    (hex) => {
      expect(() => flags(hex)).toThrow(DecodeError);
      expect(() => flags(hex)).toThrow(/malformed BIT STRING/);
    },
  );
});

describe('strings', () => {
  it('reads any UTF-8, whatever its length', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 30 }), (value) => {
        const bytes = encodeUtf8(value);
        const hex = bytes.length.toString(16).padStart(2, '0') + toHex(bytes);
        expect(text(`1b${hex}`)).toBe(value);
        expect(read(`0c${hex}`, (reader) => reader.utf8String())).toBe(value);
      }),
    );
  });

  it('keeps NUL and a byte order mark, which distinguish names', () => {
    expect(text('1b03 610062')).toBe('a\0b');
    expect(text('1b04 efbbbf61')).toBe('\ufeffa');
  });

  it.each(['ff', '6162c3', 'c080', 'eda080', 'f5808080', '61626364e4', '80'])(
    'refuses %s, which is not UTF-8',
    (hex) => {
      const length = (hex.length / 2).toString(16).padStart(2, '0');
      expect(() => text(`1b${length}${hex}`)).toThrow(DecodeError);
      expect(() => text(`1b${length}${hex}`)).toThrow(/test is not valid UTF-8/);
    },
  );
});

describe('other types', () => {
  it('BOOLEAN is 00 or FF', () => {
    const boolean = (hex: string) => read(hex, (reader) => reader.boolean());
    expect(boolean('010100')).toBe(false);
    expect(boolean('0101ff')).toBe(true);
    for (const hex of ['010101', '0100', '01020000'])
      expect(() => boolean(hex)).toThrow(DecodeError);
  });

  it('OBJECT IDENTIFIER is well-formed', () => {
    const oid = (hex: string) => toHex(read(hex, (reader) => reader.objectIdentifier()));
    expect(oid('06092a864886f712010202')).toBe('2a864886f712010202');
    for (const hex of ['0600', '060180', '06022a80', '06032a8001', '060286f7']) {
      expect(() => oid(hex)).toThrow(/OBJECT IDENTIFIER/);
    }
  });

  it('an element comes whole, as a view', () => {
    const bytes = fromHex('300304016105');
    const reader = new DerReader(bytes, 'test');
    const element = reader.element(Tag.sequence);
    expect(toHex(element)).toBe('3003040161');
    expect(element.buffer).toBe(bytes.buffer);
    expect(reader.offset).toBe(5);
    expect(reader.atEnd).toBe(false);
    expect(reader.nextTag).toBe(5);
  });

  it('octet strings are views of the input', () => {
    const bytes = fromHex('0403616263');
    const view = DerReader.all(bytes, 'test', (reader) => reader.octetString());
    expect(view.buffer).toBe(bytes.buffer);
    expect(view.byteOffset).toBe(2);
  });
});

describe('fields', () => {
  it('are explicit tags around exactly one element', () => {
    const field = (hex: string) => read(hex, (reader) => reader.field(2, (r) => r.integer(0, 9)));
    expect(field('a203020107')).toBe(7);
    expect(() => field('a103020107')).toThrow(/\[2\] expected, got \[1\]/);
    expect(() => field('8203020107')).toThrow(/\[2\] expected, got 0x82/);
    expect(() => field('a206020107020107')).toThrow(/3 unexpected bytes/);
    expect(() => field('a200')).toThrow(/truncated/);
  });

  it('are absent if another tag comes', () => {
    expect(
      read('a103020107', (reader) => {
        expect(reader.optional(0, (r) => r.integer(0, 9))).toBeUndefined();
        return reader.optional(1, (r) => r.integer(0, 9));
      }),
    ).toBe(7);
    expect(read('', (reader) => reader.optional(0, (r) => r.integer(0, 9)))).toBeUndefined();
  });

  it('lists end at their limit', () => {
    const list = (hex: string) => read(hex, (reader) => reader.list(2, (r) => r.integer(0, 9)));
    expect(list('3000')).toEqual([]);
    expect(list('3006020101020102')).toEqual([1, 2]);
    expect(() => list('3009020101020102020103')).toThrow(/more than 2 elements/);
  });
});

describe('tagName', () => {
  it.each([
    [Tag.sequence, 'SEQUENCE'],
    [0xa3, '[3]'],
    [0x6e, '[APPLICATION 14]'],
    [0x04, 'OCTET STRING'],
    [0x00, '0x00'],
    [0xbf, '0xbf'],
  ])('%i is %s', (tag, name) => {
    expect(tagName(tag)).toBe(name);
  });
});
