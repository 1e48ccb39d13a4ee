/** MD4 (RFC 1320), for the passwords of RC4 keys alone. */
import { HashMD } from '@noble/hashes/_md.js';

export function md4(data: Uint8Array): Uint8Array {
  return new Md4().update(data).digest();
}

class Md4 extends HashMD<Md4> {
  readonly #state: Int32Array = Int32Array.from(INITIAL);

  constructor() {
    super(64, 16, 8, true);
  }

  protected process(view: DataView, offset: number): void {
    let [a, b, c, d] = this.get() as [number, number, number, number];
    for (let step = 0; step < 48; step++) {
      const round = step >> 4;
      // RFC 1320 §3.4: the functions F, G and H of the three rounds.
      const mixed =
        round === 0 ? (b & c) | (~b & d) : round === 1 ? (b & c) | (b & d) | (c & d) : b ^ c ^ d;
      const word = view.getInt32(offset + 4 * ORDER[round]![step & 15]!, true);
      const sum = (a + mixed + word + CONSTANTS[round]!) | 0;
      const shift = SHIFTS[round]![step & 3]!;
      a = d;
      d = c;
      c = b;
      b = (sum << shift) | (sum >>> (32 - shift));
    }
    const state = this.#state;
    this.set(state[0]! + a, state[1]! + b, state[2]! + c, state[3]! + d);
  }

  protected get(): number[] {
    return [...this.#state];
  }

  protected set(...words: number[]): void {
    this.#state.set(words);
  }

  protected roundClean(): void {}

  _cloneInto(to: Md4 = new Md4()): Md4 {
    to.set(...this.get());
    return this._cloneIntoMeta(to);
  }

  destroy(): void {
    this.destroyed = true;
    this.#state.fill(0);
    this.buffer.fill(0);
  }
}

// RFC 1320 §3.3, §3.4.
const INITIAL = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476];
const CONSTANTS = [0, 0x5a827999, 0x6ed9eba1];
const SHIFTS = [
  [3, 7, 11, 19],
  [3, 5, 9, 13],
  [3, 9, 11, 15],
];
const ORDER = [
  [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
  [0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15],
  [0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15],
];
