/** Takes apart what was pasted or piped: headers, base64, hexadecimal dumps, or the bytes themselves. */
import { lengthOctets, readLength } from '../messages/der/length.ts';
import { printable } from '../text.ts';
import { gs2HeaderLength } from './formats/sasl.ts';
import type { Decoded } from './text/base64.ts';
import { looksLikeBase64, readBase64 } from './text/base64.ts';
import type { Header } from './text/header.ts';
import { findHeaders } from './text/header.ts';
import { looksLikeHex, readHex } from './text/hex.ts';
import { findSasl } from './text/sasl.ts';

/** One token or file of the input, and how it was written. */
export interface Source {
  /** The layers around the bytes, the outermost first: `Authorization: Negotiate`, `base64`. */
  readonly layers: readonly Layer[];
  /** The bytes; absent if there are none: a header without a token, a text that is none. */
  readonly bytes?: Uint8Array;
  /** The header as received, for the acceptor's verdict. */
  readonly header?: Header;
}

/** How the bytes were written. */
export interface Layer {
  readonly label: string;
  readonly value?: string;
  readonly clause?: string;
  /** What is not as it should be in this layer. */
  readonly problems?: readonly string[];
  readonly secret?: true;
}

/** @param input - Text, or bytes, which may be those of a text. */
export function readInput(input: string | Uint8Array): readonly Source[] {
  const text = typeof input === 'string' ? input : textOf(input);
  if (text === undefined) return [{ layers: [], bytes: input as Uint8Array }];
  const headers = findHeaders(text);
  if (headers.length > 0) return headers.slice(0, MAX_SOURCES).map(ofHeader);
  const lines = findSasl(text);
  if (lines.length > 0) {
    return lines.flatMap(({ label, clause, credentials }) =>
      readText(credentials, [{ label, clause }]),
    );
  }
  return readText(text, []);
}

/** The text that some bytes are; undefined if they are none. */
function textOf(bytes: Uint8Array): string | undefined {
  if (bytes.length === 0) return '';
  if (bytes.length > MAX_TEXT) return undefined;
  const encoding = bytes[0] === 0xff && bytes[1] === 0xfe ? 'utf-16le' : 'utf-8';
  let text: string;
  try {
    text = new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
  // Some tokens begin with printable characters; none has only those.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is sought
  return /[\0-\x08\x0e-\x1f\x7f]/.test(text) ? undefined : text;
}

function ofHeader(header: Header): Source {
  const { name, scheme, credentials, problems } = header;
  const written = name === '' ? scheme : `${name}: ${scheme}`;
  const layer: Layer = {
    label: written,
    clause: CLAUSES.get(scheme.toLowerCase()) ?? 'RFC 9110 §11.6',
    ...(problems.length > 0 && { problems }),
  };
  if (PASSWORDS.has(scheme.toLowerCase())) {
    const value = `${credentials.length} characters, hidden`;
    return { layers: [{ ...layer, value, secret: true }], header };
  }
  if (credentials === '') return { layers: [{ ...layer, value: 'no token' }], header };
  const [source] = readText(credentials, [layer]);
  return { ...source!, header };
}

/** Decodes a text, and what it decodes to if that is a text again. */
function readText(text: string, layers: readonly Layer[]): readonly Source[] {
  const trimmed = text.trim();
  if (trimmed === '') return [{ layers, bytes: new Uint8Array() }];
  if (layers.length >= MAX_LAYERS) return [{ layers: [...layers, unreadable(trimmed)] }];
  const lines = severalTokens(trimmed);
  if (lines !== undefined && layers.length === 0)
    return lines.flatMap((line) => readText(line, []));
  const decoded = decode(trimmed);
  if (decoded === undefined) return [{ layers: [...layers, unreadable(trimmed)] }];
  const { bytes, kind, problems } = decoded;
  const again = layers.some(({ label }) => label === 'base64' || label === 'hexadecimal');
  const layer: Layer = {
    label: kind,
    value: `${trimmed.length} characters for ${bytes.length} bytes`,
    ...(kind === 'base64' && { clause: 'RFC 4648 §4' }),
    problems: again ? [...problems, 'encoded a second time'] : problems,
  };
  const inner = textOf(bytes);
  const all = [...layers, layer];
  if (inner !== undefined && inner.trim() !== '' && bytes.length > 8) {
    const [nested] = /^(?:negotiate|kerberos|ntlm)\s/i.test(inner)
      ? findHeaders(inner).map(ofHeader)
      : readText(inner, all);
    if (nested?.bytes !== undefined)
      return [{ ...nested, layers: [...all, ...nested.layers.slice(all.length)] }];
  }
  return [{ layers: all, bytes }];
}

/** Lines of which each is a whole token; undefined if the lines are one text that is wrapped. */
function severalTokens(text: string): readonly string[] | undefined {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '');
  if (lines.length < 2 || lines.length > MAX_SOURCES) return undefined;
  const decoded = lines.map(decode);
  // RFC 4648 §4: padding is at the end of a text, and a wrapped one has it in its last line only.
  const ends = lines.some((line, i) => i < lines.length - 1 && /[^=]={1,2}\s*$/.test(line));
  if (ends && decoded.every((each) => each?.problems.length === 0)) return lines;
  return decoded.every((each) => isWholeToken(each?.bytes)) ? lines : undefined;
}

/** Whether bytes are one element of DER, or begin like a token of RFC 4121 or a first response of GS2. */
function isWholeToken(bytes: Uint8Array | undefined): boolean {
  if (bytes === undefined || bytes.length < 4) return false;
  if (gs2HeaderLength(bytes, 0, bytes.length) > 0) return true;
  const [first, second, , fourth] = bytes;
  if ((first === 4 || first === 5) && second === 4) return fourth === 0xff;
  const length = readLength(bytes, 1, bytes.length, 'definite');
  return first! >= 0x60 && length + 1 + lengthOctets(second!) === bytes.length;
}

function decode(text: string): Decoded | undefined {
  if (looksLikeHex(text)) return readHex(text);
  return looksLikeBase64(text) ? readBase64(text) : undefined;
}

function unreadable(text: string): Layer {
  const shown = text.length > 64 ? `${text.slice(0, 64)}...` : text;
  return {
    label: 'text',
    value: `${text.length} characters`,
    problems: [`neither a header nor base64 nor hexadecimal: ${printable(shown)}`],
  };
}

const CLAUSES: ReadonlyMap<string, string> = new Map([
  ['negotiate', 'RFC 4559 §4'],
  ['kerberos', 'not registered'],
  ['ntlm', 'MS-NTHT'],
  ['basic', 'RFC 7617'],
  ['bearer', 'RFC 6750'],
  ['digest', 'RFC 7616'],
]);
const PASSWORDS: ReadonlySet<string> = new Set(['basic', 'bearer', 'digest', 'dpop']);
const MAX_TEXT = 8_388_608;
const MAX_LAYERS = 6;
const MAX_SOURCES = 64;
