/** What there is to say about replay caches, realms, bindings, PACs and the policy of an acceptor. */

import type { PolicyDetails } from '../policy-reasons.ts';
import type { Explanations } from '../reasons.ts';
import type { CONNECTION_ENDS } from './connection.ts';
import { duration, entry, present, sentence } from './entry.ts';
import type { DELEGATION_NOTES } from './observed.ts';

/** The area `replay`. */
export const REPLAY: Explanations<Extract<keyof PolicyDetails, `replay.${string}`>> = {
  'replay.repeated': {
    text: ({ client, service, clientTime, age, samePeer }) =>
      sentence(
        'the same request came twice: a retry (proxy, load balancer), a header that a client uses again, a server that authenticates twice, or an attack',
        `client ${client}, service ${service}, client's time ${clientTime}`,
        age !== undefined && `made ${duration(age)} ago by the client's clock`,
        samePeer !== undefined &&
          (samePeer
            ? 'it came from the same address as the first one'
            : 'the first one came from another address'),
      ),
    remedies: ({ samePeer }) => [
      'switch off retries of requests with Authorization in the proxy (nginx: proxy_next_upstream off; HAProxy: retries 0)',
      'authenticate each request once: one middleware, one acceptor, one replay cache for all processes of the service',
      'have a client of your own make a new token for each request',
      samePeer === false
        ? 'if no proxy has these two addresses, somebody has recorded the first request: find out who'
        : 'otherwise find out who sent the second request',
    ],
  },
  'replay.cache-silent': {
    text: ({ seconds, waiting }) =>
      seconds === undefined
        ? `the replay cache does not answer: ${waiting ?? 'many'} exchanges wait for it, and nobody else is let in`
        : `the replay cache did not answer for ${seconds} s; nobody is let in until it answers`,
    remedies: () => [
      'look at the engine or disk behind the replay cache, and at the network in between',
      'a cache of your own must settle the promise of each checkAndStore',
    ],
  },
  'replay.cache-failed': {
    text: ({ path, problem }) =>
      sentence(
        path === undefined
          ? `the replay cache threw ${problem ?? 'an error'}`
          : `the replay cache ${path} ${problem ?? 'failed'}`,
        'nobody is let in until it works',
      ),
    remedies: ({ path, remedy }) => [
      remedy ??
        (path === undefined
          ? 'look at the engine behind the replay cache: is it running, can it be reached, may its user write?'
          : 'let the user of this process write there, or name another directory (KRB5RCACHEDIR, -rcache dir:/path)'),
    ],
  },
  'replay.cache-full': {
    text: ({ client, held, maxEntries }) =>
      client === undefined
        ? `the replay cache is full${maxEntries === undefined ? '' : ` (${maxEntries} requests)`}; nobody is let in until requests expire`
        : `${client} has used up its share of the replay cache (${held} requests); other clients are still served`,
    remedies: ({ client }) =>
      client === undefined
        ? ['raise maxEntries, or share the load among more processes']
        : [
            `find out why ${client} sends so many requests; let it use a session instead of a ticket for each`,
            'raise maxEntries',
          ],
  },
  'replay.cache-fault': {
    text: ({ answer }) =>
      `a fault of the replay cache: checkAndStore: expected true or false, got ${answer ?? 'something else'}; nobody is let in`,
    remedies: () => [
      'have checkAndStore return true for a new request and false for a repeated one, and check it with checkReplayCache of krb5-acceptor/testing',
    ],
  },
  'replay.cache-restarted': {
    text: ({ seconds }) =>
      `the engine of the replay cache began a new run (a restart, or a replica took over) and may have forgotten this request; requests made from ${seconds} s later on are accepted`,
    remedies: () => [
      "nothing, if it happens once: the client's next attempt is accepted, unless its clock is behind",
      'if it continues, find out why the engine restarts, and let it keep its data (appendfsync, synchronous replicas)',
    ],
  },
  'replay.clock-went-back': entry(
    'the clock was set back: the replay cache cannot tell whether requests came before; they are refused until the clock reaches its earlier time again',
    'let NTP slew the clock instead of setting it (chrony: makestep only at start)',
  ),
  'replay.unknown-type': {
    text: ({ name }) =>
      `the name of the replay cache${name === undefined ? '' : ` (${name})`} is unknown`,
    remedies: () => [
      'write dfl:, dir:/path/to/a/directory, memory: or none:; for Redis and PostgreSQL pass a RedisReplayCache or PostgresReplayCache',
    ],
  },
};

