/** The one request to a KDC that this package makes: an AS-REQ without pre-authentication. */
import { DerReader, Tag } from '../../messages/der/reader.ts';
import type { DerWriter } from '../../messages/der/writer.ts';
import { encodeDer } from '../../messages/der/writer.ts';
import type { EncryptedData } from '../../messages/encrypted-data.ts';
import { readEncryptedData } from '../../messages/encrypted-data.ts';
import { Limit } from '../../messages/limits.ts';
import { PROTOCOL_VERSION, readMessage, writeMessage } from '../../messages/message.ts';
import {
  readInt32,
  readKerberosString,
  readOctets,
  writeFlags,
  writeInt32,
  writeKerberosString,
  writeKerberosTime,
  writeUint32,
} from '../../messages/primitives.ts';
import type { PrincipalName } from '../../messages/principal.ts';
import { readPrincipalName, writePrincipalName } from '../../messages/principal.ts';
import type { Ticket } from '../../messages/ticket.ts';
import { readTicket } from '../../messages/ticket.ts';

/** KDC-REQ-BODY (RFC 4120 §5.4.1), as far as it is used here. */
export interface AsReq {
  readonly realm: string;
  readonly clientName: PrincipalName;
  readonly serverName: PrincipalName;
  /** 0 to 2^31 - 1: MIT krb5 reads it as a signed number. */
  readonly nonce: number;
  /** The client's enctypes, most preferred first. */
  readonly enctypes: readonly number[];
}

/** AS-REP (RFC 4120 §5.4.2) without its pre-authentication data. Nothing in it is verified. */
export interface AsRep {
  readonly ticket: Ticket;
  readonly encPart: EncryptedData;
}

/** Encodes an AS-REQ for a ticket that lasts as long as the KDC allows. */
export function encodeAsReq(request: AsReq): Uint8Array {
  return encodeDer(writeAsReq, request);
}

/** @returns Its byte fields are views. @throws {@link KerberosError} for any other message. */
export function decodeAsRep(bytes: Uint8Array): AsRep {
  return DerReader.all(bytes, 'AS-REP', (reader) => readMessage(reader, AS_REP, 6, readBody));
}

function writeAsReq(writer: DerWriter, request: AsReq): void {
  writeMessage(writer, AS_REQ, writeFields, request);
}

function writeFields(writer: DerWriter, request: AsReq): void {
  // Unlike in other messages, the fields are numbered from 1.
  writer.field(1, writeInt32, PROTOCOL_VERSION);
  writer.field(2, writeInt32, AS_REQ);
  writer.field(4, writeRequestBody, request);
}

function writeRequestBody(writer: DerWriter, request: AsReq): void {
  const begun = writer.begin(Tag.sequence);
  writer.field(0, writeFlags, 0);
  writer.field(1, writePrincipalName, request.clientName);
  writer.field(2, writeKerberosString, request.realm);
  writer.field(3, writePrincipalName, request.serverName);
  // RFC 4120 §5.4.1: the time zero asks for the longest lifetime.
  writer.field(5, writeKerberosTime, 0);
  writer.field(7, writeUint32, request.nonce);
  writer.field(8, writeEnctypes, request.enctypes);
  writer.end(begun);
}

function writeEnctypes(writer: DerWriter, enctypes: readonly number[]): void {
  writer.list(enctypes, writeInt32);
}

function readBody(reader: DerReader): AsRep {
  reader.field(0, readInt32);
  reader.field(1, readInt32);
  reader.optional(2, (data) => data.list(Limit.listElements, readPaData));
  reader.field(3, readKerberosString);
  reader.field(4, readPrincipalName);
  return { ticket: reader.field(5, readTicket), encPart: reader.field(6, readEncryptedData) };
}

function readPaData(reader: DerReader): void {
  const outer = reader.enter(Tag.sequence);
  reader.field(1, readInt32);
  reader.field(2, readOctets);
  reader.leave(outer);
}

// RFC 4120 §5.10.
const AS_REQ = 10;
const AS_REP = 11;
