/**
 * The PAC of a ticket (MS-PAC): who the user is and which groups he is in, as the KDC vouches for.
 *
 * What is refused, and what degrades:
 *
 * - {@link verifyPac} throws, and there is no PAC, if the frame is malformed (bounds, overlap, a
 *   known buffer twice), if the server signature or the KDC signature is absent, if the server
 *   signature is not of the key's checksum type or does not verify with the key that opened the
 *   ticket, if client name or time are not the ticket's, or if PAC_REQUESTOR cannot be read or is
 *   not the user's SID. Whether the context is refused then, or goes on without a PAC, is for the
 *   acceptor's policy: no field of it is ever shown.
 * - After that every buffer stands for itself. One that is absent leaves its fields absent. One
 *   that is malformed does the same and is listed in {@link Pac.malformed}; it is read when first
 *   asked for. `groupSids` is then `undefined`, never an empty or shorter list.
 * - Signatures of the KDC's own key can be checked by whoever has that key. Without it
 *   {@link Pac.signatures} says `'unverified'`.
 * - The credentials buffer (MS-PAC §2.6) stays closed, and the session key inside the logon info
 *   is not read.
 *
 * A `Pac` comes from {@link verifyPac}, or from {@link importPac} of one that did: its class is not
 * exported, only its type.
 */
import { concatBytes, Reader } from '../bytes.ts';
import { DecodeError, KerberosError } from '../errors.ts';
import type { EncTicketPart } from '../messages/ticket.ts';
import type { ClientInfo, DelegationInfo, PacAttributes, UpnDnsInfo } from './buffers.ts';
import {
  parseClientInfo,
  parseDelegationInfo,
  parsePacAttributes,
  parseRequestorSid,
  parseUpnDnsInfo,
} from './buffers.ts';
import type { Claim } from './claims.ts';
import { parseClaims } from './claims.ts';
import type { DeviceInfo } from './device-info.ts';
import { parseDeviceInfo } from './device-info.ts';
import type { GroupSids, LogonInfo } from './logon-info.ts';
import { collectGroupSids, parseLogonInfo, primaryGroupSidOf, userSidOf } from './logon-info.ts';
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

/** Whether a signature was checked. A wrong one is never here: then there is no PAC. */
export type SignatureState = 'verified' | 'unverified' | 'absent';

export interface PacSignatures {
  readonly server: 'verified';
  readonly kdc: Exclude<SignatureState, 'absent'>;
  readonly ticket: SignatureState;
  readonly full: SignatureState;
}

/** A buffer that could not be read. */
export interface MalformedBuffer {
  readonly type: number;
  readonly error: KerberosError;
}

/**
 * Verifies the PAC of a ticket.
 *
 * @param bytes - The contents of the AD-WIN2K-PAC element (`findPac`). Not copied, and the PAC's
 *   from now on: nobody may alter them. Signatures in them are zeroed and put back during the call.
 * @param ticket - The ticket that carries it, decrypted.
 * @param serverKey - The very key that decrypted the ticket.
 * @param kdcKey - The KDC's own key (of krbtgt), for the few who have it: the KDC signature, and
 *   the ticket and full signatures if present, must verify then.
 * @param allSignatures - Whether ticket and full signature must be there.
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
 * MS-PAC §2.15: the account that asked for the ticket is the one that the PAC is of. It is not
 * where a KDC was made to look up one account by the name of another (CVE-2021-42287).
 */
function checkRequestor(pac: VerifiedPac): void {
  const { requestorSid, userSid } = pac;
  if (requestorSid === undefined) {
    throw pac.malformed.find(({ type }) => type === PacBufferType.requestorSid)!.error;
  }
  // A PAC that names no user has nothing that could be somebody else's.
  if (userSid === undefined || userSid === requestorSid) return;
  throw new KerberosError('KRB_AP_ERR_BADMATCH', {
    message: 'PAC is of another account than asked for it',
    detail: { requestorSid, userSid },
  });
}

