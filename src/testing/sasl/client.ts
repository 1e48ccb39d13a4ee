/// <reference lib="esnext.disposable" preserve="true" />
/** The client's half of SASL with Kerberos, for tests. */
import { concatBytes, encodeUtf8 } from '../../bytes.ts';
import type { SecurityContext } from '../../context/context.ts';
import { GssError } from '../../gss/status.ts';
import type { OptionRules } from '../../options.ts';
import { bytes, checkOptions, oneOf, text, wholeNumber } from '../../options.ts';
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

/** Options of {@link createSaslClient}. */
export interface SaslClientOptions extends Omit<InitiatorOptions, 'mechanism' | 'spnego'> {
  /** The identity to act as; none if absent. */
  readonly authorizationId?: string;
  /** GSSAPI only: the layer to choose; the strongest of those offered if absent. */
  readonly layer?: SaslLayer;
  /** GSSAPI only: the buffer to state, 0 to 16777215; 65536 if absent. */
  readonly maxBuffer?: number;
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
  #context: SecurityContext | undefined;

  /** @internal */
  constructor(mechanism: SaslMechanism, options: SaslClientOptions) {
    oneOf(...MECHANISMS).check(mechanism, 'mechanism');
    checkOptions('createSaslClient', options, SASL_CLIENT_OPTIONS);
    const {
      authorizationId: _,
      layer: _layer,
      maxBuffer: _buffer,
      choice: _choice,
      ...rest
    } = options;
    this.#mechanism = mechanism;
    this.#options = options;
    this.#initiator = createInitiator({ ...rest, spnego: mechanism === 'GSS-SPNEGO' });
  }

  /** The initial response. */
  begin(): Uint8Array {
    return this.#initiator.begin();
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
    return {
      response,
      session: this.#session(context, layersOfContext(context).at(-1)!, PEER_BUFFER),
    };
  }

  /** RFC 4752 §3.1. */
  #choose(context: SecurityContext, challenge: Uint8Array): SaslClientStep {
    const { message } = context.unwrap(challenge);
    if (message.length !== CHOICE_LENGTH) {
      throw new GssError('GSS_S_DEFECTIVE_TOKEN', 'the offer of layers has not four bytes');
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
};

const CHOICE_LENGTH = 4;
const PEER_BUFFER = 65_536;
