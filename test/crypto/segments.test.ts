import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes, toHex } from '../../src/bytes.ts';
import { EncryptionKey } from '../../src/crypto/key.ts';
import type { MessagePieces, Segment } from '../../src/crypto/profile.ts';
import { seededRandom } from '../support/vectors.ts';
import { providers } from './providers.ts';

const cases = providers.flatMap(({ name, crypto }) =>
  [...crypto.profiles.values()].map((profile) => ({
    name,
    crypto,
    profile,
    enctype: profile.enctype,
  })),
);

describe.each(cases)('a message in pieces, enctype $enctype with $name', (one) => {
  const { crypto, profile } = one;
  const key = EncryptionKey.generate(profile.enctype, seededRandom(1), crypto);
  // Padding, where the profile has any, is the caller's business: whole units only.
  const segment = fc.record({
    bytes: fc
      .uint8Array({ maxLength: 40 })
      .map((bytes) => bytes.slice(0, bytes.length - (bytes.length % profile.paddedTo))),
    encrypted: fc.boolean(),
  });
  const segments = fc.array(segment, { maxLength: 6 });

  function pieces(segments: readonly Segment[]): MessagePieces {
    return {
      confounder: new Uint8Array(profile.confounderLength),
      segments: segments.map(({ bytes, encrypted }) => ({ bytes: bytes.slice(), encrypted })),
      trailer: new Uint8Array(profile.trailerLength),
    };
  }

  it('is opened to what was sealed', () => {
    fc.assert(
      fc.property(segments, (segments) => {
        const message = pieces(segments);
        key.sealSegments(7, message, seededRandom(2));
        message.segments.forEach(({ bytes, encrypted }, i) => {
          if (!encrypted) expect(toHex(bytes)).toBe(toHex(segments[i]!.bytes));
        });
        key.openSegments(7, message);
        expect(message.segments.map(({ bytes }) => toHex(bytes))).toEqual(
          segments.map(({ bytes }) => toHex(bytes)),
        );
      }),
    );
  });

  it('is the whole message, cut up, when all of it is encrypted', () => {
    fc.assert(
      fc.property(segments, (segments) => {
        const all = segments.map(({ bytes }) => ({ bytes, encrypted: true }));
        const message = pieces(all);
        key.sealSegments(7, message, seededRandom(2));
        const whole = key.encrypt(
          7,
          concatBytes(...all.map(({ bytes }) => bytes)),
          seededRandom(2),
        );
        const { confounder, trailer } = message;
        const together = [confounder, ...message.segments.map(({ bytes }) => bytes), trailer];
        expect(toHex(concatBytes(...together))).toBe(toHex(whole));
      }),
    );
  });

  it('is refused, and wiped, when any bit of any piece is changed', () => {
    const unit = Math.max(profile.paddedTo, 1);
    const plain: Segment[] = [
      { bytes: new Uint8Array(3).fill(1), encrypted: false },
      { bytes: new Uint8Array(unit * 3).fill(2), encrypted: true },
      { bytes: new Uint8Array(5).fill(3), encrypted: false },
      { bytes: new Uint8Array(unit * 17).fill(4), encrypted: true },
    ];
    const sealed = pieces(plain);
    key.sealSegments(7, sealed, seededRandom(2));
    const lengths = [
      sealed.confounder.length,
      ...sealed.segments.map(({ bytes }) => bytes.length),
      sealed.trailer.length,
    ];
    lengths.forEach((length, part) => {
      for (let bit = 0; bit < length * 8; bit++) {
        const copy: MessagePieces = {
          confounder: sealed.confounder.slice(),
          segments: pieces(sealed.segments).segments,
          trailer: sealed.trailer.slice(),
        };
        const parts = [copy.confounder, ...copy.segments.map(({ bytes }) => bytes), copy.trailer];
        parts[part]![bit >> 3]! ^= 1 << (bit & 7);
        expect(() => key.openSegments(7, copy)).toThrow('Decrypt integrity check failed');
        expect(copy.segments[1]!.bytes.every((byte) => byte === 0)).toBe(true);
        expect(copy.segments[3]!.bytes.every((byte) => byte === 0)).toBe(true);
      }
    });
  });

  it('is refused when signed pieces change places', () => {
    const message = pieces([
      { bytes: Uint8Array.of(1, 2), encrypted: false },
      { bytes: Uint8Array.of(3, 4), encrypted: false },
    ]);
    key.sealSegments(7, message, seededRandom(2));
    const swapped = { ...message, segments: [...message.segments].reverse() };
    expect(() => key.openSegments(7, swapped)).toThrow('Decrypt integrity check failed');
  });

  it('needs room of the right size', () => {
    const message = pieces([]);
    const long = { ...message, trailer: new Uint8Array(profile.trailerLength + 1) };
    const short = { ...message, confounder: new Uint8Array(profile.confounderLength - 1) };
    for (const wrong of [long, short]) {
      expect(() => key.sealSegments(7, wrong, seededRandom(2))).toThrow(RangeError);
      expect(() => key.openSegments(7, wrong)).toThrow(/^confounder and trailer: expected/);
    }
  });
});
