/**
 * Wrap tokens of RFC 4121 in several buffers. Without a trailer what belongs there stands in the
 * header, as if the token had been rotated (RFC 4121 §4.2.5):
 *
 * ```
 * header: clear header, [filler, encrypted header, checksum]  confounder
 * trailer:               filler, encrypted header, checksum
 * ```
 */
import type { EncryptionKey } from '../crypto/key.ts';
import { unframeMessageToken } from '../gss/framing.ts';
import { ContextFlag } from '../gss/status.ts';
import { rotateLeft } from './cfx.ts';
import {
  CfxHeaders,
  extraCount,
  FILLER,
  Flag,
  HEADER,
  isHeaderCopy,
  sequenceOf,
  signedHeader,
  TokId,
  writeCounts,
} from './cfx-header.ts';
import type { IovLayout, IovLengths, IovProtection, OpenedIov, TokenParts } from './iov.ts';
import { refuse, segmentsOf } from './iov.ts';
import type { ProtectionState } from './protection.ts';
import { asBadMic, badMic, defectiveToken } from './protection.ts';

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
    const tail = tailLength(key, confidential, this.#filler(key));
    const head = HEADER + (confidential ? key.confounderLength : 0);
    return trailer === undefined
      ? { header: head + tail, padding: 0, trailer: 0 }
      : { header: head, padding: 0, trailer: tail };
  }

  wrap(layout: IovLayout, confidential: boolean): void {
    const { sendKey, sent } = this.#headers;
    const filler = confidential ? this.#filler(sendKey) : 0;
    const { header, tail, confounder, rotated } = cut(layout, sendKey, confidential, filler);
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
    const pieces = {
      confounder,
      segments: [...segments, { bytes: tail.subarray(0, filler + HEADER), encrypted: true }],
      trailer: tail.subarray(filler + HEADER),
    };
    sendKey.sealSegments(sent.seal, pieces, this.#state.random);
    // MS-KILE §3.4.5.4.1: Windows rotates by EC as well.
    const rotation = this.#dceStyle ? tail.length - filler : tail.length;
    writeCounts(header, filler, rotated ? rotation : 0);
  }

  unwrap(layout: IovLayout): OpenedIov {
    const headers = this.#headers;
    const received = layout.header.bytes ?? NOTHING;
    const flags = headers.check(received, TokId.wrap, 'wrap token');
    const confidential = (flags & Flag.sealed) !== 0;
    const key = headers.receiveKey(flags);
    const filler = confidential ? extraCount(received) : 0;
    const tail = tailLength(key, confidential, filler);
    const rotated = layout.trailer === undefined;
    if (
      headers.rotation(received) !== (rotated ? tail : 0) ||
      (!confidential && extraCount(received) !== tail) ||
      received.length !== headLength(key, confidential) + (rotated ? tail : 0) ||
      (layout.trailer?.bytes ?? NOTHING).length !== (rotated ? 0 : tail) ||
      (layout.padding?.bytes ?? NOTHING).length !== 0
    ) {
      throw defectiveToken('wrap token has lengths that are not those of its buffers');
    }
    const parts = cut(layout, key, confidential, filler);
    const open = confidential ? openSealed : openSigned;
    open(key, headers.received.seal, layout, parts, filler);
    return { confidential, ...sequenceOf(received) };
  }

  split(received: Uint8Array): TokenParts {
    const headers = this.#headers;
    const token = unframeMessageToken(received, this.#state.mechanism);
    const flags = headers.check(token, TokId.wrap, 'wrap token');
    const confidential = (flags & Flag.sealed) !== 0;
    const key = headers.receiveKey(flags);
    const body = token.subarray(HEADER);
    body.set(rotateLeft(body, headers.rotation(token)));
    writeCounts(token, extraCount(token), 0);
    const start = headLength(key, confidential);
    const end = token.length - tailLength(key, confidential, extraCount(token));
    if (end < start) throw defectiveToken('wrap token is shorter than what it announces');
    return {
      header: token.subarray(0, start),
      data: token.subarray(start, end),
      padding: NOTHING,
      trailer: token.subarray(end),
    };
  }

  /** MIT krb5, k5sealv3iov.c: one block in DCE style, for Windows refuses a token without. */
  #filler(key: EncryptionKey): number {
    return this.#dceStyle ? key.confounderLength : 0;
  }
}

interface Cut {
  readonly header: Uint8Array;
  readonly tail: Uint8Array;
  readonly confounder: Uint8Array;
  readonly rotated: boolean;
}

function cut(layout: IovLayout, key: EncryptionKey, confidential: boolean, filler: number): Cut {
  const bytes = layout.header.bytes!;
  const rotated = layout.trailer === undefined;
  const start = bytes.length - (confidential ? key.confounderLength : 0);
  const tail = tailLength(key, confidential, filler);
  return {
    header: bytes.subarray(0, HEADER),
    tail: rotated ? bytes.subarray(HEADER, HEADER + tail) : layout.trailer.bytes!,
    confounder: bytes.subarray(start),
    rotated,
  };
}

function openSealed(
  key: EncryptionKey,
  usage: number,
  layout: IovLayout,
  { header, tail, confounder }: Cut,
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
  if (!isHeaderCopy(tail.subarray(filler, filler + HEADER), header)) refuse(sealed);
}

function openSigned(
  key: EncryptionKey,
  usage: number,
  layout: IovLayout,
  { header, tail }: Cut,
): void {
  const signed = segmentsOf(layout).map(({ bytes }) => bytes);
  if (!key.verifyChecksum(usage, tail, ...signed, signedHeader(header))) throw badMic();
}

/** Bytes before the message. */
function headLength(key: EncryptionKey, confidential: boolean): number {
  return HEADER + (confidential ? key.confounderLength : 0);
}

/** Bytes after the message: filler, encrypted header and code; or the checksum alone. */
function tailLength(key: EncryptionKey, confidential: boolean, filler: number): number {
  return confidential ? filler + HEADER + key.trailerLength : key.checksumLength;
}

const NOTHING = new Uint8Array();
