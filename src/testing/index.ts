/**
 * Entry `krb5-acceptor/testing`: tests without a KDC. It makes tickets with the service's own key, and
 * initiators that present them as browsers and other clients do. Anyone who holds the keytab can do
 * that: it proves nothing about a user.
 */

export type { Authenticator } from '../messages/ap-req.ts';
export type { Checksum, EncryptedData, KeyValue } from '../messages/encrypted-data.ts';
export type { Ticket } from '../messages/ticket.ts';
export type { NegHints } from '../spnego/neg-token.ts';
export type { CheckReplayCacheOptions } from './check-replay-cache.ts';
export { checkReplayCache, ReplayCacheFaults } from './check-replay-cache.ts';
export type { ErrorToken } from './error-token.ts';
export { readErrorToken } from './error-token.ts';
export { createInitiator, Initiator } from './initiator.ts';
export type { InitiatorOptions, InitiatorResult, SpnegoOptions } from './initiator-options.ts';
export { OfferedMechanisms } from './initiator-options.ts';
export type { KdcErrorName, KdcErrorOptions } from './kdc/error.ts';
export { KdcError } from './kdc/error.ts';
export type { IakerbInitiatorOptions } from './kdc/iakerb-initiator.ts';
export { createIakerbInitiator, IakerbInitiator } from './kdc/iakerb-initiator.ts';
export type { NegotiatorMechanism, NegotiatorOptions } from './kdc/negotiator.ts';
export { createNegotiator, Negotiator } from './kdc/negotiator.ts';
export type { RealmUser } from './kdc/principals.ts';
export type { Kdc, RealmOptions, TestRealm } from './kdc/realm.ts';
export { createRealm } from './kdc/realm.ts';
export type { LoginOptions, RequestTicketOptions } from './kdc/request-ticket.ts';
export { requestTicket } from './kdc/request-ticket.ts';
export type { TestKeytabOptions } from './keytab.ts';
export { testKeytab } from './keytab.ts';
export type { MintedTicket, MintTicketOptions } from './mint.ts';
export { mintTicket } from './mint.ts';
export type { PacContents } from './pac.ts';
export { defaultLogonInfo } from './pac.ts';
export type { SaslClientOptions, SaslClientStep } from './sasl/client.ts';
export { createSaslClient, SaslClient } from './sasl/client.ts';
export type { Fetch, FetchHandler, SignOnFetchOptions } from './sign-on-fetch.ts';
export { createSignOnFetch } from './sign-on-fetch.ts';
export type { TestUser } from './user.ts';
