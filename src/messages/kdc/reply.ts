/** AS-REP and TGS-REP with their encrypted part (RFC 4120 §5.4.2). */
import type { KerberosTime } from '../../time.ts';
import { DerReader, Tag } from '../der/reader.ts';
import type { DerWriter } from '../der/writer.ts';
import { encodeDer } from '../der/writer.ts';
import type { EncryptedData, KeyValue } from '../encrypted-data.ts';
import {
  readEncryptedData,
  readKeyValue,
  writeEncryptedData,
  writeKeyValue,
} from '../encrypted-data.ts';
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

/** The message types of {@link KdcReply} (RFC 4120 §5.10). */
export const KdcReplyType = { as: 11, tgs: 13 } as const;

/** AS-REP or TGS-REP. */
export interface KdcReply {
  /** A {@link KdcReplyType}. */
  readonly type: number;
  /** May be empty. */
  readonly paData: readonly PaData[];
  readonly clientRealm: string;
  readonly clientName: PrincipalName;
  readonly ticket: Ticket;
  /** An {@link EncKdcReplyPart}. */
  readonly encPart: EncryptedData;
}

/** EncKDCRepPart (RFC 4120 §5.4.2): what the client learns about its ticket. */
export interface EncKdcReplyPart {
  /** The session key. */
  readonly key: KeyValue;
  readonly lastRequests: readonly LastRequest[];
  /** That of the request. */
  readonly nonce: number;
  readonly keyExpiration?: KerberosTime;
  /** {@link TicketFlag} bits. */
  readonly flags: number;
  readonly authTime: KerberosTime;
  readonly startTime?: KerberosTime;
  readonly endTime: KerberosTime;
  readonly renewTill?: KerberosTime;
  readonly realm: string;
  readonly serverName: PrincipalName;
  readonly addresses?: readonly HostAddress[];
  /** RFC 6806 §11. */
  readonly encryptedPaData?: readonly PaData[];
}

/** An element of LastReq; type 0 means that there is no information. */
export interface LastRequest {
  readonly type: number;
  readonly time: KerberosTime;
}

/**
 * @param type - The expected {@link KdcReplyType}.
 * @returns Its byte fields are views into `bytes`.
 * @throws {@link KerberosError} `KRB_AP_ERR_MSG_TYPE` for another message, `KRB_AP_ERR_BADVERSION`;
 *   {@link DecodeError} for all else.
 */
export function decodeKdcReply(bytes: Uint8Array, type: number): KdcReply {
  return DerReader.all(bytes, 'KDC-REP', (reader) =>
    readMessage(reader, type, 6, (inner) => readReplyBody(inner, type)),
  );
}

export function encodeKdcReply(reply: KdcReply): Uint8Array {
  return encodeDer(writeKdcReply, reply);
}

/**
 * @returns Its byte fields are views into `bytes`.
 * @throws {@link KerberosError} `KRB_AP_ERR_MSG_TYPE`, {@link DecodeError}.
 */
export function decodeEncKdcReplyPart(bytes: Uint8Array): EncKdcReplyPart {
  return DerReader.all(bytes, 'EncKDCRepPart', readEncKdcReplyPart);
}

/** @param type - The {@link KdcReplyType} of the reply. */
export function encodeEncKdcReplyPart(type: number, part: EncKdcReplyPart): Uint8Array {
  const number = type === KdcReplyType.as ? ENC_AS_REP_PART : ENC_TGS_REP_PART;
  return encodeDer((writer, value: EncKdcReplyPart) => {
    writeMessage(writer, number, writeEncPartBody, value);
  }, part);
}

function readReplyBody(reader: DerReader, type: number): KdcReply {
  readMessageHeader(reader, type);
  return {
    type,
    paData: reader.optional(2, readPaDataList) ?? [],
    clientRealm: reader.field(3, readRealm),
    clientName: reader.field(4, readPrincipalName),
    ticket: reader.field(5, readTicket),
    encPart: reader.field(6, readEncryptedData),
  };
}

function writeKdcReply(writer: DerWriter, reply: KdcReply): void {
  writeMessage(writer, reply.type, writeReplyBody, reply);
}

