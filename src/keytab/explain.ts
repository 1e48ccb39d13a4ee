/**
 * Explains why no key of a keytab opened a ticket.
 *
 * Codes, conditions and messages are those of MIT krb5 (rd_req_dec.c iteration_error,
 * keytab_fetch_error, integrity_error), because operators know them and search for them. The reasons
 * have no counterpart in MIT krb5; their texts are in the catalogue (`explain/`).
 */
import type { EncryptionKey } from '../crypto/key.ts';
import { enctypeName, enctypeShortName, isWeakEnctype } from '../crypto/numbers.ts';
import type { KerberosErrorName } from '../errors.ts';
import { KerberosError } from '../errors.ts';
import type { KeyDetails, NoKeyDetail, TicketDetails } from '../explain/client-reasons.ts';
import type { Principal } from '../messages/principal.ts';
import { principalEqual } from '../messages/principal.ts';
import { formatTime } from '../time.ts';
import type { TicketFacts } from './facts.ts';
import {
  enctypesOf,
  entriesInQuestion,
  gatherKeytabFacts,
  gatherTicketFacts,
  hasEnctype,
  hasHigherKvno,
  isLowByte,
  keytabPrincipals,
  kvnosOf,
  newestTimestamp,
} from './facts.ts';
import type { Keytab, KeytabEntry } from './keytab.ts';
import type { PrincipalKeys } from './keytab-index.ts';
import { findNearest, findNearestTo } from './likeness.ts';
import type { TicketKeyRequest } from './lookup.ts';
import { MAX_KEY_TRIALS } from './lookup.ts';
import type { ServiceMatcher } from './service-name.ts';

/**
 * The error for a ticket that none of the keys of {@link selectKeys} opened.
 *
 * @param hasOpened - Whether the key of an entry has opened another ticket before: then it is right.
 * @returns `KRB_AP_ERR_NOKEY`, `KRB_AP_ERR_NOT_US`, `KRB_AP_ERR_BADKEYVER`,
 *   `KRB_AP_ERR_BAD_INTEGRITY`, or `KDC_ERR_ETYPE_NOSUPP` if the keytab has the key but the provider
 *   lacks its enctype.
 */
export function explainNoKey(
  keytab: Keytab,
  matcher: ServiceMatcher,
  ticket: TicketKeyRequest,
  hasOpened: (entry: KeytabEntry) => boolean = () => false,
): KerberosError {
  const facts = gatherTicketFacts(keytab, matcher, ticket);
  const { reason, code, message, ...about } =
    matcher.type === 'principal'
      ? explainLookup(facts, matcher.principal, hasOpened)
      : explainSearch(facts, hasOpened);
  const entries = entriesInQuestion(facts);
  return new KerberosError(code, {
    reason,
    message,
    detail: {
      ticketServer: facts.server,
      kvno: facts.kvno,
      enctype: enctypeName(facts.enctype),
      keytabPrincipals: keytabPrincipals(facts),
      keytabKvnos: kvnosOf(entries),
      keytabEnctypes: enctypesOf(entries),
      ...(matcher.type !== 'any' && { service: facts.service }),
      ...(matcher.type === 'principal' && { explicit: true }),
      ...dateOf(facts),
      ...about,
    },
  });
}

/**
 * The error for a keytab without any key that the matcher accepts: it cannot open any ticket.
 *
 * @returns `KRB5_KT_NOTFOUND`.
 */
export function explainNoService(keytab: Keytab, matcher: ServiceMatcher): KerberosError {
  const facts = gatherKeytabFacts(keytab, matcher);
  if (facts.principals.length === 0) {
    return new KerberosError('KRB5_KT_NOTFOUND', {
      reason: 'keytab.empty',
      message: 'No keys in keytab',
    });
  }
  return new KerberosError('KRB5_KT_NOTFOUND', {
    reason: 'keytab.no-service',
    message: `No key table entry found matching ${facts.service}`,
    detail: {
      service: facts.service,
      keytabPrincipals: keytabPrincipals(facts),
      ...findNearestTo(facts, matcher),
    },
  });
}

