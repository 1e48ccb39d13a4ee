import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes, fromHex } from '../../src/bytes.ts';
import { DecodeError } from '../../src/errors.ts';
import { TokenAssembler } from '../../src/spnego/token-assembler.ts';

describe('TokenAssembler', () => {
  it('hands on what is whole, and what is no DER', () => {
    const assembler = new TokenAssembler();
    for (const hex of ['6003010203', 'a100', '', '4e544c4d', '6e82ffff', '60030102030405']) {
      expect(assembler.add(fromHex(hex))).toEqual(fromHex(hex));
    }
  });

  it('puts a token together, however it is cut, and the next one too', () => {
    const header = fc.constantFrom('608200c8', 'a081c8', 'a18400 0000c8');
    const cuts = fc.array(fc.integer({ min: 7, max: 199 }), { maxLength: 6 });
    fc.assert(
      fc.property(header, cuts, (hex, places) => {
        const token = concatBytes(fromHex(hex), new Uint8Array(200).fill(7));
        const assembler = new TokenAssembler();
        for (let round = 0; round < 2; round++) {
          const ends = [...new Set(places), token.length].sort((a, b) => a - b);
          let at = 0;
          for (const end of ends) {
            const piece = token.slice(at, end);
            const whole = assembler.add(piece);
            piece.fill(0);
            expect(whole).toEqual(end === token.length ? (at === 0 ? piece : token) : undefined);
            at = end;
          }
        }
      }),
    );
  });

  it('is bounded, and keeps no more than it was given', () => {
    expect(() => new TokenAssembler(100).add(fromHex('60820100'))).toThrow('260 bytes is too long');
    expect(() => new TokenAssembler().add(fromHex('6084ffffffff'))).toThrow('too long');
    expect(() => new TokenAssembler().add(fromHex('608300ffff'))).not.toThrow();
  });

  it('takes the longest token in 1024 pieces, one after the other, and none in more', () => {
    const assembler = new TokenAssembler();
    const head = fromHex('608303fffb');
    const add = (length: number) => assembler.add(new Uint8Array(length).fill(7));
    for (let round = 0; round < 2; round++) {
      let whole = assembler.add(concatBytes(head, new Uint8Array(251)));
      for (let i = 1; i < 1024; i++) whole = add(256);
      expect(whole?.length).toBe(262_144);
    }
    assembler.add(head);
    for (let i = 1; i < 1024; i++) expect(add(1)).toBeUndefined();
    expect(() => add(1)).toThrow('too many pieces');
  });

  it.each([
    [['60'], 'truncated or unknown header'],
    [['6082ff'], 'truncated or unknown header'],
    [['6080'], 'truncated or unknown header'],
    [['60890000000000000001'], 'truncated or unknown header'],
    [['60850100000000'], 'truncated or unknown header'],
    [['60850000000001', 'abcd'], 'unexpected bytes'],
    [['600501', ''], 'an empty piece'],
    [['600501', '0203040506'], 'unexpected bytes'],
  ])('refuses %j', (pieces, message) => {
    const assembler = new TokenAssembler();
    const add = () => {
      for (const piece of pieces) assembler.add(fromHex(piece));
    };
    expect(add).toThrow(message);
    expect(() => new TokenAssembler().add(fromHex('60'))).toThrow(DecodeError);
  });
});
