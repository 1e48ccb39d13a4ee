/**
 * Explains why no key of a keytab opened a ticket.
 *
 * Codes, conditions and messages are those of MIT krb5 (rd_req_dec.c iteration_error,
 * keytab_fetch_error, integrity_error), because operators know them and search for them. A kvno counts
 * as found if the selection of keys would try it. The hints have no counterpart in MIT krb5.
 */
import type { EncryptionKey } from '../crypto/key.ts';
import { enctypeName, enctypeShortName } from '../crypto/numbers.ts';
import type { KerberosErrorName } from '../errors.ts';
import { KerberosError } from '../errors.ts';
import type { Principal } from '../messages/principal.ts';
import { principalEqual } from '../messages/principal.ts';
import type { TicketFacts } from './facts.ts';
import {
  enctypesOf,
  entriesInQuestion,
  gatherKeytabFacts,
  gatherTicketFacts,
  hasEnctype,
  hasHigherKvno,
  keytabPrincipals,
  kvnosOf,
} from './facts.ts';
import * as hints from './hints.ts';
import type { Keytab } from './keytab.ts';
import type { PrincipalKeys } from './keytab-index.ts';
import type { TicketKeyRequest } from './lookup.ts';
import type { ServiceMatcher } from './service-name.ts';

/**
 * The error for a ticket that none of the keys of {@link selectKeys} opened.
 *
 * @returns `KRB_AP_ERR_NOKEY`, `KRB_AP_ERR_NOT_US`, `KRB_AP_ERR_BADKEYVER`,
 *   `KRB_AP_ERR_BAD_INTEGRITY`, or `KDC_ERR_ETYPE_NOSUPP` if the keytab has the key but the provider
 *   lacks its enctype. Its `detail` has `ticketServer`, `kvno` (0 if absent) and `enctype` of the
 *   ticket, and `keytabPrincipals`, `keytabKvnos` and `keytabEnctypes`: at most 8 of each, then
 *   `'N more'`.
 */
export function explainNoKey(
  keytab: Keytab,
  matcher: ServiceMatcher,
  ticket: TicketKeyRequest,
): KerberosError {
  const facts = gatherTicketFacts(keytab, matcher, ticket);
  const [code, message, hint] =
    matcher.type === 'principal' ? explainLookup(facts, matcher.principal) : explainSearch(facts);
  const entries = entriesInQuestion(facts);
  return new KerberosError(code, {
    reason: 'key.wrong',
    message,
    hint,
    detail: {
      ticketServer: facts.server,
      kvno: facts.kvno,
      enctype: enctypeName(facts.enctype),
      keytabPrincipals: keytabPrincipals(facts),
      keytabKvnos: kvnosOf(entries),
      keytabEnctypes: enctypesOf(entries),
    },
  });
}

/**
 * The error for a keytab without any key that the matcher accepts: it cannot open any ticket.
 *
 * @returns `KRB5_KT_NOTFOUND`; `detail.keytabPrincipals` as in {@link explainNoKey}.
 */
export function explainNoService(keytab: Keytab, matcher: ServiceMatcher): KerberosError {
  const facts = gatherKeytabFacts(keytab, matcher);
  const message =
    facts.principals.length === 0
      ? 'No keys in keytab'
      : `No key table entry found matching ${facts.service}`;
  return new KerberosError('KRB5_KT_NOTFOUND', {
    reason: 'keytab.no-service',
    message,
    hint: hints.serviceNotInKeytab(facts),
    detail: { keytabPrincipals: keytabPrincipals(facts) },
  });
}

type Explanation = readonly [code: KerberosErrorName, message: string, hint: string];

/** After keys of several principals were tried: MIT krb5 rd_req_dec.c iteration_error. */
function explainSearch(facts: TicketFacts): Explanation {
  const { accepted, own, fitting } = facts;
  if (accepted.principals.size === 0) return noAcceptedKey(facts);
  if (own === undefined) return serverNotInKeytab(facts);
  if (!accepted.principals.has(own)) return serverNotAccepted(facts);
  if (fitting.length === 0) return kvnoNotInKeytab(facts, own);
  const key = keyOfTicketEnctype(facts);
  if (key === undefined) return enctypeNotInKeytab(facts, own);
  return key.supported ? wrongKey(facts) : enctypeNotSupported(facts);
}

