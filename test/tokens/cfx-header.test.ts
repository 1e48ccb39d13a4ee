import { describe, expect, it } from 'vitest';
import { concatBytes, toHex } from '../../src/bytes.ts';
import type { IovBuffer } from '../../src/index.ts';
import { ContextFlag, EncryptionKey, GssError, Mechanism } from '../../src/index.ts';
import { CfxProtection } from '../../src/tokens/cfx.ts';
import { CfxIov } from '../../src/tokens/cfx-iov.ts';
import { unwrapIov } from '../../src/tokens/iov.ts';
import type { Role } from '../../src/tokens/protection.ts';
import { SequenceCounter } from '../../src/tokens/sequence.ts';
import type { CfxToken } from '../support/cfx-tokens.ts';
import { micToken, sealedToken, signedToken } from '../support/cfx-tokens.ts';
import { gssCodeOf } from '../support/library-errors.ts';
import { seededRandom } from '../support/realm-kit.ts';

const ENCTYPES = [17, 18, 19, 20, 25, 26] as const;
const MESSAGE = new TextEncoder().encode('a message of no round length');
const SUBKEY = EncryptionKey.generate(20, seededRandom(5));
const OTHER = { initiator: 'acceptor', acceptor: 'initiator' } as const;

function stateOf(
  role: Role,
  initiatorKey: EncryptionKey,
  more: {
    readonly acceptorSubkey?: EncryptionKey;
    readonly sequence?: bigint;
    readonly flags?: number;
  } = {},
) {
  const { acceptorSubkey, sequence = 0n, flags = 0 } = more;
  const [high, low] = [Number(sequence >> 32n), Number(sequence & 0xffff_ffffn)];
  return {
    role,
    mechanism: Mechanism.krb5,
    flags,
    initiatorKey,
    ...(acceptorSubkey && { acceptorSubkey }),
    sendSequence: new SequenceCounter(low, high),
    random: seededRandom(11),
  };
}

/** Unwraps a token as a stream. */
function openStream(iov: CfxIov, token: Uint8Array) {
  const data: IovBuffer = { type: 'data', bytes: new Uint8Array() };
  const opened = unwrapIov(iov, [{ type: 'stream', bytes: token.slice() }, data]);
  return { message: data.bytes, ...opened };
}

