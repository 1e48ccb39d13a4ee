/// <reference lib="esnext.disposable" preserve="true" />
/** The client's half of SASL with Kerberos, for tests. */
import { concatBytes, encodeUtf8 } from '../../bytes.ts';
import type { SecurityContext } from '../../context/context.ts';
import { unframeToken } from '../../gss/framing.ts';
import { GssError } from '../../gss/status.ts';
import type { OptionRules } from '../../options.ts';
import { bytes, checkOptions, oneOf, text, wholeNumber } from '../../options.ts';
import { typeOfBindings } from '../../sasl/gs2.ts';
import { bindingsOfHeader, encodeGs2Header } from '../../sasl/gs2-header.ts';
import type { SaslLayer } from '../../sasl/layer.ts';
import {
  decodeChoice,
  encodeChoice,
  LAYER_BITS,
  layersOfContext,
  MAX_BUFFER,
} from '../../sasl/layer.ts';
import type { SaslMechanism } from '../../sasl/options.ts';
import { MECHANISMS } from '../../sasl/options.ts';
import { SaslSession } from '../../sasl/session.ts';
import type { Initiator } from '../initiator.ts';
import { createInitiator } from '../initiator.ts';
import type { InitiatorOptions } from '../initiator-options.ts';
import { INITIATOR_OPTIONS } from '../initiator-options.ts';

/** Options of {@link createSaslClient}. GS2-KRB5-PLUS needs `channelBindings`, those of TLS. */
export interface SaslClientOptions extends Omit<InitiatorOptions, 'mechanism' | 'spnego'> {
  /** The identity to act as; none if absent. */
  readonly authorizationId?: string;
  /** GSSAPI only: the layer to choose; the strongest of those offered if absent. */
  readonly layer?: SaslLayer;
  /** GSSAPI only: the buffer to state, 0 to 16777215; 65536 if absent. */
  readonly maxBuffer?: number;
  /**
   * GS2-KRB5 only: what to say about channel bindings (RFC 5801 §5): `n` (not supported), or `y`
   * (supported, but not offered by the server); `n` if absent.
   */
  readonly bindingFlag?: 'n' | 'y';
  /** GSSAPI only: replaces the message with layer, buffer and identity, to test refusals. */
  readonly choice?: Uint8Array;
}

/** The client's answer to a challenge. */
export interface SaslClientStep {
  /** Must be sent, even if it is empty. */
  readonly response: Uint8Array;
  /** The client's side of the connection, if this was its last step. The caller disposes of it. */
  readonly session?: SaslSession;
}

/**
 * Creates a SASL client, which authenticates once.
 *
 * @throws TypeError, RangeError for invalid options.
 *
 * @example
 * ```ts
 * import type { SaslServer, SaslSession } from 'krb5-acceptor/sasl';
 * import type { MintedTicket } from 'krb5-acceptor/testing';
 * import { createSaslClient } from 'krb5-acceptor/testing';
 *
 * export async function meet(server: SaslServer, ticket: MintedTicket): Promise<SaslSession> {
 *   const client = createSaslClient('GSSAPI', { ticket });
 *   const exchange = server.begin('GSSAPI');
 *   let result = await exchange.step(client.begin());
 *   while (result.status === 'continue') {
 *     result = await exchange.step(client.step(result.challenge).response);
 *   }
 *   if (result.status === 'failed') throw result.error;
 *   return result.session;
 * }
 * ```
 */
export function createSaslClient(mechanism: SaslMechanism, options: SaslClientOptions): SaslClient {
  return new SaslClient(mechanism, options);
}

/** One exchange of the client. Created by {@link createSaslClient}. */
export class SaslClient {
  readonly #mechanism: SaslMechanism;
  readonly #options: SaslClientOptions;
  readonly #initiator: Initiator;
  readonly #gs2Header: Uint8Array | undefined;
  #context: SecurityContext | undefined;

  /** @internal */
  constructor(mechanism: SaslMechanism, options: SaslClientOptions) {
    oneOf(...MECHANISMS).check(mechanism, 'mechanism');
    checkOptions('createSaslClient', options, SASL_CLIENT_OPTIONS);
    this.#mechanism = mechanism;
    this.#options = options;
    this.#gs2Header = mechanism.startsWith('GS2-') ? gs2HeaderOf(mechanism, options) : undefined;
    this.#initiator = createInitiator(initiatorOptions(mechanism, options, this.#gs2Header));
  }

