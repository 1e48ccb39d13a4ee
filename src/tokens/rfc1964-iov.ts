/**
 * Wrap tokens of RFC 1964 and RFC 4757 in several buffers: the head and the confounder in the
 * header, the padding in a buffer of its own. In DCE style the data come padded, and the length in
 * the token's frame is that of the header alone (MS-KILE §3.4.5.4.1).
 */
import { bytesEqual, concatBytes } from '../bytes.ts';
import type { Rfc1964Keys, Segment } from '../crypto/profile.ts';
import { mechanismHeader, unframeMessageToken } from '../gss/framing.ts';
import { Mechanism } from '../gss/mechanism.ts';
import type { Oid } from '../gss/oid.ts';
import { ContextFlag } from '../gss/status.ts';
import type {
  IovBuffer,
  IovLayout,
  IovLengths,
  IovProtection,
  OpenedIov,
  TokenParts,
} from './iov.ts';
import { refuse, segmentsOf } from './iov.ts';
import type { ProtectionState } from './protection.ts';
import { defectiveToken } from './protection.ts';
import { CONFOUNDER, Rfc1964Headers, TokId } from './rfc1964-header.ts';

export class Rfc1964Iov implements IovProtection {
  readonly #state: ProtectionState;
  readonly #heads: Rfc1964Headers;
  readonly #dceStyle: boolean;

  constructor(state: ProtectionState, keys: Rfc1964Keys) {
    this.#state = state;
    this.#heads = new Rfc1964Headers(state, keys);
    this.#dceStyle = (state.flags & ContextFlag.dceStyle) !== 0;
  }

  lengths({ data, padding: buffer }: IovLayout): IovLengths {
    const heads = this.#heads;
    const length = totalLength(data);
    if (this.#dceStyle && length % heads.keys.paddedTo !== 0) {
      throw new RangeError(
        `data: expected a multiple of ${heads.keys.paddedTo} bytes in DCE style`,
      );
    }
    if (!this.#dceStyle && buffer === undefined) {
      throw new RangeError('buffers: expected one for padding, got none');
    }
    const padding = this.#dceStyle ? 0 : heads.paddingOf(length);
    const frame = this.#frame(this.#state.mechanism, length + padding);
    return { header: frame.length + heads.length + CONFOUNDER, padding, trailer: 0 };
  }

  wrap(layout: IovLayout, confidential: boolean): void {
    const { keys } = this.#heads;
    const sealAlgorithm = this.#heads.sealAlgorithm(confidential);
    const header = layout.header.bytes!;
    const padding = layout.padding?.bytes ?? NOTHING;
    const { head, confounder } = this.#cut(header);
    header.set(this.#frame(this.#state.mechanism, totalLength(layout.data) + padding.length));
    this.#state.random(confounder);
    padding.fill(padding.length);
    const segments = [{ bytes: confounder, encrypted: true }, ...segmentsOf(layout)];
    const signed = segments.map(({ bytes }) => bytes);
    const number = this.#heads.write(head, TokId.wrap, sealAlgorithm, signed);
    if (confidential) crypt(segments, (bytes) => keys.encrypt(bytes, number));
  }

  unwrap(layout: IovLayout): OpenedIov {
    const { keys } = this.#heads;
    const header = layout.header.bytes ?? NOTHING;
    const padding = layout.padding?.bytes ?? NOTHING;
    const length = totalLength(layout.data) + padding.length;
    if (header.length < this.#heads.length + CONFOUNDER) {
      throw defectiveToken('header is shorter than that of a wrap token');
    }
    const { frame, head, confounder } = this.#cut(header);
    if (!this.#isFrame(frame, length) || (layout.trailer?.bytes ?? NOTHING).length !== 0) {
      throw defectiveToken('wrap token has lengths that are not those of its buffers');
    }
    const { sealed, number } = this.#heads.read(head, TokId.wrap);
    if (sealed && length % keys.paddedTo !== 0) throw defectiveToken('wrap token is malformed');
    const segments = [{ bytes: confounder, encrypted: true }, ...segmentsOf(layout)];
    if (sealed) crypt(segments, (bytes) => keys.decrypt(bytes, number));
    const signed = segments.map(({ bytes }) => bytes);
    if (!this.#heads.isSigned(head, TokId.wrap, signed)) refuse(sealed ? segments : []);
    if (!this.#dceStyle) removePadding(layout);
    return { confidential: sealed, sequenceHigh: 0, sequenceLow: number };
  }

  split(token: Uint8Array): TokenParts {
    const inner = unframeMessageToken(token, this.#state.mechanism);
    const start = token.length - inner.length + this.#heads.length + CONFOUNDER;
    // How much padding there is only the last byte of the plaintext tells.
    const end = token.length - 1;
    if (end < start) throw defectiveToken('wrap token is shorter than its header');
    return {
      header: token.subarray(0, start),
      data: token.subarray(start, end),
      padding: token.subarray(end),
      trailer: NOTHING,
    };
  }

  #cut(header: Uint8Array): {
    readonly frame: Uint8Array;
    readonly head: Uint8Array;
    readonly confounder: Uint8Array;
  } {
    const end = header.length - CONFOUNDER;
    const start = end - this.#heads.length;
    return {
      frame: header.subarray(0, start),
      head: header.subarray(start, end),
      confounder: header.subarray(end),
    };
  }

  /** The frame before a head that is followed by so many bytes of data and padding. */
  #frame(mechanism: Oid, length: number): Uint8Array {
    const inner = this.#heads.length + CONFOUNDER + (this.#dceStyle ? 0 : length);
    return mechanismHeader(mechanism, inner);
  }

  /** As {@link unframeMessageToken}, where the rest of the token is elsewhere. */
  #isFrame(frame: Uint8Array, length: number): boolean {
    return (
      frame.length === 0 ||
      bytesEqual(frame, this.#frame(this.#state.mechanism, length)) ||
      bytesEqual(frame, this.#frame(Mechanism.krb5, length))
    );
  }
}

/** Runs the cipher over what is encrypted, as if it lay side by side. */
function crypt(segments: readonly Segment[], run: (bytes: Uint8Array) => void): void {
  const pieces = segments.filter(({ encrypted }) => encrypted).map(({ bytes }) => bytes);
  const together = concatBytes(...pieces);
  run(together);
  let at = 0;
  for (const piece of pieces) {
    piece.set(together.subarray(at, at + piece.length));
    at += piece.length;
  }
  together.fill(0);
}

/**
 * Takes the padding off: the last byte says how much there is, and part of it may be in the data.
 * Without a padding buffer, or with several for the data, that is the caller's business.
 */
function removePadding({ data: [data, another], padding }: IovLayout): void {
  const bytes = padding?.bytes;
  if (padding === undefined || bytes === undefined || bytes.length === 0) return;
  if (data === undefined || another !== undefined) return;
  const message = data.bytes!;
  const inData = bytes[bytes.length - 1]! - bytes.length;
  if (inData < 0 || inData > message.length) {
    throw defectiveToken('wrap token has more or less padding than it can');
  }
  data.bytes = message.subarray(0, message.length - inData);
  padding.bytes = bytes.subarray(bytes.length);
}

function totalLength(buffers: readonly IovBuffer[]): number {
  return buffers.reduce((sum, { bytes }) => sum + bytes!.length, 0);
}

const NOTHING = new Uint8Array();
