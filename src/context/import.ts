/** Reads the contexts that `export.ts` wrote. A program that only accepts does not load this module. */
import type { VouchedData } from '../ap/vouched-data.ts';
import type { Reader } from '../bytes.ts';
import { decodeUtf8, plainBytes } from '../bytes.ts';
import { defaultCrypto } from '../crypto/default-crypto.ts';
import { EncryptionKey } from '../crypto/key.ts';
import { enctypeName } from '../crypto/numbers.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import { cryptoProvider } from '../crypto/provider.ts';
import type { KerberosErrorName } from '../errors.ts';
import { DecodeError, isKerberosErrorName, KerberosError } from '../errors.ts';
import { decodeMechanism } from '../gss/mechanism.ts';
import { GssName } from '../gss/name.ts';
import type { AuthorizationDataElement } from '../messages/authorization-data.ts';
import { Limit } from '../messages/limits.ts';
import type { Principal } from '../messages/principal.ts';
import type { OptionRules } from '../options.ts';
import { checkOptions, promptCallback } from '../options.ts';
import { addRareReaders } from '../pac/buffer-readers.ts';
import { findPac } from '../pac/locate.ts';
import { importPac } from '../pac/pac.ts';
import { rareReaders } from '../pac/rare-buffers.ts';
import type { RandomSource } from '../random.ts';
import { checkedRandom, contextRandom } from '../random.ts';
import { SequenceCounter, SequenceWindow } from '../tokens/sequence.ts';
import { SecurityContext } from './context.ts';
import { ABSENT, FORMAT, PacKind } from './export.ts';
import {
  HALVES,
  openExport,
  readBytes,
  readFlag,
  readList,
  readOptional,
  WindowFlag,
} from './export-format.ts';
import type { ContextState, TicketInfo } from './state.ts';

/** Options of importSecurityContext. */
export interface ImportOptions {
  /** The provider that the keys compute with; {@link defaultCrypto} if absent. */
  readonly crypto?: CryptoProvider;
  /** The source of confounders; the runtime's generator if absent. */
  readonly random?: RandomSource;
}

/**
 * GSS_Import_sec_context (RFC 2743 §2.2.9): restores an exported context with its keys, sequence
 * numbers and receive window. Import the bytes only once: two contexts would use each sequence number
 * twice.
 *
 * @param bytes - The result of {@link SecurityContext.export}; copied, so that the caller can wipe it.
 * @throws {@link GssError} GSS_S_DEFECTIVE_TOKEN if the bytes were altered or have another version.
 * @throws TypeError for bytes that are not a Uint8Array, or options of another type.
 */
export function importSecurityContext(
  bytes: Uint8Array,
  options: ImportOptions = {},
): SecurityContext {
  return new SecurityContext(decodeContext(plainBytes(bytes, 'bytes'), options));
}

function decodeContext(bytes: Uint8Array, options: ImportOptions): ContextState {
  checkOptions('importSecurityContext', options, IMPORT_OPTIONS);
  const crypto = options.crypto ?? defaultCrypto;
  const random = options.random === undefined ? contextRandom() : checkedRandom(options.random);
  return openExport(FORMAT, crypto, bytes, (reader) => readContext(reader, { crypto, random }));
}

/** The inverse of `writeContext`. */
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

function readElement(reader: Reader): AuthorizationDataElement {
  return { type: reader.i32(), data: readBytes(reader) };
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
  // The getters of the PAC are synchronous, and an import cannot wait for their code.
  if (verified) addRareReaders(rareReaders);
  const bytes = verified ? findPac(authorizationData) : undefined;
  if (verified && bytes === undefined) {
    throw new DecodeError('exported context lacks the PAC that it marks as verified');
  }
  const pac = bytes && importPac(bytes, byKdcKey);
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

/** The inverse of `writePrincipal`. */
export function readPrincipal(reader: Reader): Principal {
  const nameType = reader.i32();
  const realm = readText(reader);
  return { nameType, realm, components: readList(reader, Limit.nameComponents, readText) };
}

/** The inverse of `writeKey`. @throws KerberosError KDC_ERR_ETYPE_NOSUPP. */
export function readKey(reader: Reader, crypto: CryptoProvider): EncryptionKey {
  const enctype = reader.i32();
  const value = reader.take(reader.u32());
  const key = new EncryptionKey(enctype, value, crypto);
  if (!key.supported) {
    throw new KerberosError('KDC_ERR_ETYPE_NOSUPP', {
      reason: 'enctype.unsupported',
      detail: { enctype: enctypeName(enctype) },
    });
  }
  return key;
}

function readText(reader: Reader): string {
  return decodeUtf8(reader.take(reader.u32()), reader.label);
}

/** The inverse of `writeWindow`. */
export function readWindow(reader: Reader): SequenceWindow {
  const flags = reader.u8();
  if (flags > 7) throw new DecodeError('exported context: unknown flags of the sequence window');
  const [baseHigh, baseLow, nextHigh, nextLow, seenHigh, seenLow] = HALVES.map(() =>
    reader.u32(),
  ) as [number, number, number, number, number, number];
  return SequenceWindow.ofState({
    replay: (flags & WindowFlag.replay) !== 0,
    sequence: (flags & WindowFlag.sequence) !== 0,
    width: (flags & WindowFlag.wide) !== 0 ? 64 : 32,
    baseHigh,
    baseLow,
    nextHigh,
    nextLow,
    seenHigh,
    seenLow,
  });
}

const PAC_REASONS: Partial<Record<KerberosErrorName, 'pac.malformed' | 'pac.other-client'>> = {
  KRB5_PARSE_MALFORMED: 'pac.malformed',
  KRB_AP_ERR_BADMATCH: 'pac.other-client',
};

/** The rules that the options are checked with. */
export const IMPORT_OPTIONS: OptionRules<ImportOptions> = {
  crypto: cryptoProvider,
  random: promptCallback,
};
