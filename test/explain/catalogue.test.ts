/** Each reason has a description, a text and remedies that a person can use. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CATALOGUE } from '../../src/explain/catalogue.ts';
import type { Explanation, Reason } from '../../src/explain/reasons.ts';
import { describedReasons, explained } from './format-page.ts';

const SRC = join(import.meta.dirname, '../../src');
const reasons = Object.keys(CATALOGUE) as Reason[];

it('describes the reasons of the catalogue, and no others', () => {
  expect([...describedReasons().keys()].sort()).toEqual([...reasons].sort());
});

describe.each(reasons)('%s', (reason) => {
  it('has a text of one line without a full stop, and something to do', () => {
    const { text, remedies } = explained(reason);
    expect(text).toMatch(/^[^\n]{10,600}[^.\n]$/);
    expect(text).not.toMatch(/undefined|null|\[object|NaN| {2}/);
    expect(remedies.length).toBeGreaterThan(0);
    for (const remedy of remedies) {
      expect(remedy).toMatch(/^[^\n]{10,500}[^.\n]$/);
      expect(remedy).not.toMatch(/undefined|\[object|NaN| {2}/);
    }
  });

  it('has one for a detail without facts too', () => {
    const entry = CATALOGUE[reason] as unknown as Explanation<'fault.callback'>;
    const facts = new Proxy({}, { get: (_, name) => (LISTS.has(name as string) ? [] : undefined) });
    if (REQUIRES_FACTS.test(reason)) return expect(explained(reason).text).not.toBe('');
    expect(entry.text(facts)).toMatch(/^[^\n]{10,}$/);
    expect(entry.remedies(facts).length).toBeGreaterThan(0);
  });
});

it('does not advise to set a limit of headers that is set already', () => {
  const { remedies } = CATALOGUE['http.header-too-long'];
  expect(remedies({ bytes: 20_000, limit: 16_384 })[0]).toContain('{ maxHeaderSize: 81920 }');
  expect(remedies({ bytes: 99_000, limit: 81_920 }).join()).not.toMatch(/maxHeaderSize:|=81920/);
  expect(remedies({ bytes: 99_000, limit: 81_920 })[0]).toMatch(/cookies.*larger maxHeaderSize/);
});

it('names no option and no function of ours that is not there', () => {
  const sources = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts') && !path.startsWith('explain'))
    .map((path) => readFileSync(join(SRC, path), 'utf8'));
  const words = new Set(sources.flatMap((text) => text.match(/\w+/g) ?? []));
  const named = reasons.flatMap((reason) => {
    const { text, remedies } = explained(reason);
    return [text, ...remedies].flatMap((line) => line.match(/\b[A-Za-z]+[a-z][A-Z]\w*/g) ?? []);
  });
  const unknown = named.filter((name) => !words.has(name) && !FOREIGN.includes(name));
  expect([...new Set(unknown)]).toEqual([]);
});

// Of KDCs, browsers, ssh, systemd, Kubernetes.
const FOREIGN: readonly string[] = [
  'AmbientCapabilities',
  'AuthNegotiateDelegateAllowlist',
  'GSSAPIDelegateCredentials',
  'SetPass',
  'stringData',
  'TicketFlags',
];
// Facts that every error of these reasons has.
const REQUIRES_FACTS = /^(spn|key|clock|ticket)\./;
const LISTS = new Set([
  'accepted',
  'permitted',
  'transited',
  'path',
  'missing',
  'required',
  'indicators',
  'offered',
  'keytabPrincipals',
  'principals',
  'enctypes',
]);
