/**
 * HMAC (RFC 2104) over noble's hashes, with the key hashed once.
 *
 * The state after the key's block is a few words. noble's HMAC object keeps two hash objects with
 * their buffers, which is seven times the memory, and copies them for each message.
 */
import { _SHA1 } from '@noble/hashes/legacy.js';
import type { HashName, Mac } from '../backend.ts';

export class NobleHmac implements Mac {
  readonly #hash: ResumableHash;
  readonly #inner: number[];
  readonly #outer: number[];

  constructor(name: HashName, key: Uint8Array) {
    const hash = workingHash(name);
    // RFC 2104 §2: a key longer than a block is replaced by its hash.
    const blockKey = key.length > hash.blockLen ? hash.restart().update(key).digest() : key;
    this.#inner = hashPaddedKey(hash, blockKey, INNER);
    this.#outer = hashPaddedKey(hash, blockKey, OUTER);
    hash.destroy();
    if (blockKey !== key) blockKey.fill(0);
    this.#hash = hash;
  }

  digest(parts: readonly Uint8Array[]): Uint8Array {
    const hash = this.#hash;
    const { block, outputLen } = hash;
    hash.resume(this.#inner, 0);
    for (let i = 0; i < parts.length; i++) hash.update(parts[i]!);
    hash.digestInto(block);
    // digestInto wrote the inner digest to the start of the block, where the outer hash reads it.
    hash.resume(this.#outer, outputLen).digestInto(block);
    const mac = block.slice(0, outputLen);
    hash.destroy();
    return mac;
  }

  wipe(): void {
    // Not fill(): V8 does not compile it for plain arrays.
    for (let i = 0; i < this.#inner.length; i++) this.#inner[i] = this.#outer[i] = 0;
  }
}

function hashPaddedKey(hash: ResumableHash, key: Uint8Array, mask: number): number[] {
  const { block } = hash.restart();
  block.fill(mask);
  for (let i = 0; i < key.length; i++) block[i]! ^= key[i]!;
  hash.compress();
  return hash.save();
}

/** The digest of the data, in a new array. */
export function digestOf(name: HashName, data: Uint8Array): Uint8Array {
  return workingHash(name).restart().update(data).digest();
}

/** Adds a hash that is not in every bundle. @param hash - Kept. */
export function addHash(name: HashName, hash: ResumableHash): void {
  WORKING[name] = hash;
}

/** A hash that can continue from a saved state. */
export interface ResumableHash {
  readonly blockLen: number;
  readonly outputLen: number;
  /** The buffer of bytes that do not fill a block yet. */
  readonly block: Uint8Array;
  update(data: Uint8Array): this;
  digest(): Uint8Array;
  digestInto(target: Uint8Array): void;
  /** Wipes state and block. */
  destroy(): void;
  /** Starts over with the initial state. */
  restart(): this;
  /** Processes the block. */
  compress(): void;
  /** The state after whole blocks, in 32-bit words; a plain array needs the least memory. */
  save(): number[];
  /** Continues after exactly one block. @param buffered - Bytes that the block already contains. */
  resume(state: readonly number[], buffered: number): this;
}

function workingHash(name: HashName): ResumableHash {
  const hash = WORKING[name];
  if (hash !== undefined) return hash;
  throw new TypeError(
    `hash: expected one in this bundle, got ${name}; import defaultCrypto for all`,
  );
}

class ResumableSha1 extends _SHA1 implements ResumableHash {
  readonly #initial: readonly number[] = this.save();

  get block(): Uint8Array {
    return this.buffer;
  }

  restart(): this {
    this.resume(this.#initial, 0);
    this.length = 0;
    return this;
  }

  compress(): void {
    this.process(this.view, 0);
  }

  save(): number[] {
    return this.get();
  }

  resume(s: readonly number[], buffered: number): this {
    this.set(s[0]!, s[1]!, s[2]!, s[3]!, s[4]!);
    this.length = this.blockLen + buffered;
    this.pos = buffered;
    this.finished = false;
    this.destroyed = false;
    return this;
  }
}

// RFC 2104 §2: ipad and opad.
const INNER = 0x36;
const OUTER = 0x5c;

// All keys share one object for each hash: every use is synchronous, begins by setting the state
// and ends by wiping it.
const WORKING: Partial<Record<HashName, ResumableHash>> = {
  sha1: new ResumableSha1(),
};