type NoKeyReason = {
  [R in keyof KeyDetails | keyof TicketDetails]: (KeyDetails & TicketDetails)[R] extends NoKeyDetail
    ? R
    : never;
}[keyof KeyDetails | keyof TicketDetails];

/** An error, without the facts that all of them have. */
type NoKey = {
  readonly reason: NoKeyReason;
  readonly code: KerberosErrorName;
  readonly message: string;
} & Partial<NoKeyDetail>;

type HasOpened = (entry: KeytabEntry) => boolean;

/** After keys of several principals were tried: MIT krb5 rd_req_dec.c iteration_error. */
function explainSearch(facts: TicketFacts, hasOpened: HasOpened): NoKey {
  const { accepted, own, fitting } = facts;
  if (accepted.principals.size === 0) return noAcceptedKey(facts);
  if (own === undefined) return serverNotInKeytab(facts);
  if (!accepted.principals.has(own)) return serverNotAccepted(facts);
  if (fitting.length === 0) return kvnoNotInKeytab(facts, own);
  const entry = entryOfTicketEnctype(facts);
  if (entry === undefined) return enctypeNotInKeytab(facts);
  return entry.key.supported
    ? wrongKey(facts, entry, hasOpened)
    : enctypeNotSupported(facts, entry.key);
}

function noAcceptedKey(facts: TicketFacts): NoKey {
  const message =
    facts.matcher.type === 'any'
      ? 'No keys in keytab'
      : `Server principal ${facts.service} does not match any keys in keytab`;
  const near = findNearestTo(facts, facts.matcher);
  return { reason: 'spn.no-service', code: 'KRB_AP_ERR_NOKEY', message, ...near };
}

function serverNotInKeytab(facts: TicketFacts): NoKey {
  const count = facts.accepted.usable.get(facts.enctype)?.all.length ?? 0;
  return {
    code: 'KRB_AP_ERR_NOT_US',
    message: `Request ticket server ${facts.server} not found in keytab (ticket kvno ${facts.kvno})`,
    ...(count > MAX_KEY_TRIALS && { keysTried: MAX_KEY_TRIALS, keysOfEnctype: count }),
    ...otherServer(facts),
  };
}

/** In which way the ticket's server differs from those in the keytab. */
function otherServer(facts: TicketFacts): Pick<NoKey, 'reason' | 'near' | 'likeness'> {
  const { ticketServer } = facts;
  if (KDC_SERVICES.includes(ticketServer.components[0]!)) return { reason: 'spn.ticket-granting' };
  const near = findNearest(facts, ticketServer);
  if (near !== undefined) return { reason: `spn.${near.likeness}`, ...near };
  if (ticketServer.components.length === 1) return { reason: 'spn.account-name' };
  return { reason: 'spn.not-in-keytab' };
}

function serverNotAccepted(facts: TicketFacts, message?: string): NoKey {
  return {
    code: 'KRB_AP_ERR_NOT_US',
    message:
      message ??
      `Request ticket server ${facts.server} found in keytab but does not match server principal ` +
        facts.service,
    ...(facts.own === undefined ? otherServer(facts) : { reason: 'spn.not-accepted' }),
  };
}

function kvnoNotInKeytab(facts: TicketFacts, own: PrincipalKeys, message?: string): NoKey {
  const culprit = hasHigherKvno(own, facts.kvno) ? 'ticket' : 'keytab';
  const wrapped = facts.matcher.type === 'principal' && isLowByte(facts.kvno, own.entries);
  return {
    reason: wrapped ? 'key.wrapped-kvno' : `key.stale-${culprit}`,
    code: 'KRB_AP_ERR_BADKEYVER',
    message:
      message ??
      `Request ticket server ${facts.server} kvno ${facts.kvno} not found in keytab; ` +
        `${culprit} is likely out of date`,
  };
}

