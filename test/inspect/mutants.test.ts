/** Two thousand mutants of everything that the inspector reads: it never fails, and shows no key. */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { encodeUtf8, fromHex, toHex } from '../../src/bytes.ts';
import { parseKeytab } from '../../src/index.ts';
import { formatInspection } from '../../src/inspect/format-text.ts';
import { inspect } from '../../src/inspect/inspect.ts';
import { mutate } from '../fuzz/mutate/index.ts';
import { Prng } from '../fuzz/prng.ts';
import type { DomainTickets } from '../support/domain-ticket.ts';
import { propertyFactor } from '../support/properties.ts';
import { NOW } from '../support/realm-kit.ts';
import type { Transcript } from '../support/transcript.ts';
import { expectSound, sampleCache } from './support.ts';
import { wireSamples } from './wire-samples.ts';

interface Seed {
  readonly kind: string;
  readonly bytes: Uint8Array;
  readonly shape: 'der' | 'binary' | 'text';
  readonly keytab?: Uint8Array;
}

const fixtures = new URL('../../fixtures/', import.meta.url);
const readJson = (path: string): unknown =>
  JSON.parse(readFileSync(new URL(path, fixtures), 'utf8'));

it('two thousand mutants of all kinds are laid out', async () => {
  const prng = new Prng(20_261_128);
  const all = await seeds();
  // Each kind is as frequent as any other, however many tokens it has.
  const kinds = [...new Set(all.map(({ kind }) => kind))].map((kind) =>
    all.filter((seed) => seed.kind === kind),
  );
  for (let i = 0; i < 2000 * Math.max(1, propertyFactor); i++) {
    const { bytes, shape, keytab } = prng.pick(prng.pick(kinds));
    const [mutant = bytes] = mutate([bytes], [prng.pick(prng.pick(kinds)).bytes], shape, prng);
    const inspection = await inspect(mutant, { now: NOW, ...(keytab && { keytab }) });
    expectSound(inspection);
    const text = formatInspection(inspection, 'now');
    expect(text.length).toBeLessThan(4_000_000);
    const shown =
      keytab === undefined ? [] : beginnings(keytab).filter((key) => text.includes(key));
    expect(shown, toHex(mutant)).toEqual([]);
  }
});

/** The first bytes of each key, as the inspector would show them. */
function beginnings(keytab: Uint8Array): readonly string[] {
  return parseKeytab(keytab).entries.map(({ key }) => toHex(key.bytes().subarray(0, 8)));
}

async function seeds(): Promise<Seed[]> {
  const all: Seed[] = [{ kind: 'cache', bytes: await sampleCache(), shape: 'binary' }];
  for (const name of readdirSync(new URL('transcripts/', fixtures))) {
    const { steps, keytab } = readJson(`transcripts/${name}`) as Transcript;
    const keys = fromHex(keytab);
    for (const { token } of steps.slice(0, 3)) {
      all.push({ kind: 'transcript', bytes: fromHex(token), shape: 'der', keytab: keys });
    }
    const header = `Authorization: Negotiate ${Buffer.from(steps[0]!.token, 'hex').toString('base64')}`;
    all.push({ kind: 'header', bytes: encodeUtf8(header), shape: 'text', keytab: keys });
    all.push({ kind: 'keytab', bytes: keys, shape: 'binary' });
  }
  const samba = readJson('samba/tickets.json') as DomainTickets;
  for (const { token } of samba.tickets) {
    const keytab = fromHex(samba.keytab);
    all.push({ kind: 'samba', bytes: fromHex(token), shape: 'der', keytab });
  }
  for (const [kind, { inputs, keytab }] of Object.entries(await wireSamples())) {
    const shape = TEXTS.includes(kind) ? 'text' : BINARY.includes(kind) ? 'binary' : 'der';
    for (const bytes of inputs) all.push({ kind, bytes, shape, ...(keytab && { keytab }) });
  }
  return all;
}

const TEXTS = ['SMTP', 'IMAP', 'XMPP'];
const BINARY = ['a token in other bytes', 'exported context', 'SASL GSSAPI', 'SASL GS2-KRB5-PLUS'];
