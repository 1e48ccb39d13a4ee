import { describe, expect, it } from 'vitest';
import { concatBytes, toHex } from '../../src/bytes.ts';
import type { IovBuffer } from '../../src/index.ts';
import { ContextFlag, EncryptionKey, Mechanism } from '../../src/index.ts';
import { CfxIov } from '../../src/tokens/cfx-iov.ts';
import { iovLengths, unwrapIov, wrapIov } from '../../src/tokens/iov.ts';
import { SequenceCounter } from '../../src/tokens/sequence.ts';
import type { CfxToken } from '../support/cfx-tokens.ts';
import { sealedToken, signedToken } from '../support/cfx-tokens.ts';
import { gssCodeOf } from '../support/library-errors.ts';
import { seededRandom } from '../support/realm-kit.ts';

// RFC 3962 §6, RFC 8009 §5, RFC 6803 §7: confounder and trailer of a sealed message, and the checksum.
const CASES = [
  { enctype: 17, code: 12 },
  { enctype: 18, code: 12 },
  { enctype: 19, code: 16 },
  { enctype: 20, code: 24 },
  { enctype: 25, code: 16 },
  { enctype: 26, code: 16 },
].flatMap((one) => [false, true].map((dceStyle) => ({ ...one, dceStyle })));
const BLOCK = 16;
const MESSAGE = new TextEncoder().encode('a message of no round length');
const ASSOCIATED = new TextEncoder().encode('goes beside it');
const SEQUENCE = 0x8123_4567_89ab_cdefn;

function iovOf(key: EncryptionKey, dceStyle: boolean, role: 'initiator' | 'acceptor'): CfxIov {
  return new CfxIov({
    role,
    mechanism: Mechanism.krb5,
    flags: dceStyle ? ContextFlag.dceStyle : 0,
    initiatorKey: key,
    sendSequence: new SequenceCounter(Number(SEQUENCE & 0xffff_ffffn), Number(SEQUENCE >> 32n)),
    random: seededRandom(11),
  });
}

/** Buffers with old contents, the data between header and trailer. */
function buffersOf(trailer: boolean): IovBuffer[] {
  const used = () => new Uint8Array(200).fill(0x55);
  return [
    { type: 'header', bytes: used() },
    { type: 'data', bytes: MESSAGE.slice(0, 9) },
    { type: 'data', bytes: MESSAGE.slice(9) },
    ...(trailer ? [{ type: 'trailer', bytes: used() } as IovBuffer] : []),
  ];
}

/** A token split into buffers at these offsets. */
function cut(token: Uint8Array, header: number, trailer?: number): IovBuffer[] {
  const end = token.length - (trailer ?? 0);
  return [
    { type: 'header', bytes: token.slice(0, header) },
    { type: 'data', bytes: token.slice(header, end) },
    ...(trailer === undefined
      ? []
      : [{ type: 'trailer', bytes: token.slice(end) } as const satisfies IovBuffer]),
  ];
}

function joined(buffers: readonly IovBuffer[]): string {
  return toHex(concatBytes(...buffers.map(({ bytes }) => bytes!)));
}

