/** The Kerberos mechanism (RFC 4121 §4.1): from AP-REQ to context. */
import type { VerifiedApReq } from '../ap/accept.ts';
import { acceptApReq } from '../ap/accept.ts';
import { decryptPart } from '../ap/encrypted-part.ts';
import { SecurityContext } from '../context/context.ts';
import { reportWeakEnctypes } from '../context/context-facts.ts';
import type { ContextState } from '../context/state.ts';
import { KeyUsage } from '../crypto/numbers.ts';
import { isOwnFault, KerberosError, textOfCode, toKrbErrorCode } from '../errors.ts';
import type { FirstToken } from '../gss/framing.ts';
import { frameToken, TokenId, unframeToken } from '../gss/framing.ts';
import { isKrb5Mechanism, Mechanism } from '../gss/mechanism.ts';
import type { Oid } from '../gss/oid.ts';
import { ContextFlag, GssError, gssErrorOf, textOfStatus } from '../gss/status.ts';
import type { HandshakeState, Step } from '../handshake-state.ts';
import { disposeContext } from '../handshake-state.ts';
import { ignoreResult } from '../hooks.ts';
import { decodeApRep, decodeEncApRepPart } from '../messages/ap-rep.ts';
import type { ApReq } from '../messages/ap-req.ts';
import { ApOption, decodeApReq } from '../messages/ap-req.ts';
import {
  describeKrbError,
  encodeKerbErrorData,
  encodeKrbError,
  KerbErrorDataType,
} from '../messages/krb-error.ts';
import { describeThrown } from '../text.ts';
import type { Clock } from '../time.ts';
import { splitTime } from '../time.ts';
import type { Trace } from '../trace.ts';
import type { Established } from './establish.ts';
import { establish } from './establish.ts';
import { requestFactsOf, traceContext, traceRequest } from './observation.ts';
import type { InitiatorRequest, Relayed } from './request.ts';
import { checkRequiredFlags, loadBindingsHash, readInitiatorRequest } from './request.ts';
import type { AcceptorSettings, Exchange, MechanismSteps } from './settings.ts';

/** Kerberos V5 (RFC 4121 §4.1): one token, or three in DCE style. */
export const kerberos: MechanismSteps = {
  oids: [Mechanism.krb5, Mechanism.msKrb5, Mechanism.oldKrb5],
  // RFC 4120 §5.5.1: an AP-REQ, [APPLICATION 14]; DCE style sends it bare.
  bareTags: [0x6e],
  begin: (first, exchange) => beginKerberos(first, exchange),
  step: finishDce,
};

/** @param relayed - What came before the AP-REQ, in an exchange of another mechanism. */
export async function beginKerberos(
  first: FirstToken,
  exchange: Exchange,
  relayed?: Relayed,
): Promise<Step> {
  let mechanism: Oid;
  let apReq: ApReq;
  try {
    ({ mechanism, apReq } = openToken(first, relayed?.mechanism));
  } catch (error) {
    // Without an AP-REQ there is nothing for a KRB-ERROR to answer.
    return { status: 'failed', error: gssErrorOf(error, 'GSS_S_DEFECTIVE_TOKEN') };
  }
  const { settings, options, trace } = exchange;
  if (trace !== undefined) traceRequest(trace, apReq, mechanism);
  let peerWaits = (apReq.apOptions & ApOption.mutualRequired) !== 0;
  try {
    const loading = loadBindingsHash(settings, options);
    if (loading !== undefined) await exchange.patience.wait(loading, settings.waits.modules);
    const peerAddress = settings.checkAddresses ? (options.peerAddress ?? null) : undefined;
    const accepted = await acceptApReq(
      apReq,
      settings.credential,
      settings,
      exchange,
      peerAddress,
      (verified): Step | Promise<Step> => {
        const request = readInitiatorRequest(verified, settings, options, relayed?.checkTranscript);
        peerWaits ||= (request.flags & (ContextFlag.mutual | ContextFlag.dceStyle)) !== 0;
        checkFraming(first, request);
        checkRequiredFlags(request, settings);
        const made = establish(verified, request, mechanism, settings, exchange.patience);
        return made instanceof Promise
          ? stepLater(made, request, verified, trace)
          : stepOf(made, request, verified, trace);
      },
    );
    if (accepted.status === 'complete') reportWeak(accepted.context, settings);
    return accepted;
  } catch (error) {
    const failure = asFailure(error);
    exchange.request = requestFactsOf(apReq, exchange.opened);
    if (!peerWaits) return { status: 'failed', error: failure };
    const message = krbErrorFor(failure, apReq, settings.clock);
    const outputToken = frameToken(mechanism, TokenId.krbError, message);
    return { status: 'failed', error: failure, outputToken };
  } finally {
    exchange.opened = undefined;
  }
}

