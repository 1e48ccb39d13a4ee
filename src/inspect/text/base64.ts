/** Base64 as people paste it: wrapped, in its other alphabet, without padding, in quotation marks. */

/** Bytes that a text stands for. */
export interface Decoded {
  readonly bytes: Uint8Array;
  readonly kind: 'base64' | 'hexadecimal';
  /** Where the text is not what an acceptor takes. */
  readonly problems: readonly string[];
}

/** Whether a text is base64, with some tolerance. */
export function looksLikeBase64(text: string): boolean {
  // Words of a sentence are no pieces of base64.
  const pieces = text.trim().split(/\s+/);
  if (pieces.length > 1 && pieces.every(({ length }) => length < 16)) return false;
  const bare = withoutArmour(text);
  const strange = bare.replace(/[A-Za-z0-9+/=_-]/g, '').length;
  return bare.length >= 2 && strange * 20 <= bare.length;
}

/** Reads what {@link looksLikeBase64} accepted, as far as it can. */
export function readBase64(text: string): Decoded {
  const problems: string[] = [];
  let bare = withoutArmour(text);
  const note = (pattern: RegExp, problem: string): void => {
    const at = bare.search(pattern);
    if (at >= 0) problems.push(`${problem} at character ${at + 1}`);
  };
  note(/[-_]/, 'base64url');
  bare = bare.replaceAll('-', '+').replaceAll('_', '/');
  note(/=(?!=?$)/, 'padding before the end');
  note(/[^A-Za-z0-9+/=]/, 'a character that is not of base64');
  const digits = bare.replace(/[^A-Za-z0-9+/]/g, '');
  const rest = digits.length % 4;
  let padding = 0;
  while (bare.endsWith('=', bare.length - padding)) padding++;
  if (rest === 1) problems.push('a single character at the end: the text is cut off');
  else if (rest + padding !== (rest === 0 ? 0 : 4)) problems.push('padding is missing or wrong');
  const usable = rest === 1 ? digits.slice(0, -1) : digits;
  const bytes = decode(usable);
  if (hasUnusedBits(usable)) problems.push('unused bits at the end are not zero');
  return { bytes, kind: 'base64', problems };
}

/** Without white space, quotation marks, PEM lines and percent-encoding. */
function withoutArmour(text: string): string {
  return text
    .replace(/-----(?:BEGIN|END)[^-]*-----/g, '')
    .replace(/%2b/gi, '+')
    .replace(/%2f/gi, '/')
    .replace(/%3d/gi, '=')
    .replace(/\\[nr]/g, '')
    .replace(/[\s"'`,]/g, '');
}

function decode(digits: string): Uint8Array {
  const binary = atob(digits);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

// RFC 4648 §3.5.
function hasUnusedBits(digits: string): boolean {
  const rest = digits.length % 4;
  if (rest < 2) return false;
  const last = ALPHABET.indexOf(digits[digits.length - 1]!);
  return (last & (rest === 2 ? 15 : 3)) !== 0;
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
