import type { ReplayRecord } from '../../../src/ap/replay-cache.ts';

/** What a child process is to do: store the records `first` to `first + count - 1`. */
export interface ChildTask {
  readonly directory: string;
  /** What its clock shows, in milliseconds; it stands still. */
  readonly now: number;
  /** Seconds. */
  readonly ctime: number;
  readonly first: number;
  readonly count: number;
  /** Has no factor in common with `count`: in which order. */
  readonly stride: number;
  /** Says which records were fresh: each as soon as it is known, or all at the end. */
  readonly report: 'each' | 'end' | 'despite errors';
}

/** A ciphertext whose end looks random and is different for each number. */
export function ciphertextOf(id: number, length = 40): Uint8Array {
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  for (let at = length - 16, word = id; at < length; at += 4) {
    word = Math.imul(word ^ 0x51ed270b, 0x9e3779b1);
    word ^= word >>> 15;
    view.setUint32(at, word);
  }
  view.setUint32(length - 8, id);
  return bytes;
}

/** What an acceptor that allows `skew` seconds asks about. */
export function recordOf(ciphertext: Uint8Array, ctime: number, skew = 300): ReplayRecord {
  return { ciphertext, ctime, expiresAt: ctime + skew + 1 };
}
