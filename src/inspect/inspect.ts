/** Lays open what a client or a server has sent, and says what this acceptor would say to it. */

import { defaultCrypto } from '../crypto/default-crypto.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import type { KeytabEntry } from '../keytab/keytab.ts';
import { parseKeytab } from '../keytab/keytab.ts';
import { printable } from '../text.ts';
import { formatTime } from '../time.ts';
import { Exchange } from './exchange.ts';
import { identify, layOutBytes } from './identify.ts';
import type { Source } from './input.ts';
import { readInput } from './input.ts';
import type { Draft, Item } from './item.ts';
import { Report, Scope } from './scope.ts';
import type { JudgeOptions, Verdict } from './verdict.ts';
import { judge } from './verdict.ts';

/** Options of {@link inspect}. */
export interface InspectOptions {
  /** The bytes of a keytab, whose keys open tickets. Not kept. */
  readonly keytab?: Uint8Array;
  /** The service that the acceptor of the verdict serves; any key of the keytab if absent. */
  readonly service?: string;
  /** The time of the verdict, in milliseconds since 1970. */
  readonly now: number;
  /** Seconds that clocks may differ; 300 if absent. */
  readonly maxSkew?: number;
  /** Whether the acceptor of the verdict permits RC4 and DES3. They are always decrypted. */
  readonly weak?: boolean;
  /** Whether keys and decrypted messages are shown. */
  readonly secrets?: boolean;
  /** Bytes of a value that are shown; 32 if absent. */
  readonly shownBytes?: number;
  /** What the inputs are called, in their order. */
  readonly names?: readonly string[];
}

/** The result of {@link inspect}. */
export interface Inspection {
  /** What was in the input, one item for each token or file. */
  readonly items: readonly Item[];
  /** For the first token that a client may begin with. */
  readonly verdict?: Verdict;
}

/**
 * Lays out text or bytes, or several files. Several tokens of one exchange are followed with the keys of the first.
 *
 * @throws {@link KerberosError} if the keytab cannot be read. The input is never refused.
 */
export async function inspect(
  input: string | Uint8Array | readonly Uint8Array[],
  options: InspectOptions,
): Promise<Inspection> {
  const { withLegacyEnctypes } = await import('../crypto/legacy/index.ts');
  const legacy = withLegacyEnctypes();
  const entries = options.keytab === undefined ? [] : keysOf(options.keytab, legacy);
  const exchange = new Exchange(entries);
  const report = new Report(exchange, options);
  const inputs = Array.isArray(input)
    ? (input as readonly Uint8Array[])
    : [input as string | Uint8Array];
  const sources = inputs.flatMap((each, i) => readInput(each).map((source) => ({ source, i })));
  const items: Item[] = [];
  let verdict: Verdict | undefined;
  try {
    for (const { source, i } of sources) {
      const name = options.names?.[i];
      const item = layOut(report, source);
      items.push(name === undefined ? item : { ...item, input: printable(name) });
      const question = verdict === undefined ? questionOf(source) : undefined;
      if (question === undefined) continue;
      verdict = await judgeTwice(question, judgeOptions(options, legacy), exchange.clientTime);
    }
  } finally {
    exchange.restart();
    for (const { key } of entries) key.dispose();
  }
  return { items, ...(verdict !== undefined && { verdict }) };
}

function keysOf(keytab: Uint8Array, crypto: CryptoProvider): readonly KeytabEntry[] {
  return parseKeytab(keytab, { crypto }).entries;
}

function judgeOptions(options: InspectOptions, legacy: CryptoProvider): JudgeOptions {
  const { keytab, service, now, maxSkew, weak = false } = options;
  const crypto = weak ? legacy : defaultCrypto;
  return {
    crypto,
    now,
    ...(keytab !== undefined && { keytab: parseKeytab(keytab, { crypto }) }),
    ...(service !== undefined && { service }),
    ...(maxSkew !== undefined && { maxSkew }),
  };
}

/** The item of a source: its layers, and its bytes inside of the last one. */
function layOut(report: Report, { layers, bytes }: Source): Item {
  let inner: Item | undefined;
  if (bytes !== undefined) {
    const scope = new Scope(report, bytes, false);
    const made: Draft = layOutBytes(scope, 0, bytes.length, 'bytes', new Map());
    if (layers.length > 0) made.space = `the ${bytes.length} bytes`;
    inner = made;
  }
  for (const layer of [...layers].reverse()) {
    inner = inner === undefined ? layer : { ...layer, parts: [inner] };
  }
  return inner ?? { label: 'nothing', problems: ['the input is empty'] };
}

/** What the acceptor is asked: the header or token of a client; undefined if there is none. */
function questionOf({ header, bytes }: Source): string | Uint8Array | undefined {
  if (header !== undefined) return header.fromClient ? header.value : undefined;
  return bytes && identify(bytes, 0, bytes.length)?.tokenOf?.(bytes);
}

/** Adds the verdict at the time when the token was made, if only the time speaks against it now. */
async function judgeTwice(
  question: string | Uint8Array,
  options: JudgeOptions,
  clientTime: number | undefined,
): Promise<Verdict> {
  const verdict = await judge(question, options);
  if (clientTime === undefined || !CLOCK.test(verdict.reason ?? '')) return verdict;
  const then = await judge(question, { ...options, now: clientTime * 1000 });
  if (then.reason === verdict.reason) return verdict;
  return { ...verdict, whenMade: { ...then, at: formatTime(clientTime) } };
}

const CLOCK = /^(?:clock\..*|ticket\.(?:expired|not-yet-valid|postdated))$/;
