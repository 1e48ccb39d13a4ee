/** The synchronous crypto that a runtime may have built in: `node:crypto` of Node, Deno, Bun, workerd. */

/** The used part of `node:crypto`. A runtime may lack any of these functions. */
export interface RuntimeCrypto {
  /** Takes the names `aes-128-cbc` and `aes-256-cbc`. */
  createCipheriv(algorithm: string, key: Uint8Array, iv: Uint8Array): RuntimeCipher;
  /** The inverse of {@link createCipheriv}. */
  createDecipheriv(algorithm: string, key: Uint8Array, iv: Uint8Array): RuntimeCipher;
  /** Takes the names of {@link HashName}, as the following functions do. */
  createHash(hash: string): RuntimeDigest;
  createHmac(hash: string, key: Uint8Array): RuntimeDigest;
  /** Hashes in one call; Node has it since 20.12. */
  hash?(hash: string, data: Uint8Array, encoding: 'base64' | 'hex'): string;
  pbkdf2Sync(
    password: Uint8Array,
    salt: Uint8Array,
    iterations: number,
    length: number,
    hash: string,
  ): Uint8Array;
}

export interface RuntimeCipher {
  setAutoPadding(padding: boolean): RuntimeCipher;
  /** Without padding, the result is as long as the data if that is whole blocks. */
  update(data: Uint8Array): Uint8Array;
}

export interface RuntimeDigest {
  update(data: Uint8Array): RuntimeDigest;
  digest(): Uint8Array;
}

/**
 * The runtime's `node:crypto`, if it has one that needs no import: an import would fail in browsers and
 * stop bundlers. `process` is a property of `globalThis` here because edge checkers refuse the bare name;
 * it may be a shim without the method.
 */
export function builtinCrypto(): Partial<RuntimeCrypto> | undefined {
  try {
    const runtime = Reflect.get(globalThis, 'process') as BuiltinModules | undefined;
    return runtime?.getBuiltinModule?.('node:crypto');
  } catch {
    return undefined;
  }
}

interface BuiltinModules {
  getBuiltinModule?(id: 'node:crypto'): Partial<RuntimeCrypto> | undefined;
}
