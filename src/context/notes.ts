/** Why something is missing from an established context. */
import { ContextFlag } from '../gss/status.ts';
import { TicketFlag } from '../messages/ticket.ts';
import type { SecurityContext } from './context.ts';

/** Something that an application might expect of a context, and why it is not there. */
export interface ContextNote {
  /** The stable name: `delegation.not-forwardable`. */
  readonly reason: string;
  /** One sentence with the facts. */
  readonly text: string;
  /** What to do about it, the likeliest first; may be empty. */
  readonly remedies: readonly string[];
}

/**
 * Says what is missing from a context: why the client delegated no credential, and why the PAC of its
 * ticket is not shown. A client does not say why it delegates nothing, so that the flags of its ticket
 * have to tell.
 *
 * @returns At most one note about delegation and one about the PAC.
 *
 * @example
 * ```ts
 * import type { SecurityContext } from 'krb5-acceptor';
 * import { contextNotes } from 'krb5-acceptor';
 *
 * function whyNoDelegation(context: SecurityContext): string | undefined {
 *   return contextNotes(context).find(({ reason }) => reason.startsWith('delegation.'))?.text;
 * }
 * ```
 */
export function contextNotes(context: SecurityContext): ContextNote[] {
  const notes: ContextNote[] = [];
  if ((context.flags & ContextFlag.delegation) === 0) notes.push(noDelegation(context));
  const { pacError } = context;
  if (pacError !== undefined) {
    const { message, hint } = pacError;
    notes.push({
      reason: pacError.code,
      text: `the ticket's PAC is not shown: ${message}`,
      remedies: hint === undefined ? [] : [hint],
    });
  }
  return notes;
}

function noDelegation({ ticket: { flags, server } }: SecurityContext): ContextNote {
  if ((flags & TicketFlag.forwardable) === 0) {
    return {
      reason: 'delegation.not-forwardable',
      text: 'no credential was delegated: the ticket is not forwardable',
      remedies: [
        'get a forwardable ticket: kinit -f, or forwardable = true in [libdefaults] of the client’s krb5.conf',
        'look whether the account is sensitive or in Protected Users (Active Directory), or disallows forwardable tickets (kadmin getprinc)',
      ],
    };
  }
  if ((flags & TicketFlag.okAsDelegate) === 0) {
    return {
      reason: 'delegation.not-trusted',
      text: `no credential was delegated: the KDC does not say that ${server} is trusted for delegation, which Windows and browsers require`,
      remedies: [
        `trust the service's account for delegation: kadmin modprinc +ok_as_delegate ${server}; in Active Directory “Trust this computer for delegation”`,
        'let the client ask for delegation all the same (GSS_C_DELEG_FLAG, curl --delegation always)',
      ],
    };
  }
  return {
    reason: 'delegation.not-requested',
    text: 'no credential was delegated: the client did not ask for it',
    remedies: [
      'let the client ask: ssh GSSAPIDelegateCredentials yes, curl --delegation policy, AuthNegotiateDelegateAllowlist of Chromium, gss-client -d',
    ],
  };
}
