/** Published flaws of per-message tokens, tried on this package; with MIT krb5's t_invalid.c in mind. */
import { expect } from 'vitest';
import { concatBytes, encodeUtf8 } from '../../src/bytes.ts';
import { withLegacyEnctypes } from '../../src/crypto/legacy/index.ts';
import { KeyUsage } from '../../src/crypto/numbers.ts';
import { frameMechanismToken, unframeToken } from '../../src/gss/framing.ts';
import type { IovBuffer, SecurityContext } from '../../src/index.ts';
import { ContextFlag, Mechanism } from '../../src/index.ts';
import { sealedToken } from '../support/cfx-tokens.ts';
import { gssCodeOf, gssErrorOf } from '../support/library-errors.ts';
import { establish, makeKeytab, seededRandom } from '../support/realm-kit.ts';
import { testsOf } from './advisory.ts';
import { MESSAGES } from './records/messages.ts';

const advisory = testsOf(MESSAGES);
const crypto = withLegacyEnctypes();
const CFX = [17, 18, 19, 20, 25, 26];
const OLD = [16, 23];
const MESSAGE = encodeUtf8('a message of no great length');
const REFUSED = /^GSS_S_(BAD_MIC|DEFECTIVE_TOKEN)$/;

async function both(enctype: number) {
  // No windows: a token is judged by its bytes alone, however often it comes.
  const flags = ContextFlag.mutual | ContextFlag.integrity | ContextFlag.confidentiality;
  return await establish({ keytab: makeKeytab({ enctype, crypto }), initiator: { flags } });
}

/** Who sends, and who receives. */
async function directions(enctype: number) {
  const { client, server } = await both(enctype);
  return [
    [client, server],
    [server, client],
  ] as const;
}

/** RFC 4757 §7.2: nothing authenticates the number of an RC4 token that is not sealed. */
function isLooseNumber(enctype: number, token: Uint8Array, at: number): boolean {
  const start = token.length - unframeToken(token).inner.length + 8;
  return enctype === 23 && at >= start && at < start + 4;
}

/** The bytes of an old token behind its first eight. */
function forgeOld(
  context: SecurityContext,
  kind: 'mic' | 'wrap',
  tokenId: number,
  sealAlgorithm: number,
  body: Uint8Array,
): Uint8Array {
  const keys = context.sessionKey.rfc1964!;
  const { signAlgorithm } = keys;
  const head = Uint8Array.of(tokenId >> 8, tokenId, signAlgorithm, signAlgorithm >> 8);
  const seal = Uint8Array.of(sealAlgorithm, sealAlgorithm >> 8, 0xff, 0xff);
  const header = concatBytes(head, seal);
  const checksum = keys.checksum(kind, header, body);
  const sequence = keys.sealSequence({ number: 1, sender: 'initiator' }, checksum);
  return concatBytes(header, sequence, checksum);
}

advisory('everyMicByte', async () => {
  for (const enctype of [...CFX, ...OLD]) {
    for (const [from, to] of await directions(enctype)) {
      const mic = from.getMic(MESSAGE);
      expect(to.verifyMic(MESSAGE, mic).sequence).toBe('ok');
      for (let at = 0; at < mic.length; at++) {
        if (enctype === 23 && isLooseNumber(enctype, mic, at)) continue;
        for (const change of [0x01, 0x80, 0xff]) {
          const altered = mic.with(at, mic[at]! ^ change);
          const code = gssCodeOf(() => to.verifyMic(MESSAGE, altered));
          expect(code, `enctype ${enctype}, byte ${at}`).toMatch(REFUSED);
        }
      }
      for (let at = 0; at < MESSAGE.length; at++) {
        const altered = MESSAGE.with(at, MESSAGE[at]! ^ 1);
        expect(gssCodeOf(() => to.verifyMic(altered, mic))).toBe('GSS_S_BAD_MIC');
      }
      for (const other of [mic.subarray(0, -1), concatBytes(mic, Uint8Array.of(0, 0, 0))]) {
        expect(gssCodeOf(() => to.verifyMic(MESSAGE, other))).toMatch(REFUSED);
      }
      expect(to.verifyMic(MESSAGE, mic).sequence).toBe('ok');
    }
  }
});

