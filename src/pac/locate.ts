/**
 * The place of the PAC in a ticket (MS-KILE §2.2.11, MS-PAC §1.3), and the ticket without a PAC.
 */
import { DecodeError } from '../errors.ts';
import type { AuthorizationData } from '../messages/authorization-data.ts';
import {
  AuthorizationDataType,
  decodeAuthorizationData,
  encodeAuthorizationData,
  MAX_IF_RELEVANT_DEPTH,
  relevantElements,
} from '../messages/authorization-data.ts';
import type { EncTicketPart } from '../messages/ticket.ts';

/**
 * Finds the PAC: an AD-WIN2K-PAC inside of one or more nested AD-IF-RELEVANT, or, as MIT krb5 also
 * accepts it, outside.
 *
 * @param data - The authorization data of a ticket; that of an authenticator comes from the client.
 * @returns A view of the PAC; undefined if there is none.
 * @throws {@link DecodeError} if an AD-IF-RELEVANT is malformed, or if there are several PACs, of
 *   which two readers could choose different ones.
 */
export function findPac(data: AuthorizationData | undefined): Uint8Array | undefined {
  let found: Uint8Array | undefined;
  for (const { type, data: pac } of relevantElements(data)) {
    if (type !== AuthorizationDataType.win2kPac) continue;
    if (found !== undefined) throw new DecodeError('ticket holds more than one PAC');
    found = pac;
  }
  return found;
}

/**
 * The ticket with a single zero byte as its PAC, which a ticket signature covers (MS-PAC §2.8.3).
 */
export function withEmptyPac(ticket: EncTicketPart): EncTicketPart {
  return { ...ticket, authorizationData: emptied(ticket.authorizationData ?? [], 0) };
}

function emptied(data: AuthorizationData, depth: number): AuthorizationData {
  return data.map((element) => emptiedElement(element, depth));
}

/** Works as deep as {@link findPac} searches; an AD-IF-RELEVANT below that is not changed. */
function emptiedElement(
  element: AuthorizationData[number],
  depth: number,
): AuthorizationData[number] {
  if (element.type === AuthorizationDataType.win2kPac) return { ...element, data: EMPTY_PAC };
  if (element.type !== AuthorizationDataType.ifRelevant || depth === MAX_IF_RELEVANT_DEPTH) {
    return element;
  }
  const inner = decodeAuthorizationData(element.data);
  const without = emptied(inner, depth + 1);
  if (without.every((each, i) => each === inner[i])) return element;
  return { ...element, data: encodeAuthorizationData(without) };
}

const EMPTY_PAC = Uint8Array.of(0);
