/** Wrap and MIC tokens of RFC 4121 §4.2, for every enctype that is not of RFC 1964's time. */
import { bytesEqual } from '../bytes.ts';
import type { EncryptionKey } from '../crypto/key.ts';
import { KeyUsage } from '../crypto/numbers.ts';
import { KerberosError } from '../errors.ts';
import { ContextFlag } from './flags.ts';
import { unframeMessageToken } from './framing.ts';
import type {
  MessageProtection,
  OpenedMessage,
  ProtectionState,
  Role,
  VerifiedMic,
} from './message-protection.ts';
import { badMic, defectiveToken, peerOf } from './message-protection.ts';
import { GssError } from './status.ts';

export class CfxProtection implements MessageProtection {
  readonly #state: ProtectionState;
  readonly #sendKey: EncryptionKey;
  readonly #sendFlags: number;

  constructor(state: ProtectionState) {
    this.#state = state;
    // RFC 4121 §2: the acceptor's subkey, once asserted, protects all messages.
    this.#sendKey = state.acceptorSubkey ?? state.initiatorKey;
    this.#sendFlags =
      (state.role === 'acceptor' ? Flag.sentByAcceptor : 0) |
      (state.acceptorSubkey === undefined ? 0 : Flag.acceptorSubkey);
  }

  wrap(message: Uint8Array, confidential: boolean): Uint8Array {
    return confidential ? this.#wrapSealed(message) : this.#wrapSigned(message);
  }

