/** AS-REQ and TGS-REQ (RFC 4120 §5.4.1): what a client asks of a KDC. */
import type { KerberosTime } from '../../time.ts';
import { DerReader, Tag } from '../der/reader.ts';
import type { DerWriter } from '../der/writer.ts';
import { encodeDer } from '../der/writer.ts';
import type { EncryptedData } from '../encrypted-data.ts';
import { readEncryptedData, writeEncryptedData } from '../encrypted-data.ts';
import { Limit } from '../limits.ts';
import type { Mutable } from '../message.ts';
import { readMessage, readMessageHeader, writeMessage, writeMessageHeader } from '../message.ts';
import type { HostAddress } from '../primitives.ts';
import {
  readFlags,
  readHostAddresses,
  readInt32,
  readKerberosTime,
  readRealm,
  readUint32,
  writeFlags,
  writeHostAddresses,
  writeInt32,
  writeKerberosString,
  writeKerberosTime,
  writeUint32,
} from '../primitives.ts';
import type { PrincipalName } from '../principal.ts';
import { readPrincipalName, writePrincipalName } from '../principal.ts';
import type { Ticket } from '../ticket.ts';
import { readTicket, writeTicket } from '../ticket.ts';
import type { PaData } from './pa-data.ts';
import { readPaDataList, writePaDataList } from './pa-data.ts';

/** The message types of {@link KdcRequest} (RFC 4120 §5.10). */
export const KdcRequestType = { as: 10, tgs: 12 } as const;

/** AS-REQ or TGS-REQ. */
export interface KdcRequest {
  /** A {@link KdcRequestType}. */
  readonly type: number;
  /** Pre-authentication data; may be empty. */
  readonly paData: readonly PaData[];
  readonly body: KdcRequestBody;
}

/** A request as received. */
export interface ReceivedKdcRequest extends KdcRequest {
  /** A view of KDC-REQ-BODY in DER: the checksum in a TGS-REQ covers these bytes (RFC 4120 §5.5.1). */
  readonly encodedBody: Uint8Array;
}

/** KDC-REQ-BODY (RFC 4120 §5.4.1). */
export interface KdcRequestBody {
  /** {@link KdcOption} bits. */
  readonly options: number;
  /** The client, in an AS-REQ. */
  readonly clientName?: PrincipalName;
  /** The realm of the service; in an AS-REQ also that of the client. */
  readonly realm: string;
  readonly serverName?: PrincipalName;
  readonly from?: KerberosTime;
  /** The requested end of the ticket; 0 (1970-01-01) for the longest time that the KDC allows. */
  readonly till: KerberosTime;
  readonly renewTill?: KerberosTime;
  /** 0..2^32-1. */
  readonly nonce: number;
  /** Accepted enctypes, the most preferred first. */
  readonly enctypes: readonly number[];
  readonly addresses?: readonly HostAddress[];
  /** Authorization data for the ticket, encrypted (usage 4 or 5). */
  readonly authorizationData?: EncryptedData;
  readonly additionalTickets?: readonly Ticket[];
}

/** KDCOptions: RFC 4120 §5.4.1, RFC 6806 §3 (canonicalize), RFC 8062 (anonymous), MS-SFU (14). */
export const KdcOption = {
  forwardable: 0x40000000,
  forwarded: 0x20000000,
  proxiable: 0x10000000,
  proxy: 0x08000000,
  allowPostdate: 0x04000000,
  postdated: 0x02000000,
  renewable: 0x00800000,
  constrainedDelegation: 0x00020000,
  canonicalize: 0x00010000,
  anonymous: 0x00008000,
  disableTransitedCheck: 0x00000020,
  renewableOk: 0x00000010,
  encTktInSkey: 0x00000008,
  renew: 0x00000002,
  validate: 0x00000001,
} as const;

/**
 * @returns Its byte fields are views into `bytes`.
 * @throws {@link KerberosError} `KRB_AP_ERR_MSG_TYPE` for a message of another type,
 *   `KRB_AP_ERR_BADVERSION`; {@link DecodeError} for all else.
 */
export function decodeKdcRequest(bytes: Uint8Array): ReceivedKdcRequest {
  return DerReader.all(bytes, 'KDC-REQ', readKdcRequest);
}

export function encodeKdcRequest(request: KdcRequest): Uint8Array {
  return encodeDer(writeKdcRequest, request);
}

