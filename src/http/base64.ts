/** Base64 (RFC 4648 §4) with functions that every runtime has. */

/** Decodes base64. @returns undefined for text that is not the canonical encoding of some bytes. */
export function decodeBase64(text: string): Uint8Array | undefined {
  let binary: string;
  try {
    binary = atob(text);
  } catch {
    return undefined;
  }
  // atob is lenient: it skips white space, and accepts text without padding or with unused bits that are
  // not zero (RFC 4648 §3.5). Encoding again costs a third of a regular expression.
  if (btoa(binary) !== text) return undefined;
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

/** Encodes bytes as base64 with padding. */
export function encodeBase64(bytes: Uint8Array): string {
  let binary = '';
  // The call converts pieces: each byte is an argument, and the number of arguments is limited.
  for (let at = 0; at < bytes.length; at += PIECE) {
    // Reflect.apply, because spread syntax takes seven times as long.
    binary += Reflect.apply(String.fromCharCode, undefined, bytes.subarray(at, at + PIECE));
  }
  return btoa(binary);
}

const PIECE = 8192;
