/**
 * SPNEGO (RFC 4178 §4 and §5) as a mechanism made of others: {@link negotiationOf} takes their pairs
 * of functions and gives a pair of the same kind.
 */
import { SecurityContext } from '../context/context.ts';
import type { ContextState } from '../context/state.ts';
import { DecodeError, KerberosError } from '../errors.ts';
import type { FirstToken } from '../gss/framing.ts';
import { BEGUN_ELSEWHERE, readFirstToken } from '../gss/framing.ts';
import { Mechanism, mechanismName } from '../gss/mechanism.ts';
import type { Oid } from '../gss/oid.ts';
import { ContextFlag, GssError, gssErrorOf } from '../gss/status.ts';
import type { MicOwedState, Negotiated, NegotiatingState, Step } from '../handshake-state.ts';
import { disposeContext, disposeState, FIRST_TOKEN } from '../handshake-state.ts';
import type { Exchange, MechanismSteps } from '../krb5/settings.ts';
import type { Mutable } from '../messages/message.ts';
import { explainForeignChoice, explainForeignOffer, refuseForeignToken } from './foreign-token.ts';
import type { NegTokenResp, ReceivedNegTokenInit, ReceivedNegTokenResp } from './neg-token.ts';
import {
  encodeNegTokenInit,
  encodeNegTokenResp,
  NEG_TOKEN_INIT,
  NEG_TOKEN_RESP,
  NegState,
  readNegToken,
} from './neg-token.ts';

/** SPNEGO's own `begin` and `step`, and the answers that need no NegTokenInit. */
export interface Negotiation extends MechanismSteps {
  /** Answers an empty first token with the list of mechanisms (MS-SPNG §3.2.5.2). */
  hint(lateFallback?: boolean): Step;
  /** @param hinted - Whether {@link hint} has answered before. */
  begin(first: FirstToken, exchange: Exchange, hinted?: boolean): Promise<Step>;
  /**
   * The failure of a negotiation, with a reject to send.
   *
   * @throws The error itself if it is neither a {@link GssError} nor a {@link KerberosError}.
   */
  refuse(error: unknown): Step;
}

/**
 * The negotiation of some mechanisms.
 *
 * The order of preference is the initiator's. If its first mechanism is chosen, the list needs no
 * protection; otherwise both sides prove by a MIC that nobody has changed it (RFC 4178 §5). A refusal
 * carries a reject, with the mechanism's own error token in it.
 *
 * @param mechanisms - Named in this order to an initiator that asks for the list.
 */
export function negotiationOf(mechanisms: readonly MechanismSteps[]): Negotiation {
  return {
    oids: [Mechanism.spnego],
    bareTags: [NEG_TOKEN_INIT, NEG_TOKEN_RESP],
    hint: (lateFallback = false) => hint(mechanisms, lateFallback),
    refuse,
    async begin(first, exchange, hinted = false) {
      try {
        const message = readMessage(first);
        if (message.kind === 'init') return await negotiate(message, mechanisms, exchange, hinted);
        throw new DecodeError('SPNEGO token: a NegTokenResp before any NegTokenInit', {
          reason: 'token.out-of-order',
          hint: BEGUN_ELSEWHERE,
        });
      } catch (error) {
        return refuse(error);
      }
    },
    async step(state, token, exchange) {
      try {
        const message = readMessage(readFirstToken(token));
        if (state.at === 'mic-owed') return takeMic(laterMessage(message), state);
        if (state.at !== 'negotiating') throw new TypeError(`SPNEGO has no state ${state.at}`);
        if (state.late !== undefined && isAnotherList(message)) {
          return await chooseAgain(message, state, mechanisms, exchange);
        }
        return await goOn(laterMessage(message), state, mechanisms, exchange);
      } catch (error) {
        return refuse(error);
      }
    },
  };
}

/** The first of the mechanisms that has this OID. */
export function findMechanism(
  mechanisms: readonly MechanismSteps[],
  oid: Oid,
): MechanismSteps | undefined {
  for (const mechanism of mechanisms) {
    if (mechanism.oids.includes(oid)) return mechanism;
  }
  return undefined;
}

function hint(mechanisms: readonly MechanismSteps[], lateFallback: boolean): Step {
  const outputToken = encodeNegTokenInit({
    mechTypes: hintedMechanisms(mechanisms, lateFallback),
    negHints: { hintName: HINT_NAME },
  });
  return { status: 'continue', outputToken, next: { at: 'first-token', hinted: true } };
}

function refuse(error: unknown): Step {
  const failure = gssErrorOf(error, 'GSS_S_DEFECTIVE_TOKEN');
  // An initiator that has rejected waits for nothing.
  if (failure.minor?.code === 'SPNEGO_REJECTED') return { status: 'failed', error: failure };
  return { status: 'failed', error: failure, outputToken: REJECT.slice() };
}

function hintedMechanisms(mechanisms: readonly MechanismSteps[], lateFallback: boolean): Oid[] {
  const own: Oid[] = mechanisms.map(({ oids }) => oids[0]);
  return lateFallback ? [...own, Mechanism.lateFallback] : own;
}

