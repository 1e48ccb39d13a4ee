/** The lists in which an encryption type must be: one that is missing from a list is refused or ignored. */
import { describe, expect, it } from 'vitest';
import { acceptorEnctypes, defaultEnctypes } from '../../src/config/enctype-list.ts';
import { nobleCrypto } from '../../src/crypto/default-crypto.ts';
import { standardKeyLength } from '../../src/crypto/numbers.ts';

describe('every encryption type of the default provider', () => {
  const profiles = [...nobleCrypto.profiles.values()];

  it('has a place in both orders of preference, which have no others but the weak ones', () => {
    const numbers = profiles.map(({ enctype }) => enctype as number);
    expect(numbers.length).toBeGreaterThan(5);
    for (const enctype of numbers) {
      expect(acceptorEnctypes).toContain(enctype);
      expect(defaultEnctypes).toContain(enctype);
    }
  });

  it('has the key length that is known without a provider', () => {
    for (const { enctype, keyLength } of profiles) {
      expect(standardKeyLength(enctype), `${enctype}`).toBe(keyLength);
    }
  });
});
