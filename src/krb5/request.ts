/** The request of a verified initiator: flags, channel bindings, enctypes (RFC 4121 §4.1.1, RFC 4537). */
import type { VerifiedApReq } from '../ap/accept.ts';
import { constantTimeEqual, fromHex } from '../bytes.ts';
import type { EncryptionKey } from '../crypto/key.ts';
import { Enctype, enctypeName, KeyUsage } from '../crypto/numbers.ts';
import { hasEnctype } from '../crypto/provider.ts';
import { KerberosError } from '../errors.ts';
import type { RefusalInit } from '../explain/reasons.ts';
import { bindingsOf } from '../gss/channel-bindings.ts';
import type { Oid } from '../gss/oid.ts';
import { ContextFlag, GssError, INITIATOR_FLAG_BITS, INITIATOR_FLAGS } from '../gss/status.ts';
import { ApOption } from '../messages/ap-req.ts';
import { AuthorizationDataType, decodeEtypeList } from '../messages/authorization-data.ts';
import type { Checksum } from '../messages/encrypted-data.ts';
import type { FinishedExtension } from './authenticator-checksum.ts';
import {
  decodeInitiatorOptions,
  FinishedType,
  GSS_CHECKSUM_TYPE,
} from './authenticator-checksum.ts';
import type { AcceptorSettings, HandshakeOptions } from './settings.ts';

export interface InitiatorRequest {
  /** `ContextFlag` bits that are granted. */
  readonly flags: number;
  /** The KRB-CRED of a delegated credential, in DER; usually encrypted. */
  readonly delegation?: Uint8Array;
}

/** What came before the AP-REQ in its exchange. */
export interface Relayed {
  /** The mechanism of the exchange, which the context gets. */
  readonly mechanism: Oid;
  /**
   * Checks that the initiator has seen the tokens that were relayed; undefined if none was.
   *
   * @param finished - The extension of the authenticator's checksum.
   * @throws {@link GssError} GSS_S_BAD_MIC.
   */
  readonly checkTranscript:
    | ((finished: FinishedExtension | undefined, verified: VerifiedApReq) => void)
    | undefined;
}

/**
 * Reads the authenticator's checksum and checks the channel bindings, after {@link loadBindingsHash}.
 *
 * @throws {@link GssError} GSS_S_BAD_BINDINGS, GSS_S_BAD_MIC; {@link KerberosError}.
 */
export function readInitiatorRequest(
  verified: VerifiedApReq,
  settings: AcceptorSettings,
  options: HandshakeOptions,
  checkTranscript: Relayed['checkTranscript'] = checkNothingRelayed,
): InitiatorRequest {
  const { checksum } = verified.authenticator;
  checkApOptions(verified);
  if (checksum?.type === GSS_CHECKSUM_TYPE) {
    const asked = decodeInitiatorOptions(checksum.checksum);
    checkTranscript(asked.finished, verified);
    const bound = checkBindings(asked.bindings, verified, settings, options);
    const flags = (asked.flags & INITIATOR_FLAG_BITS) | (bound ? ContextFlag.channelBound : 0);
    return asked.delegation === undefined ? { flags } : { flags, delegation: asked.delegation };
  }
  checkTranscript(undefined, verified);
  checkBindings(NO_BINDINGS, verified, settings, options);
  // MS-KILE §3.4.5: a missing checksum means no flags. Some SMB clients rely on that, and MIT krb5
  // does the same.
  if (checksum === undefined) return { flags: 0 };
  // Samba sends a checksum of no data, made with the session key (RFC 4120 §7.5.1). It must verify:
  // otherwise a request that was made for the data of another protocol would be accepted here.
  if (!isOverNothing(checksum, verified.opened.sessionKey)) {
    throw new GssError('GSS_S_BAD_MIC', {
      minor: new KerberosError('KRB_AP_ERR_BAD_INTEGRITY', { reason: 'authenticator.no-checksum' }),
    });
  }
  const mutual = (verified.apReq.apOptions & ApOption.mutualRequired) !== 0;
  return {
    flags: ContextFlag.replay | ContextFlag.sequence | (mutual ? ContextFlag.mutual : 0),
  };
}

/**
 * Loads the hash of channel bindings if this exchange has bindings to check.
 *
 * @returns Undefined if there is nothing to load.
 */
export function loadBindingsHash(
  { channelBindingPolicy }: AcceptorSettings,
  { channelBindings }: HandshakeOptions,
): Promise<void> | undefined {
  if (hasher !== undefined || channelBindings === undefined || channelBindingPolicy === 'off') {
    return undefined;
  }
  return import('../gss/bindings-hash.ts').then((loaded) => {
    hasher = loaded;
  });
}

/**
 * Refuses an initiator that did not ask for what the acceptor requires.
 *
 * @throws {@link KerberosError} KDC_ERR_POLICY.
 */
export function checkRequiredFlags(
  { flags }: InitiatorRequest,
  { requiredFlags }: AcceptorSettings,
): void {
  // MIT krb5: DCE style implies mutual authentication, even if the initiator does not ask for it.
  const asked = flags & ContextFlag.dceStyle ? flags | ContextFlag.mutual : flags;
  const missing = requiredFlags & ~asked;
  if (missing === 0) return;
  const names = INITIATOR_FLAGS.filter((name) => (missing & ContextFlag[name]) !== 0);
  throw new KerberosError('KDC_ERR_POLICY', {
    reason: 'policy.flags',
    message: 'The client did not ask for a required flag',
    detail: { missing: names },
  });
}

