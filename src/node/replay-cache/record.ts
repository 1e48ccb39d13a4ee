/**
 * One record of a file replay cache: 32 bytes with a check whether they are complete.
 *
 *     fingerprint 16 | writer 8 | sequence number 4 | check 4
 *
 * The fingerprint is the end of an authenticator's ciphertext. By writer and sequence number a process
 * recognises its own records. The check distinguishes complete records from the remains of a crash.
 */
import { FINGERPRINT_BYTES } from '../../ap/fingerprint-set.ts';

/** The length of a record. */
export const RECORD_BYTES = 32;
/** The offset in a record at which its fingerprint ends. */
export const FINGERPRINT_END: number = FINGERPRINT_BYTES;

/** Makes the records of one cache, each in the same 32 bytes. */
export class RecordWriter {
  readonly bytes: Uint8Array = new Uint8Array(RECORD_BYTES);
  readonly #view = new DataView(this.bytes.buffer);
  readonly #high: number;
  readonly #low: number;
  /** The number of the record in `bytes`. */
  sequence = 0;

  /** @param id - Eight bytes that no other writer has. */
  constructor(id: Uint8Array) {
    this.bytes.set(id, WRITER);
    this.#high = this.#view.getUint32(WRITER);
    this.#low = this.#view.getUint32(WRITER + 4);
  }

  /** Makes `bytes` the record of a ciphertext. */
  write(ciphertext: Uint8Array): void {
    const from = ciphertext.length - FINGERPRINT_BYTES;
    for (let i = 0; i < FINGERPRINT_BYTES; i++) this.bytes[i] = ciphertext[from + i]!;
    this.sequence = (this.sequence + 1) >>> 0;
    this.#view.setUint32(SEQUENCE, this.sequence);
    this.#view.setUint32(CHECK, checkOf(this.#view, 0));
  }

  /** Whether the record at the offset is this writer's, with this number. */
  wrote(view: DataView, at: number, sequence: number): boolean {
    return (
      view.getUint32(at + SEQUENCE) === sequence &&
      view.getUint32(at + WRITER) === this.#high &&
      view.getUint32(at + WRITER + 4) === this.#low
    );
  }
}

/** Whether the 32 bytes at the offset are a record. */
export function isRecord(view: DataView, at: number): boolean {
  return view.getUint32(at + CHECK) === checkOf(view, at);
}

/** The check of the first 28 bytes. Zeros, with which file systems replace lost data, are not a record. */
function checkOf(view: DataView, at: number): number {
  let check = 0x6b356131;
  for (let word = 0; word < CHECK; word += 4) {
    check = Math.imul(check ^ view.getUint32(at + word), 0x9e3779b1);
    check ^= check >>> 15;
  }
  return check >>> 0;
}

const WRITER = 16;
const SEQUENCE = 24;
const CHECK = 28;
