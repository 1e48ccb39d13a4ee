/**
 * Wrap, MIC and delete tokens of RFC 1964 §1.2, for DES3 as MIT krb5 has them, and of RFC 4757 §7
 * for RC4: what contexts use whose key is of an enctype older than RFC 4121.
 *
 * ```
 * TOK_ID  SGN_ALG  SEAL_ALG  FF FF  SND_SEQ  SGN_CKSUM  confounder message padding    Wrap
 * TOK_ID  SGN_ALG  FF FF     FF FF  SND_SEQ  SGN_CKSUM                                MIC, delete
 * ```
 */
import { constantTimeEqual } from '../bytes.ts';
import type { OldSequence, OldTokenKeys } from '../crypto/profile.ts';
import { frameMechanismToken, mechanismHeader, unframeMessageToken } from './framing.ts';
import type {
  MessageProtection,
  OpenedMessage,
  ProtectionState,
  VerifiedMic,
} from './message-protection.ts';
import { badMic, defectiveToken, peerOf } from './message-protection.ts';

export class OldTokenProtection implements MessageProtection {
  readonly #state: ProtectionState;
  readonly #keys: OldTokenKeys;

  /** @param keys - Those of the context's key. */
  constructor(state: ProtectionState, keys: OldTokenKeys) {
    this.#state = state;
    this.#keys = keys;
  }

