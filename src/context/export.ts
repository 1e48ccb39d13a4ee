/**
 * Exported contexts, in the terms of `export-format.ts`:
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
import type { Reader, Writer } from '../bytes.ts';
import { concatBytes } from '../bytes.ts';
import { defaultCrypto } from '../crypto/default-crypto.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import { cryptoProvider } from '../crypto/provider.ts';
import type { KerberosErrorName } from '../errors.ts';
import { DecodeError, isKerberosErrorName, KerberosError } from '../errors.ts';
import { decodeMechanism, encodeMechanism } from '../gss/mechanism.ts';
import { GssName } from '../gss/name.ts';
import type { AuthorizationDataElement } from '../messages/authorization-data.ts';
import { Limit } from '../messages/limits.ts';
import type { OptionRules } from '../options.ts';
import { checkOptions, promptCallback } from '../options.ts';
import { findPac } from '../pac/locate.ts';
import { importPac } from '../pac/pac.ts';
import type { RandomSource } from '../random.ts';
import { checkedRandom, contextRandom } from '../random.ts';
import { SequenceCounter } from '../tokens/sequence.ts';
import type { ExportFormat } from './export-format.ts';
import {
  openExport,
  readBytes,
  readFlag,
  readKey,
  readList,
  readOptional,
  readPrincipal,
  readText,
  readWindow,
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

/** Options of importSecurityContext. */
export interface ImportOptions {
  /** The provider that the keys compute with; {@link defaultCrypto} if absent. */
  readonly crypto?: CryptoProvider;
  /** The source of confounders; the runtime's generator if absent. */
  readonly random?: RandomSource;
}

/** Writes a context. @returns A new buffer, which contains its keys. */
export function encodeContext(state: ContextState): Uint8Array {
  const { crypto } = state.initiatorKey;
  return sealExport(FORMAT, crypto, (writer) => writeContext(writer, state));
}

/**
 * Reads the bytes of {@link encodeContext}.
 *
 * @throws GssError GSS_S_DEFECTIVE_TOKEN.
 * @throws TypeError for unknown options, or options of another type.
 */
export function decodeContext(bytes: Uint8Array, options: ImportOptions): ContextState {
  checkOptions('importSecurityContext', options, IMPORT_OPTIONS);
  const crypto = options.crypto ?? defaultCrypto;
  const random = options.random === undefined ? contextRandom() : checkedRandom(options.random);
  return openExport(FORMAT, crypto, bytes, (reader) => readContext(reader, { crypto, random }));
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

/** The inverse of {@link writeContext}. */
export function readContext(reader: Reader, options: Required<ImportOptions>): ContextState {
  const { crypto, random } = options;
  const head = {
    role: readFlag(reader) ? ('acceptor' as const) : ('initiator' as const),
    mechanism: decodeMechanism(readBytes(reader)),
    flags: reader.u32(),
    initiator: GssName.ofPrincipal(readPrincipal(reader)),
    acceptor: GssName.ofPrincipal(readPrincipal(reader)),
    ticket: readTicket(reader),
  };
  const authorizationData = readList(reader, Limit.authorizationDataElements, readElement);
  const vouched = readVouched(reader, authorizationData);
  const initiatorKey = readKey(reader, crypto);
  const acceptorSubkey = readOptional(reader, () => readKey(reader, crypto));
  const high = reader.u32();
  const sendSequence = new SequenceCounter(reader.u32(), high);
  return {
    ...head,
    authorizationData,
    vouched,
    initiatorKey,
    ...(acceptorSubkey && { acceptorSubkey }),
    sendSequence,
    window: readWindow(reader),
    random,
  };
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

function readTicket(reader: Reader): TicketInfo {
  const head = {
    server: readText(reader),
    kvno: reader.u32(),
    enctype: reader.i32(),
    sessionEnctype: reader.i32(),
    flags: reader.u32(),
  };
  const authTime = readTime(reader);
  const startTime = readTime(reader);
  const endTime = readTime(reader);
  const renewTill = readTime(reader);
  if (authTime === undefined || endTime === undefined) {
    throw new DecodeError('exported context has no times');
  }
  return {
    ...head,
    authTime,
    ...(startTime && { startTime }),
    endTime,
    ...(renewTill && { renewTill }),
  };
}

function readTime(reader: Reader): Date | undefined {
  const seconds = reader.u64();
  if (seconds === ABSENT) return undefined;
  const time = new Date(Number(BigInt.asIntN(64, seconds)) * 1000);
  if (Number.isNaN(time.getTime()))
    throw new DecodeError('exported context has a time out of range');
  return time;
}

function writeElement(writer: Writer, { type, data }: AuthorizationDataElement): void {
  writer.u32(type);
  writeBytes(writer, data);
}

function readElement(reader: Reader): AuthorizationDataElement {
  return { type: reader.i32(), data: readBytes(reader) };
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

function readVouched(
  reader: Reader,
  authorizationData: readonly AuthorizationDataElement[],
): VouchedData {
  const kind = reader.u8();
  if (kind > PacKind.verifiedByKdcKey)
    throw new DecodeError('exported context has a malformed PAC');
  const pacError = kind === PacKind.refused ? readError(reader) : undefined;
  // The acceptor verified the PAC before the export, whose digest covers it.
  const byKdcKey = kind === PacKind.verifiedByKdcKey;
  const verified = byKdcKey || kind === PacKind.verified;
  const bytes = verified ? findPac(authorizationData) : undefined;
  if (verified && bytes === undefined) {
    throw new DecodeError('exported context lacks the PAC that it marks as verified');
  }
  const pac = bytes && importPac(concatBytes(Uint8Array.of(byKdcKey ? 1 : 0), bytes));
  return {
    ...(pac && { pac }),
    ...(pacError && { pacError }),
    authenticationIndicators: readList(reader, Limit.listElements, readText),
  };
}

function readError(reader: Reader): KerberosError {
  const code = readText(reader);
  const message = readText(reader);
  const hint = readOptional(reader, readText);
  if (!isKerberosErrorName(code)) throw new DecodeError('exported context has an unknown error');
  // The format has no reason; the code tells which one a PAC was ignored for.
  const reason = PAC_REASONS[code] ?? 'pac.signature';
  return new KerberosError(code, { reason, message, hint });
}

const FORMAT: ExportFormat = {
  label: 'exported context',
  // "K5SC" and the version.
  magic: Uint8Array.of(0x4b, 0x35, 0x53, 0x43, 1),
};
const PAC_REASONS: Partial<Record<KerberosErrorName, 'pac.malformed' | 'pac.other-client'>> = {
  KRB5_PARSE_MALFORMED: 'pac.malformed',
  KRB_AP_ERR_BADMATCH: 'pac.other-client',
};
const ABSENT = 0xffff_ffff_ffff_ffffn;
const PacKind = { none: 0, verified: 1, refused: 2, verifiedByKdcKey: 3 } as const;

/** The rules that the options are checked with. */
export const IMPORT_OPTIONS: OptionRules<ImportOptions> = {
  crypto: cryptoProvider,
  random: promptCallback,
};
