/**
 * Wrap, MIC and delete tokens of RFC 1964 §1.2, with DES3 as in MIT krb5, and of RFC 4757 §7 with
 * RC4: the tokens of contexts whose key has an enctype older than RFC 4121.
 *
 * ```
 * TOK_ID  SGN_ALG  SEAL_ALG  FF FF  SND_SEQ  SGN_CKSUM  confounder message padding    Wrap
 * TOK_ID  SGN_ALG  FF FF     FF FF  SND_SEQ  SGN_CKSUM                                MIC, delete
 * ```
 *
 * Messages in one buffer do not go through `rfc1964-iov.ts`: see `IovProtection` in `iov.ts` for what
 * that would cost.
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

/** Messages in one buffer, in tokens of RFC 1964 and RFC 4757. */
export class Rfc1964Protection implements MessageProtection {
  readonly #state: ProtectionState;
  readonly #headers: Rfc1964Headers;

  /** @param keys - Those of the context's key. */
  constructor(state: ProtectionState, keys: Rfc1964Keys) {
    this.#state = state;
    this.#headers = new Rfc1964Headers(state, keys);
  }

  wrap(message: Uint8Array, confidential: boolean): Uint8Array {
    const headers = this.#headers;
    const sealAlgorithm = headers.sealAlgorithm(confidential);
    const start = headers.length + CONFOUNDER;
    const padding = headers.paddingOf(message.length);
    const inner = new Uint8Array(start + message.length + padding);
    const header = inner.subarray(0, headers.length);
    const body = inner.subarray(headers.length);
    this.#state.random(body.subarray(0, CONFOUNDER));
    inner.set(message, start);
    // RFC 1964 §1.2.2.3: each byte of the padding is its length.
    inner.fill(padding, start + message.length);
    const number = headers.write(header, TokId.wrap, sealAlgorithm, [body]);
    if (confidential) headers.keys.encrypt(body, number);
    return frameMechanismToken(this.#state.mechanism, inner);
  }

  unwrap(received: Uint8Array): OpenedMessage {
    const headers = this.#headers;
    const token = unframeMessageToken(received, this.#state.mechanism);
    const { sealed, number } = headers.check(token, TokId.wrap);
    const body = token.slice(headers.length);
    if (body.length <= CONFOUNDER || (sealed && body.length % headers.keys.paddedTo !== 0)) {
      throw defectiveToken('wrap token is malformed');
    }
    if (sealed) headers.keys.decrypt(body, number);
    const end = body.length - body[body.length - 1]!;
    // Padding and checksum are checked together, so that neither is an oracle.
    if (!headers.isSigned(token, TokId.wrap, [body]) || end < CONFOUNDER) {
      body.fill(0);
      throw badMic();
    }
    const message = body.subarray(CONFOUNDER, end);
    return { message, confidential: sealed, sequenceHigh: 0, sequenceLow: number };
  }

  getMic(message: Uint8Array): Uint8Array {
    const header = new Uint8Array(this.#headers.length);
    this.#headers.write(header, TokId.mic, NO_SEAL, [message]);
    return frameMechanismToken(this.#state.mechanism, header);
  }

  verifyMic(message: Uint8Array, received: Uint8Array): VerifiedMic {
    return this.#verify(received, TokId.mic, message);
  }

  /** A delete token is the MIC of an empty message under a TOK_ID of its own. */
  verifyDelete(received: Uint8Array): void {
    this.#verify(received, TokId.deleteContext, new Uint8Array());
  }

  wrapSizeLimit(tokenSize: number): number {
    const { paddedTo } = this.#headers.keys;
    const overhead = (padded: number): number => {
      const fixed = this.#headers.length + CONFOUNDER;
      return fixed + mechanismHeader(this.#state.mechanism, fixed + padded).length;
    };
    // The mechanism's header grows by a few bytes with the length of the message.
    let padded = Math.floor((tokenSize - overhead(0)) / paddedTo) * paddedTo;
    while (padded > 0 && padded + overhead(padded) > tokenSize) padded -= paddedTo;
    // The longest message that fills these blocks has one byte of padding.
    return Math.max(0, padded - 1);
  }

  #verify(received: Uint8Array, tokId: number, message: Uint8Array): VerifiedMic {
    const headers = this.#headers;
    const token = unframeMessageToken(received, this.#state.mechanism);
    const { number } = headers.check(token, tokId);
    const surplus = token.length - headers.length;
    // Heimdal, get_mic.c: its DES3 MICs end in two bytes without meaning, which MIT krb5 1.20 ignores.
    const heimdal = surplus === 2 && tokId === TokId.mic && headers.keys.paddedTo > 1;
    if (surplus !== 0 && !heimdal) throw defectiveToken('MIC token is malformed');
    const header = token.subarray(0, headers.length);
    if (!headers.isSigned(header, tokId, [message])) throw badMic();
    return { sequenceHigh: 0, sequenceLow: number };
  }
}
