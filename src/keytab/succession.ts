/** From one keytab to the next: what may take the place of a keytab, and what stays the same. */
import { EncryptionKey } from '../crypto/key.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import type { Principal } from '../messages/principal.ts';
import { principalEqual } from '../messages/principal.ts';
import { describe, isPlainObject } from '../options.ts';
import type { Keytab, KeytabEntry } from './keytab.ts';

/**
 * What is wrong with a value that should be a keytab with keys; nothing if it is one. Providers are
 * written by users, in JavaScript as well: one slip must not replace good keys by none.
 *
 * @returns Part of a sentence: `'entries[3].key is no EncryptionKey'`. No values are in it.
 */
export function faultOfKeytab(value: unknown): string | undefined {
  if (!isPlainObject(value)) return `got ${describe(value)}`;
  const { entries } = value as Partial<Keytab>;
  if (!Array.isArray(entries)) return 'it has no list of entries';
  for (const [i, entry] of entries.entries()) {
    const fault = faultOfEntry(entry);
    if (fault !== undefined) return `entries[${i}]${fault}`;
  }
  return undefined;
}

/** Whether both have the same keys, in the same order. */
export function sameKeys(a: Keytab, b: Keytab): boolean {
  return (
    a.entries.length === b.entries.length &&
    a.entries.every((entry, i) => sameEntry(entry, b.entries[i]!))
  );
}

/**
 * The entries of `next`, computing with `crypto` if given. An entry that is also in `known` is that
 * very object: what was derived from its key, and what is known of its tickets, goes on to count.
 */
export function carryOver(
  known: readonly KeytabEntry[],
  next: Keytab,
  crypto: CryptoProvider | undefined,
): Keytab {
  const byText = new Map<string, KeytabEntry[]>();
  for (const entry of known) {
    const list = byText.get(textOf(entry));
    if (list === undefined) byText.set(textOf(entry), [entry]);
    else list.push(entry);
  }
  let changed = false;
  const entries = next.entries.map((entry) => {
    const provider = crypto ?? entry.key.crypto;
    const same = byText
      .get(textOf(entry))
      ?.find((old) => old.key.crypto === provider && sameEntry(old, entry));
    const kept = same ?? withCrypto(entry, provider);
    changed ||= kept !== entry;
    return kept;
  });
  return changed ? { ...next, entries } : next;
}

function withCrypto(entry: KeytabEntry, crypto: CryptoProvider): KeytabEntry {
  return entry.key.crypto === crypto ? entry : { ...entry, key: entry.key.withCrypto(crypto) };
}

function sameEntry(a: KeytabEntry, b: KeytabEntry): boolean {
  return (
    a.kvno === b.kvno &&
    a.timestamp === b.timestamp &&
    principalEqual(a.principal, b.principal) &&
    !a.key.disposed &&
    !b.key.disposed &&
    a.key.equals(b.key)
  );
}

/** Entries with different texts differ; those with the same one need not be the same. */
function textOf({ principal, kvno, key }: KeytabEntry): string {
  return `${kvno} ${key.enctype} ${principal.components.join('/')}@${principal.realm}`;
}

function faultOfEntry(entry: unknown): string | undefined {
  if (!isPlainObject(entry)) return ` is ${describe(entry)}`;
  const { principal, kvno, key } = entry as Partial<KeytabEntry>;
  if (!isPrincipal(principal)) return '.principal is no principal';
  if (!isWhole(kvno)) return '.kvno is no whole number';
  if (!(key instanceof EncryptionKey)) return '.key is no EncryptionKey';
  return key.disposed ? '.key is disposed of' : undefined;
}

function isPrincipal(value: unknown): value is Principal {
  if (!isPlainObject(value)) return false;
  const { realm, components } = value as Partial<Principal>;
  return (
    typeof realm === 'string' &&
    Array.isArray(components) &&
    components.every((component) => typeof component === 'string')
  );
}

function isWhole(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
