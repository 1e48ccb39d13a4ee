/** Ticket and EncTicketPart (RFC 4120 §5.3). */
import type { KerberosTime } from '../time.ts';
import type { AuthorizationData } from './authorization-data.ts';
import { readAuthorizationData, writeAuthorizationData } from './authorization-data.ts';
import { DerReader, Tag } from './der/reader.ts';
import type { DerWriter } from './der/writer.ts';
import { encodeDer } from './der/writer.ts';
import type { EncryptedData, KeyValue } from './encrypted-data.ts';
import {
  readEncryptedData,
  readKeyValue,
  writeEncryptedData,
  writeKeyValue,
} from './encrypted-data.ts';
import type { Mutable } from './message.ts';
import { PROTOCOL_VERSION, readMessage, readVersion, writeMessage } from './message.ts';
import type { HostAddress } from './primitives.ts';
import {
  readFlags,
  readHostAddresses,
  readInt32,
  readKerberosTime,
  readOctets,
  readRealm,
  writeFlags,
  writeHostAddresses,
  writeInt32,
  writeKerberosString,
  writeKerberosTime,
  writeOctets,
} from './primitives.ts';
import type { PrincipalName } from './principal.ts';
import { readPrincipalName, writePrincipalName } from './principal.ts';

/** A ticket (RFC 4120 §5.3). */
export interface Ticket {
  /** The realm of the service. */
  readonly realm: string;
  /** The name of the service, not authenticated. */
  readonly serverName: PrincipalName;
  /** The part that only the service can read. */
  readonly encPart: EncryptedData;
}

/** The part of a ticket that is encrypted with the key of the service (RFC 4120 §5.3). */
export interface EncTicketPart {
  /** {@link TicketFlag} bits; RFC bit n is `(1 << (31 - n)) >>> 0`. */
  readonly flags: number;
  readonly key: KeyValue;
  readonly clientRealm: string;
  readonly clientName: PrincipalName;
  readonly transited: TransitedEncoding;
  readonly authTime: KerberosTime;
  /** Equal to `authTime` if absent. */
  readonly startTime?: KerberosTime;
  readonly endTime: KerberosTime;
  readonly renewTill?: KerberosTime;
  readonly addresses?: readonly HostAddress[];
  readonly authorizationData?: AuthorizationData;
}

/** The realms between client and service; type 1 is DOMAIN-X500-COMPRESS (RFC 4120 §3.3.3.2). */
export interface TransitedEncoding {
  readonly type: number;
  readonly contents: Uint8Array;
}

/** Ticket flags: RFC 4120 §5.3, RFC 6806 §11 (encPaRep), RFC 8062 §3 (anonymous). */
export const TicketFlag = {
  forwardable: 0x40000000,
  forwarded: 0x20000000,
  proxiable: 0x10000000,
  proxy: 0x08000000,
  mayPostdate: 0x04000000,
  postdated: 0x02000000,
  invalid: 0x01000000,
  renewable: 0x00800000,
  initial: 0x00400000,
  preAuthent: 0x00200000,
  hwAuthent: 0x00100000,
  transitedPolicyChecked: 0x00080000,
  okAsDelegate: 0x00040000,
  encPaRep: 0x00010000,
  anonymous: 0x00008000,
} as const;

/**
 * @returns Its byte fields are views into `bytes`.
 * @throws {@link DecodeError}, {@link KerberosError} `KRB_AP_ERR_BADVERSION` (tkt-vno) or
 *   `KRB_AP_ERR_MSG_TYPE` (another message).
 */
export function decodeTicket(bytes: Uint8Array): Ticket {
  return DerReader.all(bytes, 'Ticket', readTicket);
}

/** @returns Its byte fields are views into `bytes`. @throws {@link DecodeError}. */
export function decodeEncTicketPart(bytes: Uint8Array): EncTicketPart {
  return DerReader.all(bytes, 'EncTicketPart', readEncTicketPart);
}

