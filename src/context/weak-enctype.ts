/** Who still needs encryption types that are no longer safe: for operators who want to be rid of them. */
import { isWeakEnctype } from '../crypto/numbers.ts';
import type { SecurityContext } from './context.ts';

/** A context with a weak enctype in at least one of three places. */
export interface WeakEnctypeReport {
  /** The initiator, as displayed. */
  readonly client: string;
  /** The service's principal, as in the keytab. */
  readonly server: string;
  /** Of the key that opened the ticket: weak where the service's keys are. */
  readonly ticketEnctype: number;
  /** Of the session key: weak where the client, or what the KDC knows of the service, is. */
  readonly sessionEnctype: number;
  /** Of the key that protects messages. */
  readonly contextEnctype: number;
}

/** @returns Nothing if all of the context's keys are of enctypes that are safe. */
export function reportWeakEnctypes(context: SecurityContext): WeakEnctypeReport | undefined {
  const { enctype: contextEnctype } = context;
  const { enctype: ticketEnctype, sessionEnctype, server } = context.ticket;
  if (![ticketEnctype, sessionEnctype, contextEnctype].some(isWeakEnctype)) return undefined;
  const client = context.initiator.toString();
  return { client, server, ticketEnctype, sessionEnctype, contextEnctype };
}
