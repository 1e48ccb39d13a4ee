/**
 * Writes contexts, in the terms of `export-format.ts`; `import.ts` reads them. The format:
 *
 * ```
 * "K5SC" 1
 * flag role (0 initiator, 1 acceptor)   bytes mechanism, as DER contents   u32 flags
 * principal initiator   principal acceptor
 * text server   u32 kvno   i32 enctype   i32 session enctype   u32 ticket flags
 * time authtime   time starttime   time endtime   time renew-till
 * u16 count, then for each authorization data element: i32 type, bytes
 * u8: 0 no PAC among them, 1 verified PAC, 2 PAC that did not verify, 3 PAC verified with the KDC's key too
 * if 2: text code, text message, optional text hint
 * u16 count, then authentication indicators, each a text
 * key initiator's   optional key acceptor's subkey
 * u64 next number to send   window of received numbers
 * ```
 *
 * time: u64 seconds, all ones if absent. A delegated credential is not part of it.
 */
import type { VouchedData } from '../ap/vouched-data.ts';
import type { Writer } from '../bytes.ts';
import { encodeMechanism } from '../gss/mechanism.ts';
import type { GssName } from '../gss/name.ts';
import type { AuthorizationDataElement } from '../messages/authorization-data.ts';
import type { ExportFormat } from './export-format.ts';
import {
  sealExport,
  writeBytes,
  writeFlag,
  writeKey,
  writeList,
  writeOptional,
  writePrincipal,
  writeText,
  writeWindow,
} from './export-format.ts';
import type { ContextState, TicketInfo } from './state.ts';

/** Writes a context. @returns A new buffer, which contains its keys. */
export function encodeContext(state: ContextState): Uint8Array {
  const { crypto } = state.initiatorKey;
  return sealExport(FORMAT, crypto, (writer) => writeContext(writer, state));
}

/** The contents of {@link encodeContext}, as part of an exported exchange. */
export function writeContext(writer: Writer, state: ContextState): void {
  writeFlag(writer, state.role === 'acceptor');
  writeBytes(writer, encodeMechanism(state.mechanism));
  writer.u32(state.flags);
  writeName(writer, state.initiator);
  writeName(writer, state.acceptor);
  writeTicket(writer, state.ticket);
  writeList(writer, state.authorizationData, writeElement);
  writeVouched(writer, state.vouched);
  writeKey(writer, state.initiatorKey);
  writeOptional(writer, state.acceptorSubkey, writeKey);
  writer.u32(state.sendSequence.high).u32(state.sendSequence.low);
  writeWindow(writer, state.window);
}

function writeName(writer: Writer, name: GssName): void {
  const { principal } = name;
  if (principal === undefined) throw new TypeError('name: expected a mechanism name');
  writePrincipal(writer, principal);
}

function writeTicket(writer: Writer, ticket: TicketInfo): void {
  writeText(writer, ticket.server);
  writer.u32(ticket.kvno).u32(ticket.enctype).u32(ticket.sessionEnctype).u32(ticket.flags);
  for (const time of [ticket.authTime, ticket.startTime, ticket.endTime, ticket.renewTill]) {
    writer.u64(time === undefined ? ABSENT : BigInt.asUintN(64, BigInt(time.getTime() / 1000)));
  }
}

function writeElement(writer: Writer, { type, data }: AuthorizationDataElement): void {
  writer.u32(type);
  writeBytes(writer, data);
}

function writeVouched(writer: Writer, vouched: VouchedData): void {
  const { pacError, authenticationIndicators } = vouched;
  writer.u8(pacKindOf(vouched));
  if (pacError !== undefined) {
    writeText(writer, pacError.code);
    writeText(writer, pacError.message);
    writeOptional(writer, pacError.hint, writeText);
  }
  writeList(writer, authenticationIndicators, writeText);
}

function pacKindOf({ pac, pacError }: VouchedData): number {
  if (pac !== undefined) {
    return pac.signatures.kdc === 'verified' ? PacKind.verifiedByKdcKey : PacKind.verified;
  }
  return pacError === undefined ? PacKind.none : PacKind.refused;
}

/** The kind of these exports. */
export const FORMAT: ExportFormat = {
  label: 'exported context',
  // "K5SC" and the version.
  magic: Uint8Array.of(0x4b, 0x35, 0x53, 0x43, 1),
};
/** A time that is absent. */
export const ABSENT = 0xffff_ffff_ffff_ffffn;
/** What an exported context has of a PAC. */
export const PacKind = { none: 0, verified: 1, refused: 2, verifiedByKdcKey: 3 } as const;
