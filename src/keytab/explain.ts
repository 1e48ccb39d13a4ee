/**
 * Why no key of a keytab opened a ticket.
 *
 * Codes, conditions and texts are those of MIT krb5 (rd_req_dec.c iteration_error,
 * keytab_fetch_error, integrity_error): operators know them and search for them. Whether a kvno
 * counts as found is decided as the selection of keys decides it. The hints are our own.
 */
import { enctypeName, enctypeShortName } from '../crypto/numbers.ts';
import type { KerberosErrorName } from '../errors.ts';
import { KerberosError } from '../errors.ts';
import type { Principal } from '../messages/principal.ts';
import { principalEqual } from '../messages/principal.ts';
import type { Facts } from './facts.ts';
import {
  enctypesOf,
  entriesInQuestion,
  gatherFacts,
  gatherKeytabFacts,
  hasEnctype,
  hasHigherKvno,
  keytabPrincipals,
  kvnosOf,
} from './facts.ts';
import * as hints from './hints.ts';
import type { Keytab } from './keytab.ts';
import type { TicketKeyRequest } from './lookup.ts';
import type { ServiceMatcher } from './service-name.ts';

/**
 * The error for a ticket that none of the keys of {@link selectKeys} opened.
 *
 * @returns `KRB_AP_ERR_NOKEY`, `KRB_AP_ERR_NOT_US`, `KRB_AP_ERR_BADKEYVER`,
 *   `KRB_AP_ERR_BAD_INTEGRITY`, or `KDC_ERR_ETYPE_NOSUPP` where the keytab has the key but the
 *   provider lacks its enctype. `detail`: `ticketServer`, `kvno` (0 if the ticket has none) and
 *   `enctype` of the ticket; `keytabPrincipals`, `keytabKvnos`, `keytabEnctypes`: what the keytab
 *   has, at most 8 of each and then `'N more'`.
 */
export function explainNoKey(
  keytab: Keytab,
  matcher: ServiceMatcher,
  ticket: TicketKeyRequest,
): KerberosError {
  const facts = gatherFacts(keytab, matcher, ticket);
  const [code, message, hint] =
    matcher.type === 'principal' ? explicitServer(facts, matcher.principal) : search(facts);
  const entries = entriesInQuestion(facts);
  return new KerberosError(code, {
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
 * The error for a keytab without a single key that the matcher accepts: no ticket can be opened.
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
    message,
    hint: hints.serviceNotInKeytab(facts),
    detail: { keytabPrincipals: keytabPrincipals(facts) },
  });
}

type Explanation = readonly [code: KerberosErrorName, message: string, hint: string];

/** Many keys were tried: MIT krb5 rd_req_dec.c iteration_error. */
function search(facts: Facts): Explanation {
  const { matcher, service, accepted, own, server, kvno, fitting } = facts;
  if (accepted.principals.size === 0) {
    const message =
      matcher.type === 'any'
        ? 'No keys in keytab'
        : `Server principal ${service} does not match any keys in keytab`;
    return ['KRB_AP_ERR_NOKEY', message, hints.serviceNotInKeytab(facts)];
  }
  if (own !== undefined && !accepted.principals.has(own)) {
    return [
      'KRB_AP_ERR_NOT_US',
      `Request ticket server ${server} found in keytab but does not match server principal ${service}`,
      hints.serverNotAccepted(facts),
    ];
  }
  if (own === undefined) {
    return [
      'KRB_AP_ERR_NOT_US',
      `Request ticket server ${server} not found in keytab (ticket kvno ${kvno})`,
      hints.serverNotInKeytab(facts),
    ];
  }
  if (fitting.length === 0) {
    const older = hasHigherKvno(own, kvno);
    return [
      'KRB_AP_ERR_BADKEYVER',
      `Request ticket server ${server} kvno ${kvno} not found in keytab; ` +
        `${older ? 'ticket' : 'keytab'} is likely out of date`,
      older ? hints.ticketOutOfDate(facts, own) : hints.keytabOutOfDate(facts, own),
    ];
  }
  const key = fitting.find((entry) => entry.key.enctype === facts.enctype)?.key;
  const enctype = enctypeShortName(facts.enctype);
  if (key === undefined) {
    return [
      'KRB_AP_ERR_BADKEYVER',
      `Request ticket server ${server} kvno ${kvno} found in keytab but not with enctype ${enctype}`,
      hints.enctypeNotInKeytab(facts, own),
    ];
  }
  if (!key.supported) return enctypeNotSupported(facts);
  return [
    'KRB_AP_ERR_BAD_INTEGRITY',
    `Request ticket server ${server} kvno ${kvno} enctype ${enctype} found in keytab ` +
      'but cannot decrypt ticket',
    hints.wrongKey(facts),
  ];
}

/** One principal was looked up: MIT krb5 rd_req_dec.c try_one_princ. */
function explicitServer(facts: Facts, principal: Principal): Explanation {
  const { service, server, kvno, subject, fitting } = facts;
  // Whoever asked for another name than ours, with a key that is not ours, did not mean us.
  const named = principalEqual(principal, facts.ticketServer);
  if (subject === undefined || !hasEnctype(subject, facts.enctype)) {
    return [
      'KRB_AP_ERR_NOKEY',
      `No key table entry found for ${service}`,
      subject === undefined
        ? hints.serviceNotInKeytab(facts)
        : hints.enctypeNotInKeytab(facts, subject),
    ];
  }
  const key = fitting.find((entry) => entry.key.enctype === facts.enctype)?.key;
  if (key === undefined) {
    const message = `Cannot find key for ${service} kvno ${kvno} in keytab`;
    const older = hasHigherKvno(subject, kvno);
    const hint = older
      ? hints.ticketOutOfDate(facts, subject)
      : hints.keytabOutOfDate(facts, subject);
    return named
      ? ['KRB_AP_ERR_BADKEYVER', message, hint]
      : [
          'KRB_AP_ERR_NOT_US',
          `${message} (request ticket server ${server})`,
          hints.serverNotAccepted(facts),
        ];
  }
  if (!key.supported) return enctypeNotSupported(facts);
  return [
    named ? 'KRB_AP_ERR_BAD_INTEGRITY' : 'KRB_AP_ERR_NOT_US',
    `Cannot decrypt ticket for ${server} using keytab key for ${service}`,
    named ? hints.wrongKey(facts) : hints.serverNotAccepted(facts),
  ];
}

/** MIT krb5 has no text for it: there, only enctypes that nobody uses any more are unknown. */
function enctypeNotSupported(facts: Facts): Explanation {
  const enctype = enctypeShortName(facts.enctype);
  return [
    'KDC_ERR_ETYPE_NOSUPP',
    `Request ticket server ${facts.server} kvno ${facts.kvno} enctype ${enctype} found in keytab ` +
      'but the enctype is not supported here',
    hints.enctypeNotSupported(facts),
  ];
}
