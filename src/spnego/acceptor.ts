/** The acceptor's side of a negotiation (RFC 4178 §4 and §5), over mechanisms that it is given. */
import type { Reader, Writer } from '../bytes.ts';
import {
  readBytes,
  readFlag,
  readOptional,
  writeBytes,
  writeFlag,
  writeOptional,
} from '../context/export-format.ts';
import { DecodeError, KerberosError } from '../errors.ts';
import type { UnframedToken } from '../gss/framing.ts';
import { BEGUN_ELSEWHERE, unframeIfFramed } from '../gss/framing.ts';
import { decodeMechanism, encodeMechanism, Mechanism } from '../gss/mechanism.ts';
import type { Oid } from '../gss/oid.ts';
import { ContextFlag, GssError } from '../gss/status.ts';
import type { Mutable } from '../messages/message.ts';
import { explainForeignChoice, explainForeignOffer, refuseForeignToken } from './foreign-token.ts';
import type { NegTokenResp, ReceivedNegTokenInit, ReceivedNegTokenResp } from './neg-token.ts';
import { decodeNegToken, encodeNegTokenInit, encodeNegTokenResp, NegState } from './neg-token.ts';

/** What the negotiation needs of the context that a mechanism establishes. */
export interface NegotiatedContext {
  /** {@link ContextFlag} bits. */
  readonly flags: number;
  getMic(message: Uint8Array): Uint8Array;
  /** @throws {@link GssError} if the MIC is not good. */
  verifyMic(message: Uint8Array, mic: Uint8Array): unknown;
  /** What would be the caller's, once the negotiation is complete. */
  readonly delegatedCredential?: { dispose(): void };
  dispose(): void;
}

/** As {@link AcceptResult}, whatever the context. */
export type NegotiationResult<C> =
  | { readonly status: 'complete'; readonly context: C; readonly outputToken?: Uint8Array }
  | { readonly status: 'continue'; readonly outputToken: Uint8Array }
  | { readonly status: 'failed'; readonly error: GssError; readonly outputToken?: Uint8Array };

/** One mechanism's side of one exchange. */
export interface NegotiatedHandshake<C> {
  /** @param unframed - The token without its header, where that was looked at already. */
  accept(token: Uint8Array, unframed?: UnframedToken): Promise<NegotiationResult<C>>;
  /** Moves what it holds between two tokens into an exported handshake. */
  save(writer: Writer): void;
  /** Wipes what it holds between two tokens. */
  dispose(): void;
}

/** A mechanism that can be negotiated. */
export interface NegotiableMechanism<C> {
  /** Its OIDs: the right one first, then the wrong ones that it is also known by. */
  readonly oids: readonly [Oid, ...Oid[]];
  begin(): NegotiatedHandshake<C>;
  /** The exchange that its `save` wrote. */
  restore(reader: Reader): NegotiatedHandshake<C>;
  /** Moves a context that is complete, while the negotiation is not. */
  saveContext(context: C, writer: Writer): void;
  restoreContext(reader: Reader): C;
}

/**
 * One negotiation. A client that uses one of the mechanisms without SPNEGO is served as well.
 *
 * The order of preference is the client's. If its first mechanism is chosen, nothing has to be
 * protected; otherwise both sides prove with a MIC that nobody has changed the list (§5).
 */
export class SpnegoHandshake<C extends NegotiatedContext> implements NegotiatedHandshake<C> {
  readonly #mechanisms: readonly NegotiableMechanism<C>[];
  readonly #takesRaw: boolean;
  #hinted = false;
  /** From the first NegTokenInit on. */
  #chosen: Chosen<C> | undefined;
  /** The first reply names the mechanism. */
  #replied = false;
  /** The mechanism's context, once it is complete. */
  #context: C | undefined;
  #micRequired = false;
  #micSent = false;
  #foreignChoice: GssError | undefined;

  /**
   * @param mechanisms - What may be negotiated; named in this order if the client asks.
   * @param takesRaw - Whether a client may use one of them without SPNEGO.
   */
  constructor(mechanisms: readonly NegotiableMechanism<C>[], takesRaw = true) {
    this.#mechanisms = mechanisms;
    this.#takesRaw = takesRaw;
  }

