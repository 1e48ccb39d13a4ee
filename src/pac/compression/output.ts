/** The output of the decompressors of MS-XCA: a buffer of the announced size. */
import { DecodeError } from '../../errors.ts';

export class Output {
  readonly bytes: Uint8Array;
  #length = 0;

  /** @param size - Bytes of the buffer, which the caller bounds. */
  constructor(size: number) {
    this.bytes = new Uint8Array(size);
  }

  get length(): number {
    return this.#length;
  }

  get full(): boolean {
    return this.#length === this.bytes.length;
  }

  push(byte: number): void {
    this.#reserve(1);
    this.bytes[this.#length++] = byte;
  }

  write(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /**
   * Repeats `length` bytes written `distance` bytes ago; source and target may overlap.
   *
   * @param from - The offset of the first byte that may be repeated.
   */
  copy(distance: number, length: number, from = 0): void {
    if (distance > this.#length - from) {
      throw new DecodeError('compressed data refers to what is before its start');
    }
    this.#reserve(length);
    for (let i = 0; i < length; i++, this.#length++) {
      this.bytes[this.#length] = this.bytes[this.#length - distance]!;
    }
  }

  #reserve(length: number): void {
    if (length > this.bytes.length - this.#length) {
      throw new DecodeError('compressed data expands to more than it announces');
    }
  }
}
