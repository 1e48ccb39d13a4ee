import { beforeEach, describe, expect, it, vi } from 'vitest';
import { toHex } from '../../src/bytes.ts';
import type { BlockCipher } from '../../src/crypto/backend.ts';
import { deriveRandom } from '../../src/crypto/derivation.ts';
import { nfold } from '../../src/crypto/nfold.ts';

const KINDS = [0x99, 0xaa, 0x55] as const;

describe('the constant of a key usage', () => {
  // What is kept is kept for all that is loaded: each test begins with nothing.
  let usageConstant: typeof import('../../src/crypto/derivation.ts').usageConstant;
  let foldedUsageConstant: typeof import('../../src/crypto/derivation.ts').foldedUsageConstant;

  beforeEach(async () => {
    vi.resetModules();
    ({ usageConstant, foldedUsageConstant } = await import('../../src/crypto/derivation.ts'));
  });

  it('is four bytes of the number and one of the kind (RFC 3961 §5.3)', () => {
    expect(toHex(usageConstant(0x1234_5678, 0xaa))).toBe('12345678aa');
    expect(toHex(usageConstant(0xfffe_fdfc, 0x55))).toBe('fffefdfc55');
    expect(toHex(usageConstant(2, 0x99))).toBe('0000000299');
  });

  it.each([
    ['that stand side by side', Array.from({ length: 40 }, (_, n) => n)],
    ['of each bit', [0, ...Array.from({ length: 32 }, (_, bit) => 2 ** bit)]],
    ['that are many', [...Array.from({ length: 80 }, (_, n) => n), 1024, 0xffff_ffff]],
  ])('is folded for each usage, kind and block by itself, of usages %s', (_, usages) => {
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

  it('is folded once, for the first 256 that are asked for', () => {
    const folded = Array.from({ length: 256 }, (_, usage) => foldedUsageConstant(usage, 0xaa, 16));
    // Callers choose the numbers: there are 2^32, which no memory is for.
    const more = foldedUsageConstant(256, 0xaa, 16);
    folded.forEach((one, usage) => {
      expect(foldedUsageConstant(usage, 0xaa, 16)).toBe(one);
    });
    expect(foldedUsageConstant(256, 0xaa, 16)).not.toBe(more);
    expect(foldedUsageConstant(256, 0xaa, 16)).toEqual(more);
  });
});

describe('bytes for a key', () => {
  it.each([
    [8, 8, 1],
    [8, 21, 3],
    [16, 1, 1],
    [16, 16, 1],
    [16, 17, 2],
    [16, 32, 2],
  ])(
    'take no block more than there must be (blocks of %i, %i bytes)',
    (blockSize, length, blocks) => {
      const encrypted: number[] = [];
      const cipher: BlockCipher = {
        blockSize,
        cbcEncrypt: (_, start, end) => encrypted.push(end - start),
        cbcDecrypt: () => {},
        wipe: () => {},
      };
      expect(deriveRandom(cipher, Uint8Array.of(0, 0, 0, 2, 0xaa), length)).toHaveLength(length);
      expect(encrypted).toEqual([blocks * blockSize]);
    },
  );
});