  /** The initial response. */
  begin(): Uint8Array {
    const token = this.#initiator.begin();
    if (this.#gs2Header === undefined) return token;
    // RFC 5801 §3.1: without the header of RFC 2743 §3.1.
    return concatBytes(this.#gs2Header, unframeToken(token).inner);
  }

  /**
   * Answers a challenge, or takes the data of the server's success message.
   *
   * @throws {@link GssError}, {@link KerberosError} as {@link Initiator.step}; GSS_S_DEFECTIVE_TOKEN for a
   *   malformed offer of layers.
   */
  step(challenge: Uint8Array): SaslClientStep {
    if (this.#context !== undefined) return this.#choose(this.#context, challenge);
    const result = this.#initiator.step(challenge);
    if (result.status === 'continue') return { response: result.outputToken };
    const response = result.outputToken ?? new Uint8Array();
    if (this.#mechanism === 'GSSAPI') {
      this.#context = result.context;
      return { response };
    }
    const { context } = result;
    const layer = this.#gs2Header === undefined ? layersOfContext(context).at(-1)! : 'none';
    return {
      response,
      session: this.#session(context, layer, PEER_BUFFER),
    };
  }

  /** RFC 4752 §3.1. */
  #choose(context: SecurityContext, challenge: Uint8Array): SaslClientStep {
    const { message } = context.unwrap(challenge);
    if (message.length !== CHOICE_LENGTH) {
      throw new GssError('GSS_S_DEFECTIVE_TOKEN', {
        reason: 'testing.answer',
        message: 'the offer of layers has not four bytes',
      });
    }
    const offer = decodeChoice(message);
    const { maxBuffer = PEER_BUFFER, authorizationId = '', choice } = this.#options;
    const layer = this.#options.layer ?? strongestOf(offer.bits);
    const own = { bits: LAYER_BITS[layer], maxBuffer: layer === 'none' ? 0 : maxBuffer };
    const response = context.wrap(
      choice ?? concatBytes(encodeChoice(own), encodeUtf8(authorizationId)),
      { confidential: false },
    );
    return { response, session: this.#session(context, layer, offer.maxBuffer) };
  }

  #session(context: SecurityContext, layer: SaslLayer, peerMaxBuffer: number): SaslSession {
    const authenticationId = context.initiator.text;
    const { authorizationId = authenticationId, maxBuffer = PEER_BUFFER } = this.#options;
    return new SaslSession(context, {
      mechanism: this.#mechanism,
      authenticationId,
      authorizationId,
      layer,
      peerMaxBuffer,
      maxBuffer,
    });
  }
}

function gs2HeaderOf(mechanism: SaslMechanism, options: SaslClientOptions): Uint8Array {
  const { authorizationId, bindingFlag = 'n', channelBindings } = options;
  if (mechanism === 'GS2-KRB5') return encodeGs2Header(bindingFlag, '', authorizationId);
  const bindings = channelBindings && typeOfBindings(channelBindings);
  if (bindings === undefined) {
    throw new TypeError('channelBindings: expected those of TLS for GS2-KRB5-PLUS, got none');
  }
  return encodeGs2Header('p', bindings.type, authorizationId);
}

function initiatorOptions(
  mechanism: SaslMechanism,
  {
    authorizationId: _,
    layer: _l,
    maxBuffer: _m,
    choice: _c,
    bindingFlag: _b,
    ...options
  }: SaslClientOptions,
  header: Uint8Array | undefined,
): InitiatorOptions {
  if (header === undefined) return { ...options, spnego: mechanism === 'GSS-SPNEGO' };
  const { channelBindings } = options;
  const channel =
    mechanism === 'GS2-KRB5' || channelBindings === undefined
      ? undefined
      : typeOfBindings(channelBindings)?.channel;
  return { ...options, channelBindings: { applicationData: bindingsOfHeader(header, channel) } };
}

function strongestOf(bits: number): SaslLayer {
  if ((bits & LAYER_BITS.confidentiality) !== 0) return 'confidentiality';
  return (bits & LAYER_BITS.integrity) !== 0 ? 'integrity' : 'none';
}

const { mechanism: _mechanism, spnego: _spnego, ...OF_INITIATOR } = INITIATOR_OPTIONS;

/** The rules of {@link SaslClientOptions}. */
export const SASL_CLIENT_OPTIONS: OptionRules<SaslClientOptions> = {
  ...OF_INITIATOR,
  authorizationId: text,
  layer: oneOf(...Object.keys(LAYER_BITS)),
  maxBuffer: wholeNumber(0, MAX_BUFFER),
  choice: bytes,
  bindingFlag: oneOf('n', 'y'),
};

const CHOICE_LENGTH = 4;
const PEER_BUFFER = 65_536;
