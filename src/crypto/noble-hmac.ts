/**
 * HMAC (RFC 2104) over noble's hashes, with the key hashed once.
 *
 * The state after the key's block is a few words; noble's own HMAC object keeps two whole hash
 * objects with their buffers, seven times as much memory, and copies them for each message.
 */
import { _SHA1 } from '@noble/hashes/legacy.js';
import { _SHA256, _SHA384 } from '@noble/hashes/sha2.js';
import type { HashName, Mac } from './backend.ts';

export class NobleHmac implements Mac {
  readonly #hash: ResumableHash;
  readonly #inner: Int32Array;
  readonly #outer: Int32Array;

  constructor(name: HashName, key: Uint8Array) {
    const { hash, pad } = WORKING[name];
    // RFC 2104 §2: a key longer than a block is replaced by its hash.
    pad.set(key.length > pad.length ? hash.restart().update(key).digest() : key);
    for (let i = 0; i < pad.length; i++) pad[i]! ^= INNER;
    this.#inner = hash.restart().update(pad).save();
    for (let i = 0; i < pad.length; i++) pad[i]! ^= INNER ^ OUTER;
    this.#outer = hash.restart().update(pad).save();
    hash.destroy();
    pad.fill(0);
    this.#hash = hash;
  }

  digest(parts: readonly Uint8Array[]): Uint8Array {
    const hash = this.#hash;
    hash.resume(this.#inner);
    for (let i = 0; i < parts.length; i++) hash.update(parts[i]!);
    // digest() also wipes the hash's state.
    const inner = hash.digest();
    return hash.resume(this.#outer).update(inner).digest();
  }

  wipe(): void {
    this.#inner.fill(0);
    this.#outer.fill(0);
  }
}

/** A hash that goes on from a saved state. */
interface ResumableHash {
  readonly blockLen: number;
  update(data: Uint8Array): this;
  digest(): Uint8Array;
  destroy(): void;
  /** Starts over with nothing. */
  restart(): this;
  /** The state after exactly one block. */
  save(): Int32Array;
  /** Goes on after one block. */
  resume(state: Int32Array): this;
}

class ResumableSha1 extends _SHA1 implements ResumableHash {
  readonly #initial: Int32Array = this.save();

  restart(): this {
    this.resume(this.#initial);
    this.length = 0;
    return this;
  }

  save(): Int32Array {
    return new Int32Array(this.get());
  }

  resume(s: Int32Array): this {
    this.set(s[0]!, s[1]!, s[2]!, s[3]!, s[4]!);
    this.length = this.blockLen;
    this.pos = 0;
    this.finished = false;
    this.destroyed = false;
    return this;
  }
}

class ResumableSha256 extends _SHA256 implements ResumableHash {
  readonly #initial: Int32Array = this.save();

  restart(): this {
    this.resume(this.#initial);
    this.length = 0;
    return this;
  }

  save(): Int32Array {
    return new Int32Array(this.get());
  }

  resume(s: Int32Array): this {
    this.set(s[0]!, s[1]!, s[2]!, s[3]!, s[4]!, s[5]!, s[6]!, s[7]!);
    this.length = this.blockLen;
    this.pos = 0;
    this.finished = false;
    this.destroyed = false;
    return this;
  }
}

class ResumableSha384 extends _SHA384 implements ResumableHash {
  readonly #initial: Int32Array = this.save();

  restart(): this {
    this.resume(this.#initial);
    this.length = 0;
    return this;
  }

  save(): Int32Array {
    return new Int32Array(this.get());
  }

  // biome-ignore format: sixteen words as eight pairs, high and low half
  resume(s: Int32Array): this {
    this.set(
      s[0]!, s[1]!, s[2]!, s[3]!, s[4]!, s[5]!, s[6]!, s[7]!,
      s[8]!, s[9]!, s[10]!, s[11]!, s[12]!, s[13]!, s[14]!, s[15]!,
    );
    this.length = this.blockLen;
    this.pos = 0;
    this.finished = false;
    this.destroyed = false;
    return this;
  }
}

// RFC 2104 §2: ipad and opad.
const INNER = 0x36;
const OUTER = 0x5c;

// One of each is enough for all keys: every use is synchronous, starts by setting the state, and
// leaves it wiped.
const WORKING: Readonly<Record<HashName, { hash: ResumableHash; pad: Uint8Array }>> = {
  sha1: { hash: new ResumableSha1(), pad: new Uint8Array(64) },
  sha256: { hash: new ResumableSha256(), pad: new Uint8Array(64) },
  sha384: { hash: new ResumableSha384(), pad: new Uint8Array(128) },
};
