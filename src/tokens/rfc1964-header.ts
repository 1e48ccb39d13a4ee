/** What stands before the message in the tokens of RFC 1964 §1.2 and RFC 4757 §7. */
import { constantTimeEqual } from '../bytes.ts';
import type { Rfc1964Keys, Rfc1964Sequence } from '../crypto/profile.ts';
import { ContextFlag, GssError } from '../gss/status.ts';
import type { ProtectionState } from './protection.ts';
import { badMic, defectiveToken, peerOf } from './protection.ts';

// RFC 1964 §1.2.1, §1.2.2 and §1.2.3, of which the last names no more than this number.
export const TokId = { mic: 0x0101, deleteContext: 0x0102, wrap: 0x0201 } as const;

/** SEAL_ALG of what is not encrypted. */
export const NO_SEAL = 0xffff;

/** RFC 1964 §1.2.2.3, RFC 4757 §7.3: bytes between the head and the message. */
export const CONFOUNDER = 8;

/** Whether a checksum is one of a MIC or of a Wrap token: RC4 makes a difference. */
type Rfc1964TokenKind = 'mic' | 'wrap';

/** Writes and reads heads: TOK_ID, SGN_ALG, SEAL_ALG, filler, SND_SEQ, SGN_CKSUM. */
export class Rfc1964Headers {
  readonly keys: Rfc1964Keys;
  /** Bytes of a head. */
  readonly length: number;
  readonly #state: ProtectionState;

  constructor(state: ProtectionState, keys: Rfc1964Keys) {
    this.#state = state;
    this.keys = keys;
    this.length = CHECKSUM + keys.checksumLength;
  }

  /** RFC 1964 §1.2.2.3: at least one byte, up to the next whole block. */
  paddingOf(length: number): number {
    const { paddedTo } = this.keys;
    return paddedTo - (length % paddedTo);
  }

  /**
   * SEAL_ALG of a token to be sent.
   *
   * @throws GssError GSS_S_UNAVAILABLE where nothing can be sealed: without an AP-REP both sides
   *   count from the initiator's number, and RC4 would seal both directions with one keystream.
   */
  sealAlgorithm(confidential: boolean): number {
    if (!confidential) return NO_SEAL;
    const { role, flags } = this.#state;
    const ownNumbers = role === 'initiator' || (flags & ContextFlag.mutual) !== 0;
    if (ownNumbers || !this.keys.keystreamOfNumber) return this.keys.sealAlgorithm;
    throw new GssError('GSS_S_UNAVAILABLE', {
      message: 'RC4 cannot seal what this side sends',
      hint:
        'the client did not ask for mutual authentication: both directions have the same sequence ' +
        'numbers, and so the same keystream (RFC 4757 §7.3); let it ask, use AES, or sign only',
    });
  }

  /**
   * Writes a head and uses up a sequence number.
   *
   * @param parts - What is signed with it, in the clear.
   * @returns The number.
   */
  write(
    head: Uint8Array,
    tokId: number,
    sealAlgorithm: number,
    parts: readonly Uint8Array[],
  ): number {
    const { sendSequence, role } = this.#state;
    const { signAlgorithm } = this.keys;
    head[0] = tokId >>> 8;
    head[1] = tokId;
    head[2] = signAlgorithm;
    head[3] = signAlgorithm >>> 8;
    head[4] = sealAlgorithm;
    head[5] = sealAlgorithm >>> 8;
    head[6] = FILLER;
    head[7] = FILLER;
    const number = sendSequence.low;
    const checksum = this.keys.checksum(kindOf(tokId), head.subarray(0, SEQUENCE), ...parts);
    head.set(this.keys.sealSequence({ number, sender: role }, checksum), SEQUENCE);
    head.set(checksum, CHECKSUM);
    sendSequence.increment();
    return number;
  }

  /**
   * Checks TOK_ID, SGN_ALG, SEAL_ALG and filler.
   *
   * @returns Whether what follows is encrypted, and the number, of which nothing is certain yet.
   * @throws GssError GSS_S_DEFECTIVE_TOKEN, GSS_S_BAD_MIC.
   */
  read(head: Uint8Array, tokId: number): { readonly sealed: boolean; readonly number: number } {
    const { keys } = this;
    if (head.length < this.length) throw defectiveToken('token is shorter than its header');
    if (((head[0]! << 8) | head[1]!) !== tokId) throw defectiveToken('token has another TOK_ID');
    if ((head[2]! | (head[3]! << 8)) !== keys.signAlgorithm) {
      throw defectiveToken("token has a SGN_ALG that is not that of the context's key");
    }
    const sealAlgorithm = head[4]! | (head[5]! << 8);
    const sealed = sealAlgorithm !== NO_SEAL;
    if (sealed && (tokId !== TokId.wrap || sealAlgorithm !== keys.sealAlgorithm)) {
      throw defectiveToken("token has a SEAL_ALG that is not that of the context's key");
    }
    if (head[6] !== FILLER || head[7] !== FILLER) {
      throw defectiveToken('token has a malformed filler');
    }
    const sequence = this.#sequence(head);
    if (sequence === undefined) throw badMic();
    return { sealed, number: sequence.number };
  }

  /** Whether the peer has signed the parts with this head; what we have signed does not count. */
  isSigned(head: Uint8Array, tokId: number, parts: readonly Uint8Array[]): boolean {
    const expected = this.keys.checksum(kindOf(tokId), head.subarray(0, SEQUENCE), ...parts);
    const sent = head.subarray(CHECKSUM, this.length);
    const isFromPeer = this.#sequence(head)?.sender === peerOf(this.#state.role);
    return constantTimeEqual(expected, sent) && isFromPeer;
  }

  #sequence(head: Uint8Array): Rfc1964Sequence | undefined {
    const checksum = head.subarray(CHECKSUM, this.length);
    return this.keys.openSequence(head.subarray(SEQUENCE, CHECKSUM), checksum);
  }
}

function kindOf(tokId: number): Rfc1964TokenKind {
  return tokId === TokId.wrap ? 'wrap' : 'mic';
}

const FILLER = 0xff;
// Where SND_SEQ and SGN_CKSUM stand.
const SEQUENCE = 8;
const CHECKSUM = 16;
