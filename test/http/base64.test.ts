import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeBase64, encodeBase64 } from '../../src/http/base64.ts';
import { countProcessorTime } from '../support/processor-time.ts';
import { runs } from '../support/properties.ts';

describe('base64', () => {
  // RFC 4648 §10.
  it.each([
    ['', ''],
    ['f', 'Zg=='],
    ['fo', 'Zm8='],
    ['foo', 'Zm9v'],
    ['foob', 'Zm9vYg=='],
    ['fooba', 'Zm9vYmE='],
    ['foobar', 'Zm9vYmFy'],
  ])('writes %j as %j', (plain, text) => {
    const bytes = new TextEncoder().encode(plain);
    expect(encodeBase64(bytes)).toBe(text);
    expect(decodeBase64(text)).toEqual(bytes);
  });

  it('agrees with Node', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const text = Buffer.from(bytes).toString('base64');
        expect(encodeBase64(bytes)).toBe(text);
        expect(decodeBase64(text)).toEqual(bytes);
      }),
    );
  });

  it('handles long input', () => {
    const bytes = new Uint8Array(100_000).map((_, i) => i * 7);
    expect(decodeBase64(encodeBase64(bytes))).toEqual(bytes);
  });

  it.each([
    ['no padding', 'Zg'],
    ['half of the padding', 'Zg='],
    ['padding in the middle', 'Zg==Zg=='],
    ['only padding', '===='],
    ['bits left over', 'Zh=='],
    ['bits left over', 'Zm9='],
    ['white space', 'Zm9v Zm9'],
    ['a line feed', 'Zm9v\n'],
    ['the other alphabet', 'Zm9_'],
    ['a list', 'Zm9v,Zm9v'],
    ['not ASCII', 'Zm9é'],
  ])('refuses %s', (_name, text) => {
    expect(decodeBase64(text)).toBeUndefined();
  });

  it('decodes only text that it would encode', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 8 }), (text) => {
        const bytes = decodeBase64(text);
        if (bytes !== undefined) expect(encodeBase64(bytes)).toBe(text);
      }),
      { numRuns: runs(2000) },
    );
  });

  it('takes bounded time for long malformed text', () => {
    const time = countProcessorTime();
    expect(decodeBase64(`${'A'.repeat(999_996)}=AAA`)).toBeUndefined();
    expect(time()).toBeLessThan(10_000);
  });
});
