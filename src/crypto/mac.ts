/** Message authentication codes as profiles use them. */
import type { Mac } from './backend.ts';

/** The first `length` bytes of the codes of `mac`, which it takes over. */
export class TruncatedMac implements Mac {
  readonly #mac: Mac;
  readonly #length: number;

  constructor(mac: Mac, length: number) {
    this.#mac = mac;
    this.#length = length;
  }

  digest(parts: readonly Uint8Array[]): Uint8Array {
    return this.#mac.digest(parts).slice(0, this.#length);
  }

  wipe(): void {
    this.#mac.wipe();
  }
}
