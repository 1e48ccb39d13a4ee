/** LZNT1 (MS-XCA §2.5), compressing: slow, simple, and written from the format, not the reader. */

export function compressLznt1(bytes: Uint8Array): Uint8Array {
  const out: number[] = [];
  for (let at = 0; at < bytes.length; at += 4096) {
    const chunk = bytes.subarray(at, at + 4096);
    const body = compressChunk(chunk);
    const raw = body.length >= chunk.length;
    const data = raw ? [...chunk] : body;
    const header = (data.length - 1) | 0x3000 | (raw ? 0 : 0x8000);
    out.push(header & 0xff, header >>> 8, ...data);
  }
  return Uint8Array.from(out);
}

function compressChunk(chunk: Uint8Array): number[] {
  const out: number[] = [];
  let at = 0;
  while (at < chunk.length) {
    let flags = 0;
    const group: number[] = [];
    for (let bit = 0; bit < 8 && at < chunk.length; bit++) {
      // The bits of displacement: as many as it takes to write at - 1, and at least four.
      const displacementBits = Math.max(4, at <= 1 ? 0 : Math.floor(Math.log2(at - 1)) + 1);
      const longest = (1 << (16 - displacementBits)) + 2;
      const match = longestMatch(chunk, at, longest);
      if (match.length < 3) {
        group.push(chunk[at++]!);
        continue;
      }
      const word = ((match.distance - 1) << (16 - displacementBits)) | (match.length - 3);
      group.push(word & 0xff, word >>> 8);
      flags |= 1 << bit;
      at += match.length;
    }
    out.push(flags, ...group);
  }
  return out;
}

function longestMatch(chunk: Uint8Array, at: number, longest: number) {
  let best = { distance: 0, length: 0 };
  for (let distance = 1; distance <= Math.min(at, 64); distance++) {
    let length = 0;
    while (length < longest && at + length < chunk.length) {
      if (chunk[at + length] !== chunk[at + length - distance]) break;
      length++;
    }
    if (length > best.length) best = { distance, length };
  }
  return best;
}
