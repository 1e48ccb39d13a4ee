/** Indexes of a keytab: by principal, and by the keys that a matcher accepts. Each is built once. */
import type { Principal, PrincipalName } from '../messages/principal.ts';
import type { Keytab, KeytabEntry } from './keytab.ts';
import { KvnoList } from './kvno-list.ts';
import type { ServiceMatcher } from './service-name.ts';
import { matchService } from './service-name.ts';

/** The entries of one principal. */
export interface PrincipalKeys {
  /** The principal of all these entries. */
  readonly principal: Principal;
  /** All of them, in the order of the keytab. */
  readonly entries: readonly KeytabEntry[];
  /** By enctype: entries whose enctype the provider supports. */
  readonly usable: ReadonlyMap<number, KvnoList>;
  /** By enctype: the other entries. */
  readonly unusable: ReadonlyMap<number, KvnoList>;
}

/** The keys of a keytab that a matcher accepts. */
export interface AcceptedKeys {
  /** The accepted principals, in the order of the keytab. */
  readonly principals: ReadonlySet<PrincipalKeys>;
  /** The realms of these principals. */
  readonly realms: ReadonlySet<string>;
  /** By enctype: entries whose enctype the provider supports. */
  readonly usable: ReadonlyMap<number, KvnoList>;
  /** By enctype: the entries of {@link usable} that may be tried on a ticket of another kvno. */
  readonly anyKvno: ReadonlyMap<number, readonly KeytabEntry[]>;
}

/** The principals of a keytab, ordered by their first entries. */
export function principalsOf(keytab: Keytab): readonly PrincipalKeys[] {
  return indexOf(keytab).principals;
}

/** The entries of a principal; undefined if it has none. */
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

/** The keys of the keytab that the matcher accepts. The result is kept for both objects' lifetime. */
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
  /** A tree of names: the realm, then one level for each component. */
  readonly realms: NameNode;
  readonly accepted: WeakMap<ServiceMatcher, AcceptedKeys>;
}

interface NameNode {
  readonly children: Map<string, NameNode>;
  keys?: GrowingKeys;
}

interface GrowingKeys extends PrincipalKeys {
  readonly entries: KeytabEntry[];
  readonly usable: Map<number, KvnoList>;
  unusable: Map<number, KvnoList>;
}

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
    // A map only where needed: few keytabs have such entries, and some have many principals.
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
  const usable = new Map<number, KvnoList>();
  const anyKvno = new Map<number, KeytabEntry[]>();
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
        list.add(entry);
        if (match === 'every-kvno') free.push(entry);
      }
    }
  }
  return { principals: accepted, realms, usable, anyKvno };
}

function listOf(lists: Map<number, KvnoList>, enctype: number): KvnoList {
  let list = lists.get(enctype);
  if (list === undefined) {
    list = new KvnoList();
    lists.set(enctype, list);
  }
  return list;
}

const NONE: Map<number, KvnoList> = new Map();

// Keytabs and matchers do not change, so what was derived from them stays valid.
const indexes = new WeakMap<Keytab, KeytabIndex>();
