/** Replacing one keytab by the next: checking the new one, and keeping entries that are equal. */
import { EncryptionKey } from '../crypto/key.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import type { Principal } from '../messages/principal.ts';
import { principalEqual } from '../messages/principal.ts';
import { describe, isPlainObject } from '../options.ts';
import type { Keytab, KeytabEntry } from './keytab.ts';

/**
 * Checks that a value from a user's keytab provider, which may be plain JavaScript, is a keytab: a slip
 * must not replace good keys by none.
 *
 * @returns undefined if it is one; else its fault as a part of a sentence, without values:
 *   `'entries[3].key is not an EncryptionKey'`.
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
 * The keytab `next`, with its keys moved to `crypto` if given. An entry that equals one of `known` is
 * replaced by that object, so that keys derived from it and tickets opened with it stay valid.
 *
 * @returns `next` itself if nothing was replaced.
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

/** An index key: equal entries have the same text, but the same text does not mean equal. */
function textOf({ principal, kvno, key }: KeytabEntry): string {
  return `${kvno} ${key.enctype} ${principal.components.join('/')}@${principal.realm}`;
}

function faultOfEntry(entry: unknown): string | undefined {
  if (!isPlainObject(entry)) return ` is ${describe(entry)}`;
  const { principal, kvno, timestamp, key } = entry as Partial<KeytabEntry>;
  if (!isPrincipal(principal)) return '.principal is not a principal';
  if (!isWhole(kvno)) return '.kvno is not a whole number';
  if (!isWhole(timestamp)) return '.timestamp is not a whole number';
  if (!(key instanceof EncryptionKey)) return '.key is not an EncryptionKey';
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
