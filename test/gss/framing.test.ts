import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes, fromHex, toHex } from '../../src/bytes.ts';
import { DecodeError } from '../../src/errors.ts';
import {
  frameMechanismToken,
  frameToken,
  isFramedToken,
  mechanismHeader,
  TokenId,
  unframeMessageToken,
  unframeToken,
} from '../../src/gss/framing.ts';
import { Mechanism } from '../../src/gss/mechanism.ts';
import type { Oid } from '../../src/gss/oid.ts';
import { runs } from '../support/properties.ts';

const KRB5 = '06092a864886f712010202';

/** X.690 §8.1.3, §10.1: the definite form, in the fewest bytes. */
function derLength(length: number): string {
  const digits = length.toString(16);
  const hex = digits.padStart(digits.length + (digits.length % 2), '0');
  if (length < 128) return hex;
  return (0x80 + hex.length / 2).toString(16) + hex;
}

/** A token of Kerberos with this many bytes after its OID, and the given form of its length. */
function tokenOf(innerLength: number, length = derLength(11 + innerLength)): Uint8Array {
  return concatBytes(fromHex(`60${length}${KRB5}`), new Uint8Array(innerLength).fill(0x5a));
}

describe('the header of a token', () => {
  // At 128, 256, 2^16 and 2^24 the length takes one byte more.
  const AROUND = [0x80, 0x100, 0x1_0000, 0x100_0000].flatMap((n) => [n - 1, n, n + 1]);

  it.each([11, 12, ...AROUND, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff])(
    'has the length %i in the fewest bytes',
    (bodyLength) => {
      const header = mechanismHeader(Mechanism.krb5, bodyLength - 11);
      expect(toHex(header)).toBe(`60${derLength(bodyLength)}${KRB5}`);
    },
  );

  it.each([11, 12, ...AROUND])('is read at length %i', (bodyLength) => {
    const token = tokenOf(bodyLength - 11);
    expect(isFramedToken(token)).toBe(true);
    const { mechanism, inner } = unframeToken(token);
    expect(mechanism).toBe(Mechanism.krb5);
    expect(inner.length).toBe(bodyLength - 11);
    // A view, not a copy.
    expect(inner.buffer).toBe(token.buffer);
    expect(inner.byteOffset).toBe(token.length - inner.length);
  });

  // As in MIT krb5: the header is not authenticated, so a second encoding is no attack.
  it.each([
    ['128 bytes less one in the long form', 127 - 11, '817f'],
    ['a zero before one byte', 200 - 11, '8200c8'],
    ['a zero before two bytes', 300 - 11, '8300012c'],
    ['three zeros', 200 - 11, '84000000c8'],
    ['five bytes', 200 - 11, '8500000000c8'],
    ['eight bytes', 20, '88000000000000001f'],
  ])('is read with %s', (_, innerLength, length) => {
    const { mechanism, inner } = unframeToken(tokenOf(innerLength, length));
    expect(mechanism).toBe(Mechanism.krb5);
    expect(inner).toEqual(new Uint8Array(innerLength).fill(0x5a));
  });

  it.each([
    ['the indefinite form', 20, '80'],
    ['nine bytes', 20, '8900000000000000001f'],
    ['a length of no bytes', 0, '8100'],
    ['a byte less than there is', 20, '1e'],
    ['a byte more than there is', 20, '20'],
    ['a byte less than there is, in the long form', 20, '82001e'],
    ['a byte more than there is, in the long form', 20, '820020'],
  ])('is refused with %s', (_, innerLength, length) => {
    expect(() => unframeToken(tokenOf(innerLength, length))).toThrow(DecodeError);
  });

  it('is refused with a length of an unknown form before anything is read of it', () => {
    // Five bytes of the value 2^32: no token is as long.
    for (const length of ['80', '850100000000', 'ff']) {
      expect(() => unframeToken(tokenOf(20, length))).toThrow(/a length of an unknown form/);
    }
  });

  it('is refused where the OID has not its tag, or is longer than what it is in', () => {
    const token = tokenOf(4);
    expect(() => unframeToken(token.with(0, 0x61))).toThrow(/does not start with/);
    expect(() => unframeToken(token.with(2, 0x05))).toThrow(/names no mechanism/);
    expect(() => unframeToken(token.with(3, 14))).toThrow(DecodeError);
    expect(() => unframeToken(new Uint8Array())).toThrow(DecodeError);
    for (let length = 0; length < token.length; length++) {
      expect(() => unframeToken(token.subarray(0, length))).toThrow(DecodeError);
    }
    expect(() => unframeToken(concatBytes(token, Uint8Array.of(0)))).toThrow(DecodeError);
  });

  it('precedes a message of Kerberos with TOK_ID, other messages without', () => {
    const message = Uint8Array.of(1, 2, 3);
    expect(toHex(frameToken(Mechanism.krb5, TokenId.apReq, message))).toBe(`6010${KRB5}0100010203`);
    expect(toHex(frameToken(Mechanism.krb5, TokenId.krbError, message))).toBe(
      `6010${KRB5}0300010203`,
    );
    expect(toHex(frameMechanismToken(Mechanism.spnego, message))).toBe(
      '600b06062b0601050502010203',
    );
  });

  it('comes off again, whatever the mechanism and the message', () => {
    const mechanism = fc.oneof(
      fc.constantFrom<Oid>(...Object.values(Mechanism)),
      fc.array(fc.nat(), { maxLength: 8 }).map((arcs): Oid => `1.3.${[6, ...arcs].join('.')}`),
    );
    fc.assert(
      fc.property(mechanism, fc.uint8Array({ maxLength: 300 }), (oid, message) => {
        const framed = unframeToken(frameMechanismToken(oid, message));
        expect(framed).toEqual({ mechanism: oid, inner: message });
        const numbered = unframeToken(frameToken(oid, 0x1234, message));
        expect(numbered).toEqual({
          mechanism: oid,
          inner: concatBytes(Uint8Array.of(0x12, 0x34), message),
        });
      }),
      { numRuns: runs(200) },
    );
  });
});

