/** The initiator's side of SPNEGO (RFC 4178) around Kerberos, for tests. Stricter than real clients are. */
import { encodeUtf8 } from '../bytes.ts';
import type { SecurityContext } from '../context/context.ts';
import { DecodeError, KerberosError } from '../errors.ts';
import { isKrb5Mechanism, Mechanism, mechanismName } from '../gss/mechanism.ts';
import type { Oid } from '../gss/oid.ts';
import { GssError, gssErrorOf } from '../gss/status.ts';
import type { NegTokenInit, NegTokenResp, ReceivedNegTokenResp } from '../spnego/neg-token.ts';
import {
  decodeNegToken,
  encodeNegTokenInit,
  encodeNegTokenResp,
  NegState,
} from '../spnego/neg-token.ts';
import type { InitiatorResult, SpnegoOptions } from './initiator-options.ts';
import { OfferedMechanisms } from './initiator-options.ts';
import type { KerberosExchange } from './kerberos-exchange.ts';
import { readReply } from './kerberos-exchange.ts';
import type { MintedTicket } from './mint.ts';

/** One negotiation. Its methods are those of {@link Initiator}. */
export class SpnegoExchange {
  readonly #kerberos: KerberosExchange;
  readonly #ticket: MintedTicket;
  readonly #options: SpnegoOptions;
  readonly #mechanisms: readonly Oid[];
  /** The MechTypeList in DER: what the MICs are computed over. */
  readonly #list: Uint8Array;
  #awaits: 'nothing' | 'hints' | 'choice' | 'answer' = 'nothing';
  #context: SecurityContext | undefined;
  /** Whether the acceptor did not take the first mechanism: both sides owe a MIC then. */
  #micRequired = false;
  #micSent = false;
  #micVerified = false;

  constructor(kerberos: KerberosExchange, ticket: MintedTicket, options: SpnegoOptions) {
    this.#kerberos = kerberos;
    this.#ticket = ticket;
    this.#options = options;
    this.#mechanisms = options.mechanisms ?? OfferedMechanisms.mit;
    this.#list = mechTypeListOf(this.#mechanisms);
  }

  begin(): Uint8Array {
    this.#reset();
    if (this.#options.askFirst !== true) return this.#offer();
    this.#awaits = 'hints';
    return new Uint8Array();
  }

  step(token: Uint8Array | undefined): InitiatorResult {
    const awaited = this.#awaits;
    if (awaited === 'nothing') throw new TypeError('initiator: expected begin() before an answer');
    try {
      if (token === undefined) throw defective('the acceptor sent no answer');
      const message = decodeNegToken(token);
      if (awaited === 'hints') {
        if (message.kind !== 'init') throw defective('the acceptor sent no list');
        return { status: 'continue', outputToken: this.#offer() };
      }
      if (message.kind !== 'resp') throw defective('the acceptor sent a NegTokenInit');
      if (message.negState === NegState.reject) throw this.#rejection(message);
      return awaited === 'choice' ? this.#takeChoice(message) : this.#takeAnswer(message);
    } catch (error) {
      this.#context?.dispose();
      this.#reset();
      throw error instanceof DecodeError ? gssErrorOf(error, 'GSS_S_DEFECTIVE_TOKEN') : error;
    }
  }

  #reset(): void {
    this.#awaits = 'nothing';
    this.#context = undefined;
    this.#micRequired = this.#micSent = this.#micVerified = false;
  }

  #offer(): Uint8Array {
    const { optimistic = true, negHints, mechToken } = this.#options;
    const [preferred = Mechanism.krb5] = this.#mechanisms;
    const token = !optimistic
      ? undefined
      : isKrb5Mechanism(preferred)
        ? this.#apReq()
        : (mechToken ?? FOREIGN_TOKENS.get(preferred));
    this.#awaits = 'choice';
    const mechListMic = this.#ownMic();
    return encodeNegTokenInit({
      mechTypes: this.#mechanisms,
      ...(token !== undefined && { mechToken: token }),
      ...(mechListMic !== undefined && { mechListMic }),
      ...(negHints !== undefined && { negHints }),
    } satisfies NegTokenInit);
  }

  #apReq(): Uint8Array {
    const token = this.#kerberos.begin();
    if (!this.#kerberos.expectsAnswer) this.#context = this.#kerberos.finish();
    return token;
  }

  /** The first answer, which alone names the mechanism (RFC 4178 §4.2.2). */
  #takeChoice(message: ReceivedNegTokenResp): InitiatorResult {
    const { supportedMech, negState, responseToken } = message;
    if (supportedMech === undefined) throw defective('the acceptor chose no mechanism');
    if (!this.#mechanisms.includes(supportedMech)) {
      throw defective(`the acceptor chose ${mechanismName(supportedMech)}, which was not offered`);
    }
    if (!isKrb5Mechanism(supportedMech)) {
      const text = `the acceptor chose ${mechanismName(supportedMech)}, which is for show only`;
      throw new GssError('GSS_S_BAD_MECH', { reason: 'testing.answer', message: text });
    }
    this.#awaits = 'answer';
    this.#micRequired = supportedMech !== this.#mechanisms[0];
    const optimistic = this.#options.optimistic ?? true;
    if (!this.#micRequired && optimistic) return this.#takeAnswer(message, true);
    // §4.2.2: request-mic exactly where the choice is not the first one.
    const expected = this.#micRequired ? NegState.requestMic : NegState.acceptIncomplete;
    if (negState !== expected) throw defective(`negState is ${negState}, expected ${expected}`);
    if (responseToken !== undefined || message.mechListMic !== undefined) {
      throw defective('an answer to a token that was not sent');
    }
    return this.#continueWith({ responseToken: this.#apReq() });
  }

