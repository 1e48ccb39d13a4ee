/**
 * n-fold (RFC 3961 §5.1): stretches or folds bytes to a given length.
 *
 * @param input - At least one byte.
 * @param length - Bytes to return, at least one.
 */
export function nfold(input: Uint8Array, length: number): Uint8Array {
  const inputBits = input.length * 8;
  const copies = leastCommonMultiple(input.length, length) / input.length;
  const folded = new Uint8Array(length);
  // RFC 3961 §5.1: copies of the input, each rotated right by 13 bits more than the previous one,
  // are concatenated and split into pieces of `length` bytes, which are added in ones' complement
  // arithmetic. This works byte by byte from the end; the carry of the first byte is added at the
  // last.
  let carry = 0;
  let to = length;
  for (let copy = copies - 1; copy >= 0; copy--) {
    // Where in the input the bits of the copy's last byte begin.
    let bit = (inputBits - 8 + inputBits - ((13 * copy) % inputBits)) % inputBits;
    for (let i = 0; i < input.length; i++) {
      const at = bit >> 3;
      const next = at + 1 === input.length ? 0 : at + 1;
      const pair = (input[at]! << 8) | input[next]!;
      to = (to === 0 ? length : to) - 1;
      carry += folded[to]! + ((pair >> (8 - (bit & 7))) & 0xff);
      folded[to] = carry;
      carry >>= 8;
      bit = bit < 8 ? bit - 8 + inputBits : bit - 8;
    }
  }
  // This ends at the first byte at the latest: a sum that produced a carry is never all ones.
  for (let i = length - 1; carry !== 0; i--) {
    carry += folded[i]!;
    folded[i] = carry;
    carry >>= 8;
  }
  return folded;
}

function leastCommonMultiple(a: number, b: number): number {
  let x = a;
  let y = b;
  while (y !== 0) [x, y] = [y, x % y];
  return (a / x) * b;
}