advisory('extraCount', async () => {
  for (const enctype of CFX) {
    const { client, server } = await both(enctype);
    const token = client.wrap(MESSAGE);
    for (let bit = 0; bit < 16; bit++) {
      const at = 4 + (bit >> 3);
      const altered = token.with(at, token[at]! ^ (1 << (bit & 7)));
      expectNoMessage(server, altered);
    }
    // What the client itself sealed with another EC than the header says: MIT krb5's t_invalid.c.
    const sealed = { sender: 'initiator', key: client.sessionKey, acceptorSubkey: true } as const;
    for (const length of [1, 3, 12, 255]) {
      const filler = new Uint8Array(length).fill(0x20);
      const honest = sealedToken(MESSAGE, { ...sealed, sequence: 0n, filler }, seededRandom(5));
      expect(server.unwrap(honest).message).toEqual(MESSAGE);
      for (const claimed of [0, length - 1, length + 1, 28]) {
        if (claimed === length) continue;
        expectNoMessage(server, honest.with(4, claimed >> 8).with(5, claimed));
      }
    }
    expect(server.unwrap(token).message).toEqual(MESSAGE);
  }
});

advisory('cutMessages', async () => {
  for (const enctype of CFX) {
    const { client, server } = await both(enctype);
    for (const confidential of [true, false]) {
      const token = client.wrap(MESSAGE, { confidential });
      for (let length = 0; length < token.length; length++) {
        expectNoMessage(server, token.slice(0, length));
      }
      for (const number of [6, 7]) {
        // RRC, modulo whatever is left: no rotation makes sense of a cut token.
        expectNoMessage(server, token.slice(0, 40).with(number, 0xff));
      }
    }
    // Sealed, but without the copy of the header that has to be at the end.
    const key = client.sessionKey;
    const head = client.wrap(MESSAGE).subarray(0, 16);
    for (const length of [0, 1, 15]) {
      const cipher = key.encrypt(
        KeyUsage.gssInitiatorSeal,
        new Uint8Array(length),
        seededRandom(6),
      );
      expectNoMessage(server, concatBytes(head, cipher));
    }
  }
});

advisory('otherMechanismsTokens', async () => {
  const modern = await both(18);
  for (const enctype of OLD) {
    const old = await both(enctype);
    for (const [from, to] of [
      [old.client, modern.server],
      [modern.client, old.server],
    ] as const) {
      for (const confidential of [true, false]) {
        const token = from.wrap(MESSAGE, { confidential });
        expect(gssCodeOf(() => to.unwrap(token))).toBe('GSS_S_DEFECTIVE_TOKEN');
        const stream: IovBuffer[] = [{ type: 'stream', bytes: token.slice() }, { type: 'data' }];
        expect(gssCodeOf(() => to.unwrapIov(stream))).toBe('GSS_S_DEFECTIVE_TOKEN');
      }
      const mic = from.getMic(MESSAGE);
      expect(gssCodeOf(() => to.verifyMic(MESSAGE, mic))).toBe('GSS_S_DEFECTIVE_TOKEN');
    }
  }
  // MIT krb5's t_invalid.c: well-formed on the surface, 24 bytes, all zeros behind the filler.
  const bogus = concatBytes(
    Uint8Array.of(1, 1, 0x11, 0, 0xff, 0xff, 0xff, 0xff),
    new Uint8Array(16),
  );
  const framed = frameMechanismToken(Mechanism.krb5, bogus);
  expect(gssCodeOf(() => modern.server.unwrap(framed))).toBe('GSS_S_DEFECTIVE_TOKEN');
});

