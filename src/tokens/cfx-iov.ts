/**
 * Wrap tokens of RFC 4121 §4.2 whose parts are in several buffers. Without a trailer buffer the
 * header buffer holds the trailer too, as in a rotated token (RFC 4121 §4.2.5):
 *
 * ```
 * header:  clear header, [filler, encrypted header, checksum,]  confounder
 * trailer:                filler, encrypted header, checksum
 * ```
 */
import type { EncryptionKey } from '../crypto/key.ts';
import { unframeMessageToken } from '../gss/framing.ts';
import { ContextFlag } from '../gss/status.ts';
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
import type { IovLayout, IovLengths, IovProtection, OpenedIov, TokenParts } from './iov.ts';
import { segmentsOf, wipeAndRefuse } from './iov.ts';
import type { ProtectionState } from './protection.ts';
import { asBadMic, defectiveToken } from './protection.ts';

/** Messages in several buffers, in tokens of RFC 4121. */
export class CfxIov implements IovProtection {
  readonly #state: ProtectionState;
  readonly #headers: CfxHeaders;
  readonly #dceStyle: boolean;

  constructor(state: ProtectionState) {
    this.#state = state;
    this.#headers = new CfxHeaders(state);
    this.#dceStyle = (state.flags & ContextFlag.dceStyle) !== 0;
  }

  lengths({ trailer }: IovLayout, confidential: boolean): IovLengths {
    const key = this.#headers.sendKey;
    const before = lengthBefore(key, confidential);
    const after = lengthAfter(key, confidential, this.#filler(key));
    return trailer === undefined
      ? { header: before + after, padding: 0, trailer: 0 }
      : { header: before, padding: 0, trailer: after };
  }

  wrap(layout: IovLayout, confidential: boolean): void {
    const { sendKey, sent } = this.#headers;
    const filler = confidential ? this.#filler(sendKey) : 0;
    const { header, tail, confounder, rotated } = piecesOf(layout, sendKey, confidential, filler);
    const segments = segmentsOf(layout);
    this.#headers.write(header, TokId.wrap, confidential ? Flag.sealed : 0);
    if (!confidential) {
      const signed = segments.map(({ bytes }) => bytes);
      tail.set(sendKey.checksum(sent.seal, ...signed, header));
      writeCounts(header, tail.length, rotated ? tail.length : 0);
      return;
    }
    writeCounts(header, filler, 0);
    tail.fill(FILLER, 0, filler);
    tail.set(header, filler);
    const sealed = {
      confounder,
      segments: [...segments, { bytes: tail.subarray(0, filler + HEADER), encrypted: true }],
      trailer: tail.subarray(filler + HEADER),
    };
    sendKey.sealSegments(sent.seal, sealed, this.#state.random);
    // MS-KILE §3.4.5.4.1: Windows rotates by EC as well.
    const rotation = this.#dceStyle ? tail.length - filler : tail.length;
    writeCounts(header, filler, rotated ? rotation : 0);
  }

  unwrap(layout: IovLayout): OpenedIov {
    const headers = this.#headers;
    const received = layout.header.bytes ?? NOTHING;
    const flags = headers.check(received, TokId.wrap, 'wrap token');
    const key = headers.receiveKey(flags);
    const confidential = (flags & Flag.sealed) !== 0;
    this.#checkLengths(layout, received, key, confidential);
    const filler = confidential ? extraCount(received) : 0;
    const pieces = piecesOf(layout, key, confidential, filler);
    const open = confidential ? openSealed : openSigned;
    open(key, headers.received.seal, layout, pieces, filler);
    return { confidential, ...sequenceOf(received) };
  }

  split(received: Uint8Array): TokenParts {
    const headers = this.#headers;
    const token = unframeMessageToken(received, this.#state.mechanism);
    const flags = headers.check(token, TokId.wrap, 'wrap token');
    const key = headers.receiveKey(flags);
    const confidential = (flags & Flag.sealed) !== 0;
    const body = token.subarray(HEADER);
    body.set(rotateLeft(body, headers.rotation(token)));
    writeCounts(token, extraCount(token), 0);
    const start = lengthBefore(key, confidential);
    const end = token.length - lengthAfter(key, confidential, extraCount(token));
    if (end < start) throw defectiveToken('wrap token is shorter than its header and trailer');
    return {
      header: token.subarray(0, start),
      data: token.subarray(start, end),
      padding: NOTHING,
      trailer: token.subarray(end),
    };
  }

  /** EC and RRC must agree with the lengths of the buffers. */
  #checkLengths(
    layout: IovLayout,
    received: Uint8Array,
    key: EncryptionKey,
    confidential: boolean,
  ): void {
    const extra = extraCount(received);
    const after = lengthAfter(key, confidential, confidential ? extra : 0);
    const inHeader = layout.trailer === undefined ? after : 0;
    if (
      this.#headers.rotation(received) !== inHeader ||
      (!confidential && extra !== after) ||
      received.length !== lengthBefore(key, confidential) + inHeader ||
      (layout.trailer?.bytes ?? NOTHING).length !== after - inHeader ||
      (layout.padding?.bytes ?? NOTHING).length !== 0
    ) {
      throw defectiveToken('wrap token has lengths that are not those of its buffers');
    }
  }

  /** MIT krb5, k5sealv3iov.c: one block in DCE style, because Windows refuses tokens without it. */
  #filler(key: EncryptionKey): number {
    return this.#dceStyle ? key.confounderLength : 0;
  }
}

/** The parts of a token, as views of its buffers. */
interface TokenPieces {
  /** The clear header, 16 bytes. */
  readonly header: Uint8Array;
  /** Filler, encrypted header and trailer; or the checksum. */
  readonly tail: Uint8Array;
  /** Empty in a token that is only signed. */
  readonly confounder: Uint8Array;
  /** Whether the header buffer holds the tail. */
  readonly rotated: boolean;
}

function piecesOf(
  layout: IovLayout,
  key: EncryptionKey,
  confidential: boolean,
  filler: number,
): TokenPieces {
  const bytes = layout.header.bytes!;
  const rotated = layout.trailer === undefined;
  const start = bytes.length - (confidential ? key.confounderLength : 0);
  const after = lengthAfter(key, confidential, filler);
  return {
    header: bytes.subarray(0, HEADER),
    tail: rotated ? bytes.subarray(HEADER, HEADER + after) : layout.trailer.bytes!,
    confounder: bytes.subarray(start),
    rotated,
  };
}

function openSealed(
  key: EncryptionKey,
  usage: number,
  layout: IovLayout,
  { header, tail, confounder }: TokenPieces,
  filler: number,
): void {
  const sealed = [
    ...segmentsOf(layout),
    { bytes: tail.subarray(0, filler + HEADER), encrypted: true },
  ];
  try {
    const trailer = tail.subarray(filler + HEADER);
    key.openSegments(usage, { confounder, segments: sealed, trailer });
  } catch (error) {
    throw asBadMic(error);
  }
  if (!isHeaderCopy(tail.subarray(filler, filler + HEADER), header)) wipeAndRefuse(sealed);
}

function openSigned(
  key: EncryptionKey,
  usage: number,
  layout: IovLayout,
  { header, tail }: TokenPieces,
): void {
  const signed = segmentsOf(layout).map(({ bytes }) => bytes);
  verifySigned(key, usage, header, tail, ...signed);
}

const NOTHING = new Uint8Array();
