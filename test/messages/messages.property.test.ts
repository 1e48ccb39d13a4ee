import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes, toHex } from '../../src/bytes.ts';
import { DecodeError } from '../../src/errors.ts';
import { runs } from '../support/properties.ts';
import { codecs } from './codecs.ts';
import { contentsOf, element } from './element.ts';
import { decodeOrRefuse, expectOtherValue } from './malleability.ts';
import { isKnownVariant, oracleDecode } from './oracle.ts';

describe.each(codecs)('$name', (codec) => {
  it('decodes what it encodes', () => {
    fc.assert(
      fc.property(codec.values, (value) => {
        expect(codec.decode(codec.encode(value as never))).toEqual(value);
      }),
    );
  });

  it('is read by asn1js as the same values', () => {
    fc.assert(
      fc.property(codec.values, (value) => {
        expect(oracleDecode(codec.name, codec.encode(value as never))).toEqual(value);
      }),
    );
  });

  it('refuses every truncation', () => {
    fc.assert(
      fc.property(codec.values, (value) => {
        const bytes = codec.encode(value as never);
        for (let length = 0; length < bytes.length; length++) {
          const decoded = decodeOrRefuse(codec, bytes.subarray(0, length));
          if (decoded !== undefined) expect.fail(`${length} bytes of ${toHex(bytes)}`);
        }
      }),
      { numRuns: runs(10) },
    );
  });

  it('refuses everything that follows', () => {
    fc.assert(
      fc.property(codec.values, fc.uint8Array({ minLength: 1, maxLength: 8 }), (value, tail) => {
        const bytes = concatBytes(codec.encode(value as never), tail);
        expect(() => codec.decode(bytes)).toThrow(/unexpected bytes/);
      }),
      { numRuns: runs(20) },
    );
  });

  it('gives an error or another value for a flipped bit', () => {
    const places = fc.array(fc.nat(), { minLength: 50, maxLength: 50 });
    fc.assert(
      fc.property(codec.values, places, (value, bits) => {
        const bytes = codec.encode(value as never);
        for (const bit of bits) expectOtherValue(codec, bytes, bit % (bytes.length * 8));
      }),
      { numRuns: runs(30) },
    );
  });

  it('agrees with asn1js about whatever it accepts, and writes it in the same bytes', () => {
    let accepted = 0;
    fc.assert(
      fc.property(
        codec.values,
        fc.array(mutation, { minLength: 1, maxLength: 3 }),
        (value, list) => {
          const bytes = list.reduce(mutate, codec.encode(value as never));
          const decoded = decodeOrRefuse(codec, bytes);
          if (decoded === undefined) return;
          accepted++;
          expect(oracleDecode(codec.name, bytes), toHex(bytes)).toEqual(decoded);
          const again = codec.encode(decoded as never);
          if (!isKnownVariant(codec.name, bytes)) expect(toHex(again)).toBe(toHex(bytes));
          expect(codec.decode(again)).toEqual(decoded);
        },
      ),
      { numRuns: runs(1000) },
    );
    expect(accepted).toBeGreaterThan(0);
  });

  it(`${codec.extensible ? 'ignores' : 'refuses'} fields that it does not know`, () => {
    fc.assert(
      fc.property(codec.values, fc.integer({ min: 13, max: 30 }), (value, number) => {
        const bytes = codec.encode(value as never);
        const extended = insertAtEnd(bytes, Uint8Array.of(0xa0 | number, 0x03, 0x02, 0x01, 0x07));
        if (codec.extensible) {
          expect(codec.decode(extended)).toEqual(value);
          expect(oracleDecode(codec.name, extended)).toEqual(value);
        } else {
          expect(() => codec.decode(extended)).toThrow(DecodeError);
        }
      }),
      { numRuns: runs(20) },
    );
  });
});

type Mutation = readonly [kind: 'set' | 'insert' | 'remove', place: number, byte: number];

const mutation: fc.Arbitrary<Mutation> = fc.tuple(
  fc.constantFrom('set', 'set', 'set', 'insert', 'remove'),
  fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  fc.oneof(fc.integer({ min: 0, max: 255 }), fc.constantFrom(0x00, 0x7f, 0x80, 0x81, 0xff, 0x30)),
);

function mutate(bytes: Uint8Array, [kind, place, byte]: Mutation): Uint8Array {
  const at = Math.floor(place * bytes.length);
  const added = kind === 'remove' ? [] : [byte];
  const next = kind === 'insert' ? at : at + 1;
  return concatBytes(bytes.subarray(0, at), Uint8Array.from(added), bytes.subarray(next));
}

/** Adds `tail` to the innermost of the elements that the message consists of. */
function insertAtEnd(bytes: Uint8Array, tail: Uint8Array): Uint8Array {
  const isMessage = (bytes[0]! & 0xe0) === 0x60;
  const contents = contentsOf(bytes);
  return element(bytes[0]!, isMessage ? insertAtEnd(contents, tail) : concatBytes(contents, tail));
}
