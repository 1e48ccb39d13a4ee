/**
 * Wrap and MIC tokens of RFC 4121 §4.2 ("CFX"), for every enctype newer than RFC 1964.
 *
 * Messages in one buffer do not go through `cfx-iov.ts`: see `IovProtection` in `iov.ts` for what
 * that would cost.
 */
import type { EncryptionKey } from '../crypto/key.ts';
import { unframeMessageToken } from '../gss/framing.ts';
import {
  CfxHeaders,
  extraCount,
  FILLER,
  Flag,
  HEADER,
  isHeaderCopy,
  lengthAfter,
  lengthBefore,
  rotateLeft,
  sequenceOf,
  TokId,
  verifySigned,
  writeCounts,
} from './cfx-header.ts';
import type {
  MessageProtection,
  OpenedMessage,
  ProtectionState,
  VerifiedMic,
} from './protection.ts';
import { asBadMic, badMic, defectiveToken } from './protection.ts';

/** Messages in one buffer, in tokens of RFC 4121. */
export class CfxProtection implements MessageProtection {
  readonly #state: ProtectionState;
  readonly #headers: CfxHeaders;

  constructor(state: ProtectionState) {
    this.#state = state;
    this.#headers = new CfxHeaders(state);
  }

  wrap(message: Uint8Array, confidential: boolean): Uint8Array {
    return confidential ? this.#wrapSealed(message) : this.#wrapSigned(message);
  }

  unwrap(received: Uint8Array): OpenedMessage {
    const headers = this.#headers;
    const token = unframeMessageToken(received, this.#state.mechanism);
    const flags = headers.check(token, TokId.wrap, 'wrap token');
    const key = headers.receiveKey(flags);
    const body = rotateLeft(token.subarray(HEADER), headers.rotation(token));
    const confidential = (flags & Flag.sealed) !== 0;
    const open = confidential ? openSealed : openSigned;
    const message = open(key, headers.received.seal, token, body);
    return { message, confidential, ...sequenceOf(token) };
  }

  getMic(message: Uint8Array): Uint8Array {
    const { sendKey, sent } = this.#headers;
    const token = new Uint8Array(HEADER + sendKey.checksumLength);
    const header = token.subarray(0, HEADER);
    this.#headers.write(header, TokId.mic, 0);
    // RFC 4121 §4.2.6.1: bytes 3 to 7 are filler; byte 3 is filler in every token.
    token.fill(FILLER, 4, 8);
    // RFC 4121 §4.2.4: the checksum covers the message, then the header.
    token.set(sendKey.checksum(sent.sign, message, header), HEADER);
    return token;
  }

  verifyMic(message: Uint8Array, received: Uint8Array): VerifiedMic {
    const headers = this.#headers;
    const token = unframeMessageToken(received, this.#state.mechanism);
    const flags = headers.check(token, TokId.mic, 'MIC token');
    // RFC 4121 §4.2.2: Sealed shall not be set in MIC tokens; §4.2.6.1: five bytes of filler.
    if ((flags & Flag.sealed) !== 0) throw defectiveToken('MIC token claims to be sealed');
    for (let i = 4; i < 8; i++) {
      if (token[i] !== FILLER) throw defectiveToken('MIC token has a malformed filler');
    }
    const checksum = token.subarray(HEADER);
    const header = token.subarray(0, HEADER);
    const key = headers.receiveKey(flags);
    if (!key.verifyChecksum(headers.received.sign, checksum, message, header)) throw badMic();
    return sequenceOf(token);
  }

  verifyDelete(): void {
    // RFC 4121 §4.1: context deletion tokens are no longer used.
    throw defectiveToken('tokens of RFC 4121 do not delete a context');
  }

  wrapSizeLimit(tokenSize: number, confidential: boolean): number {
    const { sendKey } = this.#headers;
    const before = lengthBefore(sendKey, confidential);
    return Math.max(0, tokenSize - before - lengthAfter(sendKey, confidential, 0));
  }

  /** RFC 4121 §4.2.4: header | encrypt(message | header), EC and RRC being 0. */
  #wrapSealed(message: Uint8Array): Uint8Array {
    const { sendKey, sent } = this.#headers;
    const start = lengthBefore(sendKey, true);
    const token = new Uint8Array(start + message.length + lengthAfter(sendKey, true, 0));
    this.#headers.write(token, TokId.wrap, Flag.sealed);
    token.set(message, start);
    token.copyWithin(start + message.length, 0, HEADER);
    sendKey.seal(sent.seal, token.subarray(HEADER), this.#state.random);
    return token;
  }

  /** RFC 4121 §4.2.4: header | message | checksum(message | header with EC and RRC 0). */
  #wrapSigned(message: Uint8Array): Uint8Array {
    const { sendKey, sent } = this.#headers;
    const token = new Uint8Array(HEADER + message.length + sendKey.checksumLength);
    const header = token.subarray(0, HEADER);
    this.#headers.write(header, TokId.wrap, 0);
    token.set(message, HEADER);
    token.set(sendKey.checksum(sent.seal, message, header), HEADER + message.length);
    writeCounts(header, sendKey.checksumLength, 0);
    return token;
  }
}

function openSealed(
  key: EncryptionKey,
  usage: number,
  token: Uint8Array,
  body: Uint8Array,
): Uint8Array {
  let plain: Uint8Array;
  try {
    plain = key.decrypt(usage, body);
  } catch (error) {
    throw asBadMic(error);
  }
  const end = plain.length - HEADER - extraCount(token);
  if (end < 0 || !isHeaderCopy(plain.subarray(plain.length - HEADER), token)) {
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
): Uint8Array {
  const length = extraCount(token);
  // RFC 4121 §4.2.3: without confidentiality EC is the checksum's length.
  if (length !== key.checksumLength || body.length < length) {
    throw defectiveToken('wrap token has an EC that is not the length of its checksum');
  }
  const end = body.length - length;
  const message = body.subarray(0, end);
  verifySigned(key, usage, token, body.subarray(end), message);
  return message.slice();
}
