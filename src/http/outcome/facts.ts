/** The facts of a client that an acceptor has accepted, for what is decided about it afterwards. */
import type { SecurityContext } from '../../context/context.ts';
import type { RequestFacts } from '../../observe/observer.ts';
import type { Identity } from '../identity.ts';

/** @param context - Undefined for a client in a session. */
export function factsOf(
  { principal: client }: Identity,
  context: SecurityContext | undefined,
): RequestFacts {
  if (context === undefined) return { client };
  const { server: service, kvno, enctype, sessionEnctype } = context.ticket;
  return { client, service, kvno, enctype, sessionEnctype };
}
