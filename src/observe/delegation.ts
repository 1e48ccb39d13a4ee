/** Why an established context has no delegated credential. */
import { ContextFlag } from '../gss/status.ts';
import { TicketFlag } from '../messages/ticket.ts';

/** The reasons; see `DELEGATION_NOTES`. */
export type NoDelegation =
  | 'delegation.not-forwardable'
  | 'delegation.not-trusted'
  | 'delegation.not-requested';

/**
 * A client does not say why it delegates nothing, so the flags of its ticket have to tell.
 *
 * @param flags - Of the context.
 * @returns Undefined if there is a delegated credential.
 */
export function explainNoDelegation(flags: number, ticketFlags: number): NoDelegation | undefined {
  if ((flags & ContextFlag.delegation) !== 0) return undefined;
  if ((ticketFlags & TicketFlag.forwardable) === 0) return 'delegation.not-forwardable';
  return (ticketFlags & TicketFlag.okAsDelegate) === 0
    ? 'delegation.not-trusted'
    : 'delegation.not-requested';
}
