/// <reference lib="esnext.disposable" preserve="true" />
/** One exchange of challenges and responses (RFC 4422 §3). */
import type { Acceptor, Handshake } from '../acceptor.ts';
import type { Deadline, Patience } from '../ap/patience.ts';
import { plainBytes } from '../bytes.ts';
import type { SecurityContext } from '../context/context.ts';
import { DecodeError, KerberosError } from '../errors.ts';
import { GssError, gssErrorOf } from '../gss/status.ts';
import type { AcceptResult } from '../krb5/settings.ts';
import { printableName } from '../text.ts';
import type { Authorization } from './authorization.ts';
import { decodeIdentity } from './authorization.ts';
import type { LayerChoice, SaslLayer } from './layer.ts';
import { bitsOf, chosenLayer, decodeChoice, encodeOffer } from './layer.ts';
import type { ExchangeFacts, FirstResponse } from './mechanism-rules.ts';
import type { AuthorizationRequest, SaslExchangeOptions, SaslMechanism } from './options.ts';
import { refused } from './refusals.ts';
import { RULES } from './rules.ts';
import { maxMessageOf, SaslSession } from './session.ts';

/** The outcome of a step. */
export type SaslResult =
  | {
      /** Send the challenge, and pass on the client's response. */
      readonly status: 'continue';
      /** May be empty: the protocol sends it nevertheless. */
      readonly challenge: Uint8Array;
    }
  | {
      /** The client is authenticated and authorized. Send success, in which no layer is used yet. */
      readonly status: 'complete';
      /** Belongs to the caller, who disposes of it. */
      readonly session: SaslSession;
      /** Data of the success message; only with {@link SaslExchangeOptions.successData}. */
      readonly successData?: Uint8Array;
    }
  | {
      /** The exchange is over, and its keys are wiped. Send the protocol's failure. */
      readonly status: 'failed';
      /** The reason, for the operator only. */
      readonly error: GssError;
      /** Kerberos' own error for the client, for protocols whose failure can carry data, as LDAP. */
      readonly failureData?: Uint8Array;
    };

/** What an exchange needs of its server. */
export interface ExchangeSettings extends Omit<ExchangeFacts, 'channelBindings'> {
  readonly acceptor: Acceptor;
  readonly authorization: Authorization;
  readonly service: string | undefined;
  readonly maxBuffer: number;
  /** undefined if the client chose one that is not offered. */
  readonly mechanism: SaslMechanism | undefined;
  readonly options: SaslExchangeOptions;
}

/** What the client's next response is for. */
type State =
  | { readonly at: 'first'; readonly asked: boolean }
  | { readonly at: 'token'; readonly handshake: Handshake; readonly requestedId?: string }
  /** An empty response, then the offer or the end. */
  | {
      readonly at: 'empty';
      readonly context: SecurityContext;
      readonly next: () => SaslResult;
    }
  | {
      readonly at: 'choice';
      readonly context: SecurityContext;
      readonly offered: readonly SaslLayer[];
    };

/** One client's exchange. Made by {@link SaslServer.begin}. */
export class SaslExchange {
  readonly #settings: ExchangeSettings;
  readonly #patience: Patience<Deadline>;
  #state: State = FIRST;
  #phase: 'ready' | 'busy' | 'done' = 'ready';

  /** @internal */
  constructor(settings: ExchangeSettings) {
    this.#settings = settings;
    this.#patience = settings.authorization.patience();
    this.#patience.signal = settings.options.signal;
  }

