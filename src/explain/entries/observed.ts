/** Explanations of what is no refusal by a check: clients that go away, and what a context lacks. */
import type { Explanations } from '../reasons.ts';

/** Why a context has no delegated credential. A client does not say so: its ticket's flags tell. */
export const DELEGATION_NOTES: Explanations<
  'delegation.not-forwardable' | 'delegation.not-trusted' | 'delegation.not-requested'
> = {
  'delegation.not-forwardable': {
    text: () => 'no credential was delegated: the ticket is not forwardable',
    remedies: () => [
      'get a forwardable ticket: kinit -f, or forwardable = true in [libdefaults] of the client’s krb5.conf',
      'look whether the account may have one: it is no member of Protected Users and not “sensitive” (Active Directory), and has no DISALLOW_FORWARDABLE (kadmin getprinc)',
    ],
  },
  'delegation.not-trusted': {
    text: () =>
      'no credential was delegated: the KDC does not mark the service as trusted for delegation, which Windows and browsers require',
    remedies: () => [
      'trust the service: kadmin modprinc +ok_as_delegate; in Active Directory “Trust this computer for delegation” of its account',
      'let the client delegate all the same: ssh GSSAPIDelegateCredentials yes, curl --delegation always',
    ],
  },
  'delegation.not-requested': {
    text: () => 'no credential was delegated: the client did not ask for it',
    remedies: () => [
      'let the client ask: curl --delegation policy, AuthNegotiateDelegateAllowlist of Chromium, ssh GSSAPIDelegateCredentials yes, gss-client -d',
    ],
  },
};

/** Connections of a server that end without an answer to a token. */
export const CONNECTION_ENDS: Explanations<
  | 'policy.unauthenticated'
  | 'server.client-silent'
  | 'server.client-gone'
  | 'server.displaced'
  | 'server.stopping'
> = {
  'policy.unauthenticated': {
    text: () =>
      'the client does not authenticate, which the server, or what it asked for, requires',
    remedies: () => ['let the client authenticate: gss-client without -na', 'omit -authenticated'],
  },
  'server.client-silent': {
    text: ({ limit }) => `the client was too slow${limit === undefined ? '' : `: ${limit}`}`,
    remedies: () => [
      'look whether the client waits for something, or is gone without closing its connection',
      'raise the limit: -timeout, -handshake (idleTimeout, handshakeTimeout of createGssServer)',
    ],
  },
  'server.client-gone': {
    text: ({ problem }) =>
      `the client closed its connection in the middle${problem === undefined ? '' : `: ${problem}`}`,
    remedies: () => ['look at the client’s own messages: it has given up, or was stopped'],
  },
  'server.displaced': {
    text: () => 'the client was not authenticated, and another one needed its place',
    remedies: () => ['raise -maxconn, -maxsource or look who opens so many connections'],
  },
  'server.stopping': {
    text: () => 'the server is stopping',
    remedies: () => ['none is needed: the client may come again'],
  },
};
