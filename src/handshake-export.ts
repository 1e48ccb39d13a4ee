/**
 * Exchanges between two tokens as bytes, in the terms of `export-format.ts`:
 *
 * ```
 * "K5HS" 4
 * optional list of channel bindings: optional address, optional address, optional bytes
 * optional peer's address   flag reassemble
 * u32 total, u32 pieces, bytes so far of a token that comes in pieces; only if reassemble
 * state
 *
 * state:  u8 0, first token: flag hinted
 *         u8 1, DCE third leg: context, key session key
 *         u8 2, negotiating: bytes OID as DER contents, bytes MechTypeList, flag MIC required, state
 *         u8 3, MIC owed: bytes MechTypeList, context
 *         u8 4, relaying: list of bytes (the tokens so far), u32 hops
 *         u8 5, negotiating with Late Fallback: list of bytes (OIDs that are left), then as u8 2
 * ```
 *
 * address: i32 type, bytes; context: the contents of an exported context (`context/export.ts`), then an
 * optional list of delegated tickets. A `foreignChoice` and the failure of a mechanism are not exported.
 */
import type { Reader, Writer } from './bytes.ts';
import type { DelegatedTicket } from './context/delegated-credential.ts';
import { writeContext } from './context/export.ts';
import type { ExportFormat } from './context/export-format.ts';
import {
  openExport,
  readBytes,
  readFlag,
  readList,
  readOptional,
  sealExport,
  writeBytes,
  writeFlag,
  writeKey,
  writeList,
  writeOptional,
  writePrincipal,
} from './context/export-format.ts';
import type { ContextState } from './context/state.ts';
import type { CryptoProvider } from './crypto/provider.ts';
import type { ChannelAddress, ChannelBindings } from './gss/channel-bindings.ts';
import { bindingsOf, MAX_BINDINGS } from './gss/channel-bindings.ts';
import { encodeMechanism } from './gss/mechanism.ts';
import type { Oid } from './gss/oid.ts';
import type { HandshakeState } from './handshake-state.ts';
import { disposeState } from './handshake-state.ts';
import type { HandshakeOptions } from './krb5/settings.ts';
import type { HostAddress } from './messages/primitives.ts';
import type { CollectedPieces } from './spnego/token-assembler.ts';
import { TokenAssembler } from './spnego/token-assembler.ts';

/** All that an exchange holds between two tokens. */
export interface WaitingExchange {
  readonly options: HandshakeOptions;
  /** Set if tokens may come in pieces. */
  readonly assembler: TokenAssembler | undefined;
  readonly state: HandshakeState;
}

/** Moves an exchange into bytes: its keys are wiped. */
export function exportHandshake(
  { options, assembler, state }: WaitingExchange,
  crypto: CryptoProvider,
): Uint8Array {
  const bytes = sealExport(FORMAT, crypto, (writer) => {
    writeOptions(writer, options);
    if (assembler !== undefined) writePieces(writer, assembler.takeCollected());
    writeState(writer, state);
  });
  disposeState(state);
  return bytes;
}

/**
 * Reads what {@link exportHandshake} wrote, except the state: `handshake-import.ts`, which reads it, is
 * loaded with the next token.
 *
 * @param options - Each that is not undefined replaces the exported one.
 * @throws {@link GssError} GSS_S_DEFECTIVE_TOKEN.
 */
export function importHandshake(
  bytes: Uint8Array,
  crypto: CryptoProvider,
  options: HandshakeOptions,
): WaitingExchange {
  return openExport(FORMAT, crypto, bytes, (reader) => {
    const exported = readOptions(reader);
    const assembler = exported.reassemble === true ? readPieces(reader) : undefined;
    const state: HandshakeState = { at: 'exported', bytes: reader.rest().slice() };
    if (assembler === undefined && options.reassemble === true) {
      return { options: mergeOptions(exported, options), assembler: new TokenAssembler(), state };
    }
    return { options: mergeOptions(exported, options), assembler, state };
  });
}

