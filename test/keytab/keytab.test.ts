import { describe, expect, it } from 'vitest';
import { concatBytes, fromHex, toHex } from '../../src/bytes.ts';
import { EncryptionKey } from '../../src/crypto/key.ts';
import { Enctype } from '../../src/crypto/numbers.ts';
import { DecodeError } from '../../src/errors.ts';
import type { Keytab } from '../../src/keytab/keytab.ts';
import { formatKeytab, parseKeytab } from '../../src/keytab/keytab.ts';
import { formatPrincipal, NameType } from '../../src/messages/principal.ts';
import { kerberosErrorOf } from '../support/library-errors.ts';
import { loadVectors } from '../support/vectors.ts';
import { keytabOf } from './support.ts';

interface KeytabVector {
  name: string;
  made: string;
  version: number;
  file: string;
  entries: { principal: string; kvno: number; timestamp: number; enctype: number; key: string }[];
}

const { vectors } = loadVectors<KeytabVector>('keytab/keytabs.json');

describe('keytabs that other programs wrote', () => {
  it.each(vectors.map((vector) => [vector.name, vector] as const))('%s', (_, vector) => {
    const keytab = parseKeytab(fromHex(vector.file));
    expect(keytab.version).toBe(vector.version);
    expect(readable(keytab)).toEqual(vector.entries);
    expect(readable(parseKeytab(formatKeytab(keytab)))).toEqual(vector.entries);
  });

  it.each(['mit-plain', 'mit-kvno32', 'mit-names'])('%s is written as MIT krb5 does', (name) => {
    const { file } = find(name);
    expect(toHex(formatKeytab(parseKeytab(fromHex(file))))).toBe(file);
  });

  it('reads version 1 of a little-endian machine, whose last record overruns the file', () => {
    const keytab = parseKeytab(fromHex(find('mit-version1').file));
    expect(keytab.byteOrder).toBe('little');
    expect(keytab.entries[0]?.principal.nameType).toBe(NameType.unknown);
  });

  it('keeps keys of unsupported enctypes', () => {
    const { entries } = parseKeytab(fromHex(find('mit-plain').file));
    const rc4 = entries.find(({ key }) => key.enctype === Enctype.rc4Hmac);
    expect(rc4?.key.supported).toBe(false);
    expect(entries[0]?.key.supported).toBe(true);
  });

  function find(name: string): KeytabVector {
    return vectors.find((vector) => vector.name === name)!;
  }
});

describe('version 1', () => {
  // One entry: a@R, time 1, kvno 2, enctype 17.
  const big = fromHex('0501 00000029 0002 0001 52 0001 61 00000001 02 0011 0010').slice();
  const little = fromHex('0501 29000000 0200 0100 52 0100 61 01000000 02 1100 1000').slice();
  const key = fromHex('000102030405060708090a0b0c0d0e0f');

  it.each([
    ['big', concatBytes(withLength(big), key, fromHex('00000102'))],
    ['little', concatBytes(withLength(little), key, fromHex('02010000'))],
  ] as const)('is read and written in %s-endian order', (byteOrder, file) => {
    const keytab = parseKeytab(file);
    expect(keytab.byteOrder).toBe(byteOrder);
    expect(keytab.entries).toHaveLength(1);
    expect(keytab.entries[0]?.principal).toEqual({ nameType: 0, components: ['a'], realm: 'R' });
    expect(keytab.entries[0]?.kvno).toBe(0x102);
    expect(toHex(formatKeytab(keytab))).toBe(toHex(file));
  });

  it('is big-endian if the file does not show its byte order', () => {
    expect(parseKeytab(fromHex('0501'))).toEqual({ version: 1, byteOrder: 'big', entries: [] });
    const { byteOrder: _, ...unsaid } = parseKeytab(
      concatBytes(withLength(big), key, new Uint8Array(4)),
    );
    expect(toHex(formatKeytab(unsaid))).toMatch(/^05010000/);
  });

  it.each([
    ['big', concatBytes(withLength(big), key.subarray(3))],
    ['little', concatBytes(withLength(little), key.subarray(3))],
  ])('reports the error of the likelier byte order: %s', (_, file) => {
    expect(kerberosErrorOf(() => parseKeytab(file)).message).toBe(
      'keytab is truncated: 37 bytes wanted, 30 left',
    );
  });

  // Sets the record length: everything after the length itself, the 32-bit kvno included.
  function withLength(header: Uint8Array): Uint8Array {
    const bytes = header.slice();
    const length = header.length - 6 + key.length + 4;
    bytes.set(header === big ? [0, 0, 0, length] : [length, 0, 0, 0], 2);
    return bytes;
  }
});

