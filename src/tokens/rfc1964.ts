/**
 * Wrap, MIC and delete tokens of RFC 1964 §1.2, for DES3 as MIT krb5 has them, and of RFC 4757 §7
 * for RC4: what contexts use whose key is of an enctype older than RFC 4121.
 *
 * ```
 * TOK_ID  SGN_ALG  SEAL_ALG  FF FF  SND_SEQ  SGN_CKSUM  confounder message padding    Wrap
 * TOK_ID  SGN_ALG  FF FF     FF FF  SND_SEQ  SGN_CKSUM                                MIC, delete
 * ```
 */
import type { Rfc1964Keys } from '../crypto/profile.ts';
import { frameMechanismToken, mechanismHeader, unframeMessageToken } from '../gss/framing.ts';
import type {
  MessageProtection,
  OpenedMessage,
  ProtectionState,
  VerifiedMic,
} from './protection.ts';
import { badMic, defectiveToken } from './protection.ts';
import { CONFOUNDER, NO_SEAL, Rfc1964Headers, TokId } from './rfc1964-header.ts';

export class Rfc1964Protection implements MessageProtection {
  readonly #state: ProtectionState;
  readonly #heads: Rfc1964Headers;

  /** @param keys - Those of the context's key. */
  constructor(state: ProtectionState, keys: Rfc1964Keys) {
    this.#state = state;
    this.#heads = new Rfc1964Headers(state, keys);
  }

  wrap(message: Uint8Array, confidential: boolean): Uint8Array {
    const heads = this.#heads;
    const sealAlgorithm = heads.sealAlgorithm(confidential);
    const start = heads.length + CONFOUNDER;
    const padding = heads.paddingOf(message.length);
    const inner = new Uint8Array(start + message.length + padding);
    const head = inner.subarray(0, heads.length);
    const body = inner.subarray(heads.length);
    this.#state.random(body.subarray(0, CONFOUNDER));
    inner.set(message, start);
    // RFC 1964 §1.2.2.3: each byte of the padding is its length.
    inner.fill(padding, start + message.length);
    const number = heads.write(head, TokId.wrap, sealAlgorithm, [body]);
    if (confidential) heads.keys.encrypt(body, number);
    return frameMechanismToken(this.#state.mechanism, inner);
  }

  unwrap(token: Uint8Array): OpenedMessage {
    const heads = this.#heads;
    const inner = unframeMessageToken(token, this.#state.mechanism);
    const { sealed, number } = heads.read(inner, TokId.wrap);
    const body = inner.slice(heads.length);
    if (body.length <= CONFOUNDER || (sealed && body.length % heads.keys.paddedTo !== 0)) {
      throw defectiveToken('wrap token is malformed');
    }
    if (sealed) heads.keys.decrypt(body, number);
    const end = body.length - body[body.length - 1]!;
    // Padding that cannot be is found out together with the checksum: no oracle.
    if (!heads.isSigned(inner, TokId.wrap, [body]) || end < CONFOUNDER) {
      body.fill(0);
      throw badMic();
    }
    const message = body.subarray(CONFOUNDER, end);
    return { message, confidential: sealed, sequenceHigh: 0, sequenceLow: number };
  }

  getMic(message: Uint8Array): Uint8Array {
    const head = new Uint8Array(this.#heads.length);
    this.#heads.write(head, TokId.mic, NO_SEAL, [message]);
    return frameMechanismToken(this.#state.mechanism, head);
  }

  verifyMic(message: Uint8Array, token: Uint8Array): VerifiedMic {
    return this.#verify(token, TokId.mic, message);
  }

  /** A delete token is the MIC of no message under a TOK_ID of its own. */
  verifyDelete(token: Uint8Array): void {
    this.#verify(token, TokId.deleteContext, new Uint8Array());
  }

  wrapSizeLimit(tokenSize: number): number {
    const { paddedTo } = this.#heads.keys;
    const overhead = (padded: number): number => {
      const fixed = this.#heads.length + CONFOUNDER;
      return fixed + mechanismHeader(this.#state.mechanism, fixed + padded).length;
    };
    // The header grows with the message, by a few bytes.
    let padded = Math.floor((tokenSize - overhead(0)) / paddedTo) * paddedTo;
    while (padded > 0 && padded + overhead(padded) > tokenSize) padded -= paddedTo;
    // Of the messages that fill as many blocks the longest has one byte of padding.
    return Math.max(0, padded - 1);
  }

  #verify(token: Uint8Array, tokId: number, message: Uint8Array): VerifiedMic {
    const head = unframeMessageToken(token, this.#state.mechanism);
    const heads = this.#heads;
    const { number } = heads.read(head, tokId);
    const surplus = head.length - heads.length;
    // Heimdal, get_mic.c: behind its MICs of DES3 stand two bytes of no meaning. MIT krb5 1.20
    // does not look at what stands there.
    const heimdal = surplus === 2 && tokId === TokId.mic && heads.keys.paddedTo > 1;
    if (surplus !== 0 && !heimdal) throw defectiveToken('MIC token is malformed');
    if (!heads.isSigned(head.subarray(0, heads.length), tokId, [message])) throw badMic();
    return { sequenceHigh: 0, sequenceLow: number };
  }
}