advisory('oldTokenLengths', async () => {
  for (const enctype of OLD) {
    const { client, server } = await both(enctype);
    const keys = client.sessionKey.rfc1964!;
    for (const [size, padding] of [
      [8, 255],
      [16, 17],
      [16, 100],
      [40, 41],
      [40, 255],
    ] as const) {
      const body = new Uint8Array(8 + size).fill(padding, 8);
      const inner = concatBytes(forgeOld(client, 'wrap', 0x0201, keys.sealAlgorithm, body), body);
      keys.encrypt(inner.subarray(inner.length - body.length), 1);
      const token = frameMechanismToken(Mechanism.krb5, inner);
      expect(
        gssCodeOf(() => server.unwrap(token)),
        `${padding} of ${size}`,
      ).toBe('GSS_S_BAD_MIC');
    }
    // A good padding of the same make opens: the tokens above were refused for nothing else.
    const body = concatBytes(new Uint8Array(8), MESSAGE.subarray(0, 15), Uint8Array.of(1));
    const inner = concatBytes(forgeOld(client, 'wrap', 0x0201, keys.sealAlgorithm, body), body);
    keys.encrypt(inner.subarray(inner.length - body.length), 1);
    expect(server.unwrap(inner).message).toEqual(MESSAGE.subarray(0, 15));
    // Only the identifier; all but the number; all but the last byte of the checksum.
    const mic = unframeToken(client.getMic(MESSAGE)).inner;
    for (const length of [0, 2, 8, 15, 16, 16 + keys.checksumLength - 1]) {
      const cut = frameMechanismToken(Mechanism.krb5, mic.subarray(0, length));
      expect(gssCodeOf(() => server.verifyMic(MESSAGE, cut))).toBe('GSS_S_DEFECTIVE_TOKEN');
      expect(gssCodeOf(() => server.processToken(cut))).toBe('GSS_S_DEFECTIVE_TOKEN');
    }
  }
});

advisory('invertedComparison', async () => {
  for (const enctype of OLD) {
    for (const [from, to] of await directions(enctype)) {
      for (const confidential of [true, false]) {
        const token = from.wrap(MESSAGE, { confidential });
        expect(to.unwrap(token).message).toEqual(MESSAGE);
        const start = token.length - unframeToken(token).inner.length + 16;
        const { checksumLength } = from.sessionKey.rfc1964!;
        for (let at = start; at < start + checksumLength; at++) {
          expectNoMessage(to, token.with(at, token[at]! ^ 0xff));
        }
        expectNoMessage(to, token.slice().fill(0, start, start + checksumLength));
      }
    }
  }
});

advisory('shortOldTokens', async () => {
  for (const enctype of OLD) {
    const { client, server } = await both(enctype);
    for (const confidential of [true, false]) {
      const { inner } = unframeToken(client.wrap(MESSAGE, { confidential }));
      for (let length = 0; length < inner.length; length++) {
        const framed = frameMechanismToken(Mechanism.krb5, inner.subarray(0, length));
        const before = framed.slice();
        expectNoMessage(server, framed);
        expect(framed).toEqual(before);
      }
      expect(server.unwrap(frameMechanismToken(Mechanism.krb5, inner)).message).toEqual(MESSAGE);
    }
  }
});

advisory('wrapper', async () => {
  for (const enctype of [...CFX, ...OLD]) {
    const { client, server } = await both(enctype);
    for (const confidential of [true, false]) {
      const token = client.wrap(MESSAGE, { confidential });
      for (let at = 0; at < token.length; at++) {
        if (!confidential && enctype === 23 && isLooseNumber(enctype, token, at)) continue;
        expectNoMessage(server, token.with(at, (token[at]! + 1) & 0xff));
      }
      // A header of RFC 2743 around it is taken off, if it is that of this very token.
      const framed = frameMechanismToken(Mechanism.krb5, unframedOf(token));
      expect(server.unwrap(framed).message).toEqual(MESSAGE);
      for (const length of [framed[1]! - 1, framed[1]! + 1, 0, 0x7f]) {
        expectNoMessage(server, framed.with(1, length));
      }
      expectNoMessage(server, frameMechanismToken(Mechanism.spnego, unframedOf(token)));
    }
  }
});

