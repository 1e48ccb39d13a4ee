/** Hexadecimal: digits alone, as C and other languages write bytes, and the dumps of many tools. */
import type { Decoded } from './base64.ts';

/** Whether a text is bytes in hexadecimal, perhaps with offsets and with characters beside them. */
export function looksLikeHex(text: string): boolean {
  return digitsOf(text) !== undefined;
}

/** Reads what {@link looksLikeHex} accepted. */
export function readHex(text: string): Decoded {
  const digits = digitsOf(text) ?? '';
  const problems = digits.length % 2 === 1 ? ['half a byte at the end'] : [];
  const bytes = new Uint8Array(Math.floor(digits.length / 2));
  for (let i = 0; i < bytes.length; i++) {
    bytes[i] = Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16);
  }
  return { bytes, kind: 'hexadecimal', problems };
}

function digitsOf(text: string): string | undefined {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '');
  return dumpedDigits(lines) ?? bareDigits(lines);
}

/** The digits of a dump; undefined if the lines are none, or do not have offsets that agree. */
function dumpedDigits(lines: readonly string[]): string | undefined {
  let digits = '';
  let first: number | undefined;
  for (const [i, line] of lines.entries()) {
    // hexdump and od end with the length.
    if (i > 0 && i === lines.length - 1 && LAST_OFFSET.test(line)) break;
    const [, offset, bytes] = DUMP.exec(line) ?? [];
    if (offset === undefined || bytes === undefined) return undefined;
    first ??= Number.parseInt(offset, 16);
    if (Number.parseInt(offset, 16) !== first + digits.length / 2) return undefined;
    digits += bytes.replace(/[\s-]/g, '');
  }
  // Digits in groups of four look like an offset and bytes.
  return first === 0 || lines[0]?.includes(':') === true ? digits : undefined;
}

function bareDigits(lines: readonly string[]): string | undefined {
  const digits = lines.map((line) =>
    line
      .replace(/^\s*(?:"|'|\{|\[|x'|X')/, '')
      .replace(/(?:"|'|\}|\]);?\s*$/, '')
      .replace(/0x|\\x/gi, '')
      .replace(/[\s,:;-]/g, ''),
  );
  const all = digits.join('');
  return /^[0-9a-f]+$/i.test(all) ? all : undefined;
}

// xxd, hexdump -C, od -A x -t x1, tcpdump -X, Wireshark: an offset, sixteen bytes with a gap in their
// middle or none, and characters after two spaces or a bar.
const DUMP =
  /^\s*(?:0x)?([0-9a-f]{4,8})(?::\s*|\s{1,3})((?:[0-9a-f]{2}[ -]{0,2}){1,16})(?:\s*\|.*|\s{2,}\S.*|(?<= )\S.*|\s*)$/is;
const LAST_OFFSET = /^\s*[0-9a-f]{7,8}\s*$/i;