describe('version 2', () => {
  const body =
    '0001 0001 52 0001 61 00000001 00000005 ff 0011 0010 000102030405060708090a0b0c0d0e0f';
  const one = record(body);

  function record(hex: string, extra = 0): Uint8Array {
    const content = fromHex(hex);
    const length = new Uint8Array(4);
    new DataView(length.buffer).setInt32(0, content.length + extra);
    return concatBytes(length, content);
  }
  function file(...parts: Uint8Array[]): Uint8Array {
    return concatBytes(fromHex('0502'), ...parts);
  }
  function kvnos(bytes: Uint8Array): number[] {
    return parseKeytab(bytes).entries.map((entry) => entry.kvno);
  }

  it('may be empty', () => {
    expect(parseKeytab(fromHex('0502'))).toEqual({ version: 2, entries: [] });
    expect(toHex(formatKeytab({ version: 2, entries: [] }))).toBe('0502');
  });

  it('takes the kvno from 32 bits if 4 bytes are left and not all zero, else from 8 bits', () => {
    expect(kvnos(file(one))).toEqual([255]);
    expect(kvnos(file(record(`${body} 000000`)))).toEqual([255]);
    expect(kvnos(file(record(`${body} 00000000`)))).toEqual([255]);
    expect(kvnos(file(record(`${body} 00000100`)))).toEqual([256]);
    expect(kvnos(file(record(`${body} ffffffff`)))).toEqual([0xffffffff]);
    // Heimdal's flags, and the zero fill of a hole that was larger.
    expect(kvnos(file(record(`${body} 00000001 00000007`)))).toEqual([1]);
    expect(kvnos(file(record(`${body} 00000001 ${'00'.repeat(99)}`)))).toEqual([1]);
  });

  it('skips holes', () => {
    const hole = concatBytes(fromHex('fffffffd'), fromHex('010203'));
    expect(kvnos(file(hole, one, hole, hole, one, hole))).toEqual([255, 255]);
  });

  it('ends at a zero length and ignores what follows', () => {
    expect(kvnos(file(one, fromHex('00000000 ffff'), one))).toEqual([255]);
    expect(kvnos(file(fromHex('00000000')))).toEqual([]);
  });

  it('has signed name types and enctypes', () => {
    const entry = parseKeytab(file(record('0001 0001 52 0001 61 ffffff80 ffffffff 00 ff7b 0000')))
      .entries[0]!;
    expect(entry.principal.nameType).toBe(-128);
    expect(entry.timestamp).toBe(0xffffffff);
    expect(entry.kvno).toBe(0);
    expect(entry.key.enctype).toBe(-133);
    expect(entry.key.supported).toBe(false);
    const again = parseKeytab(formatKeytab({ version: 2, entries: [entry] })).entries[0]!;
    expect(again.principal).toEqual(entry.principal);
    expect(again.key.enctype).toBe(-133);
  });

  it.each([
    ['nothing', '', 'keytab of 0 bytes has no version'],
    ['half a version', '05', 'keytab of 1 bytes has no version'],
    ['version 3', '0503', 'not a keytab'],
    ['a credential cache', '0504', 'not a keytab'],
    ['a text', '4251414141', 'not a keytab'],
    ['half a length', '0502 0000', 'keytab is truncated: 4 bytes wanted, 2 left'],
    ['a hole beyond the end', '0502 fffffffe 00', 'keytab is truncated: 2 bytes wanted, 1 left'],
    ['a hole of INT32_MIN', '0502 80000000', 'keytab hole at byte 2 has no length'],
    ['a record beyond the end', '0502 7fffffff 00', 'keytab is truncated: 2147483647 bytes'],
    ['a record of nothing', '0502 00000001 00', 'keytab record at byte 2 is truncated'],
    ['no components', '0502 00000002 0000', 'has a name of 0 components'],
    ['very many components', '0502 00000002 ffff', 'has a name of 65535 components'],
    ['a name beyond its record', '0502 00000005 0001 ffff 52', 'keytab record at byte 2 is trunc'],
    [
      'a name that is not UTF-8',
      '0502 00000005 0001 0001 ff',
      'a name in keytab record at byte 2 is not valid UTF-8',
    ],
  ])('refuses %s', (_, hex, message) => {
    const error = kerberosErrorOf(() => parseKeytab(fromHex(hex)));
    expect(error.code).toBe('KRB5_KT_FORMAT');
    expect(error.message).toContain(message);
    expect(error.hint).toBeDefined();
  });

  it('refuses a record whose length is too small', () => {
    const error = kerberosErrorOf(() => parseKeytab(file(one, record(body, -1), one)));
    expect(error.code).toBe('KRB5_KT_FORMAT');
    expect(error.message).toContain('keytab record at byte 43 is truncated');
    expect(error.cause).toBeInstanceOf(DecodeError);
  });

  it('refuses a key of the wrong length without showing the key', () => {
    const error = kerberosErrorOf(() =>
      parseKeytab(file(record('0001 0001 52 0001 61 00000001 00000005 07 0012 0003 c0ffee'))),
    );
    expect(error.code).toBe('KRB5_KT_FORMAT');
    expect(error.message).toBe(
      'keytab record at byte 2: the aes256-cts-hmac-sha1-96 key of a@R kvno 7 ' +
        'cannot have 3 bytes',
    );
    expect(JSON.stringify([error.message, error.hint, error.detail])).not.toMatch(/c0ffee/i);
  });

  it('names the principal of a wrong key in one printable line', () => {
    // a ESC LF b
    const named = record('0001 0001 52 0004 611b0a62 00000001 00000005 07 0012 0003 c0ffee');
    const { message } = kerberosErrorOf(() => parseKeytab(file(named)));
    expect(message).toContain('key of a\\x1b\\nb@R kvno 7');
  });

  it.each([
    ['records', '0000'],
    ['keys', '0001 0001 52 0001 61 00000001 00000005 07 0012 0003 c0ffee'],
  ])('reports a thousand faulty %s, and takes a file with more for damaged', (_, hex) => {
    const faulty = (count: number): Uint8Array[] => new Array(count).fill(record(hex));
    expect(parseKeytab(file(one, ...faulty(1000))).skipped).toHaveLength(1000);
    const error = kerberosErrorOf(() => parseKeytab(file(one, ...faulty(1001))));
    expect(error).toMatchObject({ code: 'KRB5_KT_FORMAT', reason: 'keytab.bad-entry' });
  });

  it.each([
    ['a name in Latin-1', '0001 0001 52 0004 6af67267 00000001 00000005 07 0011 0000', 'j\\xf6rg'],
    ['a key of 16 bytes', body.replace('0011 0010', '0012 0010'), 'cannot have 16 bytes'],
    ['a key of 0 bytes', '0001 0001 52 0001 61 00000001 00000005 07 0012 0000', 'have 0 bytes'],
    ['no components', '0000 0001 52', 'has a name of 0 components'],
    ['an end that is missing', body.slice(0, body.indexOf('ff')), 'is truncated'],
  ])('skips a record with %s and reports why', (_, hex, reason) => {
    const keytab = parseKeytab(file(one, record(hex), record(`${body} 00000009`)));
    expect(keytab.entries.map(({ kvno }) => kvno)).toEqual([255, 9]);
    expect(keytab.skipped?.map(({ code }) => code)).toEqual(['KRB5_KT_FORMAT']);
    expect(keytab.skipped?.[0]?.message).toContain('record at byte 43');
    expect(keytab.skipped?.[0]?.message).toContain(reason);
    expect(keytab.skipped?.[0]?.hint).toBeDefined();
    // Written again, the keytab has only the other records.
    expect(parseKeytab(formatKeytab(keytab)).skipped).toBeUndefined();
  });

  it('blames the encoding, not damage, for a name in Latin-1', () => {
    const error = kerberosErrorOf(() =>
      parseKeytab(file(record('0001 0001 52 0004 6af67267 00000001 00000005 07 0011 0000'))),
    );
    expect(error.hint).toContain('another encoding (Latin-1?)');
  });

  it.each([
    ['replaced bytes', '0502 00000027 efbfbd efbfbd', 'copied as text: ef bf bd'],
    ['line ends', '0502 00000027 0d0a 41 0d0a', 'copied as text: each 0a'],
    ['its version replaced', 'efbfbd02', 'copied as text: ef bf bd'],
    ['line ends of both kinds', '0502 00000027 0d0a 41 0a', 'cut off or damaged'],
    ['no line ends', '0502 00000027 41', 'cut off or damaged'],
  ])('explains a file with %s', (_, hex, hint) => {
    expect(kerberosErrorOf(() => parseKeytab(fromHex(hex))).hint).toContain(hint);
  });

  it('does not keep the bytes that it read', () => {
    const bytes = file(one);
    const keytab = parseKeytab(bytes);
    bytes.fill(0);
    expect(toHex(keytab.entries[0]!.key.bytes())).toBe('000102030405060708090a0b0c0d0e0f');
    expect(formatPrincipal(keytab.entries[0]!.principal)).toBe('a@R');
  });

  it('reads in linear time: 16 MiB of the smallest records', () => {
    const smallest = record('0001 0000 0000 00000000 00000000 00 0063 0000');
    const bytes = new Uint8Array(2 + 700_000 * smallest.length);
    bytes.set([5, 2]);
    for (let i = 0; i < 700_000; i++) bytes.set(smallest, 2 + i * smallest.length);
    expect(parseKeytab(bytes).entries).toHaveLength(700_000);
  });
});

