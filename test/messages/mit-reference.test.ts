import { describe, expect, it } from 'vitest';
import { fromHex, toHex } from '../../src/bytes.ts';
import { DecodeError } from '../../src/errors.ts';
import { DerReader } from '../../src/messages/der/reader.ts';
import { readEncryptedData } from '../../src/messages/encrypted-data.ts';
import { loadVectors } from '../support/vectors.ts';
import { codecOf, codecs } from './codecs.ts';
import { decodeOrRefuse, expectOtherValue } from './malleability.ts';
import { oracleDecode } from './oracle.ts';

interface ReferenceVector {
  readonly name: string;
  readonly message: string;
  readonly hex: string;
  readonly value: unknown;
}

const { source, vectors } = loadVectors<ReferenceVector>('asn1/mit-reference.json');
const messages = vectors.filter(({ message }) => message !== 'EncryptedData');

describe(source, () => {
  it.each(messages)('$name: says what MIT krb5 says', ({ message, hex, value }) => {
    expect(codecOf(message).decode(fromHex(hex))).toEqual(withBytes(value));
  });

  it.each(messages)('$name: is written in the same bytes', ({ message, hex, value }) => {
    const { decode, encode } = codecOf(message);
    expect(toHex(encode(decode(fromHex(hex)) as never))).toBe(hex);
    expect(toHex(encode(withBytes(value) as never))).toBe(hex);
  });

  it.each(messages)('$name: asn1js reads the same', ({ message, hex, value }) => {
    expect(oracleDecode(message, fromHex(hex))).toEqual(withBytes(value));
  });

  it.each(messages)('$name: no bit of it can be flipped unnoticed', ({ message, hex }) => {
    const codec = codecOf(message);
    const bytes = fromHex(hex);
    expect(decodeOrRefuse(codec, bytes)).toBeDefined();
    for (let bit = 0; bit < bytes.length * 8; bit++) expectOtherValue(codec, bytes, bit);
  });

  it.each(messages)('$name: every truncation is refused', ({ message, hex }) => {
    const bytes = fromHex(hex);
    for (let length = 0; length < bytes.length; length++) {
      expect(() => codecOf(message).decode(bytes.subarray(0, length))).toThrow(DecodeError);
    }
  });

  const signed = vectors.filter(({ message }) => message === 'EncryptedData');
  it.each(signed)('$name: a negative kvno is its 32 bits', ({ hex, value }) => {
    expect(DerReader.all(fromHex(hex), 'EncryptedData', readEncryptedData)).toEqual(
      withBytes(value),
    );
  });

  it('covers every message but those that MIT krb5 has no reference of', () => {
    const covered = new Set(messages.map(({ message }) => message));
    const rest = codecs.map((codec) => codec.name).filter((name) => !covered.has(name));
    expect(rest).toEqual([
      'KerbErrorData',
      'EtypeList',
      'AuthenticationIndicator',
      'EncAsReplyPart',
      'PacRequest',
    ]);
  });
});

/** `{ "hex": "…" }` becomes bytes. */
function withBytes(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withBytes);
  if (typeof value !== 'object' || value === null) return value;
  if ('hex' in value) return fromHex(String(value.hex));
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withBytes(item)]));
}