/** An undefined option counts as absent: it must not remove the exported one. */
function mergeOptions(exported: HandshakeOptions, given: HandshakeOptions): HandshakeOptions {
  const { channelBindings = exported.channelBindings, peerAddress = exported.peerAddress } = given;
  const { signal, channelBindingsUnavailable } = given;
  return {
    ...(channelBindings !== undefined && { channelBindings }),
    ...(peerAddress !== undefined && { peerAddress }),
    ...(signal !== undefined && { signal }),
    ...(channelBindingsUnavailable !== undefined && { channelBindingsUnavailable }),
    // The collected pieces are part of a token: reassembly cannot be switched off now.
    reassemble: exported.reassemble === true || given.reassemble === true,
  };
}

function writeState(writer: Writer, state: HandshakeState): void {
  if (state.at !== 'exported') writer.u8(Kind[isLate(state) ? LATE : state.at]);
  switch (state.at) {
    case 'first-token':
      writeFlag(writer, state.hinted);
      return;
    case 'relaying':
      writeList(writer, state.transcript, writeBytes);
      writer.u32(state.hops);
      return;
    case 'dce-third-leg':
      writePendingContext(writer, state.context);
      writeKey(writer, state.sessionKey);
      return;
    case 'negotiating':
      if (state.late !== undefined) {
        writeList(writer, state.late.left, writeOid);
        writer.u8(Kind.negotiating);
      }
      writeOid(writer, state.oid);
      writeBytes(writer, state.mechTypeList);
      writeFlag(writer, state.micRequired);
      writeState(writer, state.inner);
      return;
    case 'mic-owed':
      writeBytes(writer, state.mechTypeList);
      writePendingContext(writer, state.context);
      return;
    case 'exported':
      writer.raw(state.bytes);
      return;
    default:
      state satisfies never;
  }
}

function isLate(state: HandshakeState): boolean {
  return state.at === 'negotiating' && state.late !== undefined;
}

function writeOid(writer: Writer, oid: Oid): void {
  writeBytes(writer, encodeMechanism(oid));
}

/** Writes a context that waits for a token, with its delegated tickets. */
function writePendingContext(writer: Writer, context: ContextState): void {
  writeContext(writer, context);
  writeOptional(writer, context.delegatedCredential?.tickets, (_, tickets) =>
    writeList(writer, tickets, writeTicket),
  );
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

function writePieces(writer: Writer, { total, count, bytes }: CollectedPieces): void {
  writer.u32(total).u32(count);
  writeBytes(writer, bytes);
}

function readPieces(reader: Reader): TokenAssembler {
  const collected = { total: reader.u32(), count: reader.u32(), bytes: readBytes(reader) };
  return new TokenAssembler(undefined, collected);
}

function writeOptions(writer: Writer, options: HandshakeOptions): void {
  writeOptional(writer, options.channelBindings, (_, bindings) =>
    writeList(writer, bindingsOf(bindings), writeBindings),
  );
  writeOptional(writer, options.peerAddress, writeAddress);
  writeFlag(writer, options.reassemble === true);
}

function readOptions(reader: Reader): HandshakeOptions {
  const channelBindings = readOptional(reader, () => readList(reader, MAX_BINDINGS, readBindings));
  const peerAddress = readOptional(reader, readAddress);
  const reassemble = readFlag(reader);
  return {
    ...(channelBindings && { channelBindings }),
    ...(peerAddress && { peerAddress }),
    reassemble,
  };
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

/** The inverse of writeAddress. */
export function readAddress(reader: Reader): HostAddress {
  return { type: reader.i32(), address: readBytes(reader) };
}

const FORMAT: ExportFormat = {
  label: 'exported handshake',
  // "K5HS" and the version.
  magic: Uint8Array.of(0x4b, 0x35, 0x48, 0x53, 4),
};
/** The states by their numbers. */
export const Kind = {
  'first-token': 0,
  'dce-third-leg': 1,
  negotiating: 2,
  'mic-owed': 3,
  relaying: 4,
  'late fallback': 5,
} as const;
const LATE = 'late fallback';
/** The times of a delegated ticket, in their order. */
export const TIMES = ['authTime', 'startTime', 'endTime', 'renewTill'] as const;
