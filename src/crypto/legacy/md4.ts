/** MD4 (RFC 1320), only for deriving RC4 keys from passwords. */

/** @param data - A secret; all copies made of it are wiped. @returns 16 bytes. */
export function md4(data: Uint8Array): Uint8Array {
  // RFC 1320 §3.1, §3.2: a one bit, zeros, and the length in bits fill the last block.
  const blocks = Math.ceil((data.length + 9) / 64);
  const message = new Uint8Array(blocks * 64);
  message.set(data);
  message[data.length] = 0x80;
  const view = new DataView(message.buffer);
  view.setBigUint64(message.length - 8, BigInt(data.length) * 8n, true);
  const state = Int32Array.from(INITIAL);
  for (let at = 0; at < message.length; at += 64) addBlock(state, view, at);
  const digest = new DataView(new ArrayBuffer(16));
  for (let i = 0; i < 4; i++) digest.setInt32(4 * i, state[i]!, true);
  message.fill(0);
  state.fill(0);
  return new Uint8Array(digest.buffer);
}

/** RFC 1320 §3.4. */
function addBlock(state: Int32Array, view: DataView, offset: number): void {
  let [a, b, c, d] = state as unknown as [number, number, number, number];
  for (let step = 0; step < 48; step++) {
    const round = step >> 4;
    // The functions F, G and H of the three rounds.
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
  state[0]! += a;
  state[1]! += b;
  state[2]! += c;
  state[3]! += d;
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
