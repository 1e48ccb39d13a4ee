/** What an operator can do about a ticket that no key opened. */
import { enctypeName } from '../crypto/numbers.ts';
import type { Principal } from '../messages/principal.ts';
import { printablePrincipal } from '../messages/principal.ts';
import type { Facts, KeytabFacts } from './facts.ts';
import { enctypesOf, keytabPrincipals, kvnosOf, MAX_SCANNED } from './facts.ts';
import type { PrincipalKeys } from './keytab-index.ts';
import { MAX_KEY_TRIALS } from './lookup.ts';
import type { ServiceMatcher } from './service-name.ts';

export function serviceNotInKeytab(facts: KeytabFacts): string {
  if (facts.principals.length === 0) return EMPTY_KEYTAB;
  const wanted = wantedNames(facts.matcher);
  const near = wanted.map((name) => nearMiss(facts, name)).find((hint) => hint !== undefined);
  return sentences(holds(facts), near);
}

export function serverNotAccepted(facts: Facts): string {
  const there = facts.own === undefined ? ', which the keytab does not hold' : '';
  return sentences(
    `the client asked for ${facts.server}${there}; this acceptor accepts ${facts.service} only`,
    facts.own === undefined
      ? nearMiss(facts, facts.ticketServer)
      : 'name that service too, or name none: then every key of the keytab is accepted',
  );
}

export function serverNotInKeytab(facts: Facts): string {
  const near = nearMiss(facts, facts.ticketServer);
  const keys = facts.accepted.usable.get(facts.enctype)?.all.length ?? 0;
  const tried =
    keys > MAX_KEY_TRIALS
      ? `only ${MAX_KEY_TRIALS} of ${keys} keys of other names were tried: add this name`
      : undefined;
  const otherwise =
    near === undefined
      ? 'add its keys, or look for what makes the client ask for that name: ' +
        'a DNS alias, a short host name, an IP address, an SPN of another account (setspn -Q)'
      : undefined;
  return sentences(holds(facts), near, tried, otherwise);
}

export function ticketOutOfDate(facts: Facts, { entries }: PrincipalKeys): string {
  return sentences(
    `for it the keytab has kvno ${kvnosOf(entries).join(', ')}`,
    "the client's ticket is from before the last change of the key: it needs a new one " +
      '(kinit; Windows: klist purge). Keep old keys in the keytab until their tickets have expired',
    facts.matcher.type === 'principal' ? KVNO_RULE : undefined,
  );
}

export function keytabOutOfDate(facts: Facts, { entries }: PrincipalKeys): string {
  return sentences(
    `for it the keytab has kvno ${kvnosOf(entries).join(', ')}`,
    'the key was changed after the keytab was written: export it again ' +
      '(kadmin ktadd without -norandkey, and ktpass, change the key each time that they export it)',
    facts.matcher.type === 'principal' ? KVNO_RULE : undefined,
  );
}

export function enctypeNotInKeytab(facts: Facts, { entries }: PrincipalKeys): string {
  const has = facts.fitting.length > 0 ? facts.fitting : entries;
  return sentences(
    `the ticket is of ${enctypeName(facts.enctype)}, the keytab has ${enctypesOf(has).join(', ')}`,
    "export a key of the ticket's enctype, or have the KDC use one that the keytab has " +
      '(Active Directory: msDS-SupportedEncryptionTypes of the account; if unset, it may be RC4)',
  );
}

export function enctypeNotSupported(facts: Facts): string {
  return sentences(
    `${enctypeName(facts.enctype)} is not among the enctypes of this acceptor`,
    'have the KDC use aes256-cts-hmac-sha1-96 or another that is ' +
      '(Active Directory: msDS-SupportedEncryptionTypes of the account) and export the keys again',
  );
}

export function wrongKey(facts: Facts): string {
  return sentences(
    facts.kvno === 0 ? 'the ticket names no kvno, so every key was tried' : undefined,
    'either the ticket was altered, or the key differs from the KDC: the password was changed ' +
      'or the account made anew without its kvno growing; the keytab was made from a password ' +
      'with another salt or a typing error; or the SPN is on two accounts (setspn -X)',
    'export the keytab again and let clients get new tickets',
  );
}