describe.each(ENCTYPES)('tokens of enctype %i', (enctype) => {
  const key = EncryptionKey.generate(enctype, seededRandom(7));

  it.each([
    0n,
    0xffff_ffffn,
    0x1_0000_0000n,
    0x0123_4567_89ab_cdefn,
    0xfedc_ba98_7654_3210n,
    0xffff_ffff_ffff_ffffn,
  ])('are byte for byte those of RFC 4121 §4.2.6, from number %i on', (sequence) => {
    for (const sender of ['initiator', 'acceptor'] as const) {
      for (const acceptorSubkey of [undefined, SUBKEY]) {
        const protection = new CfxProtection(
          stateOf(sender, key, { sequence, ...(acceptorSubkey && { acceptorSubkey }) }),
        );
        const random = seededRandom(11);
        const of = (by: bigint): CfxToken => ({
          sender,
          key: acceptorSubkey ?? key,
          acceptorSubkey: acceptorSubkey !== undefined,
          sequence: BigInt.asUintN(64, sequence + by),
        });
        expect(toHex(protection.wrap(MESSAGE, true))).toBe(
          toHex(sealedToken(MESSAGE, of(0n), random)),
        );
        expect(toHex(protection.wrap(MESSAGE, false))).toBe(toHex(signedToken(MESSAGE, of(1n))));
        expect(toHex(protection.getMic(MESSAGE))).toBe(toHex(micToken(MESSAGE, of(2n))));
      }
    }
  });

  it('are read with all 64 bits of their number', () => {
    for (const sender of ['initiator', 'acceptor'] as const) {
      const protection = new CfxProtection(stateOf(OTHER[sender], key));
      for (const [high, low] of [
        [0, 0x8000_0000],
        [0x8000_0000, 0],
        [0x89ab_cdef, 0x0123_4567],
        [0xffff_ffff, 0xffff_ffff],
      ] as const) {
        const token = { sender, key, sequence: (BigInt(high) << 32n) | BigInt(low) };
        const number = { sequenceHigh: high, sequenceLow: low };
        const sealed = sealedToken(MESSAGE, token, seededRandom());
        expect(protection.unwrap(sealed)).toEqual({
          message: MESSAGE,
          confidential: true,
          ...number,
        });
        expect(protection.unwrap(signedToken(MESSAGE, token))).toEqual({
          message: MESSAGE,
          confidential: false,
          ...number,
        });
        expect(protection.verifyMic(MESSAGE, micToken(MESSAGE, token))).toEqual(number);
      }
    }
  });

  // RFC 4121 §4.2.2: AcceptorSubkey. The initiator may have sent it before it had the AP-REP.
  it('are read with the key that they name, and no other', () => {
    const protection = new CfxProtection(stateOf('acceptor', key, { acceptorSubkey: SUBKEY }));
    const iov = new CfxIov(stateOf('acceptor', key, { acceptorSubkey: SUBKEY }));
    for (const acceptorSubkey of [false, true]) {
      for (const used of [key, SUBKEY]) {
        const token = { sender: 'initiator', key: used, acceptorSubkey, sequence: 1n } as const;
        const sealed = sealedToken(MESSAGE, token, seededRandom());
        const signed = signedToken(MESSAGE, token);
        const mic = micToken(MESSAGE, token);
        if (acceptorSubkey === (used === SUBKEY)) {
          expect(protection.unwrap(sealed).message).toEqual(MESSAGE);
          expect(protection.unwrap(signed).message).toEqual(MESSAGE);
          expect(openStream(iov, sealed).message).toEqual(MESSAGE);
          expect(openStream(iov, signed).message).toEqual(MESSAGE);
          expect(protection.verifyMic(MESSAGE, mic).sequenceLow).toBe(1);
          continue;
        }
        expect(() => protection.unwrap(sealed)).toThrow(GssError);
        expect(() => protection.unwrap(signed)).toThrow(GssError);
        expect(() => openStream(iov, sealed)).toThrow(GssError);
        expect(() => openStream(iov, signed)).toThrow(GssError);
        expect(() => protection.verifyMic(MESSAGE, mic)).toThrow(GssError);
      }
    }
    // No subkey was asserted: like MIT krb5 we ignore the flag.
    const none = new CfxProtection(stateOf('acceptor', key));
    const token = { sender: 'initiator', key, acceptorSubkey: true, sequence: 1n } as const;
    expect(none.unwrap(sealedToken(MESSAGE, token, seededRandom())).message).toEqual(MESSAGE);
  });

  it.each([0, 1, 16, 255, 256, 300, 0x1234])('may have %i bytes of any filler', (extra) => {
    const filler = new Uint8Array(extra);
    seededRandom(3)(filler);
    for (const rotationCount of [0, 1, 28, 255, 256, 257, 0x1234, 0xffff]) {
      const token = { sender: 'initiator', key, sequence: 5n, filler, rotationCount } as const;
      const opened = { message: MESSAGE, confidential: true, sequenceHigh: 0, sequenceLow: 5 };
      const sealed = sealedToken(MESSAGE, token, seededRandom());
      const state = stateOf('acceptor', key);
      expect(new CfxProtection(state).unwrap(sealed)).toEqual(opened);
      expect(openStream(new CfxIov(state), sealed)).toEqual(opened);
      // MS-KILE §3.4.5.4.1: in DCE style by EC as well, unless it is not rotated at all.
      const rotation = rotationCount === 0 ? 0 : rotationCount + extra;
      const windows = sealedToken(MESSAGE, { ...token, rotation }, seededRandom());
      const dce = stateOf('acceptor', key, { flags: ContextFlag.dceStyle });
      expect(new CfxProtection(dce).unwrap(windows)).toEqual(opened);
      expect(openStream(new CfxIov(dce), windows)).toEqual(opened);
    }
  });

  it('that are only signed are rotated by RRC alone, in DCE style too', () => {
    for (const rotationCount of [0, 1, 12, 255, 256, 0x1234, 0xffff]) {
      const token = { sender: 'acceptor', key, sequence: 5n, rotationCount } as const;
      const signed = signedToken(MESSAGE, token);
      for (const flags of [0, ContextFlag.dceStyle]) {
        const state = stateOf('initiator', key, { flags });
        expect(new CfxProtection(state).unwrap(signed).message).toEqual(MESSAGE);
        expect(openStream(new CfxIov(state), signed).message).toEqual(MESSAGE);
      }
    }
  });

  it('that end within their header are no tokens', () => {
    const state = stateOf('acceptor', key);
    const token = { sender: 'initiator', key, sequence: 5n } as const;
    const mic = micToken(MESSAGE, token);
    for (const whole of [
      sealedToken(MESSAGE, token, seededRandom()),
      signedToken(MESSAGE, token),
    ]) {
      for (let length = 0; length < 16; length++) {
        const cut = whole.subarray(0, length);
        const protection = new CfxProtection(state);
        const text = /wrap token is shorter than its header/;
        expect(() => protection.unwrap(cut)).toThrow(text);
        expect(gssCodeOf(() => protection.unwrap(cut))).toBe('GSS_S_DEFECTIVE_TOKEN');
        expect(gssCodeOf(() => openStream(new CfxIov(state), cut))).toBe('GSS_S_DEFECTIVE_TOKEN');
        const verify = () => protection.verifyMic(MESSAGE, mic.subarray(0, length));
        expect(gssCodeOf(verify)).toBe('GSS_S_DEFECTIVE_TOKEN');
      }
    }
  });

  it('that end before what they announce are no tokens either', () => {
    const state = stateOf('acceptor', key);
    for (const filler of [new Uint8Array(), new Uint8Array(16)]) {
      const token = { sender: 'initiator', key, sequence: 5n, filler } as const;
      const sealed = sealedToken(new Uint8Array(), token, seededRandom());
      const signed = signedToken(new Uint8Array(), token);
      for (const whole of [sealed, signed]) {
        for (let length = 16; length < whole.length; length++) {
          const open = () => openStream(new CfxIov(state), whole.subarray(0, length));
          expect(gssCodeOf(open), `${length} bytes`).toBe('GSS_S_DEFECTIVE_TOKEN');
        }
        expect(openStream(new CfxIov(state), whole).message).toEqual(new Uint8Array());
      }
    }
  });

  // RFC 4121 §4.2.4: the receiver compares them.
  it('are refused if the header inside is not the one outside, but for RRC', () => {
    const token = { sender: 'initiator', key, sequence: 5n } as const;
    const plain = concatBytes(MESSAGE, sealedToken(MESSAGE, token, seededRandom()).subarray(0, 16));
    const sealWith = (at: number, value: number) => {
      const inside = plain.slice();
      inside[MESSAGE.length + at]! ^= value;
      return concatBytes(plain.subarray(MESSAGE.length), key.encrypt(24, inside, seededRandom()));
    };
    for (let at = 0; at < 16; at++) {
      const altered = sealWith(at, 0x80);
      const state = stateOf('acceptor', key);
      const open = () => new CfxProtection(state).unwrap(altered);
      const openIov = () => openStream(new CfxIov(state), altered);
      if (at === 6 || at === 7) {
        expect(open().message).toEqual(MESSAGE);
        expect(openIov().message).toEqual(MESSAGE);
      } else {
        expect(gssCodeOf(open), `byte ${at}`).toBe('GSS_S_BAD_MIC');
        expect(gssCodeOf(openIov), `byte ${at}`).toBe('GSS_S_BAD_MIC');
      }
    }
  });
});