async function stepLater(
  made: Promise<Established>,
  request: InitiatorRequest,
  verified: VerifiedApReq,
  trace: Trace | undefined,
): Promise<Step> {
  return stepOf(await made, request, verified, trace);
}

function stepOf(
  { state: context, reply }: Established,
  { flags }: InitiatorRequest,
  { opened }: VerifiedApReq,
  trace: Trace | undefined,
): Step {
  if (trace !== undefined) traceContext(trace, context, reply);
  if (reply === undefined || (flags & ContextFlag.dceStyle) === 0) {
    return { status: 'complete', context, outputToken: reply };
  }
  const next: HandshakeState = {
    at: 'dce-third-leg',
    context,
    sessionKey: opened.sessionKey.copy(),
  };
  return { status: 'continue', outputToken: reply, next };
}

/**
 * The third leg of DCE style (MS-KILE §3.4.5.2): the initiator's own AP-REP, which repeats the
 * sequence number of the acceptor's.
 */
function finishDce(state: HandshakeState, token: Uint8Array, exchange: Exchange): Step {
  if (state.at !== 'dce-third-leg') throw new TypeError(`Kerberos has no state ${state.at}`);
  const { context, sessionKey } = state;
  try {
    const { enctype, cipher } = decodeApRep(token).encPart;
    if (enctype !== sessionKey.enctype)
      throw new KerberosError('KRB_AP_ERR_BAD_INTEGRITY', { reason: 'dce.third-leg-wrong' });
    const part = decodeEncApRepPart(decryptPart(sessionKey, KeyUsage.apRepEncPart, cipher));
    // Both directions use one key and one usage, so our own AP-REP, reflected in any encoding, would
    // decrypt and have the right number. But ours has a subkey, and the initiator's must not have one
    // (MIT krb5, rd_rep.c).
    if (part.subkey !== undefined || part.sequenceNumber !== context.sendSequence.low) {
      throw new KerberosError('KRB_AP_ERR_MUT_FAIL', { reason: 'dce.third-leg-wrong' });
    }
    sessionKey.dispose();
    reportWeak(context, exchange.settings);
    return { status: 'complete', context };
  } catch (error) {
    exchange.request = { client: context.initiator.text, service: context.ticket.server };
    return { status: 'failed', error: asFailure(error) };
  }
}

/**
 * MIT krb5 requires DCE style and a token without a header to come together, or neither.
 *
 * @throws {@link GssError} GSS_S_DEFECTIVE_TOKEN.
 */
function checkFraming({ framed }: FirstToken, { flags }: InitiatorRequest): void {
  if (framed === ((flags & ContextFlag.dceStyle) === 0)) return;
  throw new GssError('GSS_S_DEFECTIVE_TOKEN', {
    reason: framed ? 'dce.framed' : 'token.bare-ap-req',
    message: 'only a DCE style AP-REQ comes unframed',
  });
}

/** Calls `onWeakEnctype` if the context has a weak enctype. If the hook throws, the context is wiped. */
function reportWeak(context: ContextState, { onWeakEnctype }: AcceptorSettings): void {
  if (onWeakEnctype === undefined) return;
  const weak = reportWeakEnctypes(new SecurityContext(context));
  if (weak === undefined) return;
  try {
    ignoreResult('onWeakEnctype', onWeakEnctype, onWeakEnctype(weak));
  } catch (cause) {
    disposeContext(context);
    throw new KerberosError('KRB_ERR_GENERIC', {
      reason: 'fault.callback',
      detail: { callback: 'onWeakEnctype', problem: describeThrown(cause) },
      message: 'onWeakEnctype threw',
      cause,
      hint: 'while it throws, clients with weak encryption types are refused',
    });
  }
}

