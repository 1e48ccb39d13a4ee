import { describe, expect, it } from 'vitest';
import type { Rfc1964Keys, Rfc1964Sequence } from '../../src/crypto/profile.ts';
import type { ProtectionState, Role } from '../../src/tokens/protection.ts';
import { NO_SEAL, Rfc1964Headers, TokId } from '../../src/tokens/rfc1964-header.ts';
import { SequenceCounter } from '../../src/tokens/sequence.ts';
import { gssCodeOf } from '../support/library-errors.ts';

/** Keys without a cipher: the checksum holds lengths, and numbers are in the clear. */
const KEYS: Rfc1964Keys = {
  signAlgorithm: 0xa1b2,
  sealAlgorithm: 0xc3d4,
  checksumLength: 4,
  paddedTo: 8,
  keystreamOfNumber: false,
  checksum: (kind, ...parts) =>
    Uint8Array.of(kind === 'mic' ? 1 : 2, ...parts.map(({ length }) => length), 0, 0).slice(0, 4),
  sealSequence: ({ number, sender }) =>
    Uint8Array.of(0, 0, 0, number, ...new Array(4).fill(sender === 'initiator' ? 0 : 255)),
  openSequence: (sealed): Rfc1964Sequence | undefined =>
    sealed[0] === 0
      ? { number: sealed[3]!, sender: sealed[4] === 0 ? 'initiator' : 'acceptor' }
      : undefined,
  encrypt: () => {},
  decrypt: () => {},
};

function headersOf(role: Role, first = 7): Rfc1964Headers {
  const sendSequence = new SequenceCounter(first);
  return new Rfc1964Headers({ role, sendSequence } as ProtectionState, KEYS);
}

const PARTS = [new Uint8Array(5), new Uint8Array(6)];

describe('the header of a token of RFC 1964', () => {
  // RFC 1964 §1.2: TOK_ID big-endian, the algorithms little-endian.
  it('has numbers of two bytes, each in its order', () => {
    const header = new Uint8Array(20).fill(0x55);
    const headers = headersOf('acceptor');
    expect(headers.length).toBe(20);
    expect(headers.write(header, TokId.wrap, KEYS.sealAlgorithm, PARTS)).toBe(7);
    const expected = [2, 1, 0xb2, 0xa1, 0xd4, 0xc3, 0xff, 0xff, 0, 0, 0, 7, 255, 255, 255, 255];
    expect([...header]).toEqual([...expected, 2, 8, 5, 6]);
    expect(headers.write(header, TokId.deleteContext, NO_SEAL, [])).toBe(8);
    expect([...header.subarray(0, 12)]).toEqual([1, 2, 0xb2, 0xa1, 255, 255, 255, 255, 0, 0, 0, 8]);
    expect([...header.subarray(16)]).toEqual([1, 8, 0, 0]);
  });

  it('is read by the peer alone, and for what it is', () => {
    const header = new Uint8Array(20);
    headersOf('initiator', 9).write(header, TokId.wrap, KEYS.sealAlgorithm, PARTS);
    const peer = headersOf('acceptor');
    expect(peer.check(header, TokId.wrap)).toEqual({ sealed: true, number: 9 });
    expect(peer.isSigned(header, TokId.wrap, PARTS)).toBe(true);
    expect(peer.isSigned(header, TokId.mic, PARTS)).toBe(false);
    expect(peer.isSigned(header, TokId.wrap, PARTS.slice(1))).toBe(false);
    expect(headersOf('initiator').isSigned(header, TokId.wrap, PARTS)).toBe(false);
    headersOf('initiator', 9).write(header, TokId.mic, NO_SEAL, PARTS);
    expect(peer.check(header, TokId.mic)).toEqual({ sealed: false, number: 9 });
    expect(peer.isSigned(header, TokId.mic, PARTS)).toBe(true);
  });

  it('is defective in every bit of its first eight bytes, and a bad MIC after them', () => {
    for (const [tokId, seal] of [
      [TokId.wrap, KEYS.sealAlgorithm],
      [TokId.wrap, NO_SEAL],
      [TokId.mic, NO_SEAL],
      [TokId.deleteContext, NO_SEAL],
    ] as const) {
      const header = new Uint8Array(20);
      headersOf('initiator').write(header, tokId, seal, PARTS);
      const peer = headersOf('acceptor');
      for (let bit = 0; bit < 64; bit++) {
        const flipped = header.with(bit >> 3, header[bit >> 3]! ^ (1 << (bit & 7)));
        expect(gssCodeOf(() => peer.check(flipped, tokId))).toBe('GSS_S_DEFECTIVE_TOKEN');
      }
      expect(gssCodeOf(() => peer.check(header.with(8, 1), tokId))).toBe('GSS_S_BAD_MIC');
      expect(gssCodeOf(() => peer.check(header.subarray(0, 19), tokId))).toBe(
        'GSS_S_DEFECTIVE_TOKEN',
      );
      expect(() => peer.check(header, tokId)).not.toThrow();
    }
    const sealed = new Uint8Array(20);
    headersOf('initiator').write(sealed, TokId.mic, KEYS.sealAlgorithm, PARTS);
    expect(gssCodeOf(() => headersOf('acceptor').check(sealed, TokId.mic))).toBe(
      'GSS_S_DEFECTIVE_TOKEN',
    );
  });

  it('pads to whole blocks, by one byte at least', () => {
    const lengths = [0, 1, 7, 8, 9, 15, 16];
    expect(lengths.map((length) => headersOf('acceptor').paddingOf(length))).toEqual([
      8, 7, 1, 8, 7, 1, 8,
    ]);
  });
});
