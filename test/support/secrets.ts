/** Looks for secrets in whatever a program can show of a value. */
import { inspect } from 'node:util';
import { formatEvent, formatGssError } from '../../src/cli/gss-server/lines.ts';
import { displayStatus } from '../../src/gss/status.ts';
import type { GssServerEvent } from '../../src/node/server/events.ts';

/** Bytes that must not show, each with a name for the message of a test that fails. */
export type Secrets = Readonly<Record<string, Uint8Array>>;

/** How many bytes in a row count as a leak. */
const WINDOW = 8;

/** Searches for eight bytes in a row of a secret, whatever the form in which a text has them. */
export class SecretSearch {
  readonly #needles: readonly (readonly [name: string, window: string])[];

  /** @throws RangeError for a secret of less than eight bytes, which would never be found. */
  constructor(secrets: Secrets) {
    this.#needles = Object.entries(secrets).flatMap(([name, secret]) => {
      if (secret.length < WINDOW) throw new RangeError(`${name}: expected ${WINDOW} bytes or more`);
      return windowsOf(secret).flatMap((window) =>
        // What is no UTF-8 becomes replacement characters.
        ['latin1' as const, 'utf8' as const].map((form) => [name, window.toString(form)] as const),
      );
    });
  }

  /** The names of the secrets that show in the text. */
  inText(text: string): string[] {
    const readings = readingsOf(text);
    const found = this.#needles.filter(([, window]) =>
      readings.some((reading) => reading.includes(window)),
    );
    return [...new Set(found.map(([name]) => name))];
  }

  /** The names of the secrets that stand in the bytes as they are. */
  inBytes(bytes: Uint8Array): string[] {
    const all = Buffer.from(bytes).toString('latin1');
    const found = this.#needles.filter(([, window]) => all.includes(window));
    return [...new Set(found.map(([name]) => name))];
  }

  /** The names of the secrets that are in a file or a message, as bytes or in text of whatever form. */
  inFile(bytes: Uint8Array): string[] {
    const all = Buffer.from(bytes);
    const texts = [all.toString('latin1'), all.toString('utf8')];
    return [...new Set(texts.flatMap((text) => this.inText(text)))];
  }

  /** All that shows of a value, an error or anything else: text, JSON, inspection. */
  inValue(value: unknown): string[] {
    return [...new Set(textsOf(value).flatMap((text) => this.inText(text)))];
  }
}

/** What a log, a debugger or a careless program makes of a value. */
function textsOf(value: unknown): string[] {
  const texts = [
    inspect(value, { depth: null, showHidden: true, maxArrayLength: null, maxStringLength: null }),
    inspect(value, { depth: null, getters: true, maxArrayLength: null, maxStringLength: null }),
    safely(() => JSON.stringify(value, withBigInts)),
    safely(() => String(value)),
  ];
  if (!(value instanceof Error)) return texts;
  const event = { type: 'gss-error', stage: 'accepting context', error: value };
  const blocks = [
    ...formatGssError('accepting context', value),
    ...formatEvent(event as unknown as GssServerEvent, { verbose: true }),
    ...formatEvent({ type: 'fault', error: value } as unknown as GssServerEvent, { verbose: true }),
  ];
  return [
    ...texts,
    value.message,
    value.stack ?? '',
    ...displayStatus(value),
    ...blocks.map(({ bytes }) => Buffer.from(bytes).toString('latin1')),
    ...(value.cause === undefined ? [] : textsOf(value.cause)),
  ];
}

function windowsOf(secret: Uint8Array): Buffer[] {
  return Array.from({ length: secret.length - WINDOW + 1 }, (_, at) =>
    Buffer.from(secret.subarray(at, at + WINDOW)),
  );
}

/** All bytes that a text may stand for, one character each: as it is, and decoded in every way. */
function readingsOf(text: string): string[] {
  const plain = unescaped(text);
  const readings = [
    text,
    plain,
    Buffer.from(plain, 'latin1').toString('utf8'),
    ...runsOf(text.replace(/\\x|0x|[\s:,-]+/gi, ''), /[0-9a-f]{16,}/gi, (run) =>
      [0, 1].map((at) => Buffer.from(run.slice(at), 'hex')),
    ),
    // A program may break lines, and a path or a word may come before.
    ...runsOf(text.replace(/\r?\n */g, ''), /[\w+/-]{10,}/g, (run) =>
      [0, 1, 2, 3].map((at) => Buffer.from(run.slice(at), 'base64')),
    ),
    // JSON writes Uint8Array as an object whose names are indices.
    ...runsOf(text.replace(/["']?\d+["']?: *(?=-?\d)/g, ''), /-?\d+(?:[,\s]+-?\d+)+/g, (run) =>
      numbersOf(run.split(/[,\s]+/).map(Number)),
    ),
  ];
  // UTF-16 of Latin letters.
  const wide = readings.filter((reading) => reading.includes('\0'));
  return [...readings, ...wide.map((reading) => reading.replaceAll('\0', ''))];
}

/** What the matches of a pattern decode to: one reading for each way. */
function runsOf(text: string, pattern: RegExp, decode: (run: string) => Buffer[]): string[] {
  const decoded = [...text.matchAll(pattern)].map(([run]) => decode(run));
  return (decoded[0] ?? []).map((_, way) =>
    decoded.map((bytes) => bytes[way]!.toString('latin1')).join('\n'),
  );
}

/** Numbers may be bytes, with or without a sign, or words of four bytes, as of a key's schedule. */
function numbersOf(numbers: readonly number[]): Buffer[] {
  const words = [Buffer.alloc(4 * numbers.length), Buffer.alloc(4 * numbers.length)] as const;
  for (const [i, number] of numbers.entries()) {
    words[0].writeUInt32BE(number >>> 0, 4 * i);
    words[1].writeUInt32LE(number >>> 0, 4 * i);
  }
  return [Buffer.from(numbers.map((number) => number & 0xff)), ...words];
}

function unescaped(text: string): string {
  return text.replace(ESCAPES, (whole, ...codes: (string | undefined)[]) => {
    const [code] = codes.filter((one) => typeof one === 'string' && one !== text);
    if (code !== undefined)
      return String.fromCodePoint(Math.min(Number.parseInt(code, 16), 0xffff));
    return LETTERS[whole[1]!] ?? whole[1]!;
  });
}

// Of JavaScript and JSON, of URLs, and of HTML in hexadecimal.
const ESCAPES =
  /\\x([0-9a-f]{2})|\\u\{?([0-9a-f]{2,6})\}?|%([0-9a-f]{2})|&#x([0-9a-f]{1,6});|\\[^xu]/gi;
const LETTERS: Readonly<Record<string, string>> = {
  0: '\0',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

function withBigInts(_: string, value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  return value instanceof Map ? [...value] : value;
}

function safely(make: () => string | undefined): string {
  try {
    return make() ?? '';
  } catch {
    return '';
  }
}
