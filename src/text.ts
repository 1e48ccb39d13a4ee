/** Makes text that a peer may have chosen safe for one line of a log or a terminal. */

/**
 * Escapes every character that could end a line, move the cursor or change the reading direction:
 * control characters (C0, DEL, C1), format characters (bidirectional marks, zero-width characters,
 * tags), line and paragraph separators, and lone surrogates.
 *
 * All other characters, backslashes included, stay as they are: printable text is unchanged.
 *
 * @returns The text with `\x` and the code point in hexadecimal, at least two digits, in place of each
 *   such character: `\x1b`, `\x202e`.
 */
export function printable(text: string): string {
  return UNSAFE.test(text) ? text.replace(EVERY_UNSAFE, escapeChar) : text;
}

/** {@link printable} of a name or a realm, of which only the first 256 UTF-16 units are shown. */
export function printableName(name: string): string {
  return printable(shortened(name));
}

/** {@link printableName} in quotes, with those inside of it escaped. */
export function quotedName(name: string): string {
  return printable(JSON.stringify(shortened(name)));
}

function shortened(name: string): string {
  return name.length > MAX_NAME ? `${name.slice(0, MAX_NAME)}...` : name;
}

/**
 * A thrown value for a log: at most 256 characters of an error's name and message, without credentials
 * in URLs; for any other value only its type. Never throws.
 *
 * @param clean - Removes further secrets. It gets the whole text, before it is cut and escaped.
 */
export function describeThrown(thrown: unknown, clean?: (text: string) => string): string {
  try {
    if (!(thrown instanceof Error)) return thrown === null ? 'null' : typeof thrown;
    const whole = `${thrown.name}: ${thrown.message}`;
    const text = (clean === undefined ? whole : clean(whole)).slice(0, MAX_PIECE);
    return printableName(text.replace(/:\/\/[^\s/@]*@/g, '://...@'));
  } catch {
    return 'an error that cannot be read';
  }
}

/** {@link printable} of UTF-8. A byte that is not part of a character becomes `\xff`, for example. */
export function printableUtf8(bytes: Uint8Array): string {
  const pieces: string[] = [];
  let start = 0;
  for (let at = 0; at < bytes.length; ) {
    const length = characterLength(bytes, at);
    at += length;
    if (length > 0 && at < bytes.length && at - start < MAX_PIECE) continue;
    pieces.push(printable(UTF8.decode(bytes.subarray(start, at))));
    if (length === 0) pieces.push(escapeCode(bytes[at++]!));
    start = at;
  }
  return pieces.join('');
}

/** Number of bytes of the character at an index; 0 if it is malformed (Unicode, table 3-7). */
function characterLength(bytes: Uint8Array, at: number): number {
  const lead = bytes[at]!;
  if (lead < 0x80) return 1;
  const length = lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
  if (length === 0 || at + length > bytes.length) return 0;
  const second = bytes[at + 1]!;
  const [from, to] = SECOND_BYTE[lead] ?? CONTINUATION;
  if (second < from || second > to) return 0;
  for (let i = 2; i < length; i++) {
    if ((bytes[at + i]! & 0xc0) !== 0x80) return 0;
  }
  return length;
}

function escapeChar(char: string): string {
  return escapeCode(char.codePointAt(0)!);
}

function escapeCode(code: number): string {
  return `\\x${code.toString(16).padStart(2, '0')}`;
}

const MAX_NAME = 256;
// Replacing holds the text in memory several times, so it is done in pieces.
const MAX_PIECE = 65_536;
const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;
const EVERY_UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;
// A byte order mark is escaped like any format character, not dropped.
const UTF8: TextDecoder = new TextDecoder('utf-8', { ignoreBOM: true });
const CONTINUATION: readonly [number, number] = [0x80, 0xbf];
// The second byte distinguishes overlong forms, surrogates and code points above U+10FFFF.
const SECOND_BYTE: Readonly<Record<number, readonly [number, number]>> = {
  224: [0xa0, 0xbf],
  237: [0x80, 0x9f],
  240: [0x90, 0xbf],
  244: [0x80, 0x8f],
};
