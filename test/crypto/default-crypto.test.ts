import { afterEach, describe, expect, it, vi } from 'vitest';
import { defaultCrypto, nobleCrypto } from '../../src/crypto/default-crypto.ts';

afterEach(() => {
  vi.unstubAllGlobals();
  vi.resetModules();
});

async function nameIn(process: unknown): Promise<string> {
  vi.stubGlobal('process', process);
  vi.resetModules();
  const fresh = await import('../../src/crypto/default-crypto.ts');
  return fresh.defaultCrypto.backend.name;
}

describe('the default provider', () => {
  it('has the enctypes of noble, and the primitives of this runtime', () => {
    expect(defaultCrypto.profiles).toBe(nobleCrypto.profiles);
    expect(nobleCrypto.backend.name).toBe('noble');
    expect(defaultCrypto.backend.name).toBe('node');
  });

  it('has those of noble in a runtime without crypto of its own', async () => {
    expect(await nameIn({ env: {} })).toBe('noble');
    expect(await nameIn(undefined)).toBe('noble');
    expect(await nameIn({ getBuiltinModule: () => ({}) })).toBe('noble');
  });

  it('asks the runtime once, when something is computed', async () => {
    let asked = 0;
    const getBuiltinModule = () => {
      asked++;
      return undefined;
    };
    vi.stubGlobal('process', { getBuiltinModule });
    vi.resetModules();
    const fresh = await import('../../src/crypto/default-crypto.ts');
    expect(asked).toBe(0);
    const { backend } = fresh.defaultCrypto;
    backend.hash('sha1', new Uint8Array(3));
    backend.hmac('sha256', new Uint8Array(3)).digest([]);
    expect(asked).toBe(1);
  });
});
