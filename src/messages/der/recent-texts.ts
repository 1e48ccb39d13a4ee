/** A cache of texts read recently: names of realms, services and clients recur in every token. */

/**
 * The text of `bytes[start, end)`, if it is ASCII and {@link keepText} has stored it; otherwise
 * undefined. Comparing costs a third of making a string, and the hash of the returned string, which
 * look-ups of names use, has already been computed.
 */
export function recentText(bytes: Uint8Array, start: number, end: number): string | undefined {
  const text = TEXTS[slotOf(bytes, start, end)]!;
  if (text.length !== end - start) return undefined;
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) !== bytes[start + i]) return undefined;
  }
  return text;
}

/** Stores a text for {@link recentText}. @param text - ASCII, decoded from `bytes[start, end)`. */
export function keepText(text: string, bytes: Uint8Array, start: number, end: number): void {
  if (text.length <= MAX_LENGTH) TEXTS[slotOf(bytes, start, end)] = text;
}

function slotOf(bytes: Uint8Array, start: number, end: number): number {
  if (start === end) return 0;
  const middle = bytes[(start + end) >>> 1]!;
  return (31 * (31 * (31 * bytes[start]! + middle) + bytes[end - 1]!) + end - start) % SLOTS;
}

// The cache is bounded, whatever arrives: a thousand names, which outlive the acceptor that read
// them. No secret is ever read as text.
const SLOTS = 1024;
const MAX_LENGTH = 64;
const TEXTS: string[] = new Array(SLOTS).fill('');
