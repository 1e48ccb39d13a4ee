/** The inspector: it refuses nothing, so whatever it is given must become a tree of bounded, printable text. */
import { encodeUtf8 } from '../../../src/bytes.ts';
import { formatKeytab } from '../../../src/index.ts';
import { inspect } from '../../../src/inspect/inspect.ts';
import { walk } from '../../../src/inspect/item.ts';
import { createInitiator, OfferedMechanisms } from '../../../src/testing/index.ts';
import type { Case, Target } from '../case.ts';
import { Breach } from '../case.ts';
import { clock, keytab, mint, seededRandom } from './realm.ts';

export function inspectTargets(): Target[] {
  // A tree for people, the strict readers beside it and an acceptor: items are what is bounded.
  const common = { manyCalls: true, run: layOut };
  return [
    { name: 'inspect-token', shape: 'der', seeds: TOKENS, ...common },
    { name: 'inspect-file', shape: 'binary', seeds: [[KEYTAB], [KEYTAB_1]], ...common },
    { name: 'inspect-text', shape: 'text', seeds: TEXTS, ...common },
  ];
}

const KEYTAB = formatKeytab(keytab);
const KEYTAB_1 = formatKeytab({ ...keytab, version: 1 });

const TOKENS: readonly Case[] = [
  false,
  true,
  { mechanisms: OfferedMechanisms.windows },
  { mechanisms: OfferedMechanisms.windowsNtlm },
  { mechanisms: OfferedMechanisms.windowsNegoEx },
].map((spnego) => [
  createInitiator({ ticket: mint(), clock, random: seededRandom(5), spnego }).begin(),
]);

const BASE64 = Buffer.from(TOKENS[1]![0]!).toString('base64');
const TEXTS: readonly Case[] = [
  `GET / HTTP/1.1\r\nAuthorization: Negotiate ${BASE64}\r\n\r\n`,
  `WWW-Authenticate: Negotiate ${BASE64}`,
  Buffer.from(TOKENS[0]![0]!).toString('hex'),
  `00000000: 6082 022f 0609 2a86 4886 f712 0102 0201  \`../..*.H.......\n`,
].map((text) => [encodeUtf8(text)]);

async function layOut(input: Case): Promise<string> {
  const inspection = await inspect(input, { keytab: KEYTAB, now: clock() });
  let items = 0;
  for (const item of inspection.items) {
    walk(item, ({ label, value = '', problems = [] }) => {
      items++;
      if (
        [label, value, ...problems].some((text) => UNPRINTABLE.test(text) || text.length > 5000)
      ) {
        throw new Breach('a text that a terminal must not get');
      }
    });
  }
  if (items > 21_000) throw new Breach(`${items} items`);
  return `${inspection.items[0]?.label}: ${inspection.verdict?.text}`;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: none may reach a terminal
const UNPRINTABLE = /[\0-\x1f\x7f-\x9f\u202a-\u202e]/;