  /**
   * Takes the client's next response. Call it until the status is not `continue`.
   *
   * @param response - Its bytes, decoded from what the protocol has (base64, LDAP's octet string); must
   *   not change before the promise is settled. Absent in the first step if the client sent no initial
   *   response, which differs from an empty one (RFC 4422 §3.3).
   * @throws TypeError if called out of turn. What the client sends never throws.
   */
  async step(response?: Uint8Array): Promise<SaslResult> {
    const bytes = response === undefined ? undefined : plainBytes(response, 'response');
    if (this.#patience.aborted !== undefined) return this.#giveUp();
    if (this.#phase !== 'ready') {
      throw new TypeError(
        this.#phase === 'done'
          ? 'exchange: expected no further response, got one after the end'
          : 'exchange: expected one response at a time, got another before the challenge',
      );
    }
    this.#phase = 'busy';
    try {
      const result = await this.#advance(bytes);
      if (result.status === 'complete' && this.#patience.aborted !== undefined) {
        return this.#giveUp();
      }
      this.#phase = result.status === 'continue' ? 'ready' : 'done';
      return result.status === 'continue' && this.#patience.aborted ? this.#giveUp() : result;
    } catch (error) {
      this.#dispose();
      const malformed = error instanceof DecodeError;
      const code = malformed ? 'GSS_S_DEFECTIVE_TOKEN' : 'GSS_S_FAILURE';
      return { status: 'failed', error: gssErrorOf(error, code) };
    }
  }

  /**
   * Ends the exchange and wipes its keys. Call it when the client aborts the exchange in the words of
   * the protocol (`*` of SMTP and IMAP, `<abort/>` of XMPP), or disconnects. A step in progress fails;
   * an established session is not affected.
   *
   * @param reason - The `cause` of that failure.
   */
  abort(reason?: unknown): void {
    if (this.#phase === 'done') return;
    this.#patience.abort(reason);
    if (this.#state.at === 'token') this.#state.handshake.abort(reason);
    if (this.#phase === 'ready') this.#dispose();
  }

  /** Disposes of it at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.abort();
  }

  #advance(response: Uint8Array | undefined): Promise<SaslResult> | SaslResult {
    const { mechanism } = this.#settings;
    if (mechanism === undefined) throw refused('unknownMechanism');
    if ((response?.length ?? 0) > MAX_RESPONSE) throw refused('tooLong');
    const state = this.#state;
    switch (state.at) {
      case 'first':
        // RFC 4422 §3.3: these mechanisms are client-first; without an initial response the server sends
        // an empty challenge.
        if (response !== undefined || state.asked)
          return this.#takeFirst(mechanism, response ?? NOTHING);
        this.#state = { at: 'first', asked: true };
        return { status: 'continue', challenge: new Uint8Array() };
      case 'token':
        return this.#takeToken(state, response ?? NOTHING);
      case 'empty':
        if (response !== undefined && response.length > 0) throw refused('earlyData');
        return state.next();
      case 'choice':
        return this.#takeChoice(state.context, state.offered, response ?? NOTHING);
    }
  }

  #takeFirst(mechanism: SaslMechanism, response: Uint8Array): Promise<SaslResult> | SaslResult {
    const { acceptor, options } = this.#settings;
    const first: FirstResponse = RULES[mechanism].first(response, this.#facts);
    const { channelBindingsUnavailable, peerAddress, signal } = options;
    const handshake = acceptor.begin({
      ...(first.channelBindings !== undefined && { channelBindings: first.channelBindings }),
      ...(channelBindingsUnavailable !== undefined && { channelBindingsUnavailable }),
      ...(peerAddress !== undefined && { peerAddress }),
      ...(signal !== undefined && { signal }),
    });
    const { requestedId } = first;
    const state = { at: 'token', handshake, ...(requestedId && { requestedId }) } as const;
    this.#state = state;
    return this.#takeToken(state, first.token);
  }

  async #takeToken(
    { handshake, requestedId }: State & { readonly at: 'token' },
    token: Uint8Array,
  ): Promise<SaslResult> {
    const result = await handshake.accept(token);
    switch (result.status) {
      case 'continue':
        return { status: 'continue', challenge: result.outputToken };
      case 'failed':
        return failed(result);
      case 'complete':
        return this.#established(result.context, result.outputToken, requestedId);
    }
  }

  async #established(
    context: SecurityContext,
    token: Uint8Array = NOTHING,
    requestedId?: string,
  ): Promise<SaslResult> {
    const { mechanism, service, options } = this.#settings;
    this.#state = { at: 'empty', context, next: unexpected };
    checkService(context, service);
    const outcome = RULES[mechanism!].established(context, this.#facts);
    if ('offer' in outcome) {
      const next = (): SaslResult => this.#offer(context, outcome.offer);
      return token.length === 0 ? next() : this.#acknowledged(context, token, next);
    }
    const session = await this.#session(context, outcome.layer, PEER_BUFFER, requestedId);
    if (token.length === 0) return { status: 'complete', session };
    if (options.successData === true) return { status: 'complete', session, successData: token };
    return this.#acknowledged(context, token, () => ({ status: 'complete', session }));
  }

  /** Sends a token that the client answers with an empty response. */
  #acknowledged(
    context: SecurityContext,
    challenge: Uint8Array,
    next: () => SaslResult,
  ): SaslResult {
    this.#state = { at: 'empty', context, next };
    return { status: 'continue', challenge };
  }

  /** RFC 4752 §3.1: four octets, wrapped without encryption. */
  #offer(context: SecurityContext, offered: readonly SaslLayer[]): SaslResult {
    const offer = encodeOffer(offered, this.#settings.maxBuffer);
    this.#state = { at: 'choice', context, offered };
    return { status: 'continue', challenge: context.wrap(offer, { confidential: false }) };
  }

  /** RFC 4752 §3.3: the layer, the client's buffer, and the authorization identity. */
  async #takeChoice(
    context: SecurityContext,
    offered: readonly SaslLayer[],
    token: Uint8Array,
  ): Promise<SaslResult> {
    const { message, sequence } = context.unwrap(token);
    if (sequence !== 'ok') throw refused('outOfOrder', { facts: `the sequence is '${sequence}'` });
    if (message.length < CHOICE_LENGTH) {
      throw refused('malformedChoice', { facts: `it has ${message.length} bytes` });
    }
    const choice = decodeChoice(message);
    const layer = chosenLayer(choice.bits, offered);
    if (layer === undefined) {
      throw refused('layerNotOffered', {
        facts: `it chose ${choice.bits}, of those in ${bitsOf(offered)}`,
      });
    }
    checkBuffer(context, layer, choice);
    const requestedId = decodeIdentity(message.subarray(CHOICE_LENGTH));
    const session = await this.#session(context, layer, choice.maxBuffer, requestedId);
    return { status: 'complete', session };
  }

  async #session(
    context: SecurityContext,
    layer: SaslLayer,
    peerMaxBuffer: number,
    requestedId: string | undefined,
  ): Promise<SaslSession> {
    const { authorization, maxBuffer } = this.#settings;
    const mechanism = this.#settings.mechanism!;
    const authenticationId = context.initiator.text;
    const request: AuthorizationRequest = {
      authenticationId,
      mechanism,
      layer,
      context,
      ...(requestedId !== undefined && { requestedId }),
    };
    const authorizationId = await authorization.judge(request, this.#patience);
    return new SaslSession(context, {
      mechanism,
      authenticationId,
      authorizationId,
      layer,
      peerMaxBuffer,
      maxBuffer,
    });
  }

  get #facts(): ExchangeFacts {
    return { ...this.#settings, channelBindings: this.#settings.options.channelBindings };
  }

  #giveUp(): SaslResult {
    this.#dispose();
    return {
      status: 'failed',
      error: new GssError('GSS_S_FAILURE', { minor: this.#patience.aborted! }),
    };
  }

  #dispose(): void {
    this.#phase = 'done';
    const state = this.#state;
    if (state.at === 'token') state.handshake.abort();
    if (state.at !== 'empty' && state.at !== 'choice') return;
    state.context.delegatedCredential?.dispose();
    state.context.dispose();
  }
}

function failed({ error, outputToken }: AcceptResult & { readonly status: 'failed' }): SaslResult {
  if (outputToken === undefined) return { status: 'failed', error };
  return { status: 'failed', error, failureData: outputToken };
}

/** A ticket for another service of the host, whose key may be in the same keytab, is refused. */
function checkService({ acceptor }: SecurityContext, service: string | undefined): void {
  if (service === undefined) return;
  const [name = ''] = acceptor.principal?.components ?? [];
  // Active Directory ignores the case of names.
  if (name.toLowerCase() === service.toLowerCase()) return;
  throw refused('otherService', { facts: `it is for ${printableName(acceptor.text)}` });
}

/** Frames must never be longer than the client's buffer, and so one too small for any has no use. */
function checkBuffer(context: SecurityContext, layer: SaslLayer, { maxBuffer }: LayerChoice): void {
  // RFC 4752 §3.3: 0 without a layer. Java's client states its own nevertheless, which has no effect.
  if (layer === 'none' || maxMessageOf(context, layer, maxBuffer) > 0) return;
  throw refused('clientBuffer', { facts: `it has ${maxBuffer} bytes` });
}

function unexpected(): never {
  throw new KerberosError('KRB_ERR_GENERIC', {
    reason: 'fault.program',
    message: 'The exchange has no context yet',
  });
}

const FIRST: State = { at: 'first', asked: false };
const NOTHING = new Uint8Array();
const CHOICE_LENGTH = 4;
// Tokens with a large PAC and a delegated ticket have up to 64 KiB each.
const MAX_RESPONSE = 262_144;
// Where nobody states a buffer: that of Cyrus SASL, OpenLDAP and Samba.
const PEER_BUFFER = 65_536;
