import { describe, expect, it } from 'vitest';
import { KeyUsage } from '../../src/crypto/numbers.ts';
import { Mechanism } from '../../src/gss/mechanism.ts';
import { ContextFlag } from '../../src/gss/status.ts';
import { EncryptionKey } from '../../src/index.ts';
import { CfxProtection } from '../../src/tokens/cfx.ts';
import { SequenceCounter } from '../../src/tokens/sequence.ts';
import { seededRandom } from '../support/realm-kit.ts';

const MESSAGE = Uint8Array.of(1, 2, 3, 4, 5);
const random = seededRandom();
const key = EncryptionKey.generate(18, random);

function acceptor(flags: number): CfxProtection {
  return new CfxProtection({
    role: 'acceptor',
    mechanism: Mechanism.krb5,
    flags,
    initiatorKey: key,
    sendSequence: new SequenceCounter(0),
    random,
  });
}

/** A sealed wrap token with filler (RFC 4121 §4.2.4), rotated to the right (§4.2.5). */
function wrapToken(extraCount: number, rightRotationCount: number, rotation: number): Uint8Array {
  const header = Uint8Array.of(5, 4, 2, 0xff, 0, extraCount, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9);
  const plain = Uint8Array.of(...MESSAGE, ...new Uint8Array(extraCount), ...header);
  const cipher = key.encrypt(KeyUsage.gssInitiatorSeal, plain, random);
  const by = rotation % cipher.length;
  header[7] = rightRotationCount;
  return Uint8Array.of(
    ...header,
    ...cipher.subarray(cipher.length - by),
    ...cipher.subarray(0, cipher.length - by),
  );
}

describe('the rotation of sealed tokens', () => {
  // Heimdal pads to 16 bytes; Windows has EC 16.
  it.each([
    [11, 28],
    [16, 28],
    [0, 28],
    [200, 12],
  ])('by RRC + EC in DCE style: EC %i, RRC %i', (extraCount, rrc) => {
    const token = wrapToken(extraCount, rrc, rrc + extraCount);
    expect(acceptor(ContextFlag.dceStyle).unwrap(token)).toEqual({
      message: MESSAGE,
      confidential: true,
      sequenceHigh: 0,
      sequenceLow: 9,
    });
  });

  it.each([0, ContextFlag.dceStyle])('by nothing where RRC is 0, flags %i', (flags) => {
    expect(acceptor(flags).unwrap(wrapToken(16, 0, 0)).message).toEqual(MESSAGE);
  });

  it('by RRC alone in any other style', () => {
    expect(acceptor(0).unwrap(wrapToken(16, 28, 28)).message).toEqual(MESSAGE);
  });

  it('by nothing else', () => {
    const badMic = expect.objectContaining({ code: 'GSS_S_BAD_MIC' });
    expect(() => acceptor(0).unwrap(wrapToken(16, 28, 44))).toThrow(badMic);
    expect(() => acceptor(ContextFlag.dceStyle).unwrap(wrapToken(16, 28, 28))).toThrow(badMic);
    expect(() => acceptor(ContextFlag.dceStyle).unwrap(wrapToken(16, 0, 16))).toThrow(badMic);
  });
});