describe('formatKeytab', () => {
  const good = keytabOf(['a@R', 1, 17]).entries[0]!;
  const badKvno = { ...good, kvno: 2 ** 32 };
  const badTime = { ...good, timestamp: -1 };
  const nobody = { ...good, principal: { ...good.principal, components: [] } };
  const long = { ...good, principal: { ...good.principal, realm: 'R'.repeat(65_536) } };
  const privateKey = { ...good, key: new EncryptionKey(40_000, new Uint8Array(3)) };

  it.each([
    ['kvno: expected 0 to 4294967295, got 4294967296', badKvno],
    ['timestamp: expected 0 to 4294967295, got -1', badTime],
    ['components of a principal: expected 1 to 64, got 0', nobody],
    ['length of a name: expected 0 to 65535, got 65536', long],
    ['enctype: expected -32768 to 32767, got 40000', privateKey],
  ])('names the field that does not fit: %s', (message, entry) => {
    const keytab: Keytab = { version: 2, entries: [entry] };
    expect(() => formatKeytab(keytab)).toThrow(new RangeError(message));
  });

  it('writes names with as many components as it reads', () => {
    const principal = { ...good.principal, components: Array<string>(64).fill('c') };
    const keytab: Keytab = { version: 1, entries: [{ ...good, principal }] };
    expect(parseKeytab(formatKeytab(keytab)).entries[0]?.principal.components).toHaveLength(64);
  });
});

function readable(keytab: Keytab): KeytabVector['entries'] {
  return keytab.entries.map(({ principal, kvno, timestamp, key }) => ({
    principal: formatPrincipal(principal),
    kvno,
    timestamp,
    enctype: key.enctype,
    key: toHex(key.bytes()),
  }));
}