function holds(facts: KeytabFacts): string {
  return `the keytab holds ${keytabPrincipals(facts).join(', ')}`;
}

interface WantedName {
  readonly components: readonly string[];
  readonly realm?: string;
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

/** A name of the keytab that is so like the wanted one that it was probably meant. */
function nearMiss(facts: KeytabFacts, wanted: WantedName): string | undefined {
  // A forged ticket names what it likes: comparing takes the name's length for each principal.
  if ([...wanted.components, wanted.realm ?? ''].join().length > MAX_COMPARED) return undefined;
  let best: string | undefined;
  let bestRank = Number.POSITIVE_INFINITY;
  for (const { principal } of facts.principals.slice(0, MAX_SCANNED)) {
    const rank = LIKENESS.findIndex(({ holds }) => holds(principal, wanted));
    if (rank < 0 || rank >= bestRank) continue;
    bestRank = rank;
    best = `${printablePrincipal(principal)} ${LIKENESS[rank]!.text}`;
  }
  return best;
}

interface Likeness {
  readonly text: string;
  readonly holds: (principal: Principal, wanted: WantedName) => boolean;
}

// The more alike, the earlier.
const LIKENESS: readonly Likeness[] = [
  {
    text: 'differs in the case of the realm only, and realms are case-sensitive',
    holds: (principal, wanted) =>
      nameOf(principal, wanted) === nameOf(wanted, wanted) &&
      wanted.realm !== undefined &&
      principal.realm !== wanted.realm &&
      lower(principal.realm) === lower(wanted.realm),
  },
  {
    text: 'differs in upper and lower case only, and names are case-sensitive',
    holds: (principal, wanted) =>
      nameOf(principal, wanted) !== nameOf(wanted, wanted) &&
      lower(nameOf(principal, wanted)) === lower(nameOf(wanted, wanted)),
  },
  {
    text: 'has the same name in another realm',
    holds: (principal, wanted) =>
      nameOf(principal, wanted) === nameOf(wanted, wanted) &&
      wanted.realm !== undefined &&
      principal.realm !== wanted.realm,
  },
  {
    text:
      'is one component: the tool that wrote it did not split the name at its slash; write it ' +
      'again with the service and the host apart',
    holds: ({ components }, wanted) =>
      components.length === 1 &&
      wanted.components.length > 1 &&
      lower(components[0]!) === lower(wanted.components.join('/')),
  },
  {
    text:
      'is an account, not a service on a host: a name with one @ and no / is service@host. ' +
      "Write '*' to accept every key of the keytab",
    holds: (principal, wanted) =>
      wanted.realm === undefined &&
      principal.components.length === 1 &&
      principal.components[0] === wanted.components[0] &&
      lower(principal.realm) === wanted.components[1],
  },
  {
    text: 'is the same service on the same host if one of the two names is the short one',
    holds: ({ components }, wanted) =>
      components[0] === wanted.components[0] &&
      sameShortHost(components[1] ?? '', wanted.components[1] ?? ''),
  },
  {
    text: 'is another service on the same host',
    holds: ({ components }, wanted) =>
      wanted.components.length === 2 &&
      components.length === 2 &&
      lower(components[1]!) === lower(wanted.components[1]!),
  },
];

/** As many components as are wanted: a service on any host has one. */
function nameOf({ components }: WantedName, wanted: WantedName): string {
  return components.slice(0, wanted.components.length).join('/');
}

function sameShortHost(a: string, b: string): boolean {
  const [short, long] = a.length < b.length ? [lower(a), lower(b)] : [lower(b), lower(a)];
  return short !== '' && long.startsWith(`${short}.`);
}

function lower(text: string): string {
  return text.toLowerCase();
}

function sentences(...parts: readonly (string | undefined)[]): string {
  return parts.filter((part) => part !== undefined).join('; ');
}

const KVNO_RULE =
  'for a service name with a realm only keys of the kvno of the ticket are tried; ' +
  'service@host tries those of every kvno';

const EMPTY_KEYTAB =
  "the keytab has no entries: export the service's keys into it " +
  '(MIT: kadmin ktadd; Active Directory: ktpass, msktutil or net ads keytab)';

// Characters of a name; real ones are much shorter.
const MAX_COMPARED = 256;
