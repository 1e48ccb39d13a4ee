/** The Kerberos mechanism's side of an exchange (RFC 4121 §4.1), from AP-REQ to context. */
import type { VerifiedApReq } from '../ap/accept.ts';
import { acceptApReq } from '../ap/accept.ts';
import { EncryptionKey } from '../crypto/key.ts';
import { KeyUsage } from '../crypto/numbers.ts';
import { KerberosError } from '../errors.ts';
import { encodeApRep, encodeEncApRepPart } from '../messages/ap-rep.ts';
import type { ApReq } from '../messages/ap-req.ts';
import { ApOption, decodeApReq } from '../messages/ap-req.ts';
import { encodeKrbError } from '../messages/krb-error.ts';
import { formatPrincipal } from '../messages/principal.ts';
import type { Clock } from '../time.ts';
import { SecurityContext } from './context.ts';
import type { ContextState, TicketInfo } from './context-state.ts';
import { ContextFlag } from './flags.ts';
import { frameToken, TokenId, unframeToken } from './framing.ts';
import type { InitiatorRequest } from './initiator-request.ts';
import { chooseSubkeyEnctype, readInitiatorRequest } from './initiator-request.ts';
import { isKrb5Mechanism } from './mechanism.ts';
import { GssName } from './name.ts';
import type { Oid } from './oid.ts';
import { SequenceCounter, SequenceWindow } from './sequence.ts';
import type {
  AcceptorSettings,
  AcceptResult,
  HandshakeOptions,
  MechanismHandshake,
} from './settings.ts';
import { GssError } from './status.ts';

export class Krb5Handshake implements MechanismHandshake {
  readonly #settings: AcceptorSettings;
  readonly #options: HandshakeOptions;

  constructor(settings: AcceptorSettings, options: HandshakeOptions) {
    this.#settings = settings;
    this.#options = options;
  }

