import { describe, expect, it } from 'vitest';
import { encodeUtf8, fromHex } from '../../../src/bytes.ts';
import { SealedBox } from '../../../src/http/session/sealed-box.ts';
import { systemRandom } from '../../../src/random.ts';
import { seededRandom } from '../../support/realm-kit.ts';

const KEY = Uint8Array.from({ length: 32 }, (_, i) => i);
const OTHER = Uint8Array.from({ length: 32 }, (_, i) => 255 - i);
const TEXT = encodeUtf8('alice@EXAMPLE.TEST');
const BOUND = encodeUtf8('www.example.test');

describe('SealedBox', () => {
  it('gives the ciphertext and tag of draft-irtf-cfrg-xchacha-03, A.3.1', () => {
    const key = fromHex('808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f');
    const nonce = fromHex('404142434445464748494a4b4c4d4e4f5051525354555657');
    const plaintext =
      "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the " +
      'future, sunscreen would be it.';
    const box = new SealedBox([key], (target) => target.set(nonce));
    const sealed = box.seal(encodeUtf8(plaintext), fromHex('50515253c0c1c2c3c4c5c6c7'));
    expect(sealed.subarray(0, 24)).toEqual(nonce);
    expect(sealed.subarray(24)).toEqual(
      fromHex(
        `bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb
         731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216cb96b72e1213b452
         2f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9
         21f9664c97637da9768812f615c68b13b52e
         c0875924c1c7987947deafd8780acf49`,
      ),
    );
  });

  it('opens what it sealed, with a nonce of its own each time', () => {
    const box = new SealedBox([KEY], systemRandom);
    const seen = new Set<string>();
    for (let i = 0; i < 100; i++) {
      const sealed = box.seal(TEXT, BOUND);
      expect(box.open(sealed, BOUND)).toEqual(TEXT);
      seen.add(sealed.subarray(0, 24).join());
    }
    expect(seen.size).toBe(100);
  });

  it('asks for 24 bytes at each seal and keeps none in stock', () => {
    const asked: number[] = [];
    const box = new SealedBox([KEY], (target) => {
      asked.push(target.length);
      target.fill(asked.length);
    });
    box.seal(TEXT, BOUND);
    box.seal(TEXT, BOUND);
    expect(asked).toEqual([24, 24]);
  });

  it('opens nothing of which a bit was changed, or a byte is missing or too much', () => {
    const box = new SealedBox([KEY], seededRandom());
    const sealed = box.seal(TEXT, BOUND);
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const altered = sealed.slice();
      altered[bit >> 3]! ^= 1 << (bit & 7);
      expect(box.open(altered, BOUND)).toBeUndefined();
    }
    for (let length = 0; length < sealed.length; length++) {
      expect(box.open(sealed.subarray(0, length), BOUND)).toBeUndefined();
    }
    expect(box.open(Uint8Array.of(...sealed, 0), BOUND)).toBeUndefined();
    expect(box.open(sealed, encodeUtf8('other'))).toBeUndefined();
    expect(box.open(sealed, new Uint8Array())).toBeUndefined();
  });

  it('seals with the first key and opens with each', () => {
    const old = new SealedBox([KEY], seededRandom()).seal(TEXT, BOUND);
    const rotated = new SealedBox([OTHER, KEY], seededRandom(2));
    expect(rotated.open(old, BOUND)).toEqual(TEXT);
    const fresh = rotated.seal(TEXT, BOUND);
    expect(new SealedBox([KEY], systemRandom).open(fresh, BOUND)).toBeUndefined();
    expect(new SealedBox([OTHER], systemRandom).open(fresh, BOUND)).toEqual(TEXT);
    expect(new SealedBox([OTHER], systemRandom).open(old, BOUND)).toBeUndefined();
  });

  it('keeps copies of the keys', () => {
    const key = KEY.slice();
    const box = new SealedBox([key], seededRandom());
    const sealed = box.seal(TEXT, BOUND);
    key.fill(0);
    expect(box.open(sealed, BOUND)).toEqual(TEXT);
  });
});
