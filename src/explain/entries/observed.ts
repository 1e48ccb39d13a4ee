/** Explanations of what an established context lacks. */
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
