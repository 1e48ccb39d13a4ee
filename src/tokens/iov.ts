/**
 * Messages in buffers that lie apart (GSS_Wrap_iov, GSS_Unwrap_iov of MIT krb5 and Heimdal,
 * GSS_WrapEx of MS-KILE §3.4.5.4): some are encrypted where they are, some only signed.
 */
import { concatBytes, plainBytes } from '../bytes.ts';
import type { Segment } from '../crypto/profile.ts';
import type { VerifiedMic } from './protection.ts';
import { badMic } from './protection.ts';

/**
 * - `header`: one; what the token has before the message, and after it where there is no trailer.
 * - `data`: any number; encrypted in place.
 * - `sign-only`: any number; signed at its place among the others, and sent by other means.
 * - `padding`: at most one, after the data. Only tokens older than RFC 4121 have some.
 * - `trailer`: at most one; what a token of RFC 4121 has after the message.
 * - `stream`: for unwrapping only, instead of header, padding and trailer: a whole token.
 */
export type IovBufferType = 'header' | 'data' | 'sign-only' | 'padding' | 'trailer' | 'stream';

/** A buffer, and what becomes of it. */
export interface IovBuffer {
  readonly type: IovBufferType;
  /**
   * The caller's memory. Header, padding and trailer may be left out or longer than they have to
   * be: wrapping replaces them by a new array, or by a view of the length that was used.
   * Unwrapping a stream sets the data to a view into it.
   */
  bytes?: Uint8Array;
}

/** Bytes that wrapping needs; padding and trailer are 0 where there are none. */
export interface IovLengths {
  readonly header: number;
  readonly padding: number;
  readonly trailer: number;
}

/** A token that verified. */
export interface OpenedIov extends VerifiedMic {
  readonly confidential: boolean;
}

/** Buffers by what they are; `bytes` of all but header, padding and trailer are there. */
export interface IovLayout {
  readonly buffers: readonly IovBuffer[];
  readonly header: IovBuffer;
  readonly data: readonly IovBuffer[];
  readonly padding?: IovBuffer;
  readonly trailer?: IovBuffer;
}

/** One implementation for each token format. */
export interface IovProtection {
  /** @throws RangeError if a buffer is missing, or the data are not what a format can take. */
  lengths(layout: IovLayout, confidential: boolean): IovLengths;
  /** Wraps in place: header, padding and trailer have the lengths that {@link lengths} said. */
  wrap(layout: IovLayout, confidential: boolean): void;
  /**
   * Unwraps in place. When it throws for what was encrypted, the data are garbage or zeros.
   *
   * @throws GssError GSS_S_DEFECTIVE_TOKEN, GSS_S_BAD_MIC.
   */
  unwrap(layout: IovLayout): OpenedIov;
  /**
   * Cuts up a whole token, which may be rotated in place for that.
   *
   * @throws GssError GSS_S_DEFECTIVE_TOKEN.
   */
  split(token: Uint8Array): TokenParts;
}

/** The parts of a whole token, as views: they follow each other. */
export interface TokenParts {
  readonly header: Uint8Array;
  readonly data: Uint8Array;
  readonly padding: Uint8Array;
  readonly trailer: Uint8Array;
}

/**
 * Sorts buffers by what they are.
 *
 * @throws TypeError, RangeError if the caller gave none that make sense together.
 */
export function layOut(buffers: readonly IovBuffer[]): IovLayout {
  const [header, noHeader] = buffersOf(buffers, 'header');
  const [padding, noPadding] = buffersOf(buffers, 'padding');
  const [trailer, noTrailer] = buffersOf(buffers, 'trailer');
  if (header === undefined || (noHeader ?? noPadding ?? noTrailer) !== undefined) {
    throw new RangeError('buffers: expected one header, at most one padding and one trailer');
  }
  for (const buffer of buffers) {
    if (!TYPES.has(buffer.type)) {
      throw new RangeError(`buffers: expected ${[...TYPES].join(', ')}, got ${buffer.type}`);
    }
    if (buffer.bytes !== undefined) buffer.bytes = plainBytes(buffer.bytes, buffer.type);
    else if (buffer.type === 'data' || buffer.type === 'sign-only') {
      throw new TypeError(`${buffer.type}: expected a Uint8Array, got undefined`);
    }
  }
  const data = buffersOf(buffers, 'data');
  return { buffers, header, data, ...(padding && { padding }), ...(trailer && { trailer }) };
}

