/** Writes DER once more, with lengths in more bytes than they need. */
import { concatBytes } from '../../src/bytes.ts';
import { contentsOf } from '../messages/element.ts';

/** How many bytes a length is to have at least behind its first one: asked for each element. */
export type Octets = () => number;

/** The element with all that is in it, other than contents of OCTET STRINGs. */
export function stretch(bytes: Uint8Array, octets: Octets): Uint8Array {
  const tag = bytes[0]!;
  const contents = contentsOf(bytes);
  if ((tag & 0x20) === 0) return elementWith(tag, contents, octets());
  return elementWith(
    tag,
    concatBytes(...split(contents).map((one) => stretch(one, octets))),
    octets(),
  );
}

/** A token with the header of RFC 2743 §3.1; `inner` writes what follows the OID. */
export function stretchFramed(
  token: Uint8Array,
  octets: Octets,
  inner: (bytes: Uint8Array) => Uint8Array,
): Uint8Array {
  const contents = contentsOf(token);
  const end = 2 + contents[1]!;
  const oid = stretch(contents.subarray(0, end), octets);
  return elementWith(0x60, concatBytes(oid, inner(contents.subarray(end))), octets());
}

/** The elements that follow one another. */
function split(bytes: Uint8Array): Uint8Array[] {
  const elements: Uint8Array[] = [];
  for (let rest = bytes; rest.length > 0; ) {
    const header = rest[1]! < 0x80 ? 2 : 2 + (rest[1]! & 0x7f);
    const length = rest.subarray(2, header).reduce((sum, byte) => sum * 256 + byte, 0);
    const end = header + (header === 2 ? rest[1]! : length);
    elements.push(rest.subarray(0, end));
    rest = rest.subarray(end);
  }
  return elements;
}

function elementWith(tag: number, contents: Uint8Array, octets: number): Uint8Array {
  const digits: number[] = [];
  for (let rest = contents.length; rest > 0; rest >>>= 8) digits.unshift(rest & 0xff);
  const isShort = octets === 0 && contents.length < 0x80;
  while (digits.length < octets) digits.unshift(0);
  const length = isShort ? [contents.length] : [0x80 | digits.length, ...digits];
  return concatBytes(Uint8Array.of(tag, ...length), contents);
}
