/**
 * SHA-256 and SHA-384, which share a large module. An acceptor needs them only where the runtime has no
 * SHA-256, or with an enctype of RFC 8009.
 */
import { _SHA256, _SHA384 } from '@noble/hashes/sha2.js';
import type { ResumableHash } from './hmac.ts';
import { addHash } from './hmac.ts';

/** Adds both to the hashes of noble. May be called again. */
export function addSha2(): void {
  addHash('sha256', new ResumableSha256());
  addHash('sha384', new ResumableSha384());
}

class ResumableSha256 extends _SHA256 implements ResumableHash {
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
    this.set(s[0]!, s[1]!, s[2]!, s[3]!, s[4]!, s[5]!, s[6]!, s[7]!);
    this.length = this.blockLen + buffered;
    this.pos = buffered;
    this.finished = false;
    this.destroyed = false;
    return this;
  }
}

class ResumableSha384 extends _SHA384 implements ResumableHash {
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

  // biome-ignore format: sixteen words as eight pairs, high and low half
  resume(s: readonly number[], buffered: number): this {
    this.set(
      s[0]!, s[1]!, s[2]!, s[3]!, s[4]!, s[5]!, s[6]!, s[7]!,
      s[8]!, s[9]!, s[10]!, s[11]!, s[12]!, s[13]!, s[14]!, s[15]!,
    );
    this.length = this.blockLen + buffered;
    this.pos = buffered;
    this.finished = false;
    this.destroyed = false;
    return this;
  }
}
