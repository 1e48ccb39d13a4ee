/** Encoders of messages that an acceptor only receives. */
import { writeAuthorizationData } from '../../src/messages/authorization-data.ts';
import type { Cammac, VerifierMac } from '../../src/messages/cammac.ts';
import { Tag } from '../../src/messages/der/reader.ts';
import type { DerWriter } from '../../src/messages/der/writer.ts';
import { encodeDer } from '../../src/messages/der/writer.ts';
import {
  writeChecksum,
  writeEncryptedData,
  writeKeyValue,
} from '../../src/messages/encrypted-data.ts';
import type { EncKrbCredPart, KrbCred, KrbCredInfo } from '../../src/messages/krb-cred.ts';
import { writeMessage, writeMessageHeader } from '../../src/messages/message.ts';
import {
  writeFlags,
  writeHostAddress,
  writeHostAddresses,
  writeInt32,
  writeKerberosString,
  writeKerberosTime,
  writeMicroseconds,
  writeUint32,
} from '../../src/messages/primitives.ts';
import { writePrincipalName } from '../../src/messages/principal.ts';
import type { Ticket } from '../../src/messages/ticket.ts';
import { writeTicket } from '../../src/messages/ticket.ts';

export function encodeKrbCred(cred: KrbCred): Uint8Array {
  return encodeDer(writeKrbCred, cred);
}

export function encodeEncKrbCredPart(part: EncKrbCredPart): Uint8Array {
  return encodeDer(writeEncKrbCredPart, part);
}

export function encodeCammac(cammac: Cammac): Uint8Array {
  return encodeDer(writeCammac, cammac);
}

export function encodeAuthenticationIndicator(indicators: readonly string[]): Uint8Array {
  return encodeDer(writeIndicators, indicators);
}

export function encodeEtypeList(enctypes: readonly number[]): Uint8Array {
  return encodeDer(writeEtypes, enctypes);
}

export function encodeTicket(ticket: Ticket): Uint8Array {
  return encodeDer(writeTicket, ticket);
}

function writeKrbCred(writer: DerWriter, cred: KrbCred): void {
  writeMessage(writer, KRB_CRED, writeKrbCredBody, cred);
}

function writeKrbCredBody(writer: DerWriter, cred: KrbCred): void {
  writeMessageHeader(writer, KRB_CRED);
  writer.field(2, writeTickets, cred.tickets);
  writer.field(3, writeEncryptedData, cred.encPart);
}

function writeTickets(writer: DerWriter, tickets: readonly Ticket[]): void {
  writer.list(tickets, writeTicket);
}

function writeEncKrbCredPart(writer: DerWriter, part: EncKrbCredPart): void {
  writeMessage(writer, ENC_KRB_CRED_PART, writeEncKrbCredPartBody, part);
}

function writeEncKrbCredPartBody(writer: DerWriter, part: EncKrbCredPart): void {
  writer.field(0, writeInfos, part.ticketInfo);
  writer.optional(1, writeUint32, part.nonce);
  writer.optional(2, writeKerberosTime, part.timestamp);
  writer.optional(3, writeMicroseconds, part.usec);
  writer.optional(4, writeHostAddress, part.senderAddress);
  writer.optional(5, writeHostAddress, part.recipientAddress);
}

function writeInfos(writer: DerWriter, infos: readonly KrbCredInfo[]): void {
  writer.list(infos, writeInfo);
}

function writeInfo(writer: DerWriter, info: KrbCredInfo): void {
  const begun = writer.begin(Tag.sequence);
  writer.field(0, writeKeyValue, info.key);
  writer.optional(1, writeKerberosString, info.clientRealm);
  writer.optional(2, writePrincipalName, info.clientName);
  writer.optional(3, writeFlags, info.flags);
  writer.optional(4, writeKerberosTime, info.authTime);
  writer.optional(5, writeKerberosTime, info.startTime);
  writer.optional(6, writeKerberosTime, info.endTime);
  writer.optional(7, writeKerberosTime, info.renewTill);
  writer.optional(8, writeKerberosString, info.realm);
  writer.optional(9, writePrincipalName, info.serverName);
  // RFC 4120 §5.1.3: an empty list is not sent.
  if (info.addresses?.length) writer.field(10, writeHostAddresses, info.addresses);
  writer.end(begun);
}

function writeCammac(writer: DerWriter, cammac: Cammac): void {
  const begun = writer.begin(Tag.sequence);
  writer.field(0, writeAuthorizationData, cammac.elements);
  writer.optional(1, writeVerifierMac, cammac.kdcVerifier);
  writer.optional(2, writeVerifierMac, cammac.serviceVerifier);
  if (cammac.otherVerifiers?.length) writer.field(3, writeVerifiers, cammac.otherVerifiers);
  writer.end(begun);
}

function writeVerifiers(writer: DerWriter, verifiers: readonly VerifierMac[]): void {
  writer.list(verifiers, writeVerifierMac);
}

function writeVerifierMac(writer: DerWriter, verifier: VerifierMac): void {
  const begun = writer.begin(Tag.sequence);
  writer.optional(0, writePrincipalName, verifier.identifier);
  writer.optional(1, writeUint32, verifier.kvno);
  writer.optional(2, writeInt32, verifier.enctype);
  writer.field(3, writeChecksum, verifier.mac);
  writer.end(begun);
}

function writeIndicators(writer: DerWriter, indicators: readonly string[]): void {
  writer.list(indicators, writeUtf8String);
}

function writeUtf8String(writer: DerWriter, text: string): void {
  writer.utf8String(text);
}

function writeEtypes(writer: DerWriter, enctypes: readonly number[]): void {
  writer.list(enctypes, writeInt32);
}

// RFC 4120 §5.10.
const KRB_CRED = 22;
const ENC_KRB_CRED_PART = 29;