export function encodeEncTicketPart(part: EncTicketPart): Uint8Array {
  return encodeDer(writeEncTicketPart, part);
}

export function readTicket(reader: DerReader): Ticket {
  return readMessage(reader, TICKET, 3, readTicketBody);
}

export function writeTicket(writer: DerWriter, ticket: Ticket): void {
  writeMessage(writer, TICKET, writeTicketBody, ticket);
}

function readTicketBody(reader: DerReader): Ticket {
  readVersion(reader, 'tkt-vno');
  return {
    realm: reader.field(1, readRealm),
    serverName: reader.field(2, readPrincipalName),
    encPart: reader.field(3, readEncryptedData),
  };
}

function writeTicketBody(writer: DerWriter, ticket: Ticket): void {
  writer.field(0, writeInt32, PROTOCOL_VERSION);
  writer.field(1, writeKerberosString, ticket.realm);
  writer.field(2, writePrincipalName, ticket.serverName);
  writer.field(3, writeEncryptedData, ticket.encPart);
}

function readEncTicketPart(reader: DerReader): EncTicketPart {
  return readMessage(reader, ENC_TICKET_PART, 10, readEncTicketPartBody);
}

function writeEncTicketPart(writer: DerWriter, part: EncTicketPart): void {
  writeMessage(writer, ENC_TICKET_PART, writeEncTicketPartBody, part);
}

function readEncTicketPartBody(reader: DerReader): EncTicketPart {
  const flags = reader.field(0, readFlags);
  const key = reader.field(1, readKeyValue);
  const clientRealm = reader.field(2, readRealm);
  const clientName = reader.field(3, readPrincipalName);
  const transited = reader.field(4, readTransited);
  const authTime = reader.field(5, readKerberosTime);
  const startTime = reader.optional(6, readKerberosTime);
  const endTime = reader.field(7, readKerberosTime);
  const renewTill = reader.optional(8, readKerberosTime);
  const addresses = reader.optional(9, readHostAddresses);
  const authorizationData = reader.optional(10, readAuthorizationData);
  const part: Mutable<EncTicketPart> = {
    flags,
    key,
    clientRealm,
    clientName,
    transited,
    authTime,
    endTime,
  };
  if (startTime !== undefined) part.startTime = startTime;
  if (renewTill !== undefined) part.renewTill = renewTill;
  // RFC 4120 §5.1.3: an empty list is equivalent to an absent one.
  if (addresses?.length) part.addresses = addresses;
  if (authorizationData?.length) part.authorizationData = authorizationData;
  return part;
}

function writeEncTicketPartBody(writer: DerWriter, part: EncTicketPart): void {
  writer.field(0, writeFlags, part.flags);
  writer.field(1, writeKeyValue, part.key);
  writer.field(2, writeKerberosString, part.clientRealm);
  writer.field(3, writePrincipalName, part.clientName);
  writer.field(4, writeTransited, part.transited);
  writer.field(5, writeKerberosTime, part.authTime);
  writer.optional(6, writeKerberosTime, part.startTime);
  writer.field(7, writeKerberosTime, part.endTime);
  writer.optional(8, writeKerberosTime, part.renewTill);
  // RFC 4120 §5.1.3: an empty list is not sent.
  if (part.addresses?.length) writer.field(9, writeHostAddresses, part.addresses);
  if (part.authorizationData?.length) {
    writer.field(10, writeAuthorizationData, part.authorizationData);
  }
}

function readTransited(reader: DerReader): TransitedEncoding {
  const outer = reader.enter(Tag.sequence);
  const type = reader.field(0, readInt32);
  const contents = reader.field(1, readOctets);
  reader.leave(outer);
  return { type, contents };
}

function writeTransited(writer: DerWriter, transited: TransitedEncoding): void {
  const begun = writer.begin(Tag.sequence);
  writer.field(0, writeInt32, transited.type);
  writer.field(1, writeOctets, transited.contents);
  writer.end(begun);
}

// RFC 4120 §5.10.
const TICKET = 1;
const ENC_TICKET_PART = 3;
