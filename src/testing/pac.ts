/** Mints PACs, so that what is done with groups and claims can be tested without a domain. */
import { Writer } from '../bytes.ts';
import type { EncryptionKey } from '../crypto/key.ts';
import { KeyUsage } from '../crypto/numbers.ts';
import { AuthorizationDataType, encodeAuthorizationData } from '../messages/authorization-data.ts';
import type { EncTicketPart } from '../messages/ticket.ts';
import { encodeEncTicketPart } from '../messages/ticket.ts';
import type { DelegationInfo, PacAttributes, UpnDnsInfo } from '../pac/buffers.ts';
import type { Claim } from '../pac/claims.ts';
import type { LogonInfo } from '../pac/logon-info.ts';
import { PacBufferType } from '../pac/pac-type.ts';
import { encodeSid } from './ndr-writer.ts';
import {
  encodeClaims,
  encodeClientInfo,
  encodeDelegationInfo,
  encodeLogonInfo,
  encodePacAttributes,
  encodeUpnDnsInfo,
} from './pac-buffers.ts';

/** What the PAC says. Nothing of it is needed: MIT's KDC sends no more than client and signatures. */
export interface PacContents {
  /** What is left out is empty, or that of {@link defaultLogonInfo}. */
  readonly logonInfo?: Partial<LogonInfo>;
  readonly upnDnsInfo?: UpnDnsInfo;
  readonly claims?: readonly Claim[];
  readonly deviceClaims?: readonly Claim[];
  readonly delegation?: DelegationInfo;
  readonly attributes?: PacAttributes;
  readonly requestorSid?: string;
  /** Buffers of any type, as they are. */
  readonly buffers?: readonly { readonly type: number; readonly data: Uint8Array }[];
}

export interface PacKeys {
  /** The service's: the one that the ticket will be encrypted in. */
  readonly serverKey: EncryptionKey;
  /**
   * The KDC's own (of krbtgt). With it come a ticket and a full signature too; without it the KDC
   * signature is made with `serverKey`, which no acceptor can tell.
   */
  readonly kdcKey?: EncryptionKey;
}

/**
 * The ticket with a signed PAC in front of its authorization data.
 *
 * @param ticket - Gives the PAC its client name and time; left as it is.
 */
export function attachPac(
  ticket: EncTicketPart,
  contents: PacContents,
  keys: PacKeys,
): EncTicketPart {
  return withPac(ticket, mintPac(ticket, contents, keys));
}

/**
 * A signed PAC alone (MS-PAC §2.8), as {@link attachPac} puts it into the ticket.
 *
 * @param ticket - Without a PAC.
 */
export function mintPac(ticket: EncTicketPart, contents: PacContents, keys: PacKeys): Uint8Array {
  const { serverKey, kdcKey } = keys;
  const buffers: PacPart[] = [
    {
      type: PacBufferType.clientInfo,
      data: encodeClientInfo({
        authTime: ticket.authTime,
        name: ticket.clientName.components.join('/'),
      }),
    },
    ...contentBuffers(contents),
    emptySignature(PacBufferType.serverSignature, serverKey),
    emptySignature(PacBufferType.kdcSignature, kdcKey ?? serverKey),
  ];
  if (kdcKey !== undefined) {
    // MS-PAC §2.8.3: over the ticket with a PAC of one zero byte; made before all other ones.
    const empty = encodeEncTicketPart(withPac(ticket, Uint8Array.of(0)));
    const signature = emptySignature(PacBufferType.ticketSignature, kdcKey);
    signature.data.set(kdcKey.checksum(KeyUsage.pacChecksum, empty), 4);
    buffers.push(signature, emptySignature(PacBufferType.fullSignature, kdcKey));
  }
  return sign(buffers, serverKey, kdcKey);
}