function writeReplyBody(writer: DerWriter, reply: KdcReply): void {
  writeMessageHeader(writer, reply.type);
  // RFC 4120 §5.1.3: an empty list is not sent.
  if (reply.paData.length > 0) writer.field(2, writePaDataList, reply.paData);
  writer.field(3, writeKerberosString, reply.clientRealm);
  writer.field(4, writePrincipalName, reply.clientName);
  writer.field(5, writeTicket, reply.ticket);
  writer.field(6, writeEncryptedData, reply.encPart);
}

// RFC 4120 §5.4.2: some KDCs send EncTGSRepPart in an AS-REP too.
function readEncKdcReplyPart(reader: DerReader): EncKdcReplyPart {
  const tgs = reader.nextTag === (Tag.application | ENC_TGS_REP_PART);
  return readMessage(reader, tgs ? ENC_TGS_REP_PART : ENC_AS_REP_PART, 12, readEncPartBody);
}

function readEncPartBody(reader: DerReader): EncKdcReplyPart {
  const key = reader.field(0, readKeyValue);
  const lastRequests = reader.field(1, readLastRequests);
  const nonce = reader.field(2, readUint32);
  const keyExpiration = reader.optional(3, readKerberosTime);
  const flags = reader.field(4, readFlags);
  const authTime = reader.field(5, readKerberosTime);
  const startTime = reader.optional(6, readKerberosTime);
  const endTime = reader.field(7, readKerberosTime);
  const renewTill = reader.optional(8, readKerberosTime);
  const realm = reader.field(9, readRealm);
  const serverName = reader.field(10, readPrincipalName);
  const addresses = reader.optional(11, readHostAddresses);
  const encryptedPaData = reader.optional(12, readPaDataList);
  const part: Mutable<EncKdcReplyPart> = {
    key,
    lastRequests,
    nonce,
    flags,
    authTime,
    endTime,
    realm,
    serverName,
  };
  if (keyExpiration !== undefined) part.keyExpiration = keyExpiration;
  if (startTime !== undefined) part.startTime = startTime;
  if (renewTill !== undefined) part.renewTill = renewTill;
  // RFC 4120 §5.1.3: an empty list is equivalent to an absent one.
  if (addresses?.length) part.addresses = addresses;
  if (encryptedPaData?.length) part.encryptedPaData = encryptedPaData;
  return part;
}

function writeEncPartBody(writer: DerWriter, part: EncKdcReplyPart): void {
  writer.field(0, writeKeyValue, part.key);
  writer.field(1, writeLastRequests, part.lastRequests);
  writer.field(2, writeUint32, part.nonce);
  writer.optional(3, writeKerberosTime, part.keyExpiration);
  writer.field(4, writeFlags, part.flags);
  writer.field(5, writeKerberosTime, part.authTime);
  writer.optional(6, writeKerberosTime, part.startTime);
  writer.field(7, writeKerberosTime, part.endTime);
  writer.optional(8, writeKerberosTime, part.renewTill);
  writer.field(9, writeKerberosString, part.realm);
  writer.field(10, writePrincipalName, part.serverName);
  // RFC 4120 §5.1.3: an empty list is not sent.
  if (part.addresses?.length) writer.field(11, writeHostAddresses, part.addresses);
  if (part.encryptedPaData?.length) writer.field(12, writePaDataList, part.encryptedPaData);
}

function readLastRequests(reader: DerReader): readonly LastRequest[] {
  return reader.list(Limit.listElements, readLastRequest);
}

function writeLastRequests(writer: DerWriter, requests: readonly LastRequest[]): void {
  writer.list(requests, writeLastRequest);
}

function readLastRequest(reader: DerReader): LastRequest {
  const outer = reader.enter(Tag.sequence);
  const type = reader.field(0, readInt32);
  const time = reader.field(1, readKerberosTime);
  reader.leave(outer);
  return { type, time };
}

function writeLastRequest(writer: DerWriter, { type, time }: LastRequest): void {
  const begun = writer.begin(Tag.sequence);
  writer.field(0, writeInt32, type);
  writer.field(1, writeKerberosTime, time);
  writer.end(begun);
}

// RFC 4120 §5.10.
const ENC_AS_REP_PART = 25;
const ENC_TGS_REP_PART = 26;
