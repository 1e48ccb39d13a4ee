/**
 * The PAC of a ticket (MS-PAC): the user's account and groups, signed by the KDC.
 *
 * Some defects make the whole PAC unusable, others only a part of it:
 *
 * - {@link verifyPac} throws, and there is no PAC, if the container is malformed (bounds, overlap,
 *   a known buffer twice), if the server signature or the KDC signature is absent, if the server
 *   signature is not of the key's checksum type or does not verify with the key that opened the
 *   ticket, if client name or time differ from the ticket's, or if PAC_REQUESTOR cannot be read or
 *   is not the user's SID. The acceptor's policy decides whether the context is refused then or
 *   established without a PAC; no field of the PAC is shown.
 * - After that, buffers are independent and decoded at their first use. The fields of an absent or
 *   malformed buffer are absent; {@link Pac.malformed} lists the malformed ones. `groupSids` is then
 *   `undefined`, never an empty or shorter list.
 * - Signatures with the KDC's key can only be verified with that key; without it they are
 *   `'unverified'` in {@link Pac.signatures}.
 * - The credentials buffer (MS-PAC §2.6) is not decrypted, and the session key in the logon info is
 *   not read.
 *
 * Only {@link verifyPac} and {@link importPac} make a `Pac`: its type is exported, its class is
 * not.
 */
import { DecodeError, KerberosError } from '../errors.ts';
import type { EncTicketPart } from '../messages/ticket.ts';
import type { BufferReaders } from './buffer-readers.ts';
import { isReadable, loadBufferReaders, readBuffer } from './buffer-readers.ts';
import type { ClientInfo, DelegationInfo, PacAttributes, UpnDnsInfo } from './buffers.ts';
import { parseClientInfo, parseUpnDnsInfo } from './buffers.ts';
import type { Claim } from './claims.ts';
import type { DeviceInfo } from './device-info.ts';
import type { GroupSids, LogonInfo } from './logon-info.ts';
import { collectGroupSids, primaryGroupSidOf, userSidOf } from './logon-info.ts';
import type { UnverifiedPac } from './pac-type.ts';
import { findPacBuffer, PacBufferType, parsePacType } from './pac-type.ts';
import type { PacKey } from './verify.ts';
import {
  verifyClientInfo,
  verifyFullSignature,
  verifyKdcSignature,
  verifyServerSignature,
  verifyTicketSignature,
} from './verify.ts';

export type { VerifiedPac as Pac };

/** Whether a signature was verified. With a wrong signature there is no PAC. */
export type SignatureState = 'verified' | 'unverified' | 'absent';

/** The state of the signatures of a PAC (MS-PAC §2.8). */
export interface PacSignatures {
  /** The signature made with the key of the service. */
  readonly server: 'verified';
  /** The signature of the KDC over the server signature. */
  readonly kdc: Exclude<SignatureState, 'absent'>;
  /** The signature of the KDC over the ticket. */
  readonly ticket: SignatureState;
  /** The extended KDC signature, over the whole PAC. */
  readonly full: SignatureState;
}

/** A buffer that could not be decoded. */
export interface MalformedBuffer {
  /** The type of the buffer (MS-PAC §2.4). */
  readonly type: number;
  /** The reason. */
  readonly error: KerberosError;
}

/**
 * Verifies the PAC of a ticket.
 *
 * @param bytes - The contents of the AD-WIN2K-PAC element (`findPac`). Not copied;
 *   the PAC owns them, so nobody may change them. The call zeroes signatures in them and restores them.
 * @param ticket - The decrypted ticket that contains the PAC.
 * @param serverKey - The key that decrypted the ticket.
 * @param kdcKey - The KDC's key (krbtgt), for services that have it: then the KDC signature, and
 *   ticket and full signature if present, must verify.
 * @param allSignatures - Whether ticket and full signature must be present.
 * @throws {@link KerberosError} `KRB_AP_ERR_MODIFIED`, `KRB_AP_ERR_INAPP_CKSUM`,
 *   `KRB_AP_ERR_BADMATCH`, or a DecodeError: the PAC is unusable.
 */
export function verifyPac(
  bytes: Uint8Array,
  ticket: EncTicketPart,
  serverKey: PacKey,
  kdcKey?: PacKey,
  allSignatures = false,
): VerifiedPac {
  const pac = parsePacType(bytes);
  verifyServerSignature(pac, serverKey);
  const client = verifyClientInfo(pac, ticket);
  if (kdcKey !== undefined) {
    verifyKdcSignature(pac, kdcKey);
    const { ticketSignature, fullSignature } = PacBufferType;
    if (allSignatures || has(pac, ticketSignature)) verifyTicketSignature(pac, ticket, kdcKey);
    if (allSignatures || has(pac, fullSignature)) verifyFullSignature(pac, kdcKey);
  }
  const verified = new VerifiedPac(pac, client, kdcKey !== undefined);
  if (has(pac, PacBufferType.requestorSid)) checkRequestor(verified);
  return verified;
}

