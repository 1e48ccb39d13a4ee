/** A keytab, indexed by principal and, within one principal, by enctype. */
import type { Principal, PrincipalName } from '../messages/principal.ts';
import type { Keytab, KeytabEntry } from './keytab.ts';

/** What a keytab has of one principal, in the order of the keytab. */
export interface PrincipalKeys {
  readonly principal: Principal;
  readonly entries: readonly KeytabEntry[];
  /** Those whose enctype the provider has. */
  readonly usable: ReadonlyMap<number, readonly KeytabEntry[]>;
}

/** By {@link principalKey}, in the order in which the keytab first has them. */
export type KeytabIndex = ReadonlyMap<string, PrincipalKeys>;

/** The index of a keytab, made once: a keytab does not change. */
export function indexOf(keytab: Keytab): KeytabIndex {
  let index = indexes.get(keytab);
  if (index === undefined) {
    index = buildIndex(keytab);
    indexes.set(keytab, index);
  }
  return index;
}

/** One text for each principal; lengths keep apart what separators inside a name would not. */
export function principalKey(realm: string, { components }: PrincipalName): string {
  let key = `${realm.length}:${realm}`;
  for (const component of components) key += `${component.length}:${component}`;
  return key;
}

const indexes = new WeakMap<Keytab, KeytabIndex>();

function buildIndex(keytab: Keytab): KeytabIndex {
  const index = new Map<string, MutablePrincipalKeys>();
  for (const entry of keytab.entries) {
    const { principal, key } = entry;
    const name = principalKey(principal.realm, principal);
    let keys = index.get(name);
    if (keys === undefined) {
      keys = { principal, entries: [], usable: new Map() };
      index.set(name, keys);
    }
    keys.entries.push(entry);
    if (!key.supported) continue;
    const usable = keys.usable.get(key.enctype);
    if (usable === undefined) keys.usable.set(key.enctype, [entry]);
    else usable.push(entry);
  }
  return index;
}

interface MutablePrincipalKeys extends PrincipalKeys {
  readonly entries: KeytabEntry[];
  readonly usable: Map<number, KeytabEntry[]>;
}
