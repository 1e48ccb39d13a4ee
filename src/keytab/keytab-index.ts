/** A keytab, indexed: by principal, and by what a matcher accepts of it. Each is made once. */
import type { Principal, PrincipalName } from '../messages/principal.ts';
import type { Keytab, KeytabEntry } from './keytab.ts';
import { KvnoList } from './kvno-list.ts';
import type { ServiceMatcher } from './service-name.ts';
import { matchService } from './service-name.ts';

/** What a keytab has of one principal, in the order of the keytab. */
export interface PrincipalKeys {
  readonly principal: Principal;
  readonly entries: readonly KeytabEntry[];
  /** By enctype, those whose enctype the provider has. */
  readonly usable: ReadonlyMap<number, KvnoList<KeytabEntry>>;
  /** By enctype, the others. */
  readonly unusable: ReadonlyMap<number, KvnoList<KeytabEntry>>;
}

/** What a matcher accepts of a keytab. */
export interface AcceptedKeys {
  readonly principals: ReadonlySet<PrincipalKeys>;
  /** Of these principals. */
  readonly realms: ReadonlySet<string>;
  /** By enctype, keys whose enctype the provider has. */
  readonly usable: ReadonlyMap<number, KvnoList<AcceptedKey>>;
  /** By enctype, those of {@link usable} that may be tried on a ticket of another kvno. */
  readonly anyKvno: ReadonlyMap<number, readonly AcceptedKey[]>;
}

export interface AcceptedKey {
  readonly entry: KeytabEntry;
  readonly kvno: number;
  readonly principal: PrincipalKeys;
}

/** What the keytab has of each principal, in the order in which it first has them. */
export function principalsOf(keytab: Keytab): readonly PrincipalKeys[] {
  return indexOf(keytab).principals;
}

/** What the keytab has of a principal. */
export function findPrincipal(
  keytab: Keytab,
  realm: string,
  { components }: PrincipalName,
): PrincipalKeys | undefined {
  let node = indexOf(keytab).realms.children.get(realm);
  for (let i = 0; node !== undefined && i < components.length; i++) {
    node = node.children.get(components[i]!);
  }
  return node?.keys;
}

/** What the matcher accepts of the keytab. */
export function acceptedKeys(keytab: Keytab, matcher: ServiceMatcher): AcceptedKeys {
  const { principals, accepted } = indexOf(keytab);
  let keys = accepted.get(matcher);
  if (keys === undefined) {
    keys = filterKeys(principals, matcher);
    accepted.set(matcher, keys);
  }
  return keys;
}

interface KeytabIndex {
  readonly principals: PrincipalKeys[];
  /** A tree of names: realm, then component by component. */
  readonly realms: NameNode;
  readonly accepted: WeakMap<ServiceMatcher, AcceptedKeys>;
}

interface NameNode {
  readonly children: Map<string, NameNode>;
  keys?: GrowingKeys;
}

interface GrowingKeys extends PrincipalKeys {
  readonly entries: KeytabEntry[];
  readonly usable: Map<number, KvnoList<KeytabEntry>>;
  unusable: Map<number, KvnoList<KeytabEntry>>;
}

const NONE: Map<number, KvnoList<KeytabEntry>> = new Map();

// Keytabs and matchers are values that do not change: what follows from them is worth keeping.
const indexes = new WeakMap<Keytab, KeytabIndex>();

function indexOf(keytab: Keytab): KeytabIndex {
  let index = indexes.get(keytab);
  if (index === undefined) {
    index = buildIndex(keytab);
    indexes.set(keytab, index);
  }
  return index;
}

function buildIndex(keytab: Keytab): KeytabIndex {
  const realms: NameNode = { children: new Map() };
  const principals: PrincipalKeys[] = [];
  for (const entry of keytab.entries) {
    const { principal, key } = entry;
    let node = child(realms, principal.realm);
    for (const component of principal.components) node = child(node, component);
    if (node.keys === undefined) {
      node.keys = { principal, entries: [], usable: new Map(), unusable: NONE };
      principals.push(node.keys);
    }
    node.keys.entries.push(entry);
    // Nearly all keytabs have none of these, and some have many principals.
    if (!key.supported && node.keys.unusable === NONE) node.keys.unusable = new Map();
    listOf(key.supported ? node.keys.usable : node.keys.unusable, key.enctype).add(entry);
  }
  return { principals, realms, accepted: new WeakMap() };
}

function child(node: NameNode, name: string): NameNode {
  let next = node.children.get(name);
  if (next === undefined) {
    next = { children: new Map() };
    node.children.set(name, next);
  }
  return next;
}

function filterKeys(principals: readonly PrincipalKeys[], matcher: ServiceMatcher): AcceptedKeys {
  const accepted = new Set<PrincipalKeys>();
  const usable = new Map<number, KvnoList<AcceptedKey>>();
  const anyKvno = new Map<number, AcceptedKey[]>();
  const realms = new Set<string>();
  for (const principal of principals) {
    const match = matchService(matcher, principal.principal);
    if (match === undefined) continue;
    accepted.add(principal);
    realms.add(principal.principal.realm);
    for (const [enctype, { all }] of principal.usable) {
      const list = listOf(usable, enctype);
      const free = anyKvno.get(enctype) ?? [];
      anyKvno.set(enctype, free);
      for (const entry of all) {
        const key: AcceptedKey = { entry, kvno: entry.kvno, principal };
        list.add(key);
        if (match === 'every-kvno') free.push(key);
      }
    }
  }
  return { principals: accepted, realms, usable, anyKvno };
}

function listOf<T extends { readonly kvno: number }>(
  lists: Map<number, KvnoList<T>>,
  enctype: number,
): KvnoList<T> {
  let list = lists.get(enctype);
  if (list === undefined) {
    list = new KvnoList();
    lists.set(enctype, list);
  }
  return list;
}