  /**
   * Takes the peer's next token. A refusal carries a reject to send, with the mechanism's own
   * error token in it.
   *
   * @param token - As received; empty at first to be told the mechanisms (MS-SPNG §3.2.5.2).
   */
  async accept(token: Uint8Array, unframed?: UnframedToken): Promise<NegotiationResult<C>> {
    try {
      return await this.#accept(token, unframed);
    } catch (error) {
      this.dispose();
      const failure = asGssError(error);
      if (failure.minor?.code === 'SPNEGO_REJECTED') return { status: 'failed', error: failure };
      return { status: 'failed', error: failure, outputToken: REJECT.slice() };
    }
  }

  /**
   * The client would rather have used a mechanism that is not ours, and has not gone on with ours yet:
   * what to tell the operator if it does not.
   */
  get foreignChoice(): GssError | undefined {
    return this.#foreignChoice;
  }

  dispose(): void {
    this.#context?.delegatedCredential?.dispose();
    this.#context?.dispose();
    this.#context = undefined;
    this.#chosen?.handshake.dispose();
  }

  save(writer: Writer): void {
    for (const flag of [this.#hinted, this.#replied, this.#micRequired, this.#micSent]) {
      writeFlag(writer, flag);
    }
    writeOptional(writer, this.#chosen, (_, { oid, raw, mechTypeList, handshake }) => {
      writeBytes(writer, encodeMechanism(oid));
      writeFlag(writer, raw);
      writeBytes(writer, mechTypeList);
      writeOptional(writer, this.#context, () =>
        this.#find(oid)!.saveContext(this.#context!, writer),
      );
      if (this.#context === undefined) handshake.save(writer);
    });
    this.#context = undefined;
  }

  /**
   * What {@link save} wrote.
   *
   * @throws {@link DecodeError} if it needs a mechanism that is not among these.
   */
  static restore<C extends NegotiatedContext>(
    reader: Reader,
    mechanisms: readonly NegotiableMechanism<C>[],
    takesRaw = true,
  ): SpnegoHandshake<C> {
    const restored = new SpnegoHandshake(mechanisms, takesRaw);
    restored.#hinted = readFlag(reader);
    restored.#replied = readFlag(reader);
    restored.#micRequired = readFlag(reader);
    restored.#micSent = readFlag(reader);
    if (!readFlag(reader)) return restored;
    const oid = decodeMechanism(readBytes(reader));
    const raw = readFlag(reader);
    const mechTypeList = readBytes(reader);
    const mechanism = restored.#find(oid);
    if (mechanism === undefined) throw new DecodeError(`${reader.label} has another mechanism`);
    restored.#context = readOptional(reader, () => mechanism.restoreContext(reader));
    const done = restored.#context !== undefined;
    const handshake = done ? mechanism.begin() : mechanism.restore(reader);
    restored.#chosen = { oid, raw, mechTypeList, handshake };
    return restored;
  }

  // What follows is no promise until the mechanism is asked: each would cost every client.
  #accept(token: Uint8Array, unframed?: UnframedToken): Eventually<NegotiationResult<C>> {
    if (this.#chosen === undefined) return this.#first(token, unframed);
    if (this.#chosen.raw) return this.#chosen.handshake.accept(token);
    this.#foreignChoice = undefined;
    refuseForeignToken(token);
    const resp = decodeNegToken(token);
    refuseForeignToken((resp.kind === 'resp' ? resp.responseToken : resp.mechToken) ?? EMPTY);
    if (resp.kind !== 'resp') throw defective('a second NegTokenInit');
    return this.#next(resp);
  }

  #first(
    token: Uint8Array,
    unframed: UnframedToken | undefined = unframeIfFramed(token),
  ): Eventually<NegotiationResult<C>> {
    if (token.length === 0 && !this.#hinted) return this.#hint();
    const raw = this.#rawMechanism(unframed);
    if (raw !== undefined) {
      this.#chosen = { ...NO_LIST, oid: raw.oids[0], handshake: raw.begin(), raw: true };
      return this.#chosen.handshake.accept(token, unframed);
    }
    refuseForeignToken(token);
    const init = decodeNegToken(token, unframed);
    if (init.kind !== 'init') {
      refuseForeignToken(init.responseToken ?? EMPTY);
      throw defective('a NegTokenResp before any NegTokenInit', BEGUN_ELSEWHERE);
    }
    return this.#negotiate(init);
  }

  // MS-SPNG §3.2.5.2: an acceptor that is asked with an empty token lists its mechanisms.
  #hint(): NegotiationResult<C> {
    this.#hinted = true;
    const outputToken = encodeNegTokenInit({
      mechTypes: this.#mechanisms.map((mechanism) => mechanism.oids[0]),
      negHints: { hintName: HINT_NAME },
    });
    return { status: 'continue', outputToken };
  }

  #rawMechanism(unframed: UnframedToken | undefined): NegotiableMechanism<C> | undefined {
    if (!this.#takesRaw || unframed === undefined) return undefined;
    const { mechanism } = unframed;
    return mechanism === Mechanism.spnego ? undefined : this.#find(mechanism);
  }

  #find(oid: Oid): NegotiableMechanism<C> | undefined {
    return this.#mechanisms.find((mechanism) => mechanism.oids.includes(oid));
  }