  async accept(token: Uint8Array): Promise<AcceptResult> {
    let mechanism: Oid;
    let apReq: ApReq;
    try {
      ({ mechanism, apReq } = openToken(token));
    } catch (error) {
      // There is nothing yet that a KRB-ERROR could answer.
      return { status: 'failed', error: asDefectiveToken(error) };
    }
    let peerWaits = (apReq.apOptions & ApOption.mutualRequired) !== 0;
    try {
      const settings = this.#settings;
      const peerAddress = settings.checkAddresses ? this.#options.peerAddress : undefined;
      const verified = await acceptApReq(apReq, settings.credential, settings, peerAddress);
      const request = readInitiatorRequest(verified, settings, this.#options);
      peerWaits ||= (request.flags & ContextFlag.mutual) !== 0;
      return establish(verified, request, mechanism, settings);
    } catch (error) {
      const failure = asFailure(error);
      if (!peerWaits) return { status: 'failed', error: failure };
      const outputToken = errorToken(failure, apReq, mechanism, this.#settings.clock);
      return { status: 'failed', error: failure, outputToken };
    }
  }
}

function openToken(token: Uint8Array): { readonly mechanism: Oid; readonly apReq: ApReq } {
  const { mechanism, inner } = unframeToken(token);
  if (!isKrb5Mechanism(mechanism)) {
    throw new GssError('GSS_S_BAD_MECH', `token of mechanism ${mechanism}, not of Kerberos`);
  }
  if (inner.length < 2 || ((inner[0]! << 8) | inner[1]!) !== TokenId.apReq) {
    throw new KerberosError('KRB_AP_ERR_MSG_TYPE', 'token does not hold an AP-REQ');
  }
  return { mechanism, apReq: decodeApReq(inner.subarray(2)) };
}

function establish(
  verified: VerifiedApReq,
  request: InitiatorRequest,
  mechanism: Oid,
  settings: AcceptorSettings,
): AcceptResult {
  const { authenticator, sessionKey } = verified;
  const { flags } = request;
  const mutual = (flags & ContextFlag.mutual) !== 0;
  const initiatorKey = verified.subkey ?? sessionKey;
  const peerSequence = authenticator.sequenceNumber ?? 0;
  const state: ContextState = {
    role: 'acceptor',
    initiator: GssName.ofPrincipal(verified.client),
    acceptor: GssName.ofPrincipal(verified.service.principal),
    mechanism,
    flags: flags | ContextFlag.transferable | ContextFlag.protectionReady,
    ticket: describeTicket(verified),
    authorizationData: verified.ticket.authorizationData ?? [],
    initiatorKey,
    ...(mutual && {
      acceptorSubkey: EncryptionKey.generate(
        chooseSubkeyEnctype(verified, settings.permittedEnctypes),
        settings.random,
        sessionKey.crypto,
      ),
    }),
    // Without an AP-REP the initiator cannot learn our number: both count from its own, as MIT
    // krb5 does.
    sendSequence: new SequenceCounter(mutual ? randomSequence(settings) : peerSequence),
    window: new SequenceWindow(peerSequence, {
      replay: (flags & ContextFlag.replay) !== 0,
      sequence: (flags & ContextFlag.sequence) !== 0,
    }),
    random: settings.random,
  };
  const outputToken = mutual
    ? { outputToken: frameToken(mechanism, TokenId.apRep, replyTo(verified, state)) }
    : {};
  if (sessionKey !== initiatorKey) sessionKey.dispose();
  return { status: 'complete', context: new SecurityContext(state), ...outputToken };
}

/** The AP-REP (RFC 4120 §3.2.4). */
function replyTo({ authenticator, sessionKey }: VerifiedApReq, state: ContextState): Uint8Array {
  const { acceptorSubkey, sendSequence, random } = state;
  const value = acceptorSubkey?.bytes();
  const part = encodeEncApRepPart({
    ctime: authenticator.ctime,
    cusec: authenticator.cusec,
    ...(acceptorSubkey && value && { subkey: { enctype: acceptorSubkey.enctype, value } }),
    sequenceNumber: sendSequence.low,
  });
  const cipher = sessionKey.encrypt(KeyUsage.apRepEncPart, part, random);
  part.fill(0);
  value?.fill(0);
  return encodeApRep({ encPart: { enctype: sessionKey.enctype, cipher } });
}

/** 30 bits, like MIT krb5: older peers take larger numbers for negative ones. */
function randomSequence({ random }: AcceptorSettings): number {
  const bytes = new Uint8Array(4);
  random(bytes);
  return new DataView(bytes.buffer).getUint32(0) & 0x3fff_ffff;
}

function describeTicket({ service, ticket, sessionKey }: VerifiedApReq): TicketInfo {
  const { startTime, renewTill } = ticket;
  return {
    server: formatPrincipal(service.principal),
    kvno: service.kvno,
    enctype: service.key.enctype,
    sessionEnctype: sessionKey.enctype,
    flags: ticket.flags,
    authTime: new Date(ticket.authTime * 1000),
    ...(startTime !== undefined && { startTime: new Date(startTime * 1000) }),
    endTime: new Date(ticket.endTime * 1000),
    ...(renewTill !== undefined && { renewTill: new Date(renewTill * 1000) }),
  };
}

/** A KRB-ERROR as a token (RFC 4121 §4.1): a number and the time, nothing that helps an attacker. */
function errorToken(error: GssError, apReq: ApReq, mechanism: Oid, clock: Clock): Uint8Array {
  const now = clock();
  const seconds = Math.floor(now / 1000);
  const errorCode = error.minor?.errorCode ?? GENERIC;
  const message = encodeKrbError({
    stime: seconds,
    susec: Math.floor((now - seconds * 1000) * 1000),
    errorCode,
    realm: apReq.ticket.realm,
    serverName: apReq.ticket.serverName,
    ...(errorCode === SKEW && { eData: SKEW_RECOVERY }),
  });
  return frameToken(mechanism, TokenId.krbError, message);
}

function asDefectiveToken(error: unknown): GssError {
  if (error instanceof GssError) return error;
  if (error instanceof KerberosError) {
    return new GssError('GSS_S_DEFECTIVE_TOKEN', undefined, { minor: error });
  }
  throw error;
}

/**
 * Nearly every failure of the AP exchange is GSS_S_FAILURE with a minor status, as in MIT krb5.
 * Whatever else was thrown (by a replay cache or a keytab provider) refuses as well.
 */
function asFailure(error: unknown): GssError {
  if (error instanceof GssError) return error;
  if (error instanceof KerberosError)
    return new GssError('GSS_S_FAILURE', undefined, { minor: error });
  const minor = new KerberosError('KRB_ERR_GENERIC', 'The acceptor failed', { cause: error });
  return new GssError('GSS_S_FAILURE', undefined, { minor });
}

const GENERIC = 60;
const SKEW = 37;
// MS-KILE §2.2.2: KERB-ERROR-DATA { data-type KERB_AP_ERR_TYPE_SKEW_RECOVERY }: Windows and
// Heimdal clients then try again with our time.
const SKEW_RECOVERY = Uint8Array.of(0x30, 0x05, 0xa1, 0x03, 0x02, 0x01, 0x02);
