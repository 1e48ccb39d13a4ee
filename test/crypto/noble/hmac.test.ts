import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { toHex } from '../../../src/bytes.ts';
import { NobleHmac } from '../../../src/crypto/noble/hmac.ts';

describe.each(['sha1', 'sha256', 'sha384'] as const)('HMAC with %s', (hash) => {
  const bytes = (length: number, seed: number): Uint8Array =>
    Uint8Array.from({ length }, (_, i) => (i * 73 + seed) & 0xff);

  it('is that of node:crypto, whatever the lengths of key and message', () => {
    // RFC 2104 §2: up to a block, 64 or 128 bytes, the key is taken as it is.
    for (let length = 0; length <= 130; length++) {
      const key = bytes(length, 1);
      const mac = new NobleHmac(hash, key);
      for (const data of [bytes(length, 2), bytes(3 * length, 3)]) {
        const expected = createHmac(hash, key).update(data).digest('hex');
        expect(toHex(mac.digest([data]))).toBe(expected);
        const at = length >> 1;
        expect(toHex(mac.digest([data.subarray(0, at), data.subarray(at)]))).toBe(expected);
      }
    }
  });
});