  #negotiate(init: ReceivedNegTokenInit): Eventually<NegotiationResult<C>> {
    const index = init.mechTypes.findIndex((oid) => this.#find(oid) !== undefined);
    const oid = init.mechTypes[index];
    if (oid === undefined) throw explainForeignOffer(init.mechTypes);
    this.#chosen = {
      // The OID goes back as it came: Windows means Kerberos with a wrong one and expects it.
      oid,
      handshake: this.#find(oid)!.begin(),
      mechTypeList: init.mechTypeList.slice(),
      raw: false,
    };
    if (index > 0) {
      // RFC 4178 §5: not the client's first choice, so the list must be protected. The token that
      // came along is the first choice's, and of no use.
      this.#micRequired = true;
      this.#foreignChoice = explainForeignChoice(init.mechTypes[0]!, init.mechToken);
      return this.#continue(NegState.requestMic);
    }
    if (init.mechToken === undefined) return this.#continue(NegState.acceptIncomplete);
    return this.#run(this.#chosen, init.mechToken, init.mechListMic);
  }

  #next(resp: ReceivedNegTokenResp): Eventually<NegotiationResult<C>> {
    const { responseToken, mechListMic } = resp;
    if (resp.negState === NegState.reject) {
      throw new GssError('GSS_S_FAILURE', {
        minor: new KerberosError('SPNEGO_REJECTED'),
      });
    }
    // RFC 4178 §4.2.2: only the acceptor chooses.
    if (resp.supportedMech !== undefined) throw defective('a mechanism chosen by the initiator');
    if (responseToken !== undefined) return this.#run(this.#chosen!, responseToken, mechListMic);
    if (mechListMic === undefined) throw defective('neither a token nor a MIC');
    if (this.#context === undefined) throw defective('a MIC before there is a context');
    return this.#finish(this.#context, undefined, mechListMic);
  }

  async #run(
    chosen: Chosen<C>,
    mechToken: Uint8Array,
    mechListMic: Uint8Array | undefined,
  ): Promise<NegotiationResult<C>> {
    if (this.#context !== undefined) throw defective('a mechanism token after the last one');
    refuseForeignToken(mechToken);
    const result = await chosen.handshake.accept(mechToken);
    if (result.status === 'failed') {
      const { error, outputToken } = result;
      return { status: 'failed', error, outputToken: reject(presence(outputToken)) };
    }
    if (result.status === 'continue') {
      return this.#continue(NegState.acceptIncomplete, presence(result.outputToken));
    }
    this.#context = result.context;
    return this.#finish(result.context, presence(result.outputToken), mechListMic);
  }

  /** The mechanism is complete: RFC 4178 §5 says who owes whom a MIC of the list. */
  #finish(
    context: C,
    responseToken: Uint8Array | undefined,
    mechListMic: Uint8Array | undefined,
  ): NegotiationResult<C> {
    const { mechTypeList } = this.#chosen!;
    if ((context.flags & ContextFlag.integrity) === 0) {
      // §5: a mechanism without integrity has no MICs to exchange.
      return this.#complete(context, responseToken);
    }
    if (mechListMic !== undefined) {
      context.verifyMic(mechTypeList, mechListMic);
      // §5(c): who sends one gets one.
      this.#micRequired = true;
    } else if (this.#micRequired && responseToken === undefined) {
      // §5: the side that sends the last mechanism token sends the MIC with it.
      throw defective('no mechListMIC, but one is required');
    }
    const wasSent = this.#micSent;
    const ownMic = this.#micRequired && !wasSent ? context.getMic(mechTypeList) : undefined;
    this.#micSent ||= ownMic !== undefined;
    if (this.#micRequired && mechListMic === undefined) {
      return this.#continue(NegState.acceptIncomplete, responseToken, ownMic);
    }
    // §5: our MIC went out before, the peer is done: it waits for nothing.
    if (wasSent) return { status: 'complete', context };
    return this.#complete(context, responseToken, ownMic);
  }

  #complete(
    context: C,
    responseToken: Uint8Array | undefined,
    mechListMic?: Uint8Array,
  ): NegotiationResult<C> {
    const outputToken = this.#reply(NegState.acceptCompleted, responseToken, mechListMic);
    return { status: 'complete', context, outputToken };
  }

  #continue(
    negState: number,
    responseToken?: Uint8Array,
    mechListMic?: Uint8Array,
  ): NegotiationResult<C> {
    return { status: 'continue', outputToken: this.#reply(negState, responseToken, mechListMic) };
  }

  #reply(negState: number, responseToken?: Uint8Array, mechListMic?: Uint8Array): Uint8Array {
    // RFC 4178 §4.2.2: supportedMech is in the first reply, and in no other.
    const supportedMech = this.#replied ? undefined : this.#chosen?.oid;
    this.#replied = true;
    const resp: Mutable<NegTokenResp> = { negState };
    if (supportedMech !== undefined) resp.supportedMech = supportedMech;
    if (responseToken !== undefined) resp.responseToken = responseToken;
    if (mechListMic !== undefined) resp.mechListMic = mechListMic;
    return encodeNegTokenResp(resp);
  }
}

