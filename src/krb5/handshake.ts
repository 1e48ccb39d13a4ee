/** The Kerberos mechanism's side of an exchange (RFC 4121 §4.1), from AP-REQ to context. */
import type { VerifiedApReq } from '../ap/accept.ts';
import { acceptApReq } from '../ap/accept.ts';
import { decryptPart } from '../ap/encrypted-part.ts';
import type { Patience } from '../ap/patience.ts';
import type { Reader, Writer } from '../bytes.ts';
import { SecurityContext } from '../context/context.ts';
import { reportWeakEnctypes } from '../context/context-facts.ts';
import { readKey, readOptional, writeKey, writeOptional } from '../context/export-format.ts';
import { readPendingContext, writePendingContext } from '../context/pending-context.ts';
import type { ContextState } from '../context/state.ts';
import type { EncryptionKey } from '../crypto/key.ts';
import { KeyUsage } from '../crypto/numbers.ts';
import { KerberosError } from '../errors.ts';
import type { UnframedToken } from '../gss/framing.ts';
import { frameToken, TokenId, unframeToken } from '../gss/framing.ts';
import { isKrb5Mechanism, Mechanism } from '../gss/mechanism.ts';
import type { Oid } from '../gss/oid.ts';
import { ContextFlag, GssError } from '../gss/status.ts';
import { ignoreResult } from '../hooks.ts';
import { decodeApRep, decodeEncApRepPart } from '../messages/ap-rep.ts';
import type { ApReq } from '../messages/ap-req.ts';
import { ApOption, decodeApReq } from '../messages/ap-req.ts';
import { encodeKrbError } from '../messages/krb-error.ts';
import type { Clock } from '../time.ts';
import { establish } from './establish.ts';
import { checkRequiredFlags, readInitiatorRequest } from './request.ts';
import type {
  AcceptorSettings,
  AcceptResult,
  HandshakeOptions,
  MechanismHandshake,
} from './settings.ts';

export class Krb5Handshake implements MechanismHandshake {
  readonly #settings: AcceptorSettings;
  readonly #options: HandshakeOptions;
  readonly #patience: Patience;
  /** DCE style: what is established as soon as the initiator's AP-REP is here. */
  #pending: PendingContext | undefined;

  constructor(settings: AcceptorSettings, options: HandshakeOptions, patience: Patience) {
    this.#settings = settings;
    this.#options = options;
    this.#patience = patience;
  }