function enctypeNotInKeytab(facts: TicketFacts): NoKey {
  return {
    reason: 'key.enctype-missing',
    code: 'KRB_AP_ERR_BADKEYVER',
    message:
      `Request ticket server ${facts.server} kvno ${facts.kvno} found in keytab but not with ` +
      `enctype ${enctypeShortName(facts.enctype)}`,
  };
}

/**
 * A key whose kvno fits every ticket (0), or has the same low 8 bits only, and that does not open the ticket,
 * is reported as MIT krb5 does: the kvno is not in the keytab.
 */
function wrongKey(facts: TicketFacts, entry: KeytabEntry, hasOpened: HasOpened): NoKey {
  const { server, kvno, enctype } = facts;
  if (kvno !== 0 && entry.kvno !== kvno) {
    return {
      reason: entry.kvno === 0 ? 'key.wrong-any-kvno' : 'key.wrapped-kvno',
      code: 'KRB_AP_ERR_BADKEYVER',
      message: `Request ticket server ${server} kvno ${kvno} not found in keytab; keytab is likely out of date`,
    };
  }
  return {
    reason: hasOpened(entry) ? 'ticket.altered' : 'key.wrong',
    code: 'KRB_AP_ERR_BAD_INTEGRITY',
    message:
      `Request ticket server ${server} kvno ${kvno} enctype ` +
      `${enctypeShortName(enctype)} found in keytab but cannot decrypt ticket`,
  };
}

/** MIT krb5 has no message for it: it supports every enctype that is still in use. */
function enctypeNotSupported(facts: TicketFacts, { enctype }: EncryptionKey): NoKey {
  return {
    reason: isWeakEnctype(enctype) ? 'key.weak' : 'key.unusable',
    code: 'KDC_ERR_ETYPE_NOSUPP',
    message:
      `Request ticket server ${facts.server} kvno ${facts.kvno} enctype ` +
      `${enctypeShortName(facts.enctype)} found in keytab but the enctype is not supported here`,
  };
}

/** After one principal was looked up: MIT krb5 rd_req_dec.c try_one_princ. */
function explainLookup(facts: TicketFacts, principal: Principal, hasOpened: HasOpened): NoKey {
  const { service, server, kvno, subject } = facts;
  // A ticket for another name that no key opens was not meant for this service.
  const isOurs = principalEqual(principal, facts.ticketServer);
  if (subject === undefined) {
    const near = findNearestTo(facts, facts.matcher);
    const message = `No key table entry found for ${service}`;
    return { reason: 'spn.no-service', code: 'KRB_AP_ERR_NOKEY', message, ...near };
  }
  const missing = `Cannot find key for ${service} kvno ${kvno} in keytab`;
  if (!hasEnctype(subject, facts.enctype)) {
    return isOurs
      ? enctypeNotInKeytab(facts)
      : serverNotAccepted(facts, `${missing} (request ticket server ${server})`);
  }
  const entry = entryOfTicketEnctype(facts);
  if (entry === undefined) {
    return isOurs
      ? kvnoNotInKeytab(facts, subject, missing)
      : serverNotAccepted(facts, `${missing} (request ticket server ${server})`);
  }
  if (!entry.key.supported) return enctypeNotSupported(facts, entry.key);
  const message = `Cannot decrypt ticket for ${server} using keytab key for ${service}`;
  if (!isOurs) return serverNotAccepted(facts, message);
  const wrong = wrongKey(facts, entry, hasOpened);
  return wrong.code === 'KRB_AP_ERR_BAD_INTEGRITY' ? { ...wrong, message } : wrong;
}

function entryOfTicketEnctype({ fitting, enctype }: TicketFacts): KeytabEntry | undefined {
  return fitting.find((entry) => entry.key.enctype === enctype);
}

function dateOf({ subject }: TicketFacts): Pick<NoKeyDetail, 'keyDate'> {
  const newest = subject === undefined ? 0 : newestTimestamp(subject.entries);
  return newest === 0 ? {} : { keyDate: formatTime(newest) };
}

// The services of the KDC itself: their keys are never in the keytab of another service.
const KDC_SERVICES: readonly string[] = ['krbtgt', 'kadmin'];
