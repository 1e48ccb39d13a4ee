/**
 * A context that an exported exchange holds, in the terms of `export-format.ts`: what `export.ts` has
 * inside of an exported context, then an optional delegated credential.
 */
import type { Reader, Writer } from '../bytes.ts';
import { EncryptionKey } from '../crypto/key.ts';
import { DecodeError } from '../errors.ts';
import type { ChannelAddress } from '../gss/channel-bindings.ts';
import { Limit } from '../messages/limits.ts';
import type { HostAddress } from '../messages/primitives.ts';
import type { DelegatedTicket } from './delegated-credential.ts';
import { DelegatedCredential } from './delegated-credential.ts';
import type { ImportOptions } from './export.ts';
import { readContext, writeContext } from './export.ts';
import {
  readBytes,
  readList,
  readOptional,
  readPrincipal,
  writeBytes,
  writeKey,
  writeList,
  writeOptional,
  writePrincipal,
} from './export-format.ts';
import type { ContextState } from './state.ts';

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

export function writeAddress(
  writer: Writer,
  { type, address }: ChannelAddress | HostAddress,
): void {
  writer.u32(type);
  writeBytes(writer, address);
}

export function readAddress(reader: Reader): HostAddress {
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