/**
 * The inverse of {@link Pac.export}. Nothing is verified again: the integrity of `bytes` is for the
 * caller to keep, as that of the session key beside them.
 *
 * @throws {@link DecodeError} if they are not of an export.
 */
export function importPac(bytes: Uint8Array): VerifiedPac {
  const reader = new Reader(bytes, 'exported PAC');
  const byKdcKey = reader.u8() !== 0;
  const pac = parsePacType(reader.rest().slice());
  const client = findPacBuffer(pac, PacBufferType.clientInfo);
  if (client === undefined) throw new DecodeError('exported PAC names no client');
  return new VerifiedPac(pac, parseClientInfo(client.data), byKdcKey);
}

/** A PAC whose server signature, client and time were found good. */
class VerifiedPac {
  readonly verified: true = true;
  /** Name and authentication time of the client, equal to the ticket's. */
  readonly client: ClientInfo;
  readonly #pac: UnverifiedPac;
  readonly #byKdcKey: boolean;
  // Many a server never looks inside.
  #read: Map<number, Outcome> | undefined;
  #groups: GroupSids | undefined;

  /** @internal */
  constructor(pac: UnverifiedPac, client: ClientInfo, byKdcKey: boolean) {
    this.#pac = pac;
    this.#byKdcKey = byKdcKey;
    this.client = client;
  }