function noAcceptedKey(facts: TicketFacts): Explanation {
  const message =
    facts.matcher.type === 'any'
      ? 'No keys in keytab'
      : `Server principal ${facts.service} does not match any keys in keytab`;
  return ['KRB_AP_ERR_NOKEY', message, hints.serviceNotInKeytab(facts)];
}

function serverNotInKeytab(facts: TicketFacts): Explanation {
  return [
    'KRB_AP_ERR_NOT_US',
    `Request ticket server ${facts.server} not found in keytab (ticket kvno ${facts.kvno})`,
    hints.serverNotInKeytab(facts),
  ];
}

function serverNotAccepted(facts: TicketFacts): Explanation {
  return [
    'KRB_AP_ERR_NOT_US',
    `Request ticket server ${facts.server} found in keytab but does not match server principal ` +
      facts.service,
    hints.serverNotAccepted(facts),
  ];
}

function kvnoNotInKeytab(facts: TicketFacts, own: PrincipalKeys): Explanation {
  const culprit = hasHigherKvno(own, facts.kvno) ? 'ticket' : 'keytab';
  return [
    'KRB_AP_ERR_BADKEYVER',
    `Request ticket server ${facts.server} kvno ${facts.kvno} not found in keytab; ` +
      `${culprit} is likely out of date`,
    hints.kvnoNotInKeytab(facts, own),
  ];
}

function enctypeNotInKeytab(facts: TicketFacts, own: PrincipalKeys): Explanation {
  return [
    'KRB_AP_ERR_BADKEYVER',
    `Request ticket server ${facts.server} kvno ${facts.kvno} found in keytab but not with ` +
      `enctype ${enctypeShortName(facts.enctype)}`,
    hints.enctypeNotInKeytab(facts, own),
  ];
}

function wrongKey(facts: TicketFacts): Explanation {
  return [
    'KRB_AP_ERR_BAD_INTEGRITY',
    `Request ticket server ${facts.server} kvno ${facts.kvno} enctype ` +
      `${enctypeShortName(facts.enctype)} found in keytab but cannot decrypt ticket`,
    hints.wrongKey(facts),
  ];
}

/** MIT krb5 has no message for it: it supports every enctype that is still in use. */
function enctypeNotSupported(facts: TicketFacts): Explanation {
  return [
    'KDC_ERR_ETYPE_NOSUPP',
    `Request ticket server ${facts.server} kvno ${facts.kvno} enctype ` +
      `${enctypeShortName(facts.enctype)} found in keytab but the enctype is not supported here`,
    hints.enctypeNotSupported(facts),
  ];
}

/** After one principal was looked up: MIT krb5 rd_req_dec.c try_one_princ. */
function explainLookup(facts: TicketFacts, principal: Principal): Explanation {
  const { service, server, kvno, subject } = facts;
  if (subject === undefined || !hasEnctype(subject, facts.enctype)) {
    const hint =
      subject === undefined
        ? hints.serviceNotInKeytab(facts)
        : hints.enctypeNotInKeytab(facts, subject);
    return ['KRB_AP_ERR_NOKEY', `No key table entry found for ${service}`, hint];
  }
  // A ticket for another name that no key opens was not meant for this service.
  const isOurs = principalEqual(principal, facts.ticketServer);
  const key = keyOfTicketEnctype(facts);
  if (key === undefined) {
    const message = `Cannot find key for ${service} kvno ${kvno} in keytab`;
    return isOurs
      ? ['KRB_AP_ERR_BADKEYVER', message, hints.kvnoNotInKeytab(facts, subject)]
      : [
          'KRB_AP_ERR_NOT_US',
          `${message} (request ticket server ${server})`,
          hints.serverNotAccepted(facts),
        ];
  }
  if (!key.supported) return enctypeNotSupported(facts);
  const message = `Cannot decrypt ticket for ${server} using keytab key for ${service}`;
  return isOurs
    ? ['KRB_AP_ERR_BAD_INTEGRITY', message, hints.wrongKey(facts)]
    : ['KRB_AP_ERR_NOT_US', message, hints.serverNotAccepted(facts)];
}

function keyOfTicketEnctype({ fitting, enctype }: TicketFacts): EncryptionKey | undefined {
  return fitting.find((entry) => entry.key.enctype === enctype)?.key;
}
