/**
 * For tests without a KDC: tickets made from the service's own key, and a client to present them.
 * Whoever holds a keytab can do this; it proves nothing about any user.
 */

export type { Authenticator } from '../messages/ap-req.ts';
export type { Checksum, EncryptedData, KeyValue } from '../messages/encrypted-data.ts';
export type { Ticket } from '../messages/ticket.ts';
export type { ErrorToken } from './error-token.ts';
export { readErrorToken } from './error-token.ts';
export type { InitiatorOptions } from './initiator.ts';
export { createInitiator, Initiator } from './initiator.ts';
export type { MintedTicket, MintTicketOptions } from './mint.ts';
export { mintTicket } from './mint.ts';
export type { PacContents } from './pac.ts';
export { defaultLogonInfo } from './pac.ts';
