/** What there is to say about the choice of a mechanism. */
import type { OfferDetail, TokenDetails } from '../client-reasons.ts';
import type { Explanations } from '../reasons.ts';
import { entry, present } from './entry.ts';

const NO_TICKET: readonly string[] = [
  'have clients use the host name of the service, not an IP address or an alias, and register that name as an SPN of exactly one account (setspn -Q HTTP/host; setspn -S HTTP/host account; MIT: kadmin addprinc)',
  'let the client be logged in to the domain and reach a KDC: klist get HTTP/host (MIT: kvno HTTP/host) must succeed there',
  "put the site into the browser's trusted zone (Firefox: network.negotiate-auth.trusted-uris; Chrome: AuthServerAllowlist)",
];

const RELAY =
  'or relay for it: the option iakerb of createAcceptor (gss-server, krb5-forward-auth: -iakerb); see what SECURITY.md says about it first';

/** What helps a client that has to use IAKERB. */
export const REACH_KDC =
  'let the client be in reach of a KDC, so that it uses Kerberos V5 instead (port 88; [realms] or DNS SRV records)';

/** The area `negotiate`. */
export const NEGOTIATE: Explanations<Extract<keyof TokenDetails, `negotiate.${string}`>> = {
  'negotiate.ntlm': {
    text: (detail) => foreign('NTLM', detail),
    remedies: () => NO_TICKET,
  },
  'negotiate.negoex': {
    text: (detail) => foreign('NegoEx', detail),
    remedies: () => NO_TICKET,
  },
  'negotiate.iakerb-only': entry(
    'the client offers IAKERB only, in which the server relays to the KDC, which this acceptor does not do',
    REACH_KDC,
    RELAY,
  ),
  'negotiate.iakerb-or-ntlm': {
    text: ({ names = [] }) =>
      `the client offers ${names.join(', ')} and no Kerberos V5: it reaches no KDC, and this acceptor does not relay`,
    remedies: () => [REACH_KDC, RELAY],
  },
  'negotiate.user-to-user-only': entry(
    'the client offers user-to-user Kerberos only: it takes the service for a user without a key of its own',
    'register the SPN for the account of the service: setspn -S HTTP/host account',
  ),
  'negotiate.no-common-mechanism': {
    text: ({ names, offered }) =>
      `the client offers no mechanism that this acceptor has; it offers ${(names ?? offered ?? []).join(', ') || 'none'}`,
    remedies: () => [
      'have the client offer Kerberos V5 (1.2.840.113554.1.2.2)',
      'accept another mechanism of this acceptor: the option mechanisms',
    ],
  },
  'negotiate.mechanism-off': {
    text: ({ mechanism, accepted }) =>
      `the client uses ${mechanism}; accepted: ${accepted.join(', ')}`,
    remedies: ({ mechanism, accepted }) =>
      /^[\d.]+$/.test(mechanism)
        ? [
            `have the client use ${accepted.join(' or ')} (gss-client: -spnego, -krb5); if it did, the token was altered on its way`,
          ]
        : [
            `accept ${mechanism} too: the option mechanisms (gss-server: ${accepted[0] === 'IAKERB' ? '-latefallback beside -iakerb' : 'without -mech'})`,
            'or have the client use an accepted one (gss-client: -spnego, -mech)',
          ],
  },
  'negotiate.list-altered': entry(
    "the list of mechanisms that the server read is not the client's: somebody has altered it, or the MIC over it is faulty",
    'look for a device in between that changes the negotiation; until then treat the connection as hostile',
    'if it is one client only, bring its GSS-API library up to date',
  ),
  'negotiate.rejected': entry(
    'the client rejected the negotiation (negState reject): it wants none of the mechanisms that the server chose',
    "look at the client's log: it has the reason, such as a failed mutual authentication",
  ),
  'negotiate.abandoned': {
    text: abandoned,
    remedies: ({ relayed }) =>
      relayed === true
        ? ["look at the client's own messages, and at the log of the KDC, which has the error"]
        : [
            'see with klist at the client whether it has a ticket for this service: a client without one gives up here',
            ...NO_TICKET,
          ],
  },
  'negotiate.other-connection': {
    text: ({ prefers, problem }) =>
      `the client needs several requests to authenticate${prefers === undefined ? '' : `, because it prefers ${prefers} to Kerberos`}, and nothing keeps them together${problem === undefined ? '' : `: ${problem}`}`,
    remedies: ({ prefers }) =>
      present(
        prefers !== undefined && NO_TICKET[0],
        'keep unfinished exchanges where all servers find them (exchanges: redisExchanges or postgresExchanges; krb5-forward-auth: -exchanges)',
        "have the proxy keep each client on a connection of its own, and say so: sharedConnections: 'trust'",
      ),
  },
};

/** The area `iakerb`, as far as nothing is relayed. */
export const IAKERB: Explanations<'iakerb.off' | 'iakerb.transcript'> = {
  'iakerb.off': {
    text: ({ accepted }) =>
      `the client uses IAKERB, in which the server relays to the KDC; accepted: ${accepted.join(', ')}`,
    remedies: () => [REACH_KDC, RELAY],
  },
  'iakerb.transcript': {
    text: ({ problem }) =>
      problem === 'different'
        ? 'the checksum over the relayed messages does not verify: somebody has altered them'
        : problem === 'missing'
          ? 'the client sends no checksum over the relayed messages, without which IAKERB is not safe'
          : 'the client sends a checksum over relayed messages, and none were relayed in this exchange',
    remedies: ({ problem }) => [
      problem === 'different'
        ? 'look for a device in between that changes the exchange; until then treat the connection as hostile'
        : problem === 'missing'
          ? "bring the client's Kerberos up to date"
          : 'have the proxy keep each client on one server, or keep exchanges where all servers find them',
    ],
  },
};

function abandoned({ names, preferred, relayed }: OfferDetail): string {
  if (relayed === true) {
    return 'the client went away in the middle of a login that was relayed: the answer of the KDC was probably an error for it, such as of a wrong password';
  }
  if (preferred === true) {
    return `the client preferred ${names?.[0] ?? 'another mechanism'} to Kerberos, which it offers too, and was asked for Kerberos`;
  }
  return names === undefined
    ? 'the client was asked for a token and did not send it: it has no ticket for this service, or does not try (a browser that does not trust the site, curl without --negotiate, a health check)'
    : `the client was asked for another token and did not come back (it offered ${names.join(', ')})`;
}

function foreign(name: string, { names, preferred }: OfferDetail): string {
  if (preferred === true) {
    return `the client preferred ${name} to Kerberos, which it offers too: it probably gets no Kerberos ticket for the name it connects to`;
  }
  if (names === undefined) {
    return `the client sent ${name} instead of Kerberos: it gets no Kerberos ticket for the name it connects to`;
  }
  return `the client offers ${names.join(', ')} and no Kerberos: it gets no Kerberos ticket for the name it connects to`;
}