advisory('deleteToken', async () => {
  for (const enctype of OLD) {
    const { client, server } = await both(enctype);
    const key = server.sessionKey;
    const inner = forgeOld(client, 'mic', 0x0102, 0xffff, new Uint8Array());
    const sent = client.wrap(MESSAGE);
    server.processToken(frameMechanismToken(Mechanism.krb5, inner));
    for (const call of [
      () => server.unwrap(sent),
      () => server.wrap(MESSAGE),
      () => server.getMic(MESSAGE),
      () => server.verifyMic(MESSAGE, sent),
      () => server.wrapSizeLimit(1000),
      () => server.pseudoRandom('full', MESSAGE, 16),
      () => server.processToken(inner),
      () => server.export(),
    ]) {
      expect(gssCodeOf(call), String(call)).toBe('GSS_S_NO_CONTEXT');
    }
    // Whoever still has the key has nothing.
    expect(key.disposed).toBe(true);
  }
});

advisory('decryptionOracle', async () => {
  for (const enctype of CFX) {
    const { client, server } = await both(enctype);
    const token = client.wrap(MESSAGE);
    const errors = new Set<string>();
    for (let at = 16; at < token.length; at++) {
      const { code, message, hint } = gssErrorOf(() =>
        server.unwrap(token.with(at, token[at]! ^ 4)),
      );
      errors.add(`${code} ${message} ${hint}`);
    }
    expect([...errors]).toHaveLength(1);
    expect([...errors][0]).toMatch(/^GSS_S_BAD_MIC /);
  }
});

advisory('keystream', async () => {
  const keytab = makeKeytab({ enctype: 23, crypto });
  const { confidentiality, integrity, mutual } = ContextFlag;
  const oneWay = await establish({ keytab, initiator: { flags: confidentiality | integrity } });
  expect(gssCodeOf(() => oneWay.server.wrap(MESSAGE))).toBe('GSS_S_UNAVAILABLE');
  const data: IovBuffer = { type: 'data', bytes: MESSAGE.slice() };
  const buffers: IovBuffer[] = [{ type: 'header' }, data, { type: 'padding' }];
  expect(gssCodeOf(() => oneWay.server.wrapIov(buffers))).toBe('GSS_S_UNAVAILABLE');
  // What the client seals opens, and what the server signs is good.
  expect(oneWay.server.unwrap(oneWay.client.wrap(MESSAGE)).message).toEqual(MESSAGE);
  const signed = oneWay.server.wrap(MESSAGE, { confidential: false });
  expect(oneWay.client.unwrap(signed)).toMatchObject({ message: MESSAGE, confidential: false });
  const both = await establish({ keytab, initiator: { flags: confidentiality | mutual } });
  const other = MESSAGE.map((byte) => byte ^ 0x55);
  // Without the padding of one byte.
  const [a, b] = [both.client.wrap(MESSAGE), both.server.wrap(other)].map((token) =>
    token.subarray(token.length - MESSAGE.length - 1, -1),
  );
  expect(a!.map((byte, at) => byte ^ b![at]!)).not.toEqual(new Uint8Array(a!.length).fill(0x55));
});

/** Neither as one token, nor as a stream of buffers. */
function expectNoMessage(context: SecurityContext, token: Uint8Array): void {
  expect(gssCodeOf(() => context.unwrap(token))).toMatch(REFUSED);
  const buffers: IovBuffer[] = [{ type: 'stream', bytes: token.slice() }, { type: 'data' }];
  expect(gssCodeOf(() => context.unwrapIov(buffers))).toMatch(REFUSED);
}

/** Tokens of RFC 4121 have no header, and the old ones have one. */
function unframedOf(token: Uint8Array): Uint8Array {
  return token[0] === 0x60 ? unframeToken(token).inner : token;
}
