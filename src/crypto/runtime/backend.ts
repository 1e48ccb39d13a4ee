/**
 * The primitives of a runtime's `node:crypto`, OpenSSL in most. A call costs two microseconds before its
 * first byte, so short data is left to noble once it is loaded, and so is each primitive that the runtime
 * lacks. The results are the same.
 *
 * The runtime copies keys for the duration of a call; these copies cannot be wiped here.
 */
import type { BlockCipher, CryptoBackend, HashName, Mac } from '../backend.ts';
import { loadedNoble, noble } from '../noble/loaded.ts';
import type { Primitive } from './known-answers.ts';
import { givesKnownAnswer, PRIMITIVES } from './known-answers.ts';
import type { RuntimeCrypto } from './module.ts';

/** The primitives of a runtime, and what they still need of noble. */
export interface RuntimeBackend extends CryptoBackend {
  /** Whether the runtime has every primitive. Tests all of them. */
  readonly isComplete: boolean;
  /** Whether noble would be faster for short data from now on, but is not loaded; true once. */
  asksForNoble(): boolean;
}

/** @param crypto - `node:crypto` as the runtime has it. */
export function runtimeBackend(crypto: Partial<RuntimeCrypto>): RuntimeBackend {
  const runtime = new Runtime(crypto);
  return {
    get name() {
      const { missing } = runtime;
      if (missing.length === PRIMITIVES.length) return 'noble';
      return missing.length === 0 ? 'node' : `node (noble: ${missing.join(', ')})`;
    },
    get isComplete() {
      return runtime.missing.length === 0;
    },
    asksForNoble: () => runtime.asksForNoble(),
    aes: (key) => new RuntimeAes(runtime, key),
    hash(hash, data) {
      const module = runtime.having(`hash ${hash}`);
      if (module === undefined) return noble().hash(hash, data);
      return new Uint8Array(module.createHash(hash).update(data).digest());
    },
    hmac: (hash, key) => new RuntimeHmac(runtime, hash, key),
    pbkdf2(hash, password, salt, iterations, length) {
      const module = runtime.having(`pbkdf2 ${hash}`);
      if (module === undefined) return noble().pbkdf2(hash, password, salt, iterations, length);
      return moved(module.pbkdf2Sync(password, salt, iterations, length, hash));
    },
  };
}

/** A runtime's module, and which of its primitives have been tested. */
class Runtime {
  readonly #crypto: Partial<RuntimeCrypto>;
  readonly #verdicts = new Map<Primitive, boolean>();
  #calls = 0;
  #asked = false;

  constructor(crypto: Partial<RuntimeCrypto>) {
    this.#crypto = crypto;
  }

  /** Tests all primitives. */
  get missing(): Primitive[] {
    return PRIMITIVES.filter((primitive) => this.having(primitive) === undefined);
  }