  /** An answer of Kerberos. */
  #takeAnswer(message: ReceivedNegTokenResp, first = false): InitiatorResult {
    if (!first && message.supportedMech !== undefined) throw defective('a second choice');
    const outputToken = this.#takeKerberos(message.responseToken);
    const context = this.#context!;
    if (message.mechListMic !== undefined) {
      context.verifyMic(this.#list, message.mechListMic);
      this.#micVerified = true;
    }
    switch (message.negState) {
      case NegState.acceptCompleted:
        if (outputToken !== undefined) throw defective('complete before the last token');
        this.#requireMics();
        return this.#complete(context);
      case NegState.acceptIncomplete: {
        if (outputToken !== undefined) return this.#continueWith({ responseToken: outputToken });
        // §5: the acceptor's MIC comes with its last token, and it waits for nothing but ours.
        const mechListMic = this.#ownMic();
        if (mechListMic === undefined) throw defective('incomplete after the last token');
        this.#requireMics();
        return this.#complete(context, encodeNegTokenResp({ mechListMic }));
      }
      default:
        throw defective(`negState ${message.negState} after the first answer`);
    }
  }

  /** @returns The third leg of DCE style. */
  #takeKerberos(token: Uint8Array | undefined): Uint8Array | undefined {
    if (this.#context !== undefined) {
      if (token !== undefined) throw defective('a token after the last one of Kerberos');
      return undefined;
    }
    const result = this.#kerberos.step(token);
    if (result.status === 'complete') this.#context = result.context;
    return result.outputToken;
  }

  #requireMics(): void {
    if (!this.#kerberos.hasIntegrity) return;
    if (this.#micRequired && !this.#micSent) throw defective('complete without our mechListMIC');
    // §5(c): who gets a MIC sends one.
    if (this.#micSent && !this.#micVerified) throw defective('the acceptor sent no mechListMIC');
  }

  /** RFC 4178 §5: the side that sends the last token of the mechanism sends its MIC with it. */
  #ownMic(): Uint8Array | undefined {
    const wanted = this.#micRequired || this.#micVerified || this.#options.sendMic === true;
    const able = this.#context !== undefined && this.#kerberos.hasIntegrity;
    if (!wanted || !able || this.#micSent) return undefined;
    this.#micSent = true;
    return this.#context!.getMic(this.#list);
  }

  #continueWith(message: NegTokenResp): InitiatorResult {
    const mechListMic = this.#ownMic();
    const outputToken = encodeNegTokenResp({ ...message, ...(mechListMic && { mechListMic }) });
    return { status: 'continue', outputToken };
  }

  #complete(context: SecurityContext, outputToken?: Uint8Array): InitiatorResult {
    this.#reset();
    return { status: 'complete', context, ...(outputToken !== undefined && { outputToken }) };
  }

  /** The KRB-ERROR in a reject, or that there is none. Nothing protects either. */
  #rejection({ responseToken }: ReceivedNegTokenResp): unknown {
    try {
      if (responseToken !== undefined) readReply(responseToken, this.#ticket.sessionKey);
    } catch (error) {
      if (error instanceof GssError && error.minor !== undefined) return error;
    }
    const message = 'The acceptor rejected the negotiation';
    return new GssError('GSS_S_FAILURE', {
      minor: new KerberosError('SPNEGO_REJECTED', { reason: 'testing.refused', message }),
    });
  }
}

function mechTypeListOf(mechTypes: readonly Oid[]): Uint8Array {
  const message = decodeNegToken(encodeNegTokenInit({ mechTypes }));
  return message.kind === 'init' ? message.mechTypeList : new Uint8Array();
}

function defective(problem: string): GssError {
  return new GssError('GSS_S_DEFECTIVE_TOKEN', {
    reason: 'testing.answer',
    message: `SPNEGO: ${problem}`,
  });
}

// The beginnings of the tokens that Windows sends. MS-NLMP §2.2.1.1: NEGOTIATE_MESSAGE.
const FOREIGN_TOKENS: ReadonlyMap<Oid, Uint8Array> = new Map<Oid, Uint8Array>([
  [Mechanism.ntlmssp, encodeUtf8('NTLMSSP\0\x01\0\0\0'.padEnd(32, '\0'))],
  [Mechanism.negoex, encodeUtf8('NEGOEXTS'.padEnd(96, '\0'))],
]);
