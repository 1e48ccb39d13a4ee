import { describe, expect, it } from 'vitest';
import { toHex } from '../../src/bytes.ts';
import { foldedUsageConstant, usageConstant } from '../../src/crypto/derivation.ts';
import { nfold } from '../../src/crypto/nfold.ts';

const KINDS = [0x99, 0xaa, 0x55] as const;

describe('the constant of a key usage', () => {
  it('is four bytes of the number and one of the kind (RFC 3961 §5.3)', () => {
    expect(toHex(usageConstant(0x1234_5678, 0xaa))).toBe('12345678aa');
    expect(toHex(usageConstant(0xfffe_fdfc, 0x55))).toBe('fffefdfc55');
    expect(toHex(usageConstant(2, 0x99))).toBe('0000000299');
  });

  it('is kept folded, for each usage, kind and block by itself', () => {
    const usages = [...Array.from({ length: 60 }, (_, n) => n), 1024, 0xffff_ffff];
    for (let round = 0; round < 2; round++) {
      for (const size of [8, 16]) {
        for (const usage of usages) {
          for (const kind of KINDS) {
            const folded = foldedUsageConstant(usage, kind, size);
            expect(toHex(folded)).toBe(toHex(nfold(usageConstant(usage, kind), size)));
          }
        }
      }
    }
  });
});