/** A user `alice` of the domain EXAMPLE without groups but the primary one. */
export const defaultLogonInfo: LogonInfo = {
  effectiveName: 'alice',
  fullName: 'Alice Example',
  logonScript: '',
  profilePath: '',
  homeDirectory: '',
  homeDirectoryDrive: '',
  logonCount: 0,
  badPasswordCount: 0,
  userId: 1103,
  primaryGroupId: 513,
  groupIds: [],
  userFlags: 0x20,
  logonServer: 'DC1',
  logonDomainName: 'EXAMPLE',
  logonDomainId: 'S-1-5-21-1111111111-2222222222-3333333333',
  userAccountControl: 0x10,
  subAuthStatus: 0,
  failedLogonCount: 0,
  extraSids: [],
  resourceGroupIds: [],
};

interface PacPart {
  readonly type: number;
  readonly data: Uint8Array;
}

function contentBuffers(contents: PacContents): PacPart[] {
  const { logonInfo, upnDnsInfo, claims, deviceClaims, delegation, attributes } = contents;
  const { requestorSid, buffers = [] } = contents;
  const all: [number, Uint8Array | undefined][] = [
    [
      PacBufferType.logonInfo,
      logonInfo && encodeLogonInfo({ ...defaultLogonInfo, ...logonInfo } as LogonInfo),
    ],
    [PacBufferType.upnDnsInfo, upnDnsInfo && encodeUpnDnsInfo(upnDnsInfo)],
    [PacBufferType.clientClaims, claims && encodeClaims(claims)],
    [PacBufferType.deviceClaims, deviceClaims && encodeClaims(deviceClaims)],
    [PacBufferType.delegationInfo, delegation && encodeDelegationInfo(delegation)],
    [PacBufferType.attributes, attributes && encodePacAttributes(attributes)],
    [PacBufferType.requestorSid, requestorSid === undefined ? undefined : encodeSid(requestorSid)],
  ];
  const made = all.flatMap(([type, data]) => (data === undefined ? [] : [{ type, data }]));
  return [...made, ...buffers];
}

function emptySignature(type: number, key: EncryptionKey): PacPart {
  const data = new Writer().u32(key.checksumType >>> 0, true);
  return { type, data: data.raw(new Uint8Array(key.checksumLength)).finish() };
}

// The full signature before the others, the server signature before that of the KDC, which covers
// it (MS-PAC §2.8).
function sign(
  buffers: readonly PacPart[],
  serverKey: EncryptionKey,
  kdcKey: EncryptionKey | undefined,
): Uint8Array {
  const { bytes, at } = layOut(buffers);
  const usage = KeyUsage.pacChecksum;
  if (kdcKey !== undefined) {
    bytes.set(kdcKey.checksum(usage, bytes), at(PacBufferType.fullSignature));
  }
  const server = serverKey.checksum(usage, bytes);
  bytes.set(server, at(PacBufferType.serverSignature));
  bytes.set((kdcKey ?? serverKey).checksum(usage, server), at(PacBufferType.kdcSignature));
  return bytes;
}

// MS-PAC §2.3: header, one entry for each buffer, then the buffers at multiples of eight.
function layOut(buffers: readonly PacPart[]): { bytes: Uint8Array; at: (type: number) => number } {
  const header = new Writer().u32(buffers.length, true).u32(0, true);
  const body = new Writer();
  const checksums = new Map<number, number>();
  for (const { type, data } of buffers) {
    const offset = 8 + 16 * buffers.length + body.length;
    header.u32(type, true).u32(data.length, true).u64(BigInt(offset), true);
    body.raw(data).raw(new Uint8Array((8 - (data.length % 8)) % 8));
    checksums.set(type, offset + 4);
  }
  const bytes = header.raw(body.finish()).finish();
  return { bytes, at: (type) => checksums.get(type)! };
}

function withPac(ticket: EncTicketPart, pac: Uint8Array): EncTicketPart {
  const container = encodeAuthorizationData([{ type: AuthorizationDataType.win2kPac, data: pac }]);
  return {
    ...ticket,
    authorizationData: [
      { type: AuthorizationDataType.ifRelevant, data: container },
      ...(ticket.authorizationData ?? []),
    ],
  };
}