  /** The same PAC; what is made of its buffers is its own. */
  copy(): VerifiedPac {
    return new VerifiedPac(this.#pac, { ...this.client }, this.#byKdcKey);
  }

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

  /** `PacBufferType` numbers and others, in the order of the PAC. */
  get bufferTypes(): readonly number[] {
    return this.#pac.buffers.map(({ type }) => type);
  }

  /** KERB_VALIDATION_INFO: times, names, account flags, groups with their attributes. */
  get logonInfo(): LogonInfo | undefined {
    return this.#parsed(PacBufferType.logonInfo);
  }

  get upnDnsInfo(): UpnDnsInfo | undefined {
    return this.#parsed(PacBufferType.upnDnsInfo);
  }

  /** The account's name in its domain. */
  get samAccountName(): string | undefined {
    return this.logonInfo?.effectiveName || this.upnDnsInfo?.samName || undefined;
  }

  get fullName(): string | undefined {
    return this.logonInfo?.fullName || undefined;
  }

  /** NetBIOS name of the user's domain. */
  get domainName(): string | undefined {
    return this.logonInfo?.logonDomainName || undefined;
  }

  /** `user@example.com`; `upnDnsInfo.constructed` says whether the KDC made it up. */
  get upn(): string | undefined {
    return this.upnDnsInfo?.upn || undefined;
  }

  /** Name of the user's domain in the DNS. */
  get dnsDomain(): string | undefined {
    return this.upnDnsInfo?.dnsDomainName || undefined;
  }

  get userSid(): string | undefined {
    const info = this.logonInfo;
    return info === undefined ? this.upnDnsInfo?.sid : userSidOf(info);
  }

  get primaryGroupSid(): string | undefined {
    const info = this.logonInfo;
    return info === undefined ? undefined : primaryGroupSidOf(info);
  }

  /**
   * The SIDs of all groups, each once: primary group, groups of the domain, extra SIDs, resource
   * groups. Without those marked as use-for-deny-only. Absent: nothing is known about groups.
   */
  get groupSids(): readonly string[] | undefined {
    return this.#groupSids()?.granted;
  }

  /** Groups that may take rights away and never give any. Windows puts none into a PAC. */
  get denyOnlyGroupSids(): readonly string[] | undefined {
    return this.#groupSids()?.denyOnly;
  }

  /** What the directory says about the user. */
  get claims(): readonly Claim[] | undefined {
    return this.#parsed(PacBufferType.clientClaims);
  }

  /** The machine that the user sits at, if its ticket armored the request. */
  get deviceInfo(): DeviceInfo | undefined {
    return this.#parsed(PacBufferType.deviceInfo);
  }

  /** What the directory says about that machine. */
  get deviceClaims(): readonly Claim[] | undefined {
    return this.#parsed(PacBufferType.deviceClaims);
  }

  get attributes(): PacAttributes | undefined {
    return this.#parsed(PacBufferType.attributes);
  }

  /** SID of the account that asked for the ticket. */
  get requestorSid(): string | undefined {
    return this.#parsed(PacBufferType.requestorSid);
  }

  /** The services that act for the user, if the ticket came by constrained delegation. */
  get delegation(): DelegationInfo | undefined {
    return this.#parsed(PacBufferType.delegationInfo);
  }

  /** The buffers that are there and cannot be read; asking reads all that were not read yet. */
  get malformed(): readonly MalformedBuffer[] {
    const malformed: MalformedBuffer[] = [];
    for (const type of this.bufferTypes) {
      const { error } = isReadable(type) ? this.#outcome(type) : {};
      if (error !== undefined) malformed.push({ type, error });
    }
    return malformed;
  }

  /** The bytes of a buffer as they stand in the PAC, in an array of their own. */
  buffer(type: number): Uint8Array | undefined {
    return findPacBuffer(this.#pac, type)?.data.slice();
  }

  /** The whole PAC, in an array of its own. */
  bytes(): Uint8Array {
    return this.#pac.bytes.slice();
  }

  /**
   * The bytes that an exported context holds, in an array of its own. Anyone who can alter them can
   * alter what counts as verified.
   */
  export(): Uint8Array {
    return concatBytes(Uint8Array.of(this.#byKdcKey ? 1 : 0), this.#pac.bytes);
  }

  /** Names and SIDs. */
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

  #parsed<T extends keyof typeof PARSERS>(type: T): ReturnType<(typeof PARSERS)[T]> | undefined {
    return this.#outcome(type).value as ReturnType<(typeof PARSERS)[T]> | undefined;
  }

  #outcome(type: keyof typeof PARSERS): Outcome {
    this.#read ??= new Map();
    const known = this.#read.get(type);
    if (known !== undefined) return known;
    const buffer = findPacBuffer(this.#pac, type);
    const outcome = buffer === undefined ? {} : attempt(() => this.#parse(type, buffer.data));
    this.#read.set(type, outcome);
    return outcome;
  }

  #parse(type: keyof typeof PARSERS, bytes: Uint8Array): unknown {
    if (type !== PacBufferType.upnDnsInfo) return PARSERS[type](bytes);
    const info = parseUpnDnsInfo(bytes);
    const userSid = this.logonInfo && userSidOf(this.logonInfo);
    // As Samba does: what is told of another account is told of nobody.
    if (info.sid !== undefined && userSid !== undefined && info.sid !== userSid) {
      throw new DecodeError('PAC UPN info is of another account than its logon info');
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

/** Of reading a buffer: neither if there is none. */
interface Outcome {
  readonly value?: unknown;
  readonly error?: KerberosError;
}

function has(pac: UnverifiedPac, type: number): boolean {
  return findPacBuffer(pac, type) !== undefined;
}

function isReadable(type: number): type is keyof typeof PARSERS {
  return type in PARSERS;
}

const PARSERS = {
  [PacBufferType.logonInfo]: parseLogonInfo,
  [PacBufferType.delegationInfo]: parseDelegationInfo,
  [PacBufferType.upnDnsInfo]: parseUpnDnsInfo,
  [PacBufferType.clientClaims]: parseClaims,
  [PacBufferType.deviceInfo]: parseDeviceInfo,
  [PacBufferType.deviceClaims]: parseClaims,
  [PacBufferType.attributes]: parsePacAttributes,
  [PacBufferType.requestorSid]: parseRequestorSid,
} as const;