/** The area `realm`. */
export const REALM: Explanations<Extract<keyof PolicyDetails, `realm.${string}`>> = {
  'realm.transited': {
    text: ({ transited, path }) =>
      `the ticket went through ${transited.join(', ') || 'no realm'}, and the path is ${path.join(' -> ') || 'empty'}`,
    remedies: ({ transited, path }) => {
      const [from = 'CLIENT.REALM'] = path;
      const to = path.at(-1) ?? 'SERVER.REALM';
      return [
        `if that is right, say so in krb5.conf: [capaths] ${from} = { ${to} = ${transited.join(' ') || '.'} }`,
        'or let the KDC check the path (it then sets the flag TRANSITED-POLICY-CHECKED)',
      ];
    },
  },
  'realm.transited-field': entry(
    "the ticket's list of realms that it went through cannot be read",
    'look at the KDCs on the path: RFC 4120 §3.3.3.2 defines one form (DOMAIN-X500-COMPRESS)',
  ),
  'realm.not-allowed': {
    text: ({ clientRealm }) => `clients of realm ${clientRealm} are not accepted`,
    remedies: ({ clientRealm }) => [
      `add ${clientRealm} to the option clientRealms, if its clients are to be accepted`,
    ],
  },
  'realm.vouched-by-another': {
    text: ({ clientRealm, serviceRealm }) =>
      `the client is of ${clientRealm}, where the service has a key of its own, but the ticket is for its key of ${serviceRealm}`,
    remedies: ({ clientRealm, serviceRealm }) => [
      `have the client get its ticket from the KDC of ${clientRealm} ([domain_realm] of its krb5.conf)`,
      `if the KDC of ${serviceRealm} may authenticate clients of ${clientRealm}, pass a function that allows it as clientRealms`,
    ],
  },
};

/** The area `bindings`. */
export const BINDINGS: Explanations<Extract<keyof PolicyDetails, `bindings.${string}`>> = {
  'bindings.missing': {
    text: ({ supported }) =>
      supported === true
        ? 'the client supports channel bindings (KERB_AP_OPTIONS_CBT) and sent none: it was not inside this TLS connection'
        : 'the client sent no channel bindings, which are required',
    remedies: ({ supported }) =>
      present(
        supported === true &&
          'find out what ends TLS between client and server: the request may have been relayed by an attacker',
        "let clients without them in: createAcceptor({ channelBindingPolicy: 'when-supported' }) (most clients but browsers on Windows and macOS send none)",
        'or use a client that binds (curl with SSPI, Chrome and Edge on Windows)',
      ),
  },
  'bindings.mismatch': entry(
    'the client is bound to another channel: a TLS proxy is in between, or the request was relayed by an attacker',
    'behind a proxy that ends TLS give its certificate: channelBindings: () => tlsServerEndPoint(certificate)',
    "or do without: createAcceptor({ channelBindingPolicy: 'off' })",
    'if there is no such proxy, find out who is in between',
  ),
  'bindings.not-available': {
    text: ({ why }) =>
      `channel bindings are required, and ${why ?? 'the server has given none for its channel'}`,
    remedies: () => [
      'give those of the connection: channelBindings: () => tlsServerEndPoint(certificate), or serve HTTPS with kerberos() itself',
      "or do without: createAcceptor({ channelBindingPolicy: 'when-supported' })",
    ],
  },
};

