/** Recognises what a file is that was given as a keytab, by its bytes. */
import type { Lookalike } from '../explain/service-reasons.ts';

/** @returns Undefined if nothing is recognised: the file is cut off or damaged in another way. */
export function recogniseLookalike(bytes: Uint8Array): Lookalike | undefined {
  // Nothing that is looked for needs more; the file may have 16 MiB.
  const start = bytes.subarray(0, MAX_EXAMINED);
  return byMagic(start) ?? byText(start) ?? byDamage(start);
}

function byMagic(bytes: Uint8Array): Lookalike | undefined {
  const begins = (...magic: readonly number[]): boolean =>
    magic.every((byte, i) => bytes[i] === byte);
  if (begins(5, 4) || begins(5, 3)) return 'ccache';
  if (begins(0xff, 0xfe) || begins(0xfe, 0xff)) return 'utf-16';
  if (begins(0xef, 0xbb, 0xbf)) return 'byte-order-mark';
  if (begins(0x1f, 0x8b)) return 'gzip';
  return bytes.length >= 2 && bytes.every((byte) => byte === 0) ? 'zeros' : undefined;
}

function byText(bytes: Uint8Array): Lookalike | undefined {
  const text = String.fromCharCode(...bytes.subarray(0, MAX_TEXT)).trimStart();
  if (text.startsWith('-----BEGIN')) return 'pem';
  if (/^05\s?0[12][\s0-9a-f]*$/i.test(text) || /^0x0?50[12]/i.test(text)) return 'hex';
  if (/^[0-9a-f]{6,8}:? +05 ?0[12]/i.test(text)) return 'hex-dump';
  // 05 01 and 05 02 in base64, in one line or several.
  if (/^BQ[EI][A-Za-z0-9+/=\s]*$/.test(text)) return 'base64';
  if (/^(?:Keytab name|KVNO )/.test(text)) return 'klist';
  if (/^(?:[#;].*\n|\s)*\[[a-z_]+\]/.test(text)) return 'krb5.conf';
  if (/^<(?:!doctype|html|\?xml)/i.test(text)) return 'web-page';
  if (text.startsWith('{"') || /^\{\s*"/.test(text)) return 'json';
  return /^[\t\n\r -~]{2,}$/.test(text) ? 'plain-text' : undefined;
}

/** A keytab that something altered on its way. */
function byDamage(bytes: Uint8Array): Lookalike | undefined {
  let lineEnds = 0;
  let bareLineEnds = 0;
  for (let i = 0; i < bytes.length; i++) {
    if (bytes[i] === 0xef && bytes[i + 1] === 0xbf && bytes[i + 2] === 0xbd) return 'text';
    if (bytes[i] !== 0x0a) continue;
    if (bytes[i - 1] === 0x0d) lineEnds++;
    else bareLineEnds++;
  }
  if (lineEnds > 0 && bareLineEnds === 0) return 'line-ends';
  if (isLatin1InUtf8(bytes)) return 'utf-8';
  return isLittleEndian(bytes) ? 'little-endian' : undefined;
}

/** Each byte from 80 on, and those of keys are many, has become two. */
function isLatin1InUtf8(bytes: Uint8Array): boolean {
  let pairs = 0;
  for (let i = 0; i < bytes.length; i++) {
    if (bytes[i]! < 0x80) continue;
    const next = bytes[++i];
    // What is examined may end within a pair.
    if (next === undefined) break;
    if ((bytes[i - 1]! & 0xfe) !== 0xc2 || (next & 0xc0) !== 0x80) return false;
    pairs++;
  }
  return pairs >= MIN_PAIRS;
}

/** Version 2 is big-endian; a length of less than 64 kB in the other order has two zeros in the end. */
function isLittleEndian(bytes: Uint8Array): boolean {
  if (bytes[0] !== 5 || bytes[1] !== 2 || bytes.length < 16) return false;
  const length = bytes[2]! | (bytes[3]! << 8);
  if (bytes[4] !== 0 || bytes[5] !== 0 || length === 0) return false;
  // The number of components, 1 to 255, comes first in the record.
  return bytes[6] !== 0 && bytes[7] === 0;
}

const MIN_PAIRS = 4;
const MAX_EXAMINED = 65_536;
const MAX_TEXT = 4096;