/**
 * MS-PAC §2.15: the account that requested the ticket must be that of the PAC. They differ if a KDC
 * was tricked into looking up one account by the name of another (CVE-2021-42287).
 */
function checkRequestor(pac: VerifiedPac): void {
  const { requestorSid, userSid } = pac;
  if (requestorSid === undefined) {
    const { requestorSid: type } = PacBufferType;
    throw (
      pac.errorOf(type) ?? new DecodeError('PAC requestor is empty', { reason: 'pac.malformed' })
    );
  }
  // A PAC without a user's SID grants nothing that could belong to another user.
  if (userSid === undefined || userSid === requestorSid) return;
  throw new KerberosError('KRB_AP_ERR_BADMATCH', {
    reason: 'pac.other-account',
    message: 'PAC describes another account than the one that requested the ticket',
    detail: { requestorSid, userSid },
  });
}

/**
 * The PAC of an exported context. Nothing is verified again: the caller protects the integrity of
 * `bytes`, as that of the session key beside them.
 *
 * @param bytes - Those of a PAC that was verified; copied.
 * @param byKdcKey - Whether it was verified with the KDC's key too.
 * @throws {@link DecodeError} if `bytes` are not a PAC that names its client.
 */
export function importPac(bytes: Uint8Array, byKdcKey: boolean): VerifiedPac {
  const pac = parsePacType(bytes.slice());
  const client = findPacBuffer(pac, PacBufferType.clientInfo);
  if (client === undefined) throw new DecodeError('exported PAC names no client');
  return new VerifiedPac(pac, parseClientInfo(client.data), byKdcKey);
}

/** A PAC whose server signature, client name and time were verified. */
class VerifiedPac {
  /** Always true: the server signature is good. */
  readonly verified: true = true;
  /** Name and authentication time of the client, equal to the ticket's. */
  readonly client: ClientInfo;
  readonly #pac: UnverifiedPac;
  readonly #byKdcKey: boolean;
  // Decoded at the first use: many servers never read the PAC.
  #read: Map<number, Outcome> | undefined;
  #groups: GroupSids | undefined;

  /** @internal */
  constructor(pac: UnverifiedPac, client: ClientInfo, byKdcKey: boolean) {
    this.#pac = pac;
    this.#byKdcKey = byKdcKey;
    this.client = client;
  }

