/**
 * Late Fallback (MS-SPNG §1.3.2, §3.1.5.1, §3.1.5.4): when a mechanism fails, both sides go on with
 * another one in the same negotiation, and the MICs cover all lists that were exchanged. Loaded for the
 * first initiator that lists it.
 *
 * MS-SPNG says which lists the MICs cover, in the order in which they were sent, "with delimiters": here
 * each is a MechTypeList in DER, which its own header delimits. How the lists travel it leaves open: here
 * as the field [4] of NegTokenResp, where scapy has seen one of Windows; an initiator may also send a
 * NegTokenInit again.
 */
import { concatBytes } from '../bytes.ts';
import { DecodeError } from '../errors.ts';
import { isKrb5Mechanism, Mechanism, mechanismName } from '../gss/mechanism.ts';
import type { Oid } from '../gss/oid.ts';
import type { Negotiated, NegotiatingState, Step } from '../handshake-state.ts';
import { FIRST_TOKEN } from '../handshake-state.ts';
import type { Exchange, MechanismSteps } from '../krb5/settings.ts';
import { refuseForeignToken } from './foreign-token.ts';
import type { NegTokenResp, ReceivedNegTokenInit, ReceivedNegTokenResp } from './neg-token.ts';
import { encodeMechTypeList, encodeNegTokenResp, NegState, readMechTypeList } from './neg-token.ts';

type Opening = Pick<NegTokenResp, 'supportedMech' | 'supportedMechs'>;

/**
 * Both sides know Late Fallback: the first reply lists what is left.
 *
 * @param offered - The initiator's list.
 * @param hinted - The acceptor's own, if it has sent one before.
 * @returns The lists that a MIC of the initiator beside its list covers, and those of all later MICs.
 */
export function agree(
  chosen: Negotiated,
  offered: readonly Oid[],
  mechanisms: readonly MechanismSteps[],
  hinted: readonly Oid[] | undefined,
): { readonly opening: Opening; readonly list: Uint8Array; readonly chosen: Negotiated } {
  const { oid, mechTypeList } = chosen;
  const list = hinted ? concatBytes(encodeMechTypeList(hinted), mechTypeList) : mechTypeList;
  const isOurs = (each: Oid): boolean => mechanisms.some(({ oids }) => oids.includes(each));
  const left = offered.filter((each) => isOurs(each) && !isSame(each, oid));
  const supportedMechs = [oid, ...left, Mechanism.lateFallback];
  return {
    opening: { supportedMech: oid, supportedMechs },
    list,
    chosen: { ...chosen, mechTypeList: append(list, supportedMechs), late: { left } },
  };
}

/**
 * Answers a mechanism's failure with those that are left. The reply carries the mechanism's own error
 * token; that its list lacks the mechanism says that it has failed.
 *
 * @param chosen - With the lists that were exchanged before this answer.
 * @param isFirst - Whether this is the first reply, which alone names a mechanism (RFC 4178 §4.2.2).
 * @returns Undefined if none is left, or the failure is of a kind that ends the negotiation.
 */
export function fallBack(
  { error, outputToken }: Step & { readonly status: 'failed' },
  { oid, mechTypeList, late }: Negotiated,
  exchange: Exchange,
  isFirst: boolean,
): Step | undefined {
  const [next] = late?.left ?? [];
  if (next === undefined || late === undefined || !isRecoverable(error.minor?.code))
    return undefined;
  const supportedMechs = [...late.left, Mechanism.lateFallback];
  exchange.trace?.(
    `SPNEGO: ${mechanismName(oid)} failed: ${error.message}; fallback to ${mechanismName(next)}`,
  );
  const reply: NegTokenResp = {
    negState: isFirst ? NegState.requestMic : NegState.acceptIncomplete,
    ...(isFirst && { supportedMech: oid }),
    ...(outputToken && { responseToken: outputToken }),
    supportedMechs,
  };
  return {
    status: 'continue',
    outputToken: encodeNegTokenResp(reply),
    next: {
      at: 'negotiating',
      oid: next,
      mechTypeList: append(mechTypeList, supportedMechs),
      micRequired: true,
      late: { left: late.left.filter((each) => !isSame(each, next)), failure: error },
      inner: FIRST_TOKEN,
    },
  };
}

/**
 * The initiator lists mechanisms anew: the chosen one has failed at its side.
 *
 * @returns The choice, and the first token of it; without a token, what the reply says.
 * @throws {@link DecodeError} if it lists none that is left.
 */
export function chooseLeft(
  message: ReceivedNegTokenInit | ReceivedNegTokenResp,
  { oid, mechTypeList, late }: NegotiatingState,
  exchange: Exchange,
): {
  readonly chosen: Negotiated;
  readonly opening: Opening | undefined;
  readonly token: Uint8Array | undefined;
} {
  const isInit = message.kind === 'init';
  const list = isInit ? message.mechTypeList : message.supportedMechList!;
  const listed = isInit ? message.mechTypes : readMechTypeList(list);
  const next = listed.find((each) => late?.left.includes(each));
  if (next === undefined) {
    throw new DecodeError('SPNEGO token: a fallback to no mechanism that is left');
  }
  exchange.trace?.(
    `SPNEGO: the initiator gives up ${mechanismName(oid)}; fallback to ${mechanismName(next)}`,
  );
  const left = late!.left.filter((each) => listed.includes(each) && !isSame(each, next));
  const all = concatBytes(mechTypeList, list);
  const optimistic = isInit ? message.mechToken : message.responseToken;
  const token = next === listed[0] ? optimistic : undefined;
  refuseForeignToken(token);
  if (token !== undefined) {
    const chosen = { oid: next, mechTypeList: all, micRequired: true, late: { left } };
    return { chosen, opening: undefined, token };
  }
  const supportedMechs = [next, ...left, Mechanism.lateFallback];
  return {
    chosen: {
      oid: next,
      mechTypeList: append(all, supportedMechs),
      micRequired: true,
      late: { left },
    },
    opening: { supportedMechs },
    token,
  };
}

/** Whether two OIDs are of one mechanism. */
function isSame(a: Oid, b: Oid): boolean {
  return a === b || (isKrb5Mechanism(a) && isKrb5Mechanism(b));
}

function append(lists: Uint8Array, mechTypes: readonly Oid[]): Uint8Array {
  return concatBytes(lists, encodeMechTypeList(mechTypes));
}

/** Failures that an honest initiator meets, and that another mechanism may not have. */
function isRecoverable(code: string | undefined): boolean {
  return code !== undefined && RECOVERABLE.includes(code);
}

const RECOVERABLE: readonly string[] = [
  'KRB_AP_ERR_IAKERB_KDC_NOT_FOUND',
  'KRB_AP_ERR_IAKERB_KDC_NO_RESPONSE',
  'KRB_AP_ERR_TKT_EXPIRED',
  'KRB_AP_ERR_TKT_NYV',
  'KRB_AP_ERR_SKEW',
  'KRB_AP_ERR_BADKEYVER',
  'KRB_AP_ERR_NOKEY',
  'KRB_AP_ERR_NOT_US',
];
