/** SHA-384, whose code is a third of all hashes and which one enctype needs. */
import { _SHA384 } from '@noble/hashes/sha2.js';
import type { ResumableHash } from './hmac.ts';

export class ResumableSha384 extends _SHA384 implements ResumableHash {
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
