/** The stream cipher RC4, which RFC 4757 uses with a new key for each message. */

/**
 * Encrypts or decrypts the parts in place, with one continuous keystream.
 *
 * @param key - 1 to 256 bytes.
 */
export function rc4(key: Uint8Array, ...parts: Uint8Array[]): void {
  const s = new Uint8Array(256);
  for (let i = 0; i < 256; i++) s[i] = i;
  for (let i = 0, j = 0; i < 256; i++) {
    const x = s[i]!;
    j = (j + x + key[i % key.length]!) & 255;
    s[i] = s[j]!;
    s[j] = x;
  }
  let i = 0;
  let j = 0;
  for (const part of parts) {
    for (let at = 0; at < part.length; at++) {
      i = (i + 1) & 255;
      const x = s[i]!;
      j = (j + x) & 255;
      const y = s[j]!;
      s[i] = y;
      s[j] = x;
      part[at]! ^= s[(x + y) & 255]!;
    }
  }
  s.fill(0);
}
