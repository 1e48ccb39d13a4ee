import type { Advisories } from '../advisory.ts';

/** The AP exchange and what lives around it: RFC 4120 §3.2, RFC 4121 §4.1. */
export const EXCHANGE = {
  noChecksum: {
    ids: ['CVE-2010-1321'],
    peer: 'MIT krb5',
    flaw: 'An authenticator without a checksum is dereferenced.',
    here: 'It stands for no flags and no bindings (MS-KILE §3.4.5); where bindings are required it is refused.',
    test: 'an AP-REQ without a checksum has no flags, and meets no required bindings',
  },
  unauthenticatedNames: {
    ids: ['CVE-2017-11103'],
    peer: 'Heimdal, Windows, Samba (Orpheus’ Lyre)',
    flaw: 'A name from the part of a message that nobody has signed is used instead of the signed one.',
    here: 'The client is the one in the encrypted ticket, the service the one whose key opened it; names in the clear only help to find the key.',
    test: 'the names in the clear of a ticket decide about nothing',
  },
  malleableReplayKey: {
    ids: ['go-krb5 #155'],
    peer: 'gokrb5, go-krb5',
    flaw: 'The replay cache’s key holds a name that nobody has signed, so that each rewritten request is new.',
    here: 'The key is the authenticator’s ciphertext, which cannot be altered unnoticed; nothing else of the request is in it.',
    test: 'no rewriting of what is not authenticated makes a request new',
  },
  cacheForEachCall: {
    ids: ['Manticore #1395'],
    peer: 'Manticore',
    flaw: 'Without an explicit cache a new one is made for each call, and replays are let in.',
    here: 'The default cache belongs to the acceptor and judges all its exchanges.',
    test: 'exchanges of one acceptor share its default replay cache',
  },
  falseReplays: {
    ids: ['Kerberos.NET #391'],
    peer: 'Kerberos.NET, gokrb5',
    flaw: 'The replay cache’s key is the sequence number, or client name and time, so that unrelated clients collide.',
    here: 'Requests are the same only if their ciphertexts are, which hold a random confounder.',
    test: 'clients with the same time and sequence number are no replays of each other',
  },
  otherRealm: {
    ids: ['gokrb5 v8 APReq.Verify'],
    peer: 'gokrb5',
    flaw: 'The realm of the authenticator is not compared with that of the ticket.',
    here: 'Realm and name of ticket and authenticator have to be equal (RFC 4120 §3.2.3).',
    test: 'an authenticator of the same name in another realm is refused',
  },
  anonymousClients: {
    ids: ['MIT krb5 restrict_anonymous_to_tgt'],
    peer: 'Acceptors behind a KDC that offers anonymous PKINIT',
    flaw: 'A ticket of nobody (RFC 8062) is taken for a client that somebody has authenticated.',
    here: 'Anonymous clients are refused unless allowAnonymous lets them in; then the context says so.',
    test: 'anonymous clients are refused by default, whatever tells that they are',
  },
  failedContexts: {
    ids: ['CVE-2015-2695', 'CVE-2017-11462'],
    peer: 'MIT krb5',
    flaw: 'A context is used that an error has freed, or that is not established yet.',
    here: 'There is a context only in the result that says complete; an exchange that failed stays failed.',
    test: 'an exchange that is unfinished or failed gives no context',
  },
  unfinishedExchanges: {
    ids: ['CVE-2026-3039'],
    peer: 'BIND',
    flaw: 'Security contexts of negotiations that nobody finishes are kept for ever.',
    here: 'An unfinished exchange is its caller’s alone: nothing else refers to it, and its memory is bounded.',
    test: 'unfinished exchanges are bounded, and gone with their last reference',
  },
  sharedConnections: {
    ids: ['haproxy #2985'],
    peer: 'IIS, and proxies in front of it',
    flaw: 'A connection is taken for authenticated, so that a proxy’s next client is the one before.',
    here: 'Each HTTP request is authenticated by itself; a state is kept for one unfinished exchange only.',
    test: 'a request after an authenticated one is not authenticated by it',
  },
} as const satisfies Advisories;