/** The area `pac`. */
export const PAC: Explanations<Extract<keyof PolicyDetails, `pac.${string}`>> = {
  'pac.missing': entry(
    'the ticket has no PAC, and one is required',
    'have the KDC put it in: in Active Directory, NO_AUTH_DATA_REQUIRED of the service’s account leaves it out; MIT: kadmin modprinc -no_auth_data_required',
    "or do without groups: pacPolicy: 'when-valid'",
  ),
  'pac.signature': {
    text: ({ signature, readOnlyController }) =>
      sentence(
        `the ${signature ?? ''} signature of the PAC does not verify: the PAC was altered, or signed with another key`.replace(
          '  ',
          ' ',
        ),
        readOnlyController !== undefined &&
          `it was made by the read-only domain controller ${readOnlyController}, which has its own key`,
      ),
    remedies: ({ signature }) =>
      present(
        signature !== undefined &&
          signature !== 'server' &&
          'see that kdcKey is the key of krbtgt of this realm, of the current kvno',
        'export the keytab again: a key that opens the ticket and does not verify its PAC is one of another enctype or account',
      ),
  },
  'pac.malformed': entry(
    'the PAC is malformed: its KDC is faulty, or it was altered',
    'show what is in it: gss-inspect with the keytab',
    "do without groups until it is solved: pacPolicy: 'when-valid' or 'off'",
  ),
  'pac.other-client': {
    text: ({ pacClient, ticketClient, pacAuthTime, ticketAuthTime }) =>
      pacClient === undefined
        ? 'the PAC is not that of the client: it is of another one, or of none'
        : `the PAC is of ${pacClient} (${pacAuthTime}), the ticket of ${ticketClient} (${ticketAuthTime})`,
    remedies: () => [
      'let the client get a new ticket (kinit; Windows: klist purge)',
      'if it continues, somebody has put the PAC of one ticket into another: find out who sends the ticket',
    ],
  },
  'pac.other-account': {
    text: ({ userSid, requestorSid }) =>
      `the PAC describes the account ${userSid}, and another one, ${requestorSid}, requested the ticket`,
    remedies: () => [
      'update the domain controllers: one that lacks the updates of November 2021 can be tricked into looking up one account by the name of another (CVE-2021-42287)',
      'find out who sends the ticket, and who has renamed an account',
    ],
  },
};

/** The areas `policy` and `delegation`. */
export const POLICY: Explanations<
  Exclude<
    Extract<keyof PolicyDetails, `policy.${string}` | `delegation.${string}`>,
    keyof typeof DELEGATION_NOTES | keyof typeof CONNECTION_ENDS
  >
> = {
  'policy.flags': {
    text: ({ missing }) =>
      `requiredFlags has ${missing.join(', ')}, which the client did not ask for`,
    remedies: ({ missing }) => [
      `have the client ask for ${missing.join(', ')} (gss_init_sec_context: req_flags; gss-client: -mutual)`,
      'or ask for less: the option requiredFlags',
    ],
  },
  'policy.indicator': {
    text: ({ required, indicators }) =>
      `one of ${required.join(', ')} is required; the ticket has ${indicators.join(', ') || 'no authentication indicator'}`,
    remedies: ({ required }) => [
      `have the user log in in one of these ways (kinit with a smart card or a one-time password), and have the KDC assert it (pkinit_indicator, indicator: ${required[0] ?? ''})`,
      'or name another one in the option requiredIndicators',
    ],
  },
  'policy.authorize': {
    text: ({ client, answer }) =>
      `${client ?? 'the client'} is authenticated, but not authorised: the option authorize returned ${answer ?? 'false'}`,
    remedies: ({ answer }) => [
      answer === undefined || answer === 'false'
        ? 'add the client, or one of its groups, to those that authorize admits'
        : 'have authorize return true for a client that may come in: only true admits one',
    ],
  },
  'delegation.malformed': entry(
    'the delegated credential cannot be read: neither the session key nor the subkey decrypts it, or its contents are malformed',
    "bring the client's Kerberos library up to date",
    'have the client not delegate (without GSS_C_DELEG_FLAG)',
  ),
  'delegation.other-client': {
    text: ({ delegated, initiator }) =>
      `the delegated credential belongs to ${delegated}, the client is ${initiator}: stored under the name in it, it would be used for another user`,
    remedies: () => [
      'find out who sends the request: no Kerberos client in use makes such requests',
    ],
  },
};
