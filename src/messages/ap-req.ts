/** AP-REQ and Authenticator (RFC 4120 §5.5.1). */
import type { KerberosTime } from '../time.ts';
import type { AuthorizationData } from './authorization-data.ts';
import { readAuthorizationData, writeAuthorizationData } from './authorization-data.ts';
import { DerReader } from './der/reader.ts';
import type { DerWriter } from './der/writer.ts';
import { encodeDer } from './der/writer.ts';
import type { Checksum, EncryptedData, KeyValue } from './encrypted-data.ts';
import {
  readChecksum,
  readEncryptedData,
  readKeyValue,
  writeChecksum,
  writeEncryptedData,
  writeKeyValue,
} from './encrypted-data.ts';
import type { Mutable } from './message.ts';
import {
  PROTOCOL_VERSION,
  readMessage,
  readMessageHeader,
  readVersion,
  writeMessage,
  writeMessageHeader,
} from './message.ts';
import {
  readFlags,
  readKerberosTime,
  readMicroseconds,
  readRealm,
  readSequenceNumber,
  writeFlags,
  writeInt32,
  writeKerberosString,
  writeKerberosTime,
  writeMicroseconds,
  writeUint32,
} from './primitives.ts';
import type { PrincipalName } from './principal.ts';
import { readPrincipalName, writePrincipalName } from './principal.ts';
import type { Ticket } from './ticket.ts';
import { readTicket, writeTicket } from './ticket.ts';

export interface ApReq {
  /** {@link ApOption} bits; RFC bit n is `(1 << (31 - n)) >>> 0`. */
  readonly apOptions: number;
  readonly ticket: Ticket;
  readonly authenticator: EncryptedData;
}

/** RFC 4120 §5.5.1. */
export const ApOption = {
  useSessionKey: 0x40000000,
  mutualRequired: 0x20000000,
} as const;

/** The client's proof that it has the session key (RFC 4120 §5.5.1). */
export interface Authenticator {
  /** Equal to that of the ticket. */
  readonly clientRealm: string;
  /** Equal to that of the ticket. */
  readonly clientName: PrincipalName;
  /** For GSS-API the flags and channel bindings (RFC 4121 §4.1.1). */
  readonly checksum?: Checksum;
  /** Microseconds, 0..999999. */
  readonly cusec: number;
  /** The client's clock, in seconds since 1970. */
  readonly ctime: KerberosTime;
  /** The key that the initiator chose for this exchange. */
  readonly subkey?: KeyValue;
  /** 0..2^32-1. */
  readonly sequenceNumber?: number;
  /** What the client itself adds to the authorization data of the ticket. */
  readonly authorizationData?: AuthorizationData;
}

/**
 * @returns Its byte fields are views into `bytes`.
 * @throws {@link KerberosError} `KRB_AP_ERR_MSG_TYPE` for another message,
 *   `KRB_AP_ERR_BADVERSION` for a pvno or tkt-vno other than 5, {@link DecodeError} for all else.
 */
export function decodeApReq(bytes: Uint8Array): ApReq {
  // Nothing protects the encoding of these bytes; the encrypted parts are read strictly.
  return DerReader.all(bytes, 'AP-REQ', readApReq, 'definite');
}

export function encodeApReq(apReq: ApReq): Uint8Array {
  return encodeDer(writeApReq, apReq);
}

/**
 * @returns Its byte fields are views into `bytes`.
 * @throws {@link KerberosError} `KRB_AP_ERR_BADVERSION` for an authenticator-vno other than 5,
 *   {@link DecodeError} for all else.
 */
export function decodeAuthenticator(bytes: Uint8Array): Authenticator {
  return DerReader.all(bytes, 'Authenticator', readAuthenticator);
}

export function encodeAuthenticator(authenticator: Authenticator): Uint8Array {
  return encodeDer(writeAuthenticator, authenticator);
}

function readApReq(reader: DerReader): ApReq {
  return readMessage(reader, AP_REQ, 4, readApReqBody);
}

function writeApReq(writer: DerWriter, apReq: ApReq): void {
  writeMessage(writer, AP_REQ, writeApReqBody, apReq);
}

function readApReqBody(reader: DerReader): ApReq {
  readMessageHeader(reader, AP_REQ);
  return {
    apOptions: reader.field(2, readFlags),
    ticket: reader.field(3, readTicket),
    authenticator: reader.field(4, readEncryptedData),
  };
}

function writeApReqBody(writer: DerWriter, apReq: ApReq): void {
  writeMessageHeader(writer, AP_REQ);
  writer.field(2, writeFlags, apReq.apOptions);
  writer.field(3, writeTicket, apReq.ticket);
  writer.field(4, writeEncryptedData, apReq.authenticator);
}

function readAuthenticator(reader: DerReader): Authenticator {
  return readMessage(reader, AUTHENTICATOR, 8, readAuthenticatorBody);
}

function writeAuthenticator(writer: DerWriter, authenticator: Authenticator): void {
  writeMessage(writer, AUTHENTICATOR, writeAuthenticatorBody, authenticator);
}

function readAuthenticatorBody(reader: DerReader): Authenticator {
  readVersion(reader, 'authenticator-vno');
  const clientRealm = reader.field(1, readRealm);
  const clientName = reader.field(2, readPrincipalName);
  const checksum = reader.optional(3, readChecksum);
  const cusec = reader.field(4, readMicroseconds);
  const ctime = reader.field(5, readKerberosTime);
  const subkey = reader.optional(6, readKeyValue);
  const sequenceNumber = reader.optional(7, readSequenceNumber);
  const authorizationData = reader.optional(8, readAuthorizationData);
  const authenticator: Mutable<Authenticator> = { clientRealm, clientName, cusec, ctime };
  if (checksum !== undefined) authenticator.checksum = checksum;
  if (subkey !== undefined) authenticator.subkey = subkey;
  if (sequenceNumber !== undefined) authenticator.sequenceNumber = sequenceNumber;
  // RFC 4120 §5.1.3: an empty list is equivalent to an absent one.
  if (authorizationData?.length) authenticator.authorizationData = authorizationData;
  return authenticator;
}

function writeAuthenticatorBody(writer: DerWriter, authenticator: Authenticator): void {
  writer.field(0, writeInt32, PROTOCOL_VERSION);
  writer.field(1, writeKerberosString, authenticator.clientRealm);
  writer.field(2, writePrincipalName, authenticator.clientName);
  writer.optional(3, writeChecksum, authenticator.checksum);
  writer.field(4, writeMicroseconds, authenticator.cusec);
  writer.field(5, writeKerberosTime, authenticator.ctime);
  writer.optional(6, writeKeyValue, authenticator.subkey);
  writer.optional(7, writeUint32, authenticator.sequenceNumber);
  // RFC 4120 §5.1.3: an empty list is not sent.
  if (authenticator.authorizationData?.length) {
    writer.field(8, writeAuthorizationData, authenticator.authorizationData);
  }
}

// RFC 4120 §5.10.
const AUTHENTICATOR = 2;
const AP_REQ = 14;