/** GSS_Wrap_iov. @returns Whether it is encrypted: what has no data is signed only. */
export function wrapIov(
  protection: IovProtection,
  buffers: readonly IovBuffer[],
  confidential: boolean,
): boolean {
  const layout = layOut(buffers);
  const sealed = confidential && layout.data.length > 0;
  const lengths = protection.lengths(layout, sealed);
  provide(layout.header, lengths.header);
  provide(layout.padding, lengths.padding);
  provide(layout.trailer, lengths.trailer);
  protection.wrap(layout, sealed);
  return sealed;
}

/** GSS_Wrap_aead: the buffers of a token side by side, the associated data left out. */
export function wrapAead(
  protection: IovProtection,
  message: Uint8Array,
  associatedData: Uint8Array,
  confidential: boolean,
): Uint8Array {
  const buffers: readonly IovBuffer[] = [
    { type: 'header' },
    { type: 'sign-only', bytes: associatedData },
    { type: 'data', bytes: new Uint8Array(message) },
    { type: 'padding' },
    { type: 'trailer' },
  ];
  wrapIov(protection, buffers, confidential);
  return concatBytes(
    ...buffers.flatMap(({ type, bytes }) => (type === 'sign-only' ? [] : [bytes as Uint8Array])),
  );
}

/** GSS_Wrap_iov_length. */
export function iovLengths(
  protection: IovProtection,
  buffers: readonly IovBuffer[],
  confidential: boolean,
): IovLengths {
  const layout = layOut(buffers);
  return protection.lengths(layout, confidential && layout.data.length > 0);
}

/** GSS_Unwrap_iov. */
export function unwrapIov(protection: IovProtection, buffers: readonly IovBuffer[]): OpenedIov {
  const [stream, another] = buffersOf(buffers, 'stream');
  if (stream === undefined) return protection.unwrap(layOut(buffers));
  const [data, more] = buffersOf(buffers, 'data');
  if (data === undefined || (another ?? more) !== undefined) {
    throw new RangeError('buffers: expected one data buffer beside one stream');
  }
  const parts = protection.split(plainBytes(stream.bytes as Uint8Array, 'stream'));
  const opened: IovBuffer = { type: 'data', bytes: parts.data };
  const result = protection.unwrap(
    layOut([
      { type: 'header', bytes: parts.header },
      ...buffers
        .filter(({ type }) => type === 'data' || type === 'sign-only')
        .map((buffer) => (buffer === data ? opened : buffer)),
      { type: 'padding', bytes: parts.padding },
      { type: 'trailer', bytes: parts.trailer },
    ]),
  );
  data.bytes = opened.bytes as Uint8Array;
  return result;
}

/** What is signed and encrypted, in order. */
export function segmentsOf({ buffers }: IovLayout): Segment[] {
  const segments: Segment[] = [];
  for (const { type, bytes } of buffers) {
    if (bytes === undefined) continue;
    if (type === 'sign-only') segments.push({ bytes, encrypted: false });
    else if (type === 'data' || type === 'padding') segments.push({ bytes, encrypted: true });
  }
  return segments;
}

/** What was in the buffers is not to be looked at. */
export function refuse(segments: readonly Segment[]): never {
  for (const { bytes, encrypted } of segments) {
    if (encrypted) bytes.fill(0);
  }
  throw badMic();
}

function buffersOf(buffers: readonly IovBuffer[], type: IovBufferType): IovBuffer[] {
  return buffers.filter((buffer) => buffer.type === type);
}

function provide(buffer: IovBuffer | undefined, length: number): void {
  if (buffer === undefined) return;
  const { type, bytes = new Uint8Array(length) } = buffer;
  if (bytes.length < length) {
    throw new RangeError(`${type}: expected ${length} bytes, got ${bytes.length}`);
  }
  buffer.bytes = bytes.subarray(0, length);
}

// A stream is taken apart before. What nobody knows would go out as it is.
const TYPES: ReadonlySet<IovBufferType> = new Set([
  'header',
  'data',
  'sign-only',
  'padding',
  'trailer',
]);
