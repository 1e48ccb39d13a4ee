import { describe, expect, it } from 'vitest';
import { toHex } from '../../src/bytes.ts';
import { readInput } from '../../src/inspect/input.ts';

const BYTES = Uint8Array.from({ length: 40 }, (_, i) => (i * 37 + 96) & 0xff);
const DER = Uint8Array.of(0x60, 3, 2, 1, 5);
const HEX = toHex(BYTES);
const BASE64 = Buffer.from(BYTES).toString('base64');

/** A line of xxd for each sixteen bytes. */
const XXD = [0, 16, 32]
  .map((at) => {
    const pairs = HEX.slice(2 * at, 2 * at + 32).replace(/(.{4})/g, '$1 ');
    return `${at.toString(16).padStart(8, '0')}: ${pairs.padEnd(40)} ................`;
  })
  .join('\n');
const HEXDUMP = [0, 16, 32]
  .map((at) => {
    const bytes = HEX.slice(2 * at, 2 * at + 32).replace(/(..)/g, '$1 ');
    return `${at.toString(16).padStart(8, '0')}  ${bytes.slice(0, 24)} ${bytes.slice(24).padEnd(25)} |................|`;
  })
  .join('\n');

describe('readInput', () => {
  it.each([
    ['bytes', BYTES],
    ['base64', BASE64],
    ['base64 in lines', BASE64.replace(/(.{16})/g, '$1\n')],
    ['base64 in quotation marks', `"${BASE64}"`],
    ['base64 without padding', BASE64.replace(/=+$/, '')],
    ['base64url', BASE64.replaceAll('+', '-').replaceAll('/', '_')],
    ['percent-encoded base64', encodeURIComponent(BASE64)],
    ['PEM', `-----BEGIN TOKEN-----\n${BASE64}\n-----END TOKEN-----`],
    ['base64 of base64', Buffer.from(BASE64).toString('base64')],
    ['base64 of hexadecimal', Buffer.from(HEX).toString('base64')],
    ['hexadecimal', HEX],
    ['hexadecimal in capitals, with colons', HEX.toUpperCase().replace(/(..)(?=.)/g, '$1:')],
    ['groups of four digits', HEX.replace(/(....)/g, '$1 ')],
    ['bytes of C', `{ ${HEX.replace(/(..)/g, '0x$1, ')}};`],
    [
      "the dump of gss-server's -verbose",
      `${HEX.slice(0, 32).replace(/(..)/g, '$1 ')}\n${HEX.slice(32).replace(/(..)/g, '$1 ')}\n`,
    ],
    ['xxd', XXD],
    ['hexdump -C', `${HEXDUMP}\n00000028`],
    ['a header', `Authorization: Negotiate ${BASE64}`],
    ['a header in lower case', `authorization:negotiate ${BASE64}`],
    ['only its value', `Negotiate ${BASE64}`],
    ['a wrapped header', `Authorization: Negotiate ${BASE64.slice(0, 20)}\n  ${BASE64.slice(20)}`],
    ["curl's output", `> GET / HTTP/1.1\n> Host: www\n> Authorization: Negotiate ${BASE64}\n>`],
    ['an argument of curl', `-H "Authorization: Negotiate ${BASE64}" \\`],
    ['UTF-16', new Uint8Array(Buffer.from(`\ufeff${BASE64}`, 'utf16le'))],
    ['an answer', `< WWW-Authenticate: Negotiate ${BASE64}`],
  ])('%s', (_, input) => {
    const sources = readInput(input);
    expect(sources.length).toBe(1);
    expect(toHex(sources[0]!.bytes!)).toBe(HEX);
  });

  it('says what an acceptor would not take', () => {
    const problems = (text: string) =>
      readInput(text)[0]!
        .layers.flatMap(({ problems: own = [] }) => own)
        .join('; ');
    expect(problems(`Negotiate ${BASE64.replaceAll('+', '-')}`)).toMatch(
      /base64url at character \d+/,
    );
    expect(problems(BASE64.replace(/=+$/, ''))).toBe('padding is missing or wrong');
    expect(problems(BASE64.replace(/==$/, '').slice(0, -1))).toContain('cut off');
    expect(problems(Buffer.from(BASE64).toString('base64'))).toContain('encoded a second time');
    expect(
      problems(`Authorization: Negotiate ${BASE64.slice(0, 20)}\n ${BASE64.slice(20)}`),
    ).toContain('wrapped');
    expect(problems('good morning!')).toContain('neither a header nor base64');
    expect(problems(BASE64)).toBe('');
  });

  it('takes each header for a token, and each line of base64 that begins like one', () => {
    const exchange = `Authorization: Negotiate ${BASE64}\nWWW-Authenticate: Negotiate ${BASE64}\n`;
    expect(readInput(exchange).map(({ header }) => header?.fromClient)).toEqual([true, false]);
    expect(readInput('YAYGBCsBAgM=\noQIwAA==\n').length).toBe(2);
    expect(readInput('WWW-Authenticate: Negotiate')[0]!.bytes).toBeUndefined();
  });

  it.each([
    // 20 bytes: the first text ends with padding, which one that is wrapped has at its end only.
    ['with padding', BYTES.subarray(0, 20), BYTES],
    ['of which one begins with a header of GS2', Uint8Array.from(Buffer.from('n,,\x01\x00n')), DER],
  ])('takes lines %s as one token each', (_, ...tokens) => {
    const text = tokens.map((token) => Buffer.from(token).toString('base64')).join('\n');
    expect(readInput(text).map(({ bytes }) => bytes)).toEqual(tokens);
  });
});
