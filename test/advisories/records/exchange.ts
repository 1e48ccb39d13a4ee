import type { Advisories } from '../advisory.ts';

/** The AP exchange and what lives around it: RFC 4120 §3.2, RFC 4121 §4.1. */
export const EXCHANGE = {
  noChecksum: {
    ids: ['CVE-2010-1321'],
    peer: 'MIT krb5',
    flaw: 'An authenticator without a checksum is dereferenced.',
    here: 'A missing checksum means no flags and no bindings (MS-KILE §3.4.5); where bindings are required, the request is refused.',
    test: 'an AP-REQ without a checksum has no flags, and meets no required bindings',
  },
  unauthenticatedNames: {
    ids: ['CVE-2017-11103'],
    peer: 'Heimdal, Windows, Samba (Orpheus’ Lyre)',
    flaw: 'A name from an unprotected part of a message is used instead of the protected one.',
    here: 'The client’s name comes from the encrypted ticket, the service’s from the key that opened it; names in the clear only help to find the key.',
    test: 'the clear names of a ticket have no influence on the result',
  },
  relayAbuse: {
    ids: ['open relays', 'CVE-2015-2696', 'MIT krb5 f0230605c4'],
    peer: 'proxies of all kinds; MIT krb5 (IAKERB contexts)',
    flaw: 'Whoever reaches the relay reaches through it what it was not meant for, makes it talk to itself, or uses a context that is not established.',
    here: 'IAKERB is off by default. Only AS and TGS requests go only to permitted realms, 26 in an exchange, and there is no context before the checksum over all of them verifies.',
    test: 'a relay asks no KDC but those it is for, and no more often than it may',
  },
  malleableReplayKey: {
    ids: ['go-krb5 #155'],
    peer: 'gokrb5, go-krb5',
    flaw: 'The replay cache’s key contains an unprotected name, so that each rewritten request is new.',
    here: 'The key is the authenticator’s ciphertext alone, which cannot be altered undetected.',
    test: 'rewriting unauthenticated parts does not make a request new',
  },
  cacheForEachCall: {
    ids: ['Manticore #1395'],
    peer: 'Manticore',
    flaw: 'Without an explicit cache each call creates a new one, and replays are accepted.',
    here: 'The default cache belongs to the acceptor and covers all its exchanges.',
    test: 'exchanges of one acceptor share its default replay cache',
  },
  falseReplays: {
    ids: ['Kerberos.NET #391'],
    peer: 'Kerberos.NET, gokrb5',
    flaw: 'The replay cache’s key is the sequence number, or client name and time, so that unrelated clients collide.',
    here: 'Requests are the same only if their ciphertexts are equal, which contain a random confounder.',
    test: 'clients with the same time and sequence number are no replays of each other',
  },
  otherRealm: {
    ids: ['gokrb5 v8 APReq.Verify'],
    peer: 'gokrb5',
    flaw: 'The realm of the authenticator is not compared with that of the ticket.',
    here: 'Realm and name of ticket and authenticator must be equal (RFC 4120 §3.2.3).',
    test: 'an authenticator of the same name in another realm is refused',
  },
  anonymousClients: {
    ids: ['MIT krb5 restrict_anonymous_to_tgt'],
    peer: 'Acceptors behind a KDC that offers anonymous PKINIT',
    flaw: 'An anonymous ticket (RFC 8062) is mistaken for that of an authenticated client.',
    here: 'Anonymous clients are refused unless allowAnonymous admits them; the context then has the anonymous flag.',
    test: 'anonymous clients are refused by default, whichever field marks them',
  },
  failedContexts: {
    ids: ['CVE-2015-2695', 'CVE-2017-11462'],
    peer: 'MIT krb5',
    flaw: 'A context is used after an error has freed it, or before it is established.',
    here: 'Only a result with status complete has a context; a failed exchange stays failed.',
    test: 'an exchange that is unfinished or failed gives no context',
  },
  unfinishedExchanges: {
    ids: ['CVE-2026-3039'],
    peer: 'BIND',
    flaw: 'Security contexts of unfinished negotiations are kept forever.',
    here: 'Only the caller refers to an unfinished exchange, and its memory is bounded.',
    test: 'unfinished exchanges are bounded, and collected with their last reference',
  },
  sharedConnections: {
    ids: ['haproxy #2985'],
    peer: 'IIS, and proxies in front of it',
    flaw: 'A connection counts as authenticated, so that a proxy’s next client is mistaken for the previous one.',
    here: 'Each HTTP request is authenticated separately; state is kept only for an unfinished exchange.',
    test: 'a request after an authenticated one is not authenticated by it',
  },
} as const satisfies Advisories;