/** What the first reply alone says, and what a reply says that names mechanisms anew (RFC 4178 §4.2.2). */
type Opening = Pick<NegTokenResp, 'supportedMech' | 'supportedMechs'>;

/** The initiator's MIC, if it sent one, and the lists that it covers. */
interface InitiatorMic {
  readonly mic: Uint8Array | undefined;
  readonly list: Uint8Array;
}

/** NTLM and NegoEx in the place of a message, or of a response, are refused by name first. */
function readMessage(first: FirstToken): ReceivedNegTokenInit | ReceivedNegTokenResp {
  refuseForeignToken(first.inner);
  const message = readNegToken(first);
  if (message.kind === 'resp') refuseForeignToken(message.responseToken);
  return message;
}

function laterMessage(message: ReceivedNegTokenInit | ReceivedNegTokenResp): ReceivedNegTokenResp {
  if (message.kind === 'init') {
    refuseForeignToken(message.mechToken);
    throw defective('a second NegTokenInit');
  }
  if (message.negState === NegState.reject) {
    throw new GssError('GSS_S_FAILURE', {
      minor: new KerberosError('SPNEGO_REJECTED', { reason: 'negotiate.rejected' }),
    });
  }
  // RFC 4178 §4.2.2: only the acceptor chooses.
  if (message.supportedMech !== undefined) throw defective('a mechanism chosen by the initiator');
  return message;
}

async function negotiate(
  init: ReceivedNegTokenInit,
  mechanisms: readonly MechanismSteps[],
  exchange: Exchange,
  hinted: boolean,
): Promise<Step> {
  const { mechTypes, mechToken, mechListMic } = init;
  const oid = mechTypes.find((each) => findMechanism(mechanisms, each) !== undefined);
  const mechanism = oid && findMechanism(mechanisms, oid);
  exchange.trace?.(
    `SPNEGO: offered ${mechTypes.map(mechanismName).join(', ')}; chosen ${oid === undefined ? 'none' : mechanismName(oid)}`,
  );
  if (oid === undefined || mechanism === undefined) throw explainForeignOffer(mechTypes);
  const [preferred = oid] = mechTypes;
  // RFC 4178 §5: the list must be protected if the first choice was not taken.
  const micRequired = oid !== preferred;
  // The reply repeats the OID as it came: Windows offers Kerberos under a wrong OID and expects that
  // OID back.
  let opening: Opening = { supportedMech: oid };
  let list: Uint8Array = init.mechTypeList.slice();
  let chosen: Negotiated = { oid, mechTypeList: list, micRequired };
  if (exchange.settings.lateFallback && mechTypes.includes(Mechanism.lateFallback)) {
    const { agree } = await import('./late-fallback.ts');
    const before = hinted ? hintedMechanisms(mechanisms, true) : undefined;
    ({ opening, list, chosen } = agree(chosen, mechTypes, mechanisms, before));
  }
  if (!micRequired && mechToken !== undefined) {
    refuseForeignToken(mechToken);
    const step = await mechanism.begin(readFirstToken(mechToken), exchange);
    return answer(step, chosen, { mic: mechListMic, list }, exchange, opening);
  }
  // The optimistic token is one of the first choice, so another mechanism ignores it.
  const negState = micRequired ? NegState.requestMic : NegState.acceptIncomplete;
  const foreignChoice = micRequired ? explainForeignChoice(preferred, mechToken) : undefined;
  return {
    status: 'continue',
    outputToken: encodeReply(negState, opening),
    next: { at: 'negotiating', ...chosen, inner: FIRST_TOKEN, foreignChoice },
  };
}

/** Whether the initiator lists mechanisms anew, because the one that was chosen has failed at its side. */
function isAnotherList(message: ReceivedNegTokenInit | ReceivedNegTokenResp): boolean {
  return message.kind === 'init' || message.supportedMechList !== undefined;
}

async function chooseAgain(
  message: ReceivedNegTokenInit | ReceivedNegTokenResp,
  state: NegotiatingState,
  mechanisms: readonly MechanismSteps[],
  exchange: Exchange,
): Promise<Step> {
  const { chooseLeft } = await import('./late-fallback.ts');
  const { chosen, opening, token } = chooseLeft(message, state, exchange);
  disposeState(state.inner);
  if (token === undefined) {
    return {
      status: 'continue',
      outputToken: encodeReply(NegState.acceptIncomplete, opening),
      next: { at: 'negotiating', ...chosen, inner: FIRST_TOKEN },
    };
  }
  const step = await findMechanism(mechanisms, chosen.oid)!.begin(readFirstToken(token), exchange);
  const { mechListMic: mic } = message;
  return answer(step, chosen, { mic, list: chosen.mechTypeList }, exchange);
}

async function goOn(
  { responseToken, mechListMic }: ReceivedNegTokenResp,
  state: NegotiatingState,
  mechanisms: readonly MechanismSteps[],
  exchange: Exchange,
): Promise<Step> {
  if (responseToken === undefined) {
    throw defective(
      mechListMic === undefined ? 'neither a token nor a MIC' : 'a MIC before there is a context',
    );
  }
  const { inner } = state;
  const mechanism = findMechanism(mechanisms, state.oid);
  if (mechanism === undefined) throw new TypeError(`SPNEGO does not negotiate ${state.oid}`);
  const step =
    inner.at === 'first-token'
      ? await mechanism.begin(readFirstToken(responseToken), exchange)
      : await mechanism.step(inner, responseToken, exchange);
  return answer(step, state, { mic: mechListMic, list: state.mechTypeList }, exchange);
}