  wrap(message: Uint8Array, confidential: boolean): Uint8Array {
    const { checksumLength, sealAlgorithm } = this.#keys;
    const start = CHECKSUM + checksumLength;
    const padding = paddingOf(message.length, this.#keys);
    const inner = new Uint8Array(start + CONFOUNDER + message.length + padding);
    this.#writeHeader(inner, TokId.wrap, confidential ? sealAlgorithm : NO_SEAL);
    this.#state.random(inner.subarray(start, start + CONFOUNDER));
    inner.set(message, start + CONFOUNDER);
    // RFC 1964 §1.2.2.3: each byte of the padding is its length.
    inner.fill(padding, start + CONFOUNDER + message.length);
    const body = inner.subarray(start);
    const number = this.#sign(inner, 'wrap', body);
    if (confidential) this.#keys.encrypt(body, number);
    return frameMechanismToken(this.#state.mechanism, inner);
  }

  unwrap(token: Uint8Array): OpenedMessage {
    const keys = this.#keys;
    const inner = unframeMessageToken(token, this.#state.mechanism);
    const sealAlgorithm = checkHeader(inner, TokId.wrap, keys);
    const confidential = sealAlgorithm !== NO_SEAL;
    const body = inner.slice(CHECKSUM + keys.checksumLength);
    if (
      (confidential && sealAlgorithm !== keys.sealAlgorithm) ||
      body.length <= CONFOUNDER ||
      (confidential && body.length % keys.paddedTo !== 0)
    ) {
      throw defectiveToken('wrap token is malformed');
    }
    const sequence = openSequence(inner, keys);
    if (confidential) keys.decrypt(body, sequence.number);
    const padding = body[body.length - 1]!;
    const end = body.length - padding;
    // Padding that cannot be is found out together with the checksum: no oracle.
    if (!this.#isSigned(inner, sequence, 'wrap', body) || end < CONFOUNDER) {
      body.fill(0);
      throw badMic();
    }
    const message = body.subarray(CONFOUNDER, end);
    return { message, confidential, sequenceHigh: 0, sequenceLow: sequence.number };
  }

  getMic(message: Uint8Array): Uint8Array {
    const inner = new Uint8Array(CHECKSUM + this.#keys.checksumLength);
    this.#writeHeader(inner, TokId.mic, NO_SEAL);
    this.#sign(inner, 'mic', message);
    return frameMechanismToken(this.#state.mechanism, inner);
  }

  verifyMic(message: Uint8Array, token: Uint8Array): VerifiedMic {
    return this.#verify(token, TokId.mic, message);
  }

  /** A delete token is the MIC of no message under a TOK_ID of its own. */
  verifyDelete(token: Uint8Array): void {
    this.#verify(token, TokId.deleteContext, new Uint8Array());
  }

  wrapSizeLimit(tokenSize: number): number {
    const { checksumLength, paddedTo } = this.#keys;
    const overhead = (padded: number): number => {
      const fixed = CHECKSUM + checksumLength + CONFOUNDER;
      return fixed + mechanismHeader(this.#state.mechanism, fixed + padded).length;
    };
    // The header grows with the message, by a few bytes.
    let padded = Math.floor((tokenSize - overhead(0)) / paddedTo) * paddedTo;
    while (padded > 0 && padded + overhead(padded) > tokenSize) padded -= paddedTo;
    // Of the messages that fill as many blocks the longest has one byte of padding.
    return Math.max(0, padded - 1);
  }

  #verify(token: Uint8Array, tokId: number, message: Uint8Array): VerifiedMic {
    const keys = this.#keys;
    const inner = unframeMessageToken(token, this.#state.mechanism);
    const sealAlgorithm = checkHeader(inner, tokId, keys);
    if (sealAlgorithm !== NO_SEAL || inner.length !== CHECKSUM + keys.checksumLength) {
      throw defectiveToken('MIC token is malformed');
    }
    const sequence = openSequence(inner, keys);
    if (!this.#isSigned(inner, sequence, 'mic', message)) throw badMic();
    return { sequenceHigh: 0, sequenceLow: sequence.number };
  }

  #writeHeader(inner: Uint8Array, tokId: number, sealAlgorithm: number): void {
    const { signAlgorithm } = this.#keys;
    inner[0] = tokId >>> 8;
    inner[1] = tokId;
    inner[2] = signAlgorithm;
    inner[3] = signAlgorithm >>> 8;
    inner[4] = sealAlgorithm;
    inner[5] = sealAlgorithm >>> 8;
    inner[6] = FILLER;
    inner[7] = FILLER;
  }

  /** Fills in SND_SEQ and SGN_CKSUM. @returns The number that it used up. */
  #sign(inner: Uint8Array, token: 'mic' | 'wrap', body: Uint8Array): number {
    const { sendSequence, role } = this.#state;
    const number = sendSequence.low;
    const checksum = this.#keys.checksum(token, inner.subarray(0, SEQUENCE), body);
    inner.set(this.#keys.sealSequence({ number, sender: role }, checksum), SEQUENCE);
    inner.set(checksum, CHECKSUM);
    sendSequence.increment();
    return number;
  }

  /** Whether the peer has signed this; what we have signed ourselves does not count. */
  #isSigned(
    inner: Uint8Array,
    sequence: OldSequence,
    token: 'mic' | 'wrap',
    body: Uint8Array,
  ): boolean {
    const keys = this.#keys;
    const expected = keys.checksum(token, inner.subarray(0, SEQUENCE), body);
    const checksum = inner.subarray(CHECKSUM, CHECKSUM + keys.checksumLength);
    return constantTimeEqual(expected, checksum) && sequence.sender === peerOf(this.#state.role);
  }
}

/** @returns SEAL_ALG. */
function checkHeader(inner: Uint8Array, tokId: number, keys: OldTokenKeys): number {
  if (inner.length < CHECKSUM + keys.checksumLength) {
    throw defectiveToken('token is shorter than its header');
  }
  if (((inner[0]! << 8) | inner[1]!) !== tokId) throw defectiveToken('token has another TOK_ID');
  if ((inner[2]! | (inner[3]! << 8)) !== keys.signAlgorithm) {
    throw defectiveToken("token has a SGN_ALG that is not that of the context's key");
  }
  if (inner[6] !== FILLER || inner[7] !== FILLER) {
    throw defectiveToken('token has a malformed filler');
  }
  return inner[4]! | (inner[5]! << 8);
}

function openSequence(inner: Uint8Array, keys: OldTokenKeys): OldSequence {
  const checksum = inner.subarray(CHECKSUM, CHECKSUM + keys.checksumLength);
  const sequence = keys.openSequence(inner.subarray(SEQUENCE, CHECKSUM), checksum);
  if (sequence === undefined) throw badMic();
  return sequence;
}

/** RFC 1964 §1.2.2.3: at least one byte, up to the next whole block. */
function paddingOf(length: number, { paddedTo }: OldTokenKeys): number {
  return paddedTo - (length % paddedTo);
}

// RFC 1964 §1.2.1, §1.2.2 and §1.2.3, of which the last names no more than this number.
const TokId = { mic: 0x0101, deleteContext: 0x0102, wrap: 0x0201 } as const;
const NO_SEAL = 0xffff;
const FILLER = 0xff;
// Where SND_SEQ and SGN_CKSUM stand.
const SEQUENCE = 8;
const CHECKSUM = 16;
// RFC 1964 §1.2.2.3, RFC 4757 §7.3.
const CONFOUNDER = 8;