describe('the header of a per-message token', () => {
  const message = Uint8Array.of(5, 4, 7, 0xff);

  it('comes off if it has the mechanism of the context, or the right number of Kerberos', () => {
    for (const [framed, context, isTaken] of [
      [Mechanism.krb5, Mechanism.krb5, true],
      [Mechanism.msKrb5, Mechanism.msKrb5, true],
      [Mechanism.krb5, Mechanism.msKrb5, true],
      [Mechanism.msKrb5, Mechanism.krb5, false],
      [Mechanism.spnego, Mechanism.krb5, false],
      [Mechanism.ntlmssp, Mechanism.oldKrb5, false],
    ] as const) {
      const token = frameMechanismToken(framed, message);
      const inner = unframeMessageToken(token, context);
      if (isTaken) expect(inner).toEqual(message);
      else expect(inner).toBe(token);
    }
  });

  it('may be absent, and bytes that are not a header are kept', () => {
    for (const token of [
      message,
      new Uint8Array(),
      Uint8Array.of(0x60),
      frameMechanismToken(Mechanism.krb5, message).subarray(0, 12),
      concatBytes(frameMechanismToken(Mechanism.krb5, message), Uint8Array.of(0)),
    ]) {
      expect(unframeMessageToken(token, Mechanism.krb5)).toBe(token);
    }
  });
});

describe('what is not the first token of a context', () => {
  it.each<[string, number[], string, string?]>([
    ['a TLS record', [0x16, 3, 1, 0], 'token.no-gss-header', 'TLS'],
    ['a record of another version', [0x16, 2, 1, 0], 'token.no-gss-header'],
    ['a record of another type', [0x17, 3, 3, 0], 'token.no-gss-header'],
    ['a later token of SPNEGO', [0xa1, 2, 0x30, 0], 'token.out-of-order'],
    ['a MIC', [4, 4, 4, 0xff], 'token.out-of-order'],
    ['a Wrap', [5, 4, 4, 0xff], 'token.out-of-order'],
    ['what has half of a token identifier', [4, 5, 4, 0xff], 'token.no-gss-header'],
  ])('is told as what it is: %s', (_, bytes, reason, looksLike) => {
    let error: unknown;
    try {
      unframeToken(Uint8Array.from(bytes));
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({ reason });
    const { detail } = error as { readonly detail: { readonly looksLike?: string } };
    expect(detail.looksLike).toBe(looksLike);
  });
});
