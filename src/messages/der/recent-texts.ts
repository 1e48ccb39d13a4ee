/** Texts that were read lately: the names of realms, services and clients come again and again. */

/**
 * The text of `bytes[start, end)`, if it is ASCII and was kept by {@link keepText}: to compare
 * costs a third of what it costs to make a string, and what looks a name up need not hash it anew.
 */
export function recentText(bytes: Uint8Array, start: number, end: number): string | undefined {
  const text = TEXTS[slotOf(bytes, start, end)]!;
  if (text.length !== end - start) return undefined;
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) !== bytes[start + i]) return undefined;
  }
  return text;
}

/** @param text - ASCII, of `bytes[start, end)`. */
export function keepText(text: string, bytes: Uint8Array, start: number, end: number): void {
  if (text.length <= MAX_LENGTH) TEXTS[slotOf(bytes, start, end)] = text;
}

function slotOf(bytes: Uint8Array, start: number, end: number): number {
  if (start === end) return 0;
  const middle = bytes[(start + end) >>> 1]!;
  return (31 * (31 * (31 * bytes[start]! + middle) + bytes[end - 1]!) + end - start) % SLOTS;
}

// Bounded whatever comes from the network: a thousand names, which stay here after what they were
// read from is disposed of. Nothing secret is read as text.
const SLOTS = 1024;
const MAX_LENGTH = 64;
const TEXTS: string[] = new Array(SLOTS).fill('');
