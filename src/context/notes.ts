/** Why something is missing from an established context. */
import { DELEGATION_NOTES } from '../explain/entries/observed.ts';
import type { Reason } from '../explain/reasons.ts';
import { explainNoDelegation } from '../observe/delegation.ts';
import type { SecurityContext } from './context.ts';

/** Something that an application might expect of a context, and why it is not there. */
export interface ContextNote {
  /** The stable name: `delegation.not-forwardable`. */
  readonly reason: Reason;
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
  const missing = explainNoDelegation(context.flags, context.ticket.flags);
  if (missing !== undefined) {
    const { text, remedies } = DELEGATION_NOTES[missing];
    notes.push({ reason: missing, text: text({}), remedies: remedies({}) });
  }
  const { pacError } = context;
  if (pacError !== undefined) {
    const { reason, text, remedies } = pacError;
    notes.push({ reason, text: `the ticket's PAC is not shown: ${text}`, remedies });
  }
  return notes;
}
