/** Base64 (RFC 4648 §4) of header fields, with what every runtime has. */

/** @returns Undefined for anything but the one right way to write some bytes. */
export function decodeBase64(text: string): Uint8Array | undefined {
  // atob is lenient: it skips white space and takes text without its padding.
  if (text.length % 4 !== 0 || !BASE64.test(text)) return undefined;
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

export function encodeBase64(bytes: Uint8Array): string {
  let binary = '';
  // As arguments of a call, of which there may not be too many.
  for (let at = 0; at < bytes.length; at += PIECE) {
    binary += String.fromCharCode(...bytes.subarray(at, at + PIECE));
  }
  return btoa(binary);
}

// RFC 4648 §3.5: bits that are left over are zero, so that there is no second way to say the same.
const BASE64 = /^[A-Za-z0-9+/]*(?:[AEIMQUYcgkosw048]=|[AQgw]==)?$/;
const PIECE = 8192;