  /** The same PAC, with its own cache of decoded buffers. */
  copy(): VerifiedPac {
    return new VerifiedPac(this.#pac, { ...this.client }, this.#byKdcKey);
  }

  /** The state of each signature. */
  get signatures(): PacSignatures {
    const pac = this.#pac;
    const state = this.#byKdcKey ? 'verified' : 'unverified';
    return {
      server: 'verified',
      kdc: state,
      ticket: has(pac, PacBufferType.ticketSignature) ? state : 'absent',
      full: has(pac, PacBufferType.fullSignature) ? state : 'absent',
    };
  }

  /** The types of all buffers, known and unknown, in the order of the PAC. */
  get bufferTypes(): readonly number[] {
    return this.#pac.buffers.map(({ type }) => type);
  }

  /** @internal Why a buffer cannot be decoded. */
  errorOf(type: keyof BufferReaders): KerberosError | undefined {
    return this.#outcome(type).error;
  }

  /** @internal To be awaited before the getters are used; undefined if nothing has to be loaded. */
  load(): Promise<void> | undefined {
    return loadBufferReaders(this.#pac);
  }

  /** KERB_VALIDATION_INFO: times, names, account flags, groups with their attributes. */
  get logonInfo(): LogonInfo | undefined {
    return this.#parsed(PacBufferType.logonInfo);
  }

  /** The UPN and the DNS names (MS-PAC §2.10). */
  get upnDnsInfo(): UpnDnsInfo | undefined {
    return this.#parsed(PacBufferType.upnDnsInfo);
  }

  /** The account's name in its domain. */
  get samAccountName(): string | undefined {
    return this.logonInfo?.effectiveName || this.upnDnsInfo?.samName || undefined;
  }

  /** The full name of the user, for display. */
  get fullName(): string | undefined {
    return this.logonInfo?.fullName || undefined;
  }

  /** NetBIOS name of the user's domain. */
  get domainName(): string | undefined {
    return this.logonInfo?.logonDomainName || undefined;
  }

  /** `user@example.com`; `upnDnsInfo.constructed` tells whether the KDC constructed it. */
  get upn(): string | undefined {
    return this.upnDnsInfo?.upn || undefined;
  }

  /** The DNS name of the user's domain. */
  get dnsDomain(): string | undefined {
    return this.upnDnsInfo?.dnsDomainName || undefined;
  }

  /** SID of the user: the stable identity of an account in Active Directory. */
  get userSid(): string | undefined {
    const info = this.logonInfo;
    return info === undefined ? this.upnDnsInfo?.sid : userSidOf(info);
  }

  /** SID of the primary group of the user. */
  get primaryGroupSid(): string | undefined {
    const info = this.logonInfo;
    return info === undefined ? undefined : primaryGroupSidOf(info);
  }

  /**
   * The SIDs of all groups, without duplicates: primary group, groups of the domain, extra SIDs,
   * resource groups; without groups marked as use-for-deny-only. Absent if the groups are unknown.
   */
  get groupSids(): readonly string[] | undefined {
    return this.#groupSids()?.granted;
  }

  /** Groups that may deny rights but never grant any; Windows puts none into a PAC. */
  get denyOnlyGroupSids(): readonly string[] | undefined {
    return this.#groupSids()?.denyOnly;
  }

  /** Claims of the directory about the user. */
  get claims(): readonly Claim[] | undefined {
    return this.#parsed(PacBufferType.clientClaims);
  }

  /** The user's machine, if its ticket armored the request. */
  get deviceInfo(): DeviceInfo | undefined {
    return this.#parsed(PacBufferType.deviceInfo);
  }

  /** Claims of the directory about that machine. */
  get deviceClaims(): readonly Claim[] | undefined {
    return this.#parsed(PacBufferType.deviceClaims);
  }

  /** Whether a PAC was requested (MS-PAC §2.14). */
  get attributes(): PacAttributes | undefined {
    return this.#parsed(PacBufferType.attributes);
  }

  /** The SID of the account that requested the ticket. */
  get requestorSid(): string | undefined {
    return this.#parsed(PacBufferType.requestorSid);
  }

  /** The services that act for the user, if the ticket came by constrained delegation. */
  get delegation(): DelegationInfo | undefined {
    return this.#parsed(PacBufferType.delegationInfo);
  }

  /** The buffers that cannot be decoded. This decodes all buffers that were not used before. */
  get malformed(): readonly MalformedBuffer[] {
    const malformed: MalformedBuffer[] = [];
    for (const type of this.bufferTypes) {
      const { error } = isReadable(type) ? this.#outcome(type) : {};
      if (error !== undefined) malformed.push({ type, error });
    }
    return malformed;
  }

  /** A copy of the bytes of a buffer; undefined if there is none. */
  buffer(type: number): Uint8Array | undefined {
    return findPacBuffer(this.#pac, type)?.data.slice();
  }

  /** A copy of the whole PAC. */
  bytes(): Uint8Array {
    return this.#pac.bytes.slice();
  }

  /** The names and SIDs, for logs. */
  toJSON(): object {
    const { client, signatures, samAccountName, fullName, domainName, upn, dnsDomain } = this;
    const { userSid, primaryGroupSid, groupSids, denyOnlyGroupSids, bufferTypes } = this;
    return {
      client,
      signatures,
      samAccountName,
      fullName,
      domainName,
      upn,
      dnsDomain,
      userSid,
      primaryGroupSid,
      groupSids,
      denyOnlyGroupSids,
      bufferTypes,
    };
  }

  #groupSids(): GroupSids | undefined {
    const info = this.logonInfo;
    if (info !== undefined) this.#groups ??= collectGroupSids(info);
    return this.#groups;
  }

  #parsed<T extends keyof BufferReaders>(type: T): ReturnType<BufferReaders[T]> | undefined {
    return this.#outcome(type).value as ReturnType<BufferReaders[T]> | undefined;
  }

  #outcome(type: keyof BufferReaders): Outcome {
    this.#read ??= new Map();
    const known = this.#read.get(type);
    if (known !== undefined) return known;
    const buffer = findPacBuffer(this.#pac, type);
    const outcome = buffer === undefined ? {} : attempt(() => this.#parse(type, buffer.data));
    this.#read.set(type, outcome);
    return outcome;
  }

  #parse(type: keyof BufferReaders, bytes: Uint8Array): unknown {
    if (type !== PacBufferType.upnDnsInfo) return readBuffer(type, bytes);
    const info = parseUpnDnsInfo(bytes);
    const userSid = this.logonInfo && userSidOf(this.logonInfo);
    // As in Samba, names of another account are ignored.
    if (info.sid !== undefined && userSid !== undefined && info.sid !== userSid) {
      throw new DecodeError('PAC UPN info describes another account than its logon info');
    }
    return info;
  }
}

function attempt(parse: () => unknown): Outcome {
  try {
    return { value: parse() };
  } catch (error) {
    if (error instanceof KerberosError) return { error };
    throw error;
  }
}

/** The result of decoding a buffer; both fields are absent if there is no such buffer. */
interface Outcome {
  readonly value?: unknown;
  readonly error?: KerberosError;
}

function has(pac: UnverifiedPac, type: number): boolean {
  return findPacBuffer(pac, type) !== undefined;
}
