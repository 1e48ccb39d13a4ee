import { createHash, createHmac, randomBytes } from 'node:crypto';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { recordKey } from '../../src/engines/record-key.ts';

const ciphertext = new Uint8Array(randomBytes(200));
const secret = new Uint8Array(32).fill(7);

/** A runtime whose `node:crypto` has this function for hashes of one call. */
function stubHash(hash: unknown): void {
  vi.stubGlobal('process', { getBuiltinModule: () => ({ hash }) });
}

describe.each(['base64', 'hex'] as const)('the key of a record, in %s', (encoding) => {
  afterEach(() => {
    vi.unstubAllGlobals();
  });

  const digest = createHash('sha256').update(ciphertext).digest();
  const expected = digest.subarray(0, 18).toString(encoding);

  it('is the beginning of a digest, or of a keyed one', () => {
    expect(recordKey(encoding)(ciphertext)).toBe(expected);
    const mac = createHmac('sha256', secret).update(ciphertext).digest();
    expect(recordKey(encoding, secret)(ciphertext)).toBe(mac.subarray(0, 18).toString(encoding));
  });

  it.each([
    ['none', undefined],
    [
      'one that throws',
      () => {
        throw new Error('unsupported');
      },
    ],
    ['one that gives something else', () => 'ba7816bf'],
  ])('is the same where the runtime has %s', (_, hash) => {
    stubHash(hash);
    expect(recordKey(encoding)(ciphertext)).toBe(expected);
  });

  it('comes from the runtime where it can', () => {
    const hash = vi.fn((name: string, data: Uint8Array, as: 'base64' | 'hex') =>
      createHash(name).update(data).digest(as),
    );
    stubHash(hash);
    expect(recordKey(encoding)(ciphertext)).toBe(expected);
    expect(hash).toHaveBeenLastCalledWith('sha256', ciphertext, encoding);
  });
});
