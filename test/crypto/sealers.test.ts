/** Messages that only someone with the key can make, and that are none. */
import { describe, expect, it } from 'vitest';
import { concatBytes, fromHex } from '../../src/bytes.ts';
import type { HashName, Mac } from '../../src/crypto/backend.ts';
import { Camellia } from '../../src/crypto/camellia.ts';
import { Cmac } from '../../src/crypto/cmac.ts';
import { EncryptionKey } from '../../src/crypto/key.ts';
import { TripleDes } from '../../src/crypto/legacy/des.ts';
import { withLegacyEnctypes } from '../../src/crypto/legacy/index.ts';
import { loadVectors } from '../support/vectors.ts';

interface DeriveVector {
  readonly enctype: number;
  readonly key: string;
  readonly constant: string;
  readonly derived: string;
}

const crypto = withLegacyEnctypes();
const vectors = ['rfc8009', 'rfc6803', 'rfc3961'].flatMap(
  (folder) => loadVectors<DeriveVector>(`${folder}/derive.json`).vectors,
);
const ENCTYPES = [16, 19, 20, 25, 26];

/** A key whose keys for usage 2 are known. */
function known(enctype: number): { value: Uint8Array; ke: Uint8Array; code: Mac } {
  const own = vectors.filter((vector) => vector.enctype === enctype);
  const derived = (end: string): Uint8Array =>
    fromHex(own.find(({ constant }) => constant.endsWith(end))!.derived);
  const ki = derived('55');
  const hashes: Readonly<Record<number, HashName>> = { 16: 'sha1', 19: 'sha256', 20: 'sha384' };
  const hash = hashes[enctype];
  const code = hash === undefined ? new Cmac(new Camellia(ki)) : crypto.backend.hmac(hash, ki);
  return { value: fromHex(own[0]!.key), ke: derived('aa'), code };
}

function isRefused(enctype: number, value: Uint8Array, message: Uint8Array): void {
  const key = new EncryptionKey(enctype, value, crypto);
  expect(() => key.decrypt(2, message)).toThrow(
    expect.objectContaining({ code: 'KRB_AP_ERR_BAD_INTEGRITY' }),
  );
}

describe('a message whose code is right', () => {
  it.each(ENCTYPES)('is refused if it has no confounder (enctype %i)', (enctype) => {
    const { value, code } = known(enctype);
    const profile = crypto.profiles.get(enctype)!;
    // RFC 8009 §5 has the cipher state before what is signed.
    const signed = enctype === 19 || enctype === 20 ? new Uint8Array(16) : new Uint8Array(0);
    const trailer = code.digest([signed]).slice(0, profile.trailerLength);
    isRefused(enctype, value, trailer);
    const sealer = profile.keyed(crypto.backend, value).sealer(2);
    const pieces = { confounder: new Uint8Array(0), segments: [], trailer };
    expect(sealer.openSegments(pieces)).toBe(false);
  });

  it.each([19, 20])('is refused if it is no whole block (enctype %i)', (enctype) => {
    const { value, code } = known(enctype);
    const { trailerLength } = crypto.profiles.get(enctype)!;
    for (let length = 1; length < 16; length++) {
      const text = new Uint8Array(length).fill(length);
      const signature = code.digest([new Uint8Array(16), text]).slice(0, trailerLength);
      isRefused(enctype, value, concatBytes(text, signature));
    }
  });

  it('is refused if it ends within a block (DES)', () => {
    const { value, ke, code } = known(16);
    const plain = Uint8Array.from({ length: 12 }, (_, i) => i);
    // The last block's other half, decrypted, is the head of the code.
    const message = concatBytes(plain, code.digest([plain]));
    new TripleDes(ke).cbcEncrypt(message, 0, 16, new Uint8Array(8));
    isRefused(16, value, message);
  });
});
