/**
 * What an exchange holds between two tokens, in the terms of `export-format.ts`:
 *
 * ```
 * "K5HS" 3
 * optional list of channel bindings: optional address, optional address, optional bytes
 * optional peer's address   flag reassemble
 * u32 total, u32 pieces, bytes so far of a token that comes in pieces; only if reassemble
 * u8 mechanism: 0 none yet, 1 Kerberos, 2 SPNEGO; what the mechanism writes
 * ```
 *
 * address: i32 type, bytes. A context of Kerberos that waits for something is what `export.ts` has
 * inside of an exported context, then an optional delegated credential.
 */
import type { Reader, Writer } from '../bytes.ts';
import { EncryptionKey } from '../crypto/key.ts';
import { DecodeError } from '../errors.ts';
import type { HostAddress } from '../messages/host-address.ts';
import { Limit } from '../messages/limits.ts';
import type { ChannelAddress, ChannelBindings } from './channel-bindings.ts';
import { bindingsOf, MAX_BINDINGS } from './channel-bindings.ts';
import type { ContextState } from './context-state.ts';
import type { DelegatedTicket } from './delegated-credential.ts';
import { DelegatedCredential } from './delegated-credential.ts';
import type { ImportOptions } from './export.ts';
import { readContext, writeContext } from './export.ts';
import type { ExportFormat } from './export-format.ts';
import {
  readBytes,
  readFlag,
  readList,
  readOptional,
  readPrincipal,
  writeBytes,
  writeFlag,
  writeKey,
  writeList,
  writeOptional,
  writePrincipal,
} from './export-format.ts';
import type { HandshakeOptions } from './settings.ts';

export const HANDSHAKE_FORMAT: ExportFormat = {
  label: 'exported handshake',
  // "K5HS" and the version.
  magic: Uint8Array.of(0x4b, 0x35, 0x48, 0x53, 3),
};

export function writeOptions(writer: Writer, options: HandshakeOptions): void {
  writeOptional(writer, options.channelBindings, (_, bindings) =>
    writeList(writer, bindingsOf(bindings), writeBindings),
  );
  writeOptional(writer, options.peerAddress, writeAddress);
  writeFlag(writer, options.reassemble === true);
}

export function readOptions(reader: Reader): HandshakeOptions {
  const channelBindings = readOptional(reader, () => readList(reader, MAX_BINDINGS, readBindings));
  const peerAddress = readOptional(reader, readAddress);
  const reassemble = readFlag(reader);
  return {
    ...(channelBindings && { channelBindings }),
    ...(peerAddress && { peerAddress }),
    reassemble,
  };
}

/** A context that is established or about to be, with what was delegated. */
export function writePendingContext(writer: Writer, state: ContextState): void {
  writeContext(writer, state);
  writeOptional(writer, state.delegatedCredential?.tickets, (_, tickets) =>
    writeList(writer, tickets, writeTicket),
  );
}

export function readPendingContext(reader: Reader, options: Required<ImportOptions>): ContextState {
  const state = readContext(reader, options);
  const tickets = readOptional(reader, () =>
    readList(reader, Limit.credentialTickets, () => readTicket(reader, options)),
  );
  if (tickets === undefined) return state;
  if (tickets.length === 0) throw new DecodeError('exported handshake delegates nothing');
  return { ...state, delegatedCredential: new DelegatedCredential(tickets) };
}

function writeBindings(writer: Writer, bindings: ChannelBindings): void {
  writeOptional(writer, bindings.initiatorAddress, writeAddress);
  writeOptional(writer, bindings.acceptorAddress, writeAddress);
  writeOptional(writer, bindings.applicationData, writeBytes);
}

function readBindings(reader: Reader): ChannelBindings {
  const initiatorAddress = readOptional(reader, readAddress);
  const acceptorAddress = readOptional(reader, readAddress);
  const applicationData = readOptional(reader, readBytes);
  return {
    ...(initiatorAddress && { initiatorAddress }),
    ...(acceptorAddress && { acceptorAddress }),
    ...(applicationData && { applicationData }),
  };
}

function writeAddress(writer: Writer, { type, address }: ChannelAddress | HostAddress): void {
  writer.u32(type);
  writeBytes(writer, address);
}

function readAddress(reader: Reader): HostAddress {
  return { type: reader.i32(), address: readBytes(reader) };
}

function writeTicket(writer: Writer, ticket: DelegatedTicket): void {
  writePrincipal(writer, ticket.client);
  writePrincipal(writer, ticket.server);
  writeKey(writer, ticket.sessionKey);
  writer.u32(ticket.flags);
  for (const time of TIMES) writer.u64(BigInt.asUintN(64, BigInt(ticket[time])));
  writeList(writer, ticket.addresses, writeAddress);
  writeBytes(writer, ticket.ticket);
}

function readTicket(reader: Reader, { crypto }: Required<ImportOptions>): DelegatedTicket {
  const client = readPrincipal(reader);
  const server = readPrincipal(reader);
  const sessionKey = new EncryptionKey(reader.i32(), reader.take(reader.u32()), crypto);
  const flags = reader.u32();
  const [authTime, startTime, endTime, renewTill] = TIMES.map(() =>
    Number(BigInt.asIntN(64, reader.u64())),
  ) as [number, number, number, number];
  const addresses = readList(reader, Limit.hostAddresses, readAddress);
  const ticket = readBytes(reader);
  const times = { authTime, startTime, endTime, renewTill };
  return { client, server, sessionKey, flags, ...times, addresses, ticket };
}

const TIMES = ['authTime', 'startTime', 'endTime', 'renewTill'] as const;
