/** Base64 (RFC 4648 §4) with functions that every runtime has. */

/** Decodes base64. @returns undefined for text that is not the canonical encoding of some bytes. */
export function decodeBase64(text: string): Uint8Array | undefined {
  // atob is lenient: it skips white space and accepts text without padding.
  if (text.length % 4 !== 0 || !BASE64.test(text)) return undefined;
  const binary = atob(text);
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

// RFC 4648 §3.5: unused bits must be zero, so that each encoding is unique.
const BASE64 = /^[A-Za-z0-9+/]*(?:[AEIMQUYcgkosw048]=|[AQgw]==)?$/;
const PIECE = 8192;
