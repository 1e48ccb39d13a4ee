/** KRB-CRED and EncKrbCredPart (RFC 4120 §5.8): forwarded tickets with their session keys. */
import type { KerberosTime } from '../time.ts';
import { DerReader, Tag } from './der/reader.ts';
import type { EncryptedData, KeyValue } from './encrypted-data.ts';
import { readEncryptedData, readKeyValue } from './encrypted-data.ts';
import { Limit } from './limits.ts';
import type { Mutable } from './message.ts';
import { readMessage, readMessageHeader } from './message.ts';
import type { HostAddress } from './primitives.ts';
import {
  readFlags,
  readHostAddress,
  readHostAddresses,
  readKerberosTime,
  readMicroseconds,
  readRealm,
  readUint32,
} from './primitives.ts';
import type { PrincipalName } from './principal.ts';
import { readPrincipalName } from './principal.ts';
import type { Ticket } from './ticket.ts';
import { decodeTicket } from './ticket.ts';

/** KRB-CRED (RFC 4120 §5.8.1). */
export interface KrbCred {
  readonly tickets: readonly Ticket[];
  /** An {@link EncKrbCredPart}; enctype 0 means not encrypted (RFC 4120 §5.8.1, MIT krb5). */
  readonly encPart: EncryptedData;
}

/** A KRB-CRED as received. */
export interface ReceivedKrbCred extends KrbCred {
  /** Views of the tickets in DER, to be forwarded unchanged: KDCs encode kvnos in two ways. */
  readonly encodedTickets: readonly Uint8Array[];
}

export interface EncKrbCredPart {
  /** One element for each ticket, in the order of the tickets. */
  readonly ticketInfo: readonly KrbCredInfo[];
  /** 0..2^32-1. */
  readonly nonce?: number;
  readonly timestamp?: KerberosTime;
  /** Microseconds, 0..999999. */
  readonly usec?: number;
  readonly senderAddress?: HostAddress;
  readonly recipientAddress?: HostAddress;
}

export interface KrbCredInfo {
  readonly key: KeyValue;
  readonly clientRealm?: string;
  readonly clientName?: PrincipalName;
  /** {@link TicketFlag} bits. */
  readonly flags?: number;
  readonly authTime?: KerberosTime;
  readonly startTime?: KerberosTime;
  readonly endTime?: KerberosTime;
  readonly renewTill?: KerberosTime;
  readonly realm?: string;
  readonly serverName?: PrincipalName;
  readonly addresses?: readonly HostAddress[];
}

/**
 * @returns Its byte fields are views into `bytes`.
 * @throws {@link KerberosError} `KRB_AP_ERR_MSG_TYPE`, `KRB_AP_ERR_BADVERSION`;
 *   {@link DecodeError} for all else.
 */
export function decodeKrbCred(bytes: Uint8Array): ReceivedKrbCred {
  return DerReader.all(bytes, 'KRB-CRED', readKrbCred);
}

/** @returns Its byte fields are views into `bytes`. @throws {@link DecodeError}. */
export function decodeEncKrbCredPart(bytes: Uint8Array): EncKrbCredPart {
  return DerReader.all(bytes, 'EncKrbCredPart', readEncKrbCredPart);
}

function readKrbCred(reader: DerReader): ReceivedKrbCred {
  return readMessage(reader, KRB_CRED, 3, readKrbCredBody);
}

function readKrbCredBody(reader: DerReader): ReceivedKrbCred {
  readMessageHeader(reader, KRB_CRED);
  const encodedTickets = reader.field(2, readEncodedTickets);
  return {
    tickets: encodedTickets.map(decodeTicket),
    encodedTickets,
    encPart: reader.field(3, readEncryptedData),
  };
}

/** Accepts elements of any tag: decodeTicket then names the message that was sent instead. */
function readEncodedTickets(reader: DerReader): readonly Uint8Array[] {
  return reader.list(Limit.credentialTickets, readElement);
}

function readElement(reader: DerReader): Uint8Array {
  return reader.element(reader.nextTag);
}

function readEncKrbCredPart(reader: DerReader): EncKrbCredPart {
  return readMessage(reader, ENC_KRB_CRED_PART, 5, readEncKrbCredPartBody);
}

function readEncKrbCredPartBody(reader: DerReader): EncKrbCredPart {
  const part: Mutable<EncKrbCredPart> = { ticketInfo: reader.field(0, readInfos) };
  const nonce = reader.optional(1, readUint32);
  const timestamp = reader.optional(2, readKerberosTime);
  const usec = reader.optional(3, readMicroseconds);
  const senderAddress = reader.optional(4, readHostAddress);
  const recipientAddress = reader.optional(5, readHostAddress);
  if (nonce !== undefined) part.nonce = nonce;
  if (timestamp !== undefined) part.timestamp = timestamp;
  if (usec !== undefined) part.usec = usec;
  if (senderAddress !== undefined) part.senderAddress = senderAddress;
  if (recipientAddress !== undefined) part.recipientAddress = recipientAddress;
  return part;
}

function readInfos(reader: DerReader): readonly KrbCredInfo[] {
  return reader.list(Limit.credentialTickets, readInfo);
}

function readInfo(reader: DerReader): KrbCredInfo {
  const outer = reader.enter(Tag.sequence);
  const info: Mutable<KrbCredInfo> = { key: reader.field(0, readKeyValue) };
  const clientRealm = reader.optional(1, readRealm);
  const clientName = reader.optional(2, readPrincipalName);
  const flags = reader.optional(3, readFlags);
  const authTime = reader.optional(4, readKerberosTime);
  const startTime = reader.optional(5, readKerberosTime);
  const endTime = reader.optional(6, readKerberosTime);
  const renewTill = reader.optional(7, readKerberosTime);
  const realm = reader.optional(8, readRealm);
  const serverName = reader.optional(9, readPrincipalName);
  const addresses = reader.optional(10, readHostAddresses);
  reader.leave(outer);
  if (clientRealm !== undefined) info.clientRealm = clientRealm;
  if (clientName !== undefined) info.clientName = clientName;
  if (flags !== undefined) info.flags = flags;
  if (authTime !== undefined) info.authTime = authTime;
  if (startTime !== undefined) info.startTime = startTime;
  if (endTime !== undefined) info.endTime = endTime;
  if (renewTill !== undefined) info.renewTill = renewTill;
  if (realm !== undefined) info.realm = realm;
  if (serverName !== undefined) info.serverName = serverName;
  // RFC 4120 §5.1.3: an empty list is equivalent to an absent one.
  if (addresses?.length) info.addresses = addresses;
  return info;
}

// RFC 4120 §5.10.
const KRB_CRED = 22;
const ENC_KRB_CRED_PART = 29;