type Eventually<T> = T | Promise<T>;

interface Chosen<C> {
  readonly oid: Oid;
  readonly handshake: NegotiatedHandshake<C>;
  /** What the MICs are over; a copy. */
  readonly mechTypeList: Uint8Array;
  /** The client does not use SPNEGO at all. */
  readonly raw: boolean;
}

function reject(responseToken: Uint8Array | undefined): Uint8Array {
  return encodeNegTokenResp({
    negState: NegState.reject,
    ...(responseToken && { responseToken }),
  });
}

/** A mechanism that has nothing to say may say it with an empty token. */
function presence(token: Uint8Array | undefined): Uint8Array | undefined {
  return token === undefined || token.length === 0 ? undefined : token;
}

function defective(problem: string, hint?: string): DecodeError {
  return new DecodeError(`SPNEGO token: ${problem}`, hint === undefined ? {} : { hint });
}

function asGssError(error: unknown): GssError {
  if (error instanceof GssError) return error;
  if (!(error instanceof KerberosError)) throw error;
  return new GssError('GSS_S_DEFECTIVE_TOKEN', { minor: error });
}

const EMPTY = new Uint8Array(0);
const NO_LIST = { mechTypeList: EMPTY } as const;
// MS-SPNG §2.2.1: what Windows sends, so that nobody relies on it.
const HINT_NAME = 'not_defined_in_RFC4178@please_ignore';
const REJECT = encodeNegTokenResp({ negState: NegState.reject });
