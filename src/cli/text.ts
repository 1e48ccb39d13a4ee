/** How gss-server shows bytes and system errors. */
import { getSystemErrorMap } from 'node:util';

/** Two hex digits and a space for each byte, sixteen bytes to a line, and a line feed at the end. */
export function hexDump(bytes: Uint8Array): Uint8Array {
  const lines = Math.floor(bytes.length / BYTES_PER_LINE);
  const dump = new Uint8Array(3 * bytes.length + lines + 1);
  let at = 0;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!;
    dump[at++] = DIGITS.charCodeAt(byte >> 4);
    dump[at++] = DIGITS.charCodeAt(byte & 15);
    dump[at++] = SPACE;
    if (i % BYTES_PER_LINE === BYTES_PER_LINE - 1) dump[at++] = LINE_FEED;
  }
  dump[at] = LINE_FEED;
  return dump;
}

/** Whether MIT's gss-server would print the message as text; the first two bytes decide. */
export function looksLikeText(message: Uint8Array): boolean {
  return message.subarray(0, 2).every(isPrintableOrSpace);
}

/** The bytes before the first NUL, as C's `%s` prints them. */
export function upToNul(bytes: Uint8Array): Uint8Array {
  const nul = bytes.indexOf(0);
  return nul < 0 ? bytes : bytes.subarray(0, nul);
}

/** A value as one line of JSON, in which no character can end the line or change how a terminal shows it. */
export function jsonLine(value: unknown): Uint8Array {
  const json = JSON.stringify(value).replace(UNSAFE, (char) =>
    [...Array(char.length).keys()]
      .map((at) => `\\u${char.charCodeAt(at).toString(16).padStart(4, '0')}`)
      .join(''),
  );
  return Buffer.from(`${json}\n`);
}

/** The text of a system error, as perror prints it: `Address already in use`. */
export function systemErrorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { errno } = error as NodeJS.ErrnoException;
  const text = errno === undefined ? undefined : getSystemErrorMap().get(errno)?.[1];
  return text === undefined ? error.message : text.charAt(0).toUpperCase() + text.slice(1);
}

// isprint and isspace of the C locale.
function isPrintableOrSpace(byte: number): boolean {
  return (byte >= 0x20 && byte <= 0x7e) || (byte >= 0x09 && byte <= 0x0d);
}

// Those that printable() of src/text.ts escapes.
const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;
const BYTES_PER_LINE = 16;
const DIGITS = '0123456789abcdef';
const SPACE = 0x20;
const LINE_FEED = 0x0a;
