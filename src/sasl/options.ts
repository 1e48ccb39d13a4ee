/** The options of a SASL server and of one exchange. */
import type { Acceptor } from '../acceptor.ts';
import type { SecurityContext } from '../context/context.ts';
import type { HandshakeOptions } from '../krb5/settings.ts';
import { HANDSHAKE_OPTIONS } from '../krb5/settings.ts';
import type { OptionRules } from '../options.ts';
import {
  callback,
  definite,
  flag,
  listOf,
  nonEmpty,
  objectWith,
  oneOf,
  range,
  required,
  wholeNumber,
} from '../options.ts';
import type { SaslLayer } from './layer.ts';
import { LAYER_BITS, MAX_BUFFER } from './layer.ts';

/** The SASL mechanisms of this package. */
export type SaslMechanism = 'GSSAPI' | 'GSS-SPNEGO' | 'GS2-KRB5' | 'GS2-KRB5-PLUS';

/** Options of {@link createSaslServer}. */
export interface SaslServerOptions {
  /** Accepts the tokens. The caller owns it. */
  readonly acceptor: Acceptor;
  /**
   * The mechanisms that clients may choose; if absent all of {@link SaslMechanism} that the acceptor
   * can serve.
   */
  readonly mechanisms?: readonly SaslMechanism[];
  /**
   * The service that the ticket must be for, such as `ldap`: the first part of the name, case ignored.
   * If absent, any key of the acceptor's credential will do, and so a ticket for the web server on the
   * same host may be used here.
   */
  readonly service?: string;
  /**
   * The security layers that clients may choose; all if absent. Each exchange may have others
   * ({@link SaslExchangeOptions.layers}), such as `none` only inside TLS.
   */
  readonly layers?: readonly SaslLayer[];
  /**
   * The greatest length of a frame's token that the server accepts, in bytes: 1024 to 16777215; 65536
   * if absent. A connection keeps at most one incomplete frame.
   */
  readonly maxBuffer?: number;
  /**
   * Judges each client, after authentication and before success. It must return exactly `true`, or a
   * promise of it, which is awaited for the acceptor's deadline. If absent, a client may act only as
   * itself: without an authorization identity, or with its own principal in full.
   */
  readonly authorize?: (request: AuthorizationRequest) => boolean | PromiseLike<boolean>;
}

/** What {@link SaslServerOptions.authorize} judges. */
export interface AuthorizationRequest {
  /** The principal of the client, such as `alice@EXAMPLE.COM`. */
  readonly authenticationId: string;
  /** The identity that the client asks to act as; absent if it asks for none. Not verified. */
  readonly requestedId?: string;
  /** The mechanism that it used. */
  readonly mechanism: SaslMechanism;
  /** The agreed security layer. */
  readonly layer: SaslLayer;
  /** The established context: ticket, PAC. Do not dispose of it. */
  readonly context: SecurityContext;
}

/** Options of {@link SaslServer.begin}. */
export interface SaslExchangeOptions
  extends Pick<
    HandshakeOptions,
    'channelBindings' | 'channelBindingsUnavailable' | 'peerAddress' | 'signal'
  > {
  /** Replaces the server's layers on this connection. */
  readonly layers?: readonly SaslLayer[];
  /**
   * Whether the protocol's success message can carry data, as those of LDAP, XMPP and AMQP can; false
   * if absent, as for SMTP, IMAP and POP. Without it the last token is sent as a challenge, which the
   * client answers with an empty response.
   */
  readonly successData?: boolean;
}

/** The least buffer of the server: a frame has up to 100 bytes beside its message. */
const MIN_BUFFER = 1024;

const LAYERS = definite(nonEmpty(listOf(oneOf(...Object.keys(LAYER_BITS)))));

/** The mechanisms, in the order in which servers advertise them. */
export const MECHANISMS: readonly SaslMechanism[] = [
  'GS2-KRB5-PLUS',
  'GS2-KRB5',
  'GSSAPI',
  'GSS-SPNEGO',
];

/** The rules of {@link SaslServerOptions}. */
export const SASL_SERVER_OPTIONS: OptionRules<SaslServerOptions> = {
  acceptor: required(objectWith('the result of createAcceptor(...)', 'begin', 'resume')),
  mechanisms: definite(nonEmpty(listOf(oneOf(...MECHANISMS)))),
  service: definite(
    range(
      "the name of a service without host and realm, such as 'ldap'",
      (value) => typeof value === 'string' && /^[^/@\s]+$/.test(value),
    ),
  ),
  layers: LAYERS,
  maxBuffer: definite(wholeNumber(MIN_BUFFER, MAX_BUFFER)),
  authorize: definite(callback),
};

/** The rules of {@link SaslExchangeOptions}. */
export const SASL_EXCHANGE_OPTIONS: OptionRules<SaslExchangeOptions> = {
  channelBindings: HANDSHAKE_OPTIONS.channelBindings,
  channelBindingsUnavailable: HANDSHAKE_OPTIONS.channelBindingsUnavailable,
  peerAddress: HANDSHAKE_OPTIONS.peerAddress,
  signal: HANDSHAKE_OPTIONS.signal,
  layers: LAYERS,
  successData: flag,
};
