/** Credential caches in the file format of MIT krb5 and Heimdal, version 4. */
import { encodeUtf8, Writer } from '../bytes.ts';
import type { Principal } from '../messages/principal.ts';
import type { DelegatedCredential, DelegatedTicket } from './delegated-credential.ts';

/**
 * Formats a delegated credential as a credential cache file (`KRB5CCNAME=FILE:path`), for programs that
 * act on behalf of the user.
 *
 * Source: MIT krb5, doc/formats/ccache_file_format.rst.
 *
 * @returns Bytes with session keys: write them to a file of mode 0600, then wipe them.
 *
 * @example
 * ```ts
 * import { writeFileSync } from 'node:fs';
 * import type { DelegatedCredential } from 'krb5-acceptor';
 * import { formatCredentialCache } from 'krb5-acceptor';
 *
 * function store(credential: DelegatedCredential, path: string): void {
 *   const bytes = formatCredentialCache(credential);
 *   writeFileSync(path, bytes, { mode: 0o600, flag: 'wx' });
 *   bytes.fill(0);
 *   credential.dispose();
 * }
 * ```
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
    // The format has 32 bits: a time before 1970 is written as 1970, one after 2106 as 2106.
    writer.u32(Math.min(Math.max(time, 0), 0xffff_ffff));
  }
  // is_skey = 0: the ticket is not encrypted in a session key.
  writer.u8(0).u32(ticket.flags);
  writer.u32(ticket.addresses.length);
  for (const { type, address } of ticket.addresses) {
    writer.u16(type);
    writeData(writer, address);
  }
  // No authorization data; no second ticket.
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
