/** Finds the name in a keytab that is most like a wanted one, and in which way the two differ. */
import type { Principal } from '../messages/principal.ts';
import { printablePrincipal } from '../messages/principal.ts';
import type { KeytabFacts } from './facts.ts';
import { MAX_SCANNED } from './facts.ts';
import type { ServiceMatcher } from './service-name.ts';

/** In which way a name of the keytab differs from the wanted one. */
export type Likeness =
  | 'realm-case'
  | 'name-case'
  | 'other-realm'
  | 'unsplit-name'
  | 'account-name'
  | 'short-name'
  | 'other-service'
  | 'other-host';

/** A name of the keytab that is like the wanted one. */
export interface NearMiss {
  /** The principal as printable text. */
  readonly near: string;
  /** The difference. */
  readonly likeness: Likeness;
}

/** A principal, or what is known of one. */
export interface WantedName {
  /** Service and host; of a service on any host only the first. */
  readonly components: readonly string[];
  /** Absent if any realm will do. */
  readonly realm?: string;
}

/** The nearest name to the wanted one; undefined if none is like it. */
export function findNearest(facts: KeytabFacts, wanted: WantedName): NearMiss | undefined {
  // A forged ticket can hold a very long name, which would be compared with each principal.
  if ([...wanted.components, wanted.realm ?? ''].join().length > MAX_COMPARED) return undefined;
  let best: Principal | undefined;
  let bestRank = Number.POSITIVE_INFINITY;
  for (const { principal } of facts.principals.slice(0, MAX_SCANNED)) {
    const rank = LIKENESSES.findIndex(([, holds]) => holds(principal, wanted));
    if (rank < 0 || rank >= bestRank) continue;
    bestRank = rank;
    best = principal;
  }
  return best && { near: printablePrincipal(best), likeness: LIKENESSES[bestRank]![0] };
}

/** The nearest name to one of those that a matcher accepts. */
export function findNearestTo(facts: KeytabFacts, matcher: ServiceMatcher): NearMiss | undefined {
  for (const wanted of wantedNames(matcher)) {
    const found = findNearest(facts, wanted);
    if (found !== undefined) return found;
  }
  return undefined;
}

function wantedNames(matcher: ServiceMatcher): WantedName[] {
  switch (matcher.type) {
    case 'any':
      return [];
    case 'service':
      return [{ components: [matcher.service] }];
    case 'host':
      return [{ components: [matcher.service, matcher.host] }];
    case 'principal':
      return [matcher.principal];
    case 'oneOf':
      return matcher.matchers.flatMap(wantedNames);
  }
}

// The closest likeness comes first.
const LIKENESSES: readonly (readonly [
  likeness: Likeness,
  holds: (principal: Principal, wanted: WantedName) => boolean,
])[] = [
  [
    'realm-case',
    (principal, wanted) =>
      nameOf(principal, wanted) === nameOf(wanted, wanted) &&
      wanted.realm !== undefined &&
      principal.realm !== wanted.realm &&
      lower(principal.realm) === lower(wanted.realm),
  ],
  [
    'name-case',
    (principal, wanted) =>
      nameOf(principal, wanted) !== nameOf(wanted, wanted) &&
      lower(nameOf(principal, wanted)) === lower(nameOf(wanted, wanted)),
  ],
  [
    'other-realm',
    (principal, wanted) =>
      nameOf(principal, wanted) === nameOf(wanted, wanted) &&
      wanted.realm !== undefined &&
      principal.realm !== wanted.realm,
  ],
  [
    'unsplit-name',
    ({ components }, wanted) =>
      components.length === 1 &&
      wanted.components.length > 1 &&
      lower(components[0]!) === lower(wanted.components.join('/')),
  ],
  [
    'account-name',
    (principal, wanted) =>
      wanted.realm === undefined &&
      principal.components.length === 1 &&
      principal.components[0] === wanted.components[0] &&
      lower(principal.realm) === wanted.components[1],
  ],
  [
    'short-name',
    ({ components }, wanted) =>
      components[0] === wanted.components[0] &&
      sameShortHost(components[1] ?? '', wanted.components[1] ?? ''),
  ],
  [
    'other-service',
    ({ components }, wanted) =>
      areServices(components, wanted.components) &&
      lower(components[1]!) === lower(wanted.components[1]!),
  ],
  [
    'other-host',
    ({ components }, wanted) =>
      areServices(components, wanted.components) && components[0] === wanted.components[0],
  ],
];

/** Only as many components as the wanted name has: that of a service on any host has one. */
function nameOf({ components }: WantedName, wanted: WantedName): string {
  return components.slice(0, wanted.components.length).join('/');
}

function areServices(a: readonly string[], b: readonly string[]): boolean {
  return a.length === 2 && b.length === 2;
}

function sameShortHost(a: string, b: string): boolean {
  const [short, long] = a.length < b.length ? [lower(a), lower(b)] : [lower(b), lower(a)];
  return short !== '' && long.startsWith(`${short}.`);
}

function lower(text: string): string {
  return text.toLowerCase();
}

// Characters of a name; real ones are much shorter.
const MAX_COMPARED = 256;
