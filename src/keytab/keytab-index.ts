/** A keytab, indexed: by principal, and by what a matcher accepts of it. Each is made once. */
import type { Principal, PrincipalName } from '../messages/principal.ts';
import type { Keytab, KeytabEntry } from './keytab.ts';
import type { ServiceMatcher } from './service-name.ts';
import { matchService } from './service-name.ts';

/** What a keytab has of one principal, in the order of the keytab. */
export interface PrincipalKeys {
  readonly principal: Principal;
  readonly entries: readonly KeytabEntry[];
  /** By enctype, those whose enctype the provider has. */
  readonly usable: ReadonlyMap<number, readonly KeytabEntry[]>;
}

/** What a matcher accepts of a keytab. */
export interface AcceptedKeys {
  readonly principals: ReadonlySet<PrincipalKeys>;
  /** Of these principals. */
  readonly realms: ReadonlySet<string>;
  /** By enctype, keys whose enctype the provider has. */
  readonly usable: ReadonlyMap<number, readonly AcceptedKey[]>;
}

export interface AcceptedKey {
  readonly entry: KeytabEntry;
  readonly principal: PrincipalKeys;
  /** Whether it may be tried on a ticket of another kvno. */
  readonly everyKvno: boolean;
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
  readonly usable: Map<number, KeytabEntry[]>;
}

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
      node.keys = { principal, entries: [], usable: new Map() };
      principals.push(node.keys);
    }
    node.keys.entries.push(entry);
    if (key.supported) append(node.keys.usable, key.enctype, entry);
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
  const realms = new Set<string>();
  const usable = new Map<number, AcceptedKey[]>();
  for (const principal of principals) {
    const match = matchService(matcher, principal.principal);
    if (match === undefined) continue;
    accepted.add(principal);
    realms.add(principal.principal.realm);
    const everyKvno = match === 'every-kvno';
    for (const [enctype, entries] of principal.usable) {
      for (const entry of entries) append(usable, enctype, { entry, principal, everyKvno });
    }
  }
  return { principals: accepted, realms, usable };
}

function append<T>(lists: Map<number, T[]>, key: number, value: T): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}
