/** Hints for the operator about a ticket that no key opened, and about a keytab without usable keys. */
import { enctypeName } from '../crypto/numbers.ts';
import type { Principal } from '../messages/principal.ts';
import { printablePrincipal } from '../messages/principal.ts';
import type { KeytabFacts, TicketFacts } from './facts.ts';
import { enctypesOf, hasHigherKvno, keytabPrincipals, kvnosOf, MAX_SCANNED } from './facts.ts';
import type { PrincipalKeys } from './keytab-index.ts';
import { MAX_KEY_TRIALS } from './lookup.ts';
import type { ServiceMatcher } from './service-name.ts';

/** For a service of which the keytab has no key. */
export function serviceNotInKeytab(facts: KeytabFacts): string {
  if (facts.principals.length === 0) return EMPTY_KEYTAB;
  const wanted = wantedNames(facts.matcher);
  const near = wanted.map((name) => nearMiss(facts, name)).find((hint) => hint !== undefined);
  return sentences(holds(facts), near);
}

/** For a ticket of another service than the accepted ones. */
export function serverNotAccepted(facts: TicketFacts): string {
  const there = facts.own === undefined ? ', which is not in the keytab' : '';
  return sentences(
    `the client asked for ${facts.server}${there}; this acceptor accepts ${facts.service} only`,
    facts.own === undefined
      ? nearMiss(facts, facts.ticketServer)
      : 'name that service too, or name none to accept every key of the keytab',
  );
}

/** For a ticket of a server that the keytab does not hold. */
export function serverNotInKeytab(facts: TicketFacts): string {
  const near = nearMiss(facts, facts.ticketServer);
  const keys = facts.accepted.usable.get(facts.enctype)?.all.length ?? 0;
  const tried =
    keys > MAX_KEY_TRIALS
      ? `only ${MAX_KEY_TRIALS} of ${keys} keys of other names were tried: add this name`
      : undefined;
  const otherwise =
    near === undefined
      ? 'add its keys, or find out why the client asks for that name: ' +
        'a DNS alias, a short host name, an IP address, an SPN of another account (setspn -Q)'
      : undefined;
  return sentences(holds(facts), near, tried, otherwise);
}

/** For a kvno that the keytab does not have: the ticket is older than the keytab, or newer. */
export function kvnoNotInKeytab(facts: TicketFacts, keys: PrincipalKeys): string {
  return sentences(
    `for it the keytab has kvno ${kvnosOf(keys.entries).join(', ')}`,
    hasHigherKvno(keys, facts.kvno) ? OLD_TICKET : OLD_KEYTAB,
    facts.matcher.type === 'principal' ? KVNO_RULE : undefined,
  );
}

/** For a server whose keys are of other enctypes than the ticket. */
export function enctypeNotInKeytab(facts: TicketFacts, { entries }: PrincipalKeys): string {
  const has = facts.fitting.length > 0 ? facts.fitting : entries;
  return sentences(
    `the ticket uses ${enctypeName(facts.enctype)}, the keytab has ${enctypesOf(has).join(', ')}`,
    "export a key of the ticket's enctype, or have the KDC use one that the keytab has " +
      '(Active Directory: msDS-SupportedEncryptionTypes of the account; if unset, it may be RC4)',
  );
}

/** For a key whose enctype the crypto provider lacks. */
export function enctypeNotSupported(facts: TicketFacts): string {
  return sentences(
    `${enctypeName(facts.enctype)} is not among the enctypes of this acceptor`,
    'have the KDC use aes256-cts-hmac-sha1-96 or another one that is ' +
      '(Active Directory: msDS-SupportedEncryptionTypes of the account), and export the keys again',
  );
}

/** For a key that should have opened the ticket. */
export function wrongKey(facts: TicketFacts): string {
  return sentences(
    facts.kvno === 0 ? 'the ticket names no kvno, so every key was tried' : undefined,
    "either the ticket was altered, or the key differs from the KDC's: the password was changed " +
      'or the account recreated without a higher kvno; the keytab was made from a mistyped password ' +
      'or with the wrong salt; or the SPN is on two accounts (setspn -X)',
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

/** The name in the keytab that is most like the wanted one, and in which way they differ. */
function nearMiss(facts: KeytabFacts, wanted: WantedName): string | undefined {
  // A forged ticket can hold a very long name, which would be compared with each principal.
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

// The closest likeness comes first.
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
      'again with service and host as two components',
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

/** Only as many components as the wanted name has: that of a service on any host has one. */
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

const OLD_TICKET =
  "the client's ticket was issued before the last change of the key: it needs a new one " +
  '(kinit; Windows: klist purge). Keep old keys in the keytab until their tickets have expired';

const OLD_KEYTAB =
  'the key was changed after the keytab was written: export it again ' +
  '(kadmin ktadd without -norandkey, and ktpass, change the key with each export)';

const KVNO_RULE =
  "for a service name with a realm only keys of the ticket's kvno are tried; " +
  'service@host tries those of every kvno';

const EMPTY_KEYTAB =
  "the keytab has no entries: export the service's keys into it " +
  '(MIT: kadmin ktadd; Active Directory: ktpass, msktutil or net ads keytab)';

// Characters of a name; real ones are much shorter.
const MAX_COMPARED = 256;