describe.each(CASES)(
  'buffers of enctype $enctype, DCE style $dceStyle',
  ({ enctype, code, dceStyle }) => {
    const key = EncryptionKey.generate(enctype, seededRandom(7));
    // MIT krb5, k5sealv3iov.c: one block of filler in DCE style.
    const filler = new Uint8Array(dceStyle ? BLOCK : 0).fill(0xff);
    const tail = filler.length + 16 + code;
    const sealed = { head: 16 + BLOCK, tail };
    const signed = { head: 16, tail: code };

    it('have these lengths', () => {
      const iov = iovOf(key, dceStyle, 'initiator');
      for (const [confidential, { head, tail }] of [
        [true, sealed],
        [false, signed],
      ] as const) {
        expect(iovLengths(iov, buffersOf(true), confidential)).toEqual({
          header: head,
          padding: 0,
          trailer: tail,
        });
        expect(iovLengths(iov, buffersOf(false), confidential)).toEqual({
          header: head + tail,
          padding: 0,
          trailer: 0,
        });
      }
    });

    for (const sender of ['initiator', 'acceptor'] as const) {
      const token: CfxToken = { sender, key, sequence: SEQUENCE };

      it(`of the ${sender} are byte for byte a token of RFC 4121 §4.2, in any memory`, () => {
        const iov = iovOf(key, dceStyle, sender);
        const random = seededRandom(11);
        const next = () => ({ ...token, filler, sequence: SEQUENCE + sent++ });
        let sent = 0n;
        for (const confidential of [true, false]) {
          const plain = buffersOf(true);
          wrapIov(iov, plain, confidential);
          expect(joined(plain)).toBe(
            toHex(
              confidential ? sealedToken(MESSAGE, next(), random) : signedToken(MESSAGE, next()),
            ),
          );
          // Without a trailer the token is rotated by the trailer's length. MS-KILE §3.4.5.4.1: in DCE
          // style by RRC and EC together.
          const rotated = buffersOf(false);
          wrapIov(iov, rotated, confidential);
          const sealing = { rotationCount: tail - filler.length, rotation: tail };
          expect(joined(rotated)).toBe(
            toHex(
              confidential
                ? sealedToken(MESSAGE, { ...next(), ...sealing }, random)
                : signedToken(MESSAGE, { ...next(), rotationCount: code }),
            ),
          );
        }
      });

      it(`of the ${sender} are opened, whoever made the token`, () => {
        const iov = iovOf(key, dceStyle, sender === 'initiator' ? 'acceptor' : 'initiator');
        const number = { sequenceHigh: 0x8123_4567, sequenceLow: 0x89ab_cdef };
        for (const extra of [0, 1, 16, 255, 256]) {
          // RFC 4121 §4.2.4: filler may be anything.
          const any = new Uint8Array(extra);
          seededRandom(3)(any);
          const after = extra + 16 + code;
          const rotation = {
            rotationCount: dceStyle ? after - extra : after,
            rotation: after,
          };
          const random = seededRandom();
          for (const buffers of [
            cut(sealedToken(MESSAGE, { ...token, filler: any }, random), sealed.head, after),
            cut(
              sealedToken(MESSAGE, { ...token, filler: any, ...rotation }, random),
              sealed.head + after,
            ),
          ]) {
            expect(unwrapIov(iov, buffers)).toEqual({ confidential: true, ...number });
            expect(buffers[1]!.bytes).toEqual(MESSAGE);
          }
        }
        for (const buffers of [
          cut(signedToken(MESSAGE, token), 16, code),
          cut(signedToken(MESSAGE, { ...token, rotationCount: code }), 16 + code),
        ]) {
          expect(unwrapIov(iov, buffers)).toEqual({ confidential: false, ...number });
          expect(buffers[1]!.bytes).toEqual(MESSAGE);
        }
      });
    }

    it('that are only signed have their associated data before the header in the checksum', () => {
      const buffers: IovBuffer[] = [
        { type: 'header' },
        { type: 'sign-only', bytes: ASSOCIATED.slice() },
        { type: 'data', bytes: MESSAGE.slice() },
        { type: 'trailer' },
      ];
      wrapIov(iovOf(key, dceStyle, 'initiator'), buffers, false);
      const token = { sender: 'initiator', key, sequence: SEQUENCE } as const;
      const whole = signedToken(concatBytes(ASSOCIATED, MESSAGE), token);
      expect(joined(buffers)).toBe(toHex(whole));
    });

    it('have no padding, and are refused with some before any key is used', () => {
      const iov = iovOf(key, dceStyle, 'acceptor');
      const token = { sender: 'initiator', key, sequence: SEQUENCE } as const;
      for (const confidential of [true, false]) {
        const [{ head, tail }, whole] = confidential
          ? [{ ...sealed, tail: 16 + code }, sealedToken(MESSAGE, token, seededRandom())]
          : [signed, signedToken(MESSAGE, token)];
        for (const [bytes, good] of [
          [undefined, true],
          [new Uint8Array(), true],
          [new Uint8Array(1), false],
        ] as const) {
          const buffers = cut(whole, head, tail);
          buffers.splice(2, 0, { type: 'padding', ...(bytes && { bytes: bytes.slice() }) });
          if (good) {
            expect(unwrapIov(iov, buffers).confidential).toBe(confidential);
          } else {
            const before = joined(buffers);
            expect(gssCodeOf(() => unwrapIov(iov, buffers))).toBe('GSS_S_DEFECTIVE_TOKEN');
            expect(joined(buffers)).toBe(before);
          }
        }
      }
    });

    it('whose lengths are not those of the token are refused, and stay as they are', () => {
      const iov = iovOf(key, dceStyle, 'acceptor');
      const token = { sender: 'initiator', key, sequence: SEQUENCE } as const;
      const whole = sealedToken(MESSAGE, token, seededRandom());
      const plain = signedToken(MESSAGE, token);
      const after = 16 + code;
      const rotated = { ...token, rotationCount: after };
      for (const buffers of [
        cut(whole, sealed.head - 1, after),
        cut(whole, sealed.head + 1, after),
        cut(whole, sealed.head, after - 1),
        cut(whole, sealed.head, after + 1),
        // RRC = 0, and the token is not rotated.
        cut(whole, sealed.head + after),
        cut(plain, 16 - 1, code),
        cut(plain, 16 + 1, code),
        cut(plain, 16, code - 1),
        cut(plain, 16, code + 1),
        cut(plain, 16 + code),
        // RRC of a rotated token.
        cut(sealedToken(MESSAGE, rotated, seededRandom()), sealed.head, after),
        cut(signedToken(MESSAGE, { ...token, rotationCount: code }), 16, code),
        // By one byte more, or less.
        ...[-1, 1].map((by) =>
          cut(
            sealedToken(MESSAGE, { ...token, rotationCount: after + by }, seededRandom()),
            sealed.head + after,
          ),
        ),
      ]) {
        const before = joined(buffers);
        expect(gssCodeOf(() => unwrapIov(iov, buffers))).toBe('GSS_S_DEFECTIVE_TOKEN');
        expect(joined(buffers)).toBe(before);
      }
    });
  },
);
