/**
 * Entry `krb5-acceptor/testing`: tests without a KDC. It makes tickets with the service's own key, and an
 * initiator that presents them. Anyone who holds the keytab can do that: it proves nothing about a user.
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
