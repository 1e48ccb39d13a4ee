/**
 * Object identifiers: two text forms and the DER contents (X.690 §8.19, RFC 2743 §3.1).
 *
 * An OID is kept as its dotted text: it compares with `===`, is a map key, and prints itself.
 */
import { DecodeError } from '../errors.ts';

/** `'1.2.840.113554.1.2.2'`: decimal arcs without leading zeros, as {@link parseOid} returns it. */
export type Oid = `${bigint}.${string}`;

/** The text form of an OID: `1.2.840` or `{ 1 2 840 }`. */
export type OidStyle = 'dotted' | 'braces';

/**
 * The OID of a text: `1.2.840.113554.1.2.2` or, as gss_oid_to_str prints it,
 * `{ 1 2 840 113554 1 2 2 }` (braces may be absent).
 *
 * @throws {@link DecodeError} if it has neither form, if it is longer than 128 bytes, or if an arc
 *   is above 128 bits.
 */
export function parseOid(text: string): Oid {
  const trimmed = text.length > MAX_TEXT ? '' : text.trim();
  const inner = /^\{([^{}]*)\}$/.exec(trimmed)?.[1] ?? trimmed;
  const arcs = inner.trim().split(/\s+|\./);
  if (arcs.length < 2 || !arcs.every((arc) => /^\d+$/.test(arc))) {
    throw new DecodeError('OID is not of the form 1.2.840 or { 1 2 840 }', {
      reason: 'name.malformed',
    });
  }
  // Encoding checks the arcs; decoding returns the canonical text.
  return decodeOid(encodeArcs(arcs));
}

/**
 * The text of an OID.
 *
 * @param oid - An OID, or its DER contents without tag and length.
 * @param style - `'dotted'` (default), or `'braces'` as gss_oid_to_str prints it.
 * @throws {@link DecodeError} for malformed contents.
 */
export function formatOid(oid: Oid | Uint8Array, style: OidStyle = 'dotted'): string {
  const dotted = typeof oid === 'string' ? oid : decodeOid(oid);
  return style === 'dotted' ? dotted : `{ ${dotted.replaceAll('.', ' ')} }`;
}

/** DER contents (without tag and length) in a new buffer. @throws {@link DecodeError} for impossible arcs. */
export function encodeOid(oid: Oid): Uint8Array {
  return encodeArcs(oid.split('.'));
}

/**
 * The OID of DER contents (without tag and length).
 *
 * @throws {@link DecodeError} if it is empty, truncated in an arc, not in the shortest form, longer
 *   than 128 bytes, or has an arc above 128 bits.
 */
export function decodeOid(contents: Uint8Array): Oid {
  if (contents.length === 0 || contents.length > MAX_CONTENTS) {
    throw new DecodeError(`OID has ${contents.length} bytes, expected 1 to ${MAX_CONTENTS}`);
  }
  let text = '';
  let at = 0;
  while (at < contents.length) {
    // X.690 §8.19.2: the first octet of a subidentifier is never 0x80.
    if (contents[at] === 0x80) throw new DecodeError('OID arc is not in the shortest form');
    const start = at;
    while (at < contents.length && contents[at]! >= 0x80) at++;
    if (at === contents.length) throw new DecodeError('OID ends in the middle of an arc');
    at++;
    const arc = decodeArc(contents, start, at);
    text += text === '' ? firstArcs(arc) : `.${arc}`;
  }
  return text as Oid;
}

function decodeArc(contents: Uint8Array, start: number, end: number): number | bigint {
  if (end - start <= SAFE_ARC_BYTES) {
    let arc = 0;
    for (let i = start; i < end; i++) arc = arc * 128 + (contents[i]! & 0x7f);
    return arc;
  }
  let arc = 0n;
  for (let i = start; i < end; i++) arc = (arc << 7n) | BigInt(contents[i]! & 0x7f);
  if (arc > MAX_ARC) throw new DecodeError('OID arc is above 128 bits');
  return arc;
}

// X.690 §8.19.4: the first two arcs share a subidentifier, 40 · first + second.
function firstArcs(arc: number | bigint): string {
  if (arc < 40) return `0.${arc}`;
  if (arc < 80) return `1.${BigInt(arc) - 40n}`;
  return `2.${BigInt(arc) - 80n}`;
}

function encodeArcs(texts: readonly string[]): Uint8Array {
  const arcs = texts.map((text) => BigInt(text));
  const [first, second, ...others] = arcs as [bigint, bigint, ...bigint[]];
  if (first > 2n || (first < 2n && second > 39n)) {
    throw new DecodeError('OID starts with arcs that do not exist', {
      reason: 'name.malformed',
    });
  }
  const bytes: number[] = [];
  for (const arc of [first * 40n + second, ...others]) {
    const groups = [Number(arc & 0x7fn)];
    for (let left = arc >> 7n; left > 0n; left >>= 7n) groups.push(Number(left & 0x7fn) | 0x80);
    bytes.push(...groups.reverse());
  }
  return Uint8Array.from(bytes);
}

const MAX_CONTENTS = 128;
// 128 bits: the arcs of UUIDs (X.667), the largest in use.
const MAX_ARC = 2n ** 128n - 1n;
// 49 bits, which a number holds exactly.
const SAFE_ARC_BYTES = 7;
const MAX_TEXT = 1024;
