/**
 * Entry `krb5-acceptor/sasl`: the server's half of SASL with Kerberos (RFC 4422), for LDAP, SMTP, IMAP,
 * XMPP, AMQP and any other protocol that has SASL.
 */
export type { SaslResult } from './exchange.ts';
export { SaslExchange } from './exchange.ts';
export type { SaslLayer } from './layer.ts';
export type {
  AuthorizationRequest,
  SaslExchangeOptions,
  SaslMechanism,
  SaslServerOptions,
} from './options.ts';
export { createSaslServer, SaslServer } from './server.ts';
export { SaslSession } from './session.ts';
export type { SaslStreams, SaslTransform } from './streams.ts';
export { saslStreams } from './streams.ts';