/** As MIT krb5, accept_sec_context.c `kg_process_extension`, where no token came before the AP-REQ. */
function checkNothingRelayed(finished: FinishedExtension | undefined): void {
  if (finished?.type !== FinishedType.draft) return;
  throw new KerberosError('KRB_AP_ERR_MSG_TYPE', {
    reason: 'iakerb.transcript',
    detail: { problem: 'nothing-relayed' },
  });
}

/** Whether a checksum is that of no data, which krb5_mk_req makes for a client that gives no data. */
function isOverNothing({ type, checksum }: Checksum, sessionKey: EncryptionKey): boolean {
  // Heimdal, mk_req_ext.c: with an RC4 session key the checksum is a plain MD5. The encryption of the
  // authenticator protects it.
  if (type === RSA_MD5) {
    return sessionKey.enctype === Enctype.rc4Hmac && constantTimeEqual(checksum, MD5_OF_NOTHING);
  }
  const { apReqAuthenticatorChecksum } = KeyUsage;
  return (
    type === sessionKey.checksumType &&
    sessionKey.verifyChecksum(apReqAuthenticatorChecksum, checksum)
  );
}

/**
 * The enctype of the acceptor's subkey: our most preferred one among those that the initiator offers
 * (RFC 4537) or uses. It may have to be loaded: `loadEnctype`.
 *
 * @throws {@link KerberosError} KRB5_NOPERM_ETYPE if none of those is permitted.
 */
export function chooseSubkeyEnctype(
  { relevant, opened: { sessionKey }, subkey }: VerifiedApReq,
  permitted: readonly number[],
): number {
  const used = (subkey ?? sessionKey).enctype;
  const offered = [sessionKey.enctype, used];
  for (const { type, data } of relevant) {
    if (type === AuthorizationDataType.etypeNegotiation) offered.push(...decodeEtypeList(data));
  }
  for (const enctype of permitted) {
    if (offered.includes(enctype) && hasEnctype(enctype, sessionKey.crypto)) return enctype;
  }
  throw new KerberosError('KRB5_NOPERM_ETYPE', {
    reason: 'enctype.no-common-subkey',
    detail: {
      offered: [...new Set(offered)].map(enctypeName),
      permitted: permitted.map(enctypeName),
    },
  });
}

/** Whether the initiator's bindings prove that it uses the same channel as the acceptor. */
function checkBindings(
  sent: Uint8Array,
  verified: VerifiedApReq,
  { channelBindingPolicy }: AcceptorSettings,
  { channelBindings, channelBindingsUnavailable }: HandshakeOptions,
): boolean {
  if (channelBindingPolicy === 'off') return false;
  if (channelBindings === undefined) {
    if (channelBindingPolicy === 'when-supported') return false;
    const reason = channelBindingsUnavailable ?? 'the server has given none for its channel';
    throw badBindings({ reason: 'bindings.not-available', detail: { why: reason } });
  }
  const ours = bindingsOf(channelBindings);
  // loadBindingsHash was called before.
  if (ours.some((bindings) => hasher!.matchesChannelBindings(sent, bindings))) return true;
  if (!constantTimeEqual(sent, NO_BINDINGS)) throw badBindings({ reason: 'bindings.mismatch' });
  const supported = clientSupportsBindings(verified);
  if (supported || channelBindingPolicy === 'required') {
    throw badBindings({ reason: 'bindings.missing', detail: { supported } });
  }
  return false;
}

/**
 * Refuses an AD-AUTH-DATA-AP-OPTIONS (MS-KILE §2.2.6) that occurs twice or has not four bytes, even if
 * bindings are not checked (MIT krb5, accept_sec_context.c `check_cbt`).
 */
function checkApOptions(verified: VerifiedApReq): void {
  const [first, ...others] = apOptionsOf(verified);
  if (first === undefined || (others.length === 0 && first.length === 4)) return;
  throw new KerberosError('KRB_AP_ERR_MSG_TYPE', {
    reason: 'authenticator.options',
    message: 'AD-AUTH-DATA-AP-OPTIONS is malformed',
  });
}

/** MS-KILE §3.4.5: such a client always sends bindings inside TLS; without any, it was not in TLS. */
function clientSupportsBindings(verified: VerifiedApReq): boolean {
  const [options] = apOptionsOf(verified);
  if (options === undefined) return false;
  return (
    (new DataView(options.buffer, options.byteOffset).getUint32(0, true) & AP_OPTIONS_CBT) !== 0
  );
}

function apOptionsOf({ relevant }: VerifiedApReq): Uint8Array[] {
  return relevant
    .filter(({ type }) => type === AuthorizationDataType.apOptions)
    .map(({ data }) => data);
}

function badBindings(refusal: RefusalInit): GssError {
  return new GssError('GSS_S_BAD_BINDINGS', refusal);
}

const NO_BINDINGS = new Uint8Array(16);
// RFC 3961 §6.2; RFC 1321 §A.5.
const RSA_MD5 = 7;
const MD5_OF_NOTHING = fromHex('d41d8cd98f00b204e9800998ecf8427e');
// MS-KILE §2.2.6 (KERB_AP_OPTIONS_CBT).
const AP_OPTIONS_CBT = 0x4000;
let hasher: typeof import('../gss/bindings-hash.ts') | undefined;