/** KDC-REQ-BODY alone, which the checksum in a TGS-REQ covers. */
export function encodeKdcRequestBody(body: KdcRequestBody): Uint8Array {
  return encodeDer(writeBody, body);
}

function readKdcRequest(reader: DerReader): ReceivedKdcRequest {
  const tgs = reader.nextTag === (Tag.application | KdcRequestType.tgs);
  const type = tgs ? KdcRequestType.tgs : KdcRequestType.as;
  return readMessage(reader, type, 4, (inner) => {
    readMessageHeader(inner, type, 1);
    const paData = inner.optional(3, readPaDataList) ?? [];
    const encodedBody = inner.field(4, readElement);
    return {
      type,
      paData,
      body: DerReader.all(encodedBody, 'KDC-REQ-BODY', readBody),
      encodedBody,
    };
  });
}

function writeKdcRequest(writer: DerWriter, request: KdcRequest): void {
  writeMessage(writer, request.type, writeKdcRequestFields, request);
}

function writeKdcRequestFields(writer: DerWriter, { type, paData, body }: KdcRequest): void {
  writeMessageHeader(writer, type, 1);
  // RFC 4120 §5.1.3: an empty list is not sent.
  if (paData.length > 0) writer.field(3, writePaDataList, paData);
  writer.field(4, writeBody, body);
}

function readElement(reader: DerReader): Uint8Array {
  return reader.element(Tag.sequence);
}

function readBody(reader: DerReader): KdcRequestBody {
  const outer = reader.enter(Tag.sequence);
  const options = reader.field(0, readFlags);
  const clientName = reader.optional(1, readPrincipalName);
  const realm = reader.field(2, readRealm);
  const serverName = reader.optional(3, readPrincipalName);
  const from = reader.optional(4, readKerberosTime);
  const till = reader.field(5, readKerberosTime);
  const renewTill = reader.optional(6, readKerberosTime);
  const nonce = reader.field(7, readUint32);
  const enctypes = reader.field(8, readEnctypes);
  const addresses = reader.optional(9, readHostAddresses);
  const authorizationData = reader.optional(10, readEncryptedData);
  const additionalTickets = reader.optional(11, readTickets);
  reader.leave(outer);
  const body: Mutable<KdcRequestBody> = { options, realm, till, nonce, enctypes };
  if (clientName !== undefined) body.clientName = clientName;
  if (serverName !== undefined) body.serverName = serverName;
  if (from !== undefined) body.from = from;
  if (renewTill !== undefined) body.renewTill = renewTill;
  // RFC 4120 §5.1.3: an empty list is equivalent to an absent one.
  if (addresses?.length) body.addresses = addresses;
  if (authorizationData !== undefined) body.authorizationData = authorizationData;
  if (additionalTickets?.length) body.additionalTickets = additionalTickets;
  return body;
}

function writeBody(writer: DerWriter, body: KdcRequestBody): void {
  const begun = writer.begin(Tag.sequence);
  writer.field(0, writeFlags, body.options);
  writer.optional(1, writePrincipalName, body.clientName);
  writer.field(2, writeKerberosString, body.realm);
  writer.optional(3, writePrincipalName, body.serverName);
  writer.optional(4, writeKerberosTime, body.from);
  writer.field(5, writeKerberosTime, body.till);
  writer.optional(6, writeKerberosTime, body.renewTill);
  writer.field(7, writeUint32, body.nonce);
  writer.field(8, writeEnctypes, body.enctypes);
  // RFC 4120 §5.1.3: an empty list is not sent.
  if (body.addresses?.length) writer.field(9, writeHostAddresses, body.addresses);
  writer.optional(10, writeEncryptedData, body.authorizationData);
  if (body.additionalTickets?.length) writer.field(11, writeTickets, body.additionalTickets);
  writer.end(begun);
}

function readEnctypes(reader: DerReader): readonly number[] {
  return reader.list(Limit.enctypes, readInt32);
}

function writeEnctypes(writer: DerWriter, enctypes: readonly number[]): void {
  writer.list(enctypes, writeInt32);
}

function readTickets(reader: DerReader): readonly Ticket[] {
  return reader.list(Limit.credentialTickets, readTicket);
}

function writeTickets(writer: DerWriter, tickets: readonly Ticket[]): void {
  writer.list(tickets, writeTicket);
}
