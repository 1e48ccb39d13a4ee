/** Entry `krb5-acceptor/http`: RFC 4559 on plain strings, for any HTTP server. */

export type {
  KdcProxyOptions,
  KdcProxyRequest,
  KdcProxyResponse,
  PieceReader,
} from '../iakerb/kdc-proxy.ts';
export { kdcProxy } from '../iakerb/kdc-proxy.ts';
export type { Answer } from './answer.ts';
export { answerDenied } from './answer.ts';
export type {
  Authenticated,
  Authentication,
  AuthenticationRequest,
  Challenged,
  Denied,
  Guest,
  HeaderField,
  Malformed,
  Refused,
  Unavailable,
} from './authentication.ts';
export type { Authenticator } from './authenticator.ts';
export { createAuthenticator } from './authenticator.ts';
export type { ExchangeKeeper, UnfinishedExchange } from './exchanges.ts';
export type { ClientFacts, ClientReader, DirectFacts, TrustProxy } from './forwarded.ts';
export { clientReader } from './forwarded.ts';
export type { SignOnOptions } from './gate.ts';
export type { Identity, IdentityOptions } from './identity.ts';
export { identityOf } from './identity.ts';
export type { NegotiateHeaders, NegotiateOptions, NegotiateResult } from './negotiate.ts';
export { negotiate } from './negotiate.ts';
export type { AuthenticatorOptions } from './options.ts';
export type { DenialPages } from './pages.ts';
export type { ServiceIakerbOptions, ServiceOptions } from './service.ts';
export type { CookieOptions } from './session/cookies.ts';
export type { OpenSession, SessionKeeper, SessionRequest } from './session/keeper.ts';
export type { SessionOptions, SessionWarning } from './session/options.ts';
export type { SessionStore } from './session/store.ts';
export type { ExchangeStore, StoredExchanges, StoredExchangesOptions } from './stored-exchanges.ts';
export { storedExchanges } from './stored-exchanges.ts';
