/** BER taken apart so loosely, and put together so carelessly, that anything can be made of it. */
import { concatBytes } from '../../../src/bytes.ts';

export interface Tlv {
  tag: number;
  /** Length octets to write instead of those that fit. */
  length?: Uint8Array;
  /** Either children or contents; OCTET STRINGs that hold elements have children, too. */
  children?: Tlv[];
  contents: Uint8Array;
}

/** The elements, if the bytes are elements from beginning to end. */
export function parseTlvs(bytes: Uint8Array, depth = 0): Tlv[] | undefined {
  const elements: Tlv[] = [];
  let at = 0;
  while (at < bytes.length) {
    const start = at;
    const tag = bytes[at++]!;
    const first = bytes[at++];
    if (first === undefined || (tag & 0x1f) === 0x1f) return undefined;
    let length = first;
    if (first >= 0x80) {
      const count = first & 0x7f;
      if (count === 0 || count > 3 || at + count > bytes.length) return undefined;
      length = 0;
      for (let i = 0; i < count; i++) length = length * 256 + bytes[at++]!;
    }
    if (length > bytes.length - at) return undefined;
    const contents = bytes.subarray(at, at + length);
    const element: Tlv = { tag, contents };
    const octets = bytes.subarray(start + 1, at);
    if (!sameBytes(octets, lengthOctets(length))) element.length = octets.slice();
    const maybeNested = (tag & 0x20) !== 0 || tag === 0x04;
    const children =
      maybeNested && depth < MAX_DEPTH && length > 1 ? parseTlvs(contents, depth + 1) : undefined;
    if (children !== undefined) element.children = children;
    elements.push(element);
    at += length;
  }
  return elements;
}

export function encodeTlvs(elements: readonly Tlv[]): Uint8Array {
  return elements.length === 1
    ? encodeTlv(elements[0]!)
    : joinBytes(elements.map((element) => encodeTlv(element)));
}

export function encodeTlv({ tag, length, children, contents }: Tlv): Uint8Array {
  const body = children === undefined ? contents : encodeTlvs(children);
  return concatBytes(Uint8Array.of(tag), length ?? lengthOctets(body.length), body);
}

/** As concatBytes, for any number of parts. */
export function joinBytes(parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** In the fewest bytes. */
export function lengthOctets(length: number): Uint8Array {
  if (length < 0x80) return Uint8Array.of(length);
  const octets: number[] = [];
  for (let left = length; left > 0; left = Math.floor(left / 256)) octets.unshift(left % 256);
  return Uint8Array.of(0x80 | octets.length, ...octets);
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

const MAX_DEPTH = 24;