  /** See {@link RuntimeBackend.asksForNoble}. */
  asksForNoble(): boolean {
    if (this.#asked || this.#calls < COLD_CALLS || loadedNoble() !== undefined) return false;
    this.#asked = true;
    return true;
  }

  /** The module, if it has the primitive: tested at its first use, since most are never used. */
  having(primitive: Primitive): RuntimeCrypto | undefined {
    let works = this.#verdicts.get(primitive);
    if (works === undefined) {
      works = givesKnownAnswer(primitive, this.#crypto);
      this.#verdicts.set(primitive, works);
    }
    return works ? (this.#crypto as RuntimeCrypto) : undefined;
  }

  /**
   * The module for data of a length; undefined for what noble does. The first calls of a process are
   * the runtime's own whatever the length: noble's code is not loaded or not compiled yet, which takes
   * longer than all of them, and a short-lived process never needs it.
   */
  for(length: number, threshold: number, primitive: Primitive): RuntimeCrypto | undefined {
    if (length < threshold) {
      if (this.#calls < COLD_CALLS) this.#calls++;
      else if (loadedNoble() !== undefined) return undefined;
    }
    return this.having(primitive);
  }
}

class RuntimeAes implements BlockCipher {
  readonly blockSize: number = 16;
  readonly #runtime: Runtime;
  readonly #key: Uint8Array;
  readonly #primitive: 'aes-128-cbc' | 'aes-256-cbc';
  #noble: BlockCipher | undefined;

  constructor(runtime: Runtime, key: Uint8Array) {
    this.#runtime = runtime;
    this.#key = new Uint8Array(key);
    this.#primitive = key.length === 16 ? 'aes-128-cbc' : 'aes-256-cbc';
  }

  cbcEncrypt(bytes: Uint8Array, start: number, end: number, iv: Uint8Array): void {
    const module = this.#runtime.for(end - start, AES_THRESHOLD, this.#primitive);
    if (module === undefined) {
      this.#noble ??= noble().aes(this.#key);
      this.#noble.cbcEncrypt(bytes, start, end, iv);
      return;
    }
    const cipher = module.createCipheriv(this.#primitive, this.#key, iv).setAutoPadding(false);
    // The result may be key material (RFC 3961 §5.1).
    const sealed = cipher.update(bytes.subarray(start, end));
    bytes.set(sealed, start);
    sealed.fill(0);
  }

  cbcDecrypt(bytes: Uint8Array, start: number, end: number, iv: Uint8Array): void {
    const module = this.#runtime.for(end - start, AES_THRESHOLD, this.#primitive);
    if (module === undefined) {
      this.#noble ??= noble().aes(this.#key);
      this.#noble.cbcDecrypt(bytes, start, end, iv);
      return;
    }
    const cipher = module.createDecipheriv(this.#primitive, this.#key, iv).setAutoPadding(false);
    const plaintext = cipher.update(bytes.subarray(start, end));
    bytes.set(plaintext, start);
    plaintext.fill(0);
  }

  wipe(): void {
    this.#noble?.wipe();
    this.#noble = undefined;
    this.#key.fill(0);
  }
}

class RuntimeHmac implements Mac {
  readonly #runtime: Runtime;
  readonly #hash: HashName;
  readonly #key: Uint8Array;
  #noble: Mac | undefined;

  constructor(runtime: Runtime, hash: HashName, key: Uint8Array) {
    this.#runtime = runtime;
    this.#hash = hash;
    this.#key = new Uint8Array(key);
  }

  digest(parts: readonly Uint8Array[]): Uint8Array {
    let length = 0;
    for (const part of parts) length += part.length;
    const { threshold, primitive } = HMACS[this.#hash];
    const module = this.#runtime.for(length, threshold, primitive);
    if (module === undefined) {
      this.#noble ??= noble().hmac(this.#hash, this.#key);
      return this.#noble.digest(parts);
    }
    const hmac = module.createHmac(this.#hash, this.#key);
    for (const part of parts) hmac.update(part);
    // The result may be key material (RFC 8009 §3).
    return moved(hmac.digest());
  }

  wipe(): void {
    this.#noble?.wipe();
    this.#noble = undefined;
    this.#key.fill(0);
  }
}

/** A copy, since Node returns a Buffer, whose slice() is a view; the original is wiped. */
function moved(bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(bytes);
  bytes.fill(0);
  return copy;
}

interface HmacTraits {
  readonly primitive: Primitive;
  readonly threshold: number;
}

// Bytes from which the runtime is faster, measured with Node 20; `npm run bench` measures both.
const AES_THRESHOLD = 384;
const HMACS: Readonly<Record<HashName, HmacTraits>> = {
  sha1: { primitive: 'hmac sha1', threshold: 320 },
  sha256: { primitive: 'hmac sha256', threshold: 192 },
  sha384: { primitive: 'hmac sha384', threshold: 0 },
};
// Calls with short data that are not left to noble: those of four accepts.
const COLD_CALLS = 160;