/** @param opening - In the first reply, and in no other (RFC 4178 §4.2.2). */
function answer(
  step: Step,
  chosen: Negotiated,
  initiators: InitiatorMic,
  exchange: Exchange,
  opening?: Opening,
): Step | Promise<Step> {
  // Some mechanisms return an empty token instead of none.
  const responseToken = step.outputToken?.length === 0 ? undefined : step.outputToken;
  switch (step.status) {
    case 'failed': {
      const outputToken = encodeReply(NegState.reject, undefined, responseToken);
      const failed: Step = { status: 'failed', error: step.error, outputToken };
      if (chosen.late === undefined) return failed;
      return import('./late-fallback.ts').then(
        ({ fallBack }) =>
          fallBack(
            step,
            { ...chosen, mechTypeList: initiators.list },
            exchange,
            opening !== undefined,
          ) ?? failed,
      );
    }
    case 'continue': {
      const { oid, mechTypeList, micRequired, late } = chosen;
      return {
        status: 'continue',
        outputToken: encodeReply(NegState.acceptIncomplete, opening, responseToken),
        next: {
          at: 'negotiating',
          oid,
          mechTypeList,
          micRequired,
          ...(late !== undefined && { late: { left: late.left } }),
          inner: step.next,
        },
      };
    }
    case 'complete':
      try {
        return finish(step.context, chosen, responseToken, initiators, opening);
      } catch (error) {
        disposeContext(step.context);
        throw error;
      }
  }
}

/** The mechanism is complete: RFC 4178 §5 says which side owes the other a MIC of the list. */
function finish(
  context: ContextState,
  { mechTypeList, micRequired, late }: Negotiated,
  responseToken: Uint8Array | undefined,
  { mic, list }: InitiatorMic,
  opening: Opening | undefined,
): Step {
  // §5: a mechanism without integrity has no MICs to exchange. (c): an initiator that sends one gets
  // one.
  const able = (context.flags & ContextFlag.integrity) !== 0;
  if (!able || !(micRequired || mic !== undefined)) {
    // Without a MIC of the lists an attacker could have caused the fallback.
    if (micRequired && late !== undefined) throw defective('Late Fallback without integrity');
    const outputToken = encodeReply(NegState.acceptCompleted, opening, responseToken);
    return { status: 'complete', context, outputToken };
  }
  const established = new SecurityContext(context);
  if (mic !== undefined) {
    verifyList(established, list, mic);
    const ownMic = established.getMic(mechTypeList);
    const outputToken = encodeReply(NegState.acceptCompleted, opening, responseToken, ownMic);
    return { status: 'complete', context, outputToken };
  }
  // §5: the side that sends the last mechanism token sends the MIC with it.
  if (responseToken === undefined) throw defective('no mechListMIC, but one is required');
  const ownMic = established.getMic(mechTypeList);
  const outputToken = encodeReply(NegState.acceptIncomplete, opening, responseToken, ownMic);
  return { status: 'continue', outputToken, next: { at: 'mic-owed', mechTypeList, context } };
}

/** The last message: the acceptor's MIC was sent before, so that the initiator waits for nothing. */
function takeMic(
  { responseToken, mechListMic }: ReceivedNegTokenResp,
  { mechTypeList, context }: MicOwedState,
): Step {
  if (responseToken !== undefined) throw defective('a mechanism token after the last one');
  if (mechListMic === undefined) throw defective('neither a token nor a MIC');
  verifyList(new SecurityContext(context), mechTypeList, mechListMic);
  return { status: 'complete', context };
}

/** RFC 4178 §5: the MIC shows that nobody has altered the initiator's list. */
function verifyList(context: SecurityContext, list: Uint8Array, mic: Uint8Array): void {
  try {
    context.verifyMic(list, mic);
  } catch (error) {
    if (!(error instanceof GssError) || error.code !== 'GSS_S_BAD_MIC') throw error;
    throw new GssError(error.code, { reason: 'negotiate.list-altered', cause: error });
  }
}

function encodeReply(
  negState: number,
  opening?: Opening,
  responseToken?: Uint8Array,
  mechListMic?: Uint8Array,
): Uint8Array {
  const resp: Mutable<NegTokenResp> = { negState, ...opening };
  if (responseToken !== undefined) resp.responseToken = responseToken;
  if (mechListMic !== undefined) resp.mechListMic = mechListMic;
  return encodeNegTokenResp(resp);
}

function defective(problem: string): DecodeError {
  return new DecodeError(`SPNEGO token: ${problem}`);
}

// MS-SPNG §2.2.1: what Windows sends, so that nobody relies on it.
const HINT_NAME = 'not_defined_in_RFC4178@please_ignore';
const REJECT = encodeNegTokenResp({ negState: NegState.reject });
