/** The header of the tokens of RFC 1964 §1.2 and RFC 4757 §7. */
import { constantTimeEqual } from '../bytes.ts';
import type { Rfc1964Keys, Rfc1964Sequence } from '../crypto/profile.ts';
import { ContextFlag, GssError } from '../gss/status.ts';
import type { ProtectionState } from './protection.ts';
import { badMic, defectiveToken, peerOf } from './protection.ts';

/** TOK_ID (RFC 1964 §1.2.1, §1.2.2, §1.2.3). */
export const TokId = { mic: 0x0101, deleteContext: 0x0102, wrap: 0x0201 } as const;

/** SEAL_ALG of a token that is not encrypted. */
export const NO_SEAL = 0xffff;

/** Bytes between the header and the message (RFC 1964 §1.2.2.3, RFC 4757 §7.3). */
export const CONFOUNDER = 8;

/**
 * Writes the headers of this side, and checks those of the peer: TOK_ID, SGN_ALG, SEAL_ALG, filler,
 * SND_SEQ, SGN_CKSUM.
 */
export class Rfc1964Headers {
  /** The keys of both directions. */
  readonly keys: Rfc1964Keys;
  /** Bytes of a header. */
  readonly length: number;
  readonly #state: ProtectionState;

  /** @param state - Kept; {@link write} consumes its sequence numbers. */
  constructor(state: ProtectionState, keys: Rfc1964Keys) {
    this.#state = state;
    this.keys = keys;
    this.length = CHECKSUM + keys.checksumLength;
  }

  /**
   * Writes a header with the next sequence number, which it consumes.
   *
   * @param header - {@link length} bytes or more.
   * @param sealAlgorithm - As {@link sealAlgorithm} returned it, or `NO_SEAL`.
   * @param parts - The plaintext that the checksum covers, in order.
   * @returns The sequence number.
   */
  write(
    header: Uint8Array,
    tokId: number,
    sealAlgorithm: number,
    parts: readonly Uint8Array[],
  ): number {
    const { sendSequence, role } = this.#state;
    const { signAlgorithm } = this.keys;
    header[0] = tokId >>> 8;
    header[1] = tokId;
    header[2] = signAlgorithm;
    header[3] = signAlgorithm >>> 8;
    header[4] = sealAlgorithm;
    header[5] = sealAlgorithm >>> 8;
    header[6] = FILLER;
    header[7] = FILLER;
    const number = sendSequence.low;
    const checksum = this.keys.checksum(kindOf(tokId), header.subarray(0, SEQUENCE), ...parts);
    header.set(this.keys.sealSequence({ number, sender: role }, checksum), SEQUENCE);
    header.set(checksum, CHECKSUM);
    sendSequence.increment();
    return number;
  }

  /**
   * Checks length, TOK_ID, SGN_ALG, SEAL_ALG and filler, and decrypts SND_SEQ.
   *
   * @returns Whether the rest of the token is encrypted, and its sequence number, which is not
   *   authenticated before {@link isSigned} is true.
   * @throws GssError GSS_S_DEFECTIVE_TOKEN, GSS_S_BAD_MIC.
   */
  check(header: Uint8Array, tokId: number): { readonly sealed: boolean; readonly number: number } {
    const { keys } = this;
    if (header.length < this.length) throw defectiveToken('token is shorter than its header');
    if (((header[0]! << 8) | header[1]!) !== tokId)
      throw defectiveToken('token has another TOK_ID');
    if ((header[2]! | (header[3]! << 8)) !== keys.signAlgorithm) {
      throw defectiveToken("token has a SGN_ALG that is not that of the context's key");
    }
    const sealAlgorithm = header[4]! | (header[5]! << 8);
    const sealed = sealAlgorithm !== NO_SEAL;
    if (sealed && (tokId !== TokId.wrap || sealAlgorithm !== keys.sealAlgorithm)) {
      throw defectiveToken("token has a SEAL_ALG that is not that of the context's key");
    }
    if (header[6] !== FILLER || header[7] !== FILLER) {
      throw defectiveToken('token has a malformed filler');
    }
    const sequence = this.#sequence(header);
    if (sequence === undefined) throw badMic();
    return { sealed, number: sequence.number };
  }

  /**
   * Whether the peer signed the parts with this header. A token of this side, sent back, is not
   * signed by the peer.
   *
   * @param parts - As for {@link write}, decrypted.
   */
  isSigned(header: Uint8Array, tokId: number, parts: readonly Uint8Array[]): boolean {
    const expected = this.keys.checksum(kindOf(tokId), header.subarray(0, SEQUENCE), ...parts);
    const sent = header.subarray(CHECKSUM, this.length);
    const isFromPeer = this.#sequence(header)?.sender === peerOf(this.#state.role);
    return constantTimeEqual(expected, sent) && isFromPeer;
  }

  /**
   * SEAL_ALG of a token that this side sends.
   *
   * @throws GssError GSS_S_UNAVAILABLE if this side must not encrypt: without an AP-REP both sides
   *   count from the initiator's number, and RC4 would encrypt both directions with one keystream.
   */
  sealAlgorithm(confidential: boolean): number {
    if (!confidential) return NO_SEAL;
    const { role, flags } = this.#state;
    const ownNumbers = role === 'initiator' || (flags & ContextFlag.mutual) !== 0;
    if (ownNumbers || !this.keys.keystreamOfNumber) return this.keys.sealAlgorithm;
    throw new GssError('GSS_S_UNAVAILABLE', {
      reason: 'message.not-offered',
      message: 'RC4 cannot encrypt the messages of this side',
      hint:
        'the client did not ask for mutual authentication: both directions have the same sequence ' +
        'numbers, and so the same keystream (RFC 4757 §7.3); let it ask, use AES, or sign only',
    });
  }

  /** RFC 1964 §1.2.2.3: at least one byte of padding, up to a whole block. */
  paddingOf(length: number): number {
    const { paddedTo } = this.keys;
    return paddedTo - (length % paddedTo);
  }

  #sequence(header: Uint8Array): Rfc1964Sequence | undefined {
    const checksum = header.subarray(CHECKSUM, this.length);
    return this.keys.openSequence(header.subarray(SEQUENCE, CHECKSUM), checksum);
  }
}

/** RC4 computes the checksums of MIC and Wrap tokens differently. */
function kindOf(tokId: number): 'mic' | 'wrap' {
  return tokId === TokId.wrap ? 'wrap' : 'mic';
}

const FILLER = 0xff;
// Offsets of SND_SEQ and SGN_CKSUM.
const SEQUENCE = 8;
const CHECKSUM = 16;