  unwrap(received: Uint8Array): OpenedMessage {
    const token = unframeMessageToken(received, this.#state.mechanism);
    const flags = this.#checkHeader(token, TokId.wrap, 'wrap token');
    const usage = SEAL_USAGE[peerOf(this.#state.role)];
    const key = this.#receiveKey(flags);
    const extraCount = (token[4]! << 8) | token[5]!;
    const body = rotateLeft(token.subarray(HEADER), this.#rotation(token, flags, extraCount));
    const message =
      (flags & Flag.sealed) === 0
        ? openSigned(key, usage, token, body, extraCount)
        : openSealed(key, usage, token, body, extraCount);
    return {
      message,
      confidential: (flags & Flag.sealed) !== 0,
      sequenceHigh: readU32(token, 8),
      sequenceLow: readU32(token, 12),
    };
  }

  /** RFC 4121 §4.2.5: how far the peer rotated to the right. */
  #rotation(token: Uint8Array, flags: number, extraCount: number): number {
    const rightRotationCount = (token[6]! << 8) | token[7]!;
    const dceStyle = (this.#state.flags & ContextFlag.dceStyle) !== 0;
    // MS-KILE §3.4.5.4.1: in DCE style what is sealed is rotated by RRC + EC; Heimdal does so too,
    // and pads. MIT krb5's gss_wrap does neither: its RRC is 0.
    return dceStyle && (flags & Flag.sealed) !== 0 && rightRotationCount > 0
      ? rightRotationCount + extraCount
      : rightRotationCount;
  }

  getMic(message: Uint8Array): Uint8Array {
    const key = this.#sendKey;
    const token = new Uint8Array(HEADER + key.checksumLength);
    this.#writeHeader(token, TokId.mic, 0);
    // RFC 4121 §4.2.6.1: bytes 3 to 7 are filler.
    token.fill(FILLER, 3, 8);
    // RFC 4121 §4.2.4: the checksum covers the message, then the header.
    const header = token.subarray(0, HEADER);
    token.set(key.checksum(SIGN_USAGE[this.#state.role], message, header), HEADER);
    return token;
  }

  verifyMic(message: Uint8Array, received: Uint8Array): VerifiedMic {
    const token = unframeMessageToken(received, this.#state.mechanism);
    const flags = this.#checkHeader(token, TokId.mic, 'MIC token');
    // RFC 4121 §4.2.2: Sealed shall not be set in MIC tokens; §4.2.6.1: five bytes of filler.
    if ((flags & Flag.sealed) !== 0) throw defectiveToken('MIC token claims to be sealed');
    for (let i = 4; i < 8; i++) {
      if (token[i] !== FILLER) throw defectiveToken('MIC token has a malformed filler');
    }
    const usage = SIGN_USAGE[peerOf(this.#state.role)];
    const key = this.#receiveKey(flags);
    if (!key.verifyChecksum(usage, token.subarray(HEADER), message, token.subarray(0, HEADER))) {
      throw badMic();
    }
    return { sequenceHigh: readU32(token, 8), sequenceLow: readU32(token, 12) };
  }

  verifyDelete(): void {
    // RFC 4121 §4.1: context deletion tokens are not used any more.
    throw defectiveToken('tokens of RFC 4121 do not delete a context');
  }

  wrapSizeLimit(tokenSize: number, confidential: boolean): number {
    const key = this.#sendKey;
    const overhead = confidential
      ? HEADER + key.confounderLength + HEADER + key.trailerLength
      : HEADER + key.checksumLength;
    return Math.max(0, tokenSize - overhead);
  }

  /** RFC 4121 §4.2.4: header | encrypt(message | header), EC and RRC being 0. */
  #wrapSealed(message: Uint8Array): Uint8Array {
    const key = this.#sendKey;
    const start = HEADER + key.confounderLength;
    const token = new Uint8Array(start + message.length + HEADER + key.trailerLength);
    this.#writeHeader(token, TokId.wrap, Flag.sealed);
    token.set(message, start);
    token.copyWithin(start + message.length, 0, HEADER);
    key.seal(SEAL_USAGE[this.#state.role], token.subarray(HEADER), this.#state.random);
    return token;
  }

  /** RFC 4121 §4.2.4: header | message | checksum(message | header with EC and RRC 0). */
  #wrapSigned(message: Uint8Array): Uint8Array {
    const key = this.#sendKey;
    const length = key.checksumLength;
    const token = new Uint8Array(HEADER + message.length + length);
    this.#writeHeader(token, TokId.wrap, 0);
    token.set(message, HEADER);
    const header = token.subarray(0, HEADER);
    const checksum = key.checksum(SEAL_USAGE[this.#state.role], message, header);
    token.set(checksum, HEADER + message.length);
    token[4] = length >>> 8;
    token[5] = length;
    return token;
  }

  /** Writes TOK_ID, flags and the next sequence number; EC and RRC stay 0. */
  #writeHeader(token: Uint8Array, tokId: number, flags: number): void {
    const sequence = this.#state.sendSequence;
    token[0] = tokId >>> 8;
    token[1] = tokId;
    token[2] = this.#sendFlags | flags;
    token[3] = FILLER;
    writeU32(token, 8, sequence.high);
    writeU32(token, 12, sequence.low);
    sequence.increment();
  }

  #checkHeader(token: Uint8Array, tokId: number, label: string): number {
    if (token.length < HEADER) throw defectiveToken(`${label} is shorter than its header`);
    if (((token[0]! << 8) | token[1]!) !== tokId)
      throw defectiveToken(`${label} has another TOK_ID`);
    if (token[3] !== FILLER) throw defectiveToken(`${label} has a malformed filler`);
    const flags = token[2]!;
    // A token of one's own, sent back: MIT krb5 calls it a bad MIC, not a defective token.
    const sentByAcceptor = (flags & Flag.sentByAcceptor) !== 0;
    if (sentByAcceptor !== (this.#state.role === 'initiator')) {
      throw badMic(`${label} was sent in the other direction`);
    }
    return flags;
  }

  #receiveKey(flags: number): EncryptionKey {
    const { acceptorSubkey, initiatorKey } = this.#state;
    return (flags & Flag.acceptorSubkey) !== 0 ? (acceptorSubkey ?? initiatorKey) : initiatorKey;
  }
}

function openSealed(
  key: EncryptionKey,
  usage: number,
  token: Uint8Array,
  body: Uint8Array,
  extraCount: number,
): Uint8Array {
  let plain: Uint8Array;
  try {
    plain = key.decrypt(usage, body);
  } catch (error) {
    if (error instanceof KerberosError && error.code === 'KRB_AP_ERR_BAD_INTEGRITY') {
      throw new GssError('GSS_S_BAD_MIC', undefined, { minor: error });
    }
    throw error;
  }
  const end = plain.length - HEADER - extraCount;
  if (end < 0) throw badMic();
  // RFC 4121 §4.2.4: TOK_ID, flags, filler, EC and SND_SEQ are those of the header. RRC is 0 there;
  // like MIT krb5 we do not look, since it says nothing once the rotation is undone.
  const copy = plain.subarray(plain.length - HEADER);
  if (
    !bytesEqual(copy.subarray(0, 6), token.subarray(0, 6)) ||
    !bytesEqual(copy.subarray(8), token.subarray(8, HEADER))
  ) {
    plain.fill(0);
    throw badMic();
  }
  return plain.subarray(0, end);
}

function openSigned(
  key: EncryptionKey,
  usage: number,
  token: Uint8Array,
  body: Uint8Array,
  extraCount: number,
): Uint8Array {
  // RFC 4121 §4.2.3: without confidentiality EC is the checksum's length.
  if (extraCount !== key.checksumLength || body.length < extraCount) {
    throw defectiveToken('wrap token has an EC that is not the length of its checksum');
  }
  const end = body.length - extraCount;
  const header = token.slice(0, HEADER);
  header.fill(0, 4, 8);
  const message = body.subarray(0, end);
  if (!key.verifyChecksum(usage, body.subarray(end), message, header)) throw badMic();
  return message.slice();
}

/** Undoes the peer's rotation; any count is taken modulo the length. */
function rotateLeft(body: Uint8Array, count: number): Uint8Array {
  const by = body.length === 0 ? 0 : count % body.length;
  if (by === 0) return body;
  const rotated = new Uint8Array(body.length);
  rotated.set(body.subarray(by));
  rotated.set(body.subarray(0, by), body.length - by);
  return rotated;
}

function readU32(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
  );
}

function writeU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

// RFC 4121 §4.2.6.
const TokId = { mic: 0x0404, wrap: 0x0504 } as const;
const HEADER = 16;
const FILLER = 0xff;

// RFC 4121 §4.2.2.
const Flag = { sentByAcceptor: 0x01, sealed: 0x02, acceptorSubkey: 0x04 } as const;

// RFC 4121 §2: Wrap tokens of both kinds use the seal usages, MIC tokens the sign usages.
const SEAL_USAGE: Readonly<Record<Role, number>> = {
  acceptor: KeyUsage.gssAcceptorSeal,
  initiator: KeyUsage.gssInitiatorSeal,
};
const SIGN_USAGE: Readonly<Record<Role, number>> = {
  acceptor: KeyUsage.gssAcceptorSign,
  initiator: KeyUsage.gssInitiatorSign,
};