  async accept(token: Uint8Array, unframed?: UnframedToken): Promise<AcceptResult> {
    if (this.#pending !== undefined) return this.#finishDce(token, this.#pending);
    let mechanism: Oid;
    let apReq: ApReq;
    try {
      ({ mechanism, apReq } = openToken(token, unframed));
    } catch (error) {
      // There is nothing yet that a KRB-ERROR could answer.
      return { status: 'failed', error: asDefectiveToken(error) };
    }
    const settings = this.#settings;
    let peerWaits = (apReq.apOptions & ApOption.mutualRequired) !== 0;
    /** Until its keys are the context's. */
    let verified: VerifiedApReq | undefined;
    try {
      const peerAddress = settings.checkAddresses ? (this.#options.peerAddress ?? null) : undefined;
      verified = await acceptApReq(
        apReq,
        settings.credential,
        settings,
        this.#patience,
        peerAddress,
      );
      const request = readInitiatorRequest(verified, settings, this.#options);
      peerWaits ||= (request.flags & (ContextFlag.mutual | ContextFlag.dceStyle)) !== 0;
      // MIT krb5: DCE style and unframed tokens come together, or not at all.
      if (isUnframedApReq(token) !== ((request.flags & ContextFlag.dceStyle) !== 0)) {
        throw new GssError('GSS_S_DEFECTIVE_TOKEN', {
          message: 'only a DCE style AP-REQ comes unframed',
          hint: isUnframedApReq(token)
            ? 'the client sent a bare AP-REQ: the header of RFC 2743 §3.1 (0x60, mechanism, 01 00) is ' +
              'missing, which GSS-API puts before it and krb5_mk_req does not'
            : 'the client asked for DCE style, whose AP-REQ has no header of RFC 2743 §3.1',
        });
      }
      checkRequiredFlags(request, settings);
      const { opened } = verified;
      const { state, reply } = establish(verified, request, mechanism, settings);
      verified = undefined;
      const threeLegs = (request.flags & ContextFlag.dceStyle) !== 0 && reply !== undefined;
      if (threeLegs) this.#pending = { state, sessionKey: opened.sessionKey.copy() };
      settings.openedTickets.keep(apReq.ticket, opened);
      if (threeLegs) return { status: 'continue', outputToken: reply };
      const context = this.#complete(state);
      return reply === undefined
        ? { status: 'complete', context }
        : { status: 'complete', context, outputToken: reply };
    } catch (error) {
      if (verified !== undefined) {
        settings.openedTickets.keep(apReq.ticket, verified.opened);
        verified.subkey?.dispose();
        verified.authenticator.checksum?.checksum.fill(0);
      }
      const failure = asFailure(error);
      if (!peerWaits) return { status: 'failed', error: failure };
      const message = krbErrorFor(failure, apReq, settings.clock);
      const outputToken = frameToken(mechanism, TokenId.krbError, message);
      return { status: 'failed', error: failure, outputToken };
    }
  }

  save(writer: Writer): void {
    writeOptional(writer, this.#pending, writePending);
    this.#pending = undefined;
  }

  dispose(): void {
    if (this.#pending !== undefined) disposePending(this.#pending);
    this.#pending = undefined;
  }

  /** What {@link save} wrote. */
  static restore(
    reader: Reader,
    settings: AcceptorSettings,
    options: HandshakeOptions,
    patience: Patience,
  ): Krb5Handshake {
    const handshake = new Krb5Handshake(settings, options, patience);
    handshake.#pending = readOptional(reader, () => readPending(reader, settings));
    return handshake;
  }

  /**
   * The third leg of DCE style (MS-KILE §3.4.5.2): the initiator's own AP-REP, whose sequence
   * number is the one that ours told it.
   */
  #finishDce(token: Uint8Array, { state, sessionKey }: PendingContext): AcceptResult {
    try {
      const { enctype, cipher } = decodeApRep(token).encPart;
      if (enctype !== sessionKey.enctype) throw new KerberosError('KRB_AP_ERR_BAD_INTEGRITY');
      const part = decodeEncApRepPart(decryptPart(sessionKey, KeyUsage.apRepEncPart, cipher));
      // Both directions use one key and one usage: our own AP-REP, sent back in whatever encoding,
      // decrypts and has the right number. It has a subkey, and the initiator's must have none
      // (MIT krb5, rd_rep.c).
      if (part.subkey !== undefined || part.sequenceNumber !== state.sendSequence.low) {
        throw new KerberosError('KRB_AP_ERR_MUT_FAIL');
      }
      sessionKey.dispose();
      // The rest of it is the context's.
      this.#pending = undefined;
      return { status: 'complete', context: this.#complete(state) };
    } catch (error) {
      this.dispose();
      return { status: 'failed', error: asFailure(error) };
    }
  }

  #complete(state: ContextState): SecurityContext {
    const context = new SecurityContext(state);
    const weak = reportWeakEnctypes(context);
    const { onWeakEnctype } = this.#settings;
    if (weak === undefined || onWeakEnctype === undefined) return context;
    try {
      ignoreResult('onWeakEnctype', onWeakEnctype, onWeakEnctype(weak));
      return context;
    } catch (cause) {
      context.delegatedCredential?.dispose();
      context.dispose();
      throw new KerberosError('KRB_ERR_GENERIC', {
        message: 'onWeakEnctype threw',
        cause,
        hint: 'clients with weak encryption types are refused until it does not',
      });
    }
  }
}

/** Whether a token is an AP-REQ without the frame of RFC 2743 §3.1, as DCE style has it. */
export function isUnframedApReq(token: Uint8Array): boolean {
  return token[0] === AP_REQ_TAG;
}

interface PendingContext {
  readonly state: ContextState;
  readonly sessionKey: EncryptionKey;
}

/** Writes what waits for the third leg, and wipes it. */
function writePending(writer: Writer, { state, sessionKey }: PendingContext): void {
  writePendingContext(writer, state);
  writeKey(writer, sessionKey);
  disposePending({ state, sessionKey });
}

function disposePending({ state, sessionKey }: PendingContext): void {
  sessionKey.dispose();
  state.delegatedCredential?.dispose();
  new SecurityContext(state).dispose();
}

function readPending(
  reader: Reader,
  { credential: { crypto }, randomOfContext }: AcceptorSettings,
): PendingContext {
  const state = readPendingContext(reader, { crypto, random: randomOfContext() });
  return { state, sessionKey: readKey(reader, crypto) };
}

function openToken(
  token: Uint8Array,
  unframed: UnframedToken | undefined,
): { readonly mechanism: Oid; readonly apReq: ApReq } {
  if (isUnframedApReq(token)) return { mechanism: Mechanism.krb5, apReq: decodeApReq(token) };
  const { mechanism, inner } = unframed ?? unframeToken(token);
  if (!isKrb5Mechanism(mechanism)) {
    throw new GssError('GSS_S_BAD_MECH', `token of mechanism ${mechanism}, not of Kerberos`);
  }
  if (inner.length < 2 || ((inner[0]! << 8) | inner[1]!) !== TokenId.apReq) {
    throw new KerberosError('KRB_AP_ERR_MSG_TYPE', 'token does not hold an AP-REQ');
  }
  return { mechanism, apReq: decodeApReq(inner.subarray(2)) };
}

/** A KRB-ERROR (RFC 4120 §5.9.1): a number and the time, nothing that helps an attacker. */
function krbErrorFor(error: GssError, apReq: ApReq, clock: Clock): Uint8Array {
  const now = timeOf(clock);
  const seconds = Math.floor(now / 1000);
  const errorCode = error.minor?.errorCode ?? GENERIC;
  return encodeKrbError({
    stime: seconds,
    susec: Math.floor((now - seconds * 1000) * 1000),
    errorCode,
    realm: apReq.ticket.realm,
    serverName: apReq.ticket.serverName,
    ...(errorCode === SKEW && { eData: SKEW_RECOVERY }),
  });
}

/** Where the clock is what failed, its clients are answered all the same. */
function timeOf(clock: Clock): number {
  try {
    return clock();
  } catch {
    return 0;
  }
}

function asDefectiveToken(error: unknown): GssError {
  if (error instanceof GssError) return error;
  if (error instanceof KerberosError) {
    return new GssError('GSS_S_DEFECTIVE_TOKEN', { minor: error });
  }
  throw error;
}

/**
 * Nearly every failure of the AP exchange is GSS_S_FAILURE with a minor status, as in MIT krb5.
 * Whatever else was thrown (by a replay cache or a keytab provider) refuses as well.
 */
function asFailure(error: unknown): GssError {
  if (error instanceof GssError) return error;
  if (error instanceof KerberosError) return new GssError('GSS_S_FAILURE', { minor: error });
  const minor = new KerberosError('KRB_ERR_GENERIC', {
    message: 'The acceptor failed',
    cause: error,
  });
  return new GssError('GSS_S_FAILURE', { minor });
}

// RFC 4120 §5.5.1: [APPLICATION 14].
const AP_REQ_TAG = 0x6e;
const GENERIC = 60;
const SKEW = 37;
// MS-KILE §2.2.2: KERB-ERROR-DATA { data-type KERB_AP_ERR_TYPE_SKEW_RECOVERY }: Windows and
// Heimdal clients then try again with our time.
const SKEW_RECOVERY = Uint8Array.of(0x30, 0x05, 0xa1, 0x03, 0x02, 0x01, 0x02);
