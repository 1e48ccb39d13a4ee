/** Credential caches in the file format of MIT krb5 and Heimdal, version 4. */
import { encodeUtf8, Writer } from '../bytes.ts';
import type { Principal } from '../messages/principal.ts';
import type { DelegatedCredential, DelegatedTicket } from './delegated-credential.ts';

/**
 * A delegated credential as the contents of a ccache file (`KRB5CCNAME=FILE:path`), for programs
 * that act for the user.
 *
 * Source: MIT krb5, doc/formats/ccache_file_format.rst.
 *
 * @returns Bytes that hold session keys: write them to a file of mode 0600, then wipe them.
 */
export function formatCredentialCache(credential: DelegatedCredential): Uint8Array {
  const writer = new Writer(1024);
  // Version 4 with no header fields.
  writer.u16(0x0504).u16(0);
  writePrincipal(writer, credential.client);
  for (const ticket of credential.tickets) writeTicket(writer, ticket);
  return writer.finish();
}

function writeTicket(writer: Writer, ticket: DelegatedTicket): void {
  writePrincipal(writer, ticket.client);
  writePrincipal(writer, ticket.server);
  const key = ticket.sessionKey.bytes();
  writer.u16(ticket.sessionKey.enctype);
  writeData(writer, key);
  key.fill(0);
  for (const time of [ticket.authTime, ticket.startTime, ticket.endTime, ticket.renewTill]) {
    // The format has 32 bits: what lies beyond them never was, or never ends.
    writer.u32(Math.min(Math.max(time, 0), 0xffff_ffff));
  }
  // Not a ticket encrypted in a session key.
  writer.u8(0).u32(ticket.flags);
  writer.u32(ticket.addresses.length);
  for (const { type, address } of ticket.addresses) {
    writer.u16(type);
    writeData(writer, address);
  }
  // No authorization data, and no second ticket after the first.
  writer.u32(0);
  writeData(writer, ticket.ticket);
  writer.u32(0);
}

function writePrincipal(writer: Writer, principal: Principal): void {
  writer.u32(principal.nameType).u32(principal.components.length);
  for (const text of [principal.realm, ...principal.components]) {
    writeData(writer, encodeUtf8(text));
  }
}

function writeData(writer: Writer, bytes: Uint8Array): void {
  writer.u32(bytes.length).raw(bytes);
}
