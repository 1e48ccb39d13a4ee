/**
 * Wrap tokens of RFC 1964 and RFC 4757 whose parts are in several buffers:
 *
 * ```
 * header:   mechanism's header, header, confounder
 * padding:  padding; absent in DCE style, where the caller pads the data
 * ```
 *
 * In DCE style the length in the mechanism's header covers this buffer alone (MS-KILE §3.4.5.4.1).
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
import { segmentsOf, wipeAndRefuse } from './iov.ts';
import type { ProtectionState } from './protection.ts';
import { defectiveToken } from './protection.ts';
import { CONFOUNDER, Rfc1964Headers, TokId } from './rfc1964-header.ts';

/** Messages in several buffers, in tokens of RFC 1964 and RFC 4757. */
export class Rfc1964Iov implements IovProtection {
  readonly #state: ProtectionState;
  readonly #headers: Rfc1964Headers;
  readonly #dceStyle: boolean;

  /** @param keys - Those of the context's key. */
  constructor(state: ProtectionState, keys: Rfc1964Keys) {
    this.#state = state;
    this.#headers = new Rfc1964Headers(state, keys);
    this.#dceStyle = (state.flags & ContextFlag.dceStyle) !== 0;
  }

  lengths({ data, padding: buffer }: IovLayout): IovLengths {
    const headers = this.#headers;
    const length = totalLength(data);
    if (this.#dceStyle && length % headers.keys.paddedTo !== 0) {
      throw new RangeError(
        `data: expected a multiple of ${headers.keys.paddedTo} bytes in DCE style`,
      );
    }
    if (!this.#dceStyle && buffer === undefined) {
      throw new RangeError('buffers: expected one for padding, got none');
    }
    const padding = this.#dceStyle ? 0 : headers.paddingOf(length);
    const frame = this.#frame(this.#state.mechanism, length + padding);
    return { header: frame.length + headers.length + CONFOUNDER, padding, trailer: 0 };
  }

  wrap(layout: IovLayout, confidential: boolean): void {
    const headers = this.#headers;
    const sealAlgorithm = headers.sealAlgorithm(confidential);
    const buffer = layout.header.bytes!;
    const padding = layout.padding?.bytes ?? NOTHING;
    const { header, confounder } = this.#piecesOf(buffer);
    buffer.set(this.#frame(this.#state.mechanism, totalLength(layout.data) + padding.length));
    this.#state.random(confounder);
    padding.fill(padding.length);
    const segments = [{ bytes: confounder, encrypted: true }, ...segmentsOf(layout)];
    const signed = segments.map(({ bytes }) => bytes);
    const number = headers.write(header, TokId.wrap, sealAlgorithm, signed);
    if (confidential) transform(segments, (bytes) => headers.keys.encrypt(bytes, number));
  }

  unwrap(layout: IovLayout): OpenedIov {
    const headers = this.#headers;
    const received = layout.header.bytes ?? NOTHING;
    const padding = layout.padding?.bytes ?? NOTHING;
    const length = totalLength(layout.data) + padding.length;
    if (received.length < headers.length + CONFOUNDER) {
      throw defectiveToken('header is shorter than that of a wrap token');
    }
    const { frame, header, confounder } = this.#piecesOf(received);
    if (!this.#isFrame(frame, length) || (layout.trailer?.bytes ?? NOTHING).length !== 0) {
      throw defectiveToken('wrap token has lengths that are not those of its buffers');
    }
    const { sealed, number } = headers.check(header, TokId.wrap);
    if (sealed && length % headers.keys.paddedTo !== 0) {
      throw defectiveToken('wrap token is malformed');
    }
    const segments = [{ bytes: confounder, encrypted: true }, ...segmentsOf(layout)];
    if (sealed) transform(segments, (bytes) => headers.keys.decrypt(bytes, number));
    const signed = segments.map(({ bytes }) => bytes);
    if (!headers.isSigned(header, TokId.wrap, signed)) wipeAndRefuse(sealed ? segments : []);
    if (!this.#dceStyle) removePadding(layout);
    return { confidential: sealed, sequenceHigh: 0, sequenceLow: number };
  }

  split(received: Uint8Array): TokenParts {
    const token = unframeMessageToken(received, this.#state.mechanism);
    const start = received.length - token.length + this.#headers.length + CONFOUNDER;
    // The length of the padding is only in its last byte, which is still encrypted.
    const end = received.length - 1;
    if (end < start) throw defectiveToken('wrap token is shorter than its header');
    return {
      header: received.subarray(0, start),
      data: received.subarray(start, end),
      padding: received.subarray(end),
      trailer: NOTHING,
    };
  }

  #piecesOf(buffer: Uint8Array): TokenPieces {
    const end = buffer.length - CONFOUNDER;
    const start = end - this.#headers.length;
    return {
      frame: buffer.subarray(0, start),
      header: buffer.subarray(start, end),
      confounder: buffer.subarray(end),
    };
  }

  /** The mechanism's header. @param length - Bytes of data and padding. */
  #frame(mechanism: Oid, length: number): Uint8Array {
    const inner = this.#headers.length + CONFOUNDER + (this.#dceStyle ? 0 : length);
    return mechanismHeader(mechanism, inner);
  }

  /** As {@link unframeMessageToken}, for a token whose other parts are in other buffers. */
  #isFrame(frame: Uint8Array, length: number): boolean {
    return (
      frame.length === 0 ||
      bytesEqual(frame, this.#frame(this.#state.mechanism, length)) ||
      bytesEqual(frame, this.#frame(Mechanism.krb5, length))
    );
  }
}

/** The parts of a header buffer, as views. */
interface TokenPieces {
  /** The mechanism's header, which may be empty. */
  readonly frame: Uint8Array;
  readonly header: Uint8Array;
  readonly confounder: Uint8Array;
}

/** Runs a cipher over the encrypted segments as over one message, in place. */
function transform(segments: readonly Segment[], run: (bytes: Uint8Array) => void): void {
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
 * Removes the padding, whose last byte is its length; part of it may be in the data buffer. Without a
 * padding buffer, or with several data buffers, the caller has to remove it (as in MIT krb5).
 */
function removePadding({ data: [data, another], padding }: IovLayout): void {
  const bytes = padding?.bytes;
  if (padding === undefined || bytes === undefined || bytes.length === 0) return;
  if (data === undefined || another !== undefined) return;
  const message = data.bytes!;
  const inData = bytes[bytes.length - 1]! - bytes.length;
  if (inData < 0 || inData > message.length) {
    throw defectiveToken('wrap token has a padding length that its buffers cannot hold');
  }
  data.bytes = message.subarray(0, message.length - inData);
  padding.bytes = bytes.subarray(bytes.length);
}

function totalLength(buffers: readonly IovBuffer[]): number {
  return buffers.reduce((sum, { bytes }) => sum + bytes!.length, 0);
}

const NOTHING = new Uint8Array();