/** @param expected - A mechanism that the token may name beside those of Kerberos. */
function openToken(
  first: FirstToken,
  expected?: Oid,
): { readonly mechanism: Oid; readonly apReq: ApReq } {
  const { inner } = first;
  if (!first.framed) {
    // unframeToken throws the error that says what the token is instead.
    if (!kerberos.bareTags.includes(inner[0] ?? 0)) unframeToken(inner);
    return { mechanism: expected ?? Mechanism.krb5, apReq: decodeApReq(inner) };
  }
  const { mechanism } = first;
  if (mechanism !== expected && !isKrb5Mechanism(mechanism)) {
    throw new GssError('GSS_S_BAD_MECH', {
      reason: 'negotiate.mechanism-off',
      detail: { mechanism, accepted: kerberos.oids },
      message: `token of mechanism ${mechanism}, not of Kerberos`,
    });
  }
  const tokenId = inner.length < 2 ? 0 : (inner[0]! << 8) | inner[1]!;
  if (tokenId !== TokenId.apReq) throw explainOtherMessage(tokenId, inner.subarray(2));
  return { mechanism, apReq: decodeApReq(inner.subarray(2)) };
}

function explainOtherMessage(tokenId: number, message: Uint8Array): KerberosError {
  return new KerberosError('KRB_AP_ERR_MSG_TYPE', {
    ...(tokenId === TokenId.apRep
      ? { reason: 'token.ap-rep' }
      : tokenId === TokenId.krbError
        ? { reason: 'token.krb-error', detail: describeKrbError(message) }
        : { reason: 'token.wrong-message' }),
    message: 'token does not hold an AP-REQ',
  });
}

/** A KRB-ERROR (RFC 4120 §5.9.1) with an error code and the time. */
function krbErrorFor(error: GssError, apReq: ApReq, clock: Clock): Uint8Array {
  const { seconds, microseconds } = splitTime(timeOf(clock));
  const code = error.minor?.code ?? 'KRB_ERR_GENERIC';
  return encodeKrbError({
    stime: seconds,
    susec: microseconds,
    errorCode: toKrbErrorCode(code),
    ...(toKrbErrorCode(code) === KRB_ERR_GENERIC && { eText: peerText(error) }),
    realm: apReq.ticket.realm,
    serverName: apReq.ticket.serverName,
    ...(code === 'KRB_AP_ERR_SKEW' && { eData: encodeKerbErrorData(SKEW_RECOVERY) }),
  });
}

/** Fixed words about an error without a number of its own: clients print them. */
function peerText({ minor, code }: GssError): string {
  if (minor === undefined) return textOfStatus(code);
  return isOwnFault(minor.code) ? 'The service cannot answer now' : textOfCode(minor.code);
}

/** The time of a KRB-ERROR; 0 if the clock itself has failed, so that the client still gets an answer. */
function timeOf(clock: Clock): number {
  try {
    return clock();
  } catch {
    return 0;
  }
}

/**
 * Nearly every failure of the AP exchange is GSS_S_FAILURE with a minor status, as in MIT krb5.
 * Any other error (of a replay cache or a keytab provider) also refuses the client.
 */
function asFailure(error: unknown): GssError {
  const known = error instanceof GssError || error instanceof KerberosError;
  if (known) return gssErrorOf(error, 'GSS_S_FAILURE');
  const minor = new KerberosError('KRB_ERR_GENERIC', {
    reason: 'fault.program',
    message: 'The acceptor failed',
    cause: error,
  });
  return new GssError('GSS_S_FAILURE', { minor });
}

const KRB_ERR_GENERIC = 60;
// MS-KILE §2.2.2: Windows and Heimdal clients retry with the server's time.
const SKEW_RECOVERY = { type: KerbErrorDataType.skewRecovery } as const;
