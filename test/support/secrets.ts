/** Looks for secrets in whatever a program can show of a value. */
import { inspect } from 'node:util';
import { formatEvent, formatGssError } from '../../src/cli/gss-server/lines.ts';
import { displayStatus } from '../../src/gss/status.ts';
import type { GssServerEvent } from '../../src/node/server/events.ts';

/** Bytes that must not show, each with a name for the message of a test that fails. */
export type Secrets = Readonly<Record<string, Uint8Array>>;

/** How many bytes in a row count as a leak. */
const WINDOW = 8;

/** The needles that a text is searched for: eight bytes in a row, in every form that prints them. */
export class SecretSearch {
  readonly #needles: readonly (readonly [name: string, needle: string])[];
  readonly #secrets: Secrets;

  constructor(secrets: Secrets) {
    this.#secrets = secrets;
    this.#needles = Object.entries(secrets).flatMap(([name, secret]) =>
      windowsOf(secret).flatMap((window) =>
        formsOf(window).map((form): [string, string] => [name, form]),
      ),
    );
  }

  /** The names of the secrets that show in the text. */
  inText(text: string): string[] {
    // Inspection puts numbers into columns, and some programs like hex in capitals.
    const plain = text.replace(/,\s+/g, ',');
    const forms = [text, plain, plain.toLowerCase()];
    const found = this.#needles.filter(([, needle]) => forms.some((form) => form.includes(needle)));
    return [...new Set(found.map(([name]) => name))];
  }

  /** The names of the secrets that stand in the bytes as they are. */
  inBytes(bytes: Uint8Array): string[] {
    const all = Buffer.from(bytes);
    return Object.entries(this.#secrets)
      .filter(([, secret]) => windowsOf(secret).some((window) => all.includes(Buffer.from(window))))
      .map(([name]) => name);
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

function windowsOf(secret: Uint8Array): Uint8Array[] {
  return Array.from({ length: Math.max(0, secret.length - WINDOW + 1) }, (_, at) =>
    secret.slice(at, at + WINDOW),
  );
}

function formsOf(window: Uint8Array): string[] {
  const buffer = Buffer.from(window);
  const pairs = buffer.toString('hex').match(/../g)!;
  // Of what stands at any place of a longer text in base64, one window begins with a character of
  // its own; the last two depend on what follows.
  const base64 = buffer.toString('base64').slice(0, 10);
  return [
    pairs.join(''),
    pairs.join(' '),
    pairs.join(':'),
    pairs.map((pair) => `0x${pair}`).join(','),
    [...window].join(','),
    base64,
    base64.replaceAll('+', '-').replaceAll('/', '_'),
    buffer.toString('latin1'),
    buffer.toString('utf8'),
  ];
}

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
