/**
 * The keytab file format, versions 0x0501 and 0x0502: bytes to entries and back.
 *
 * Source: MIT krb5, doc/formats/keytab_file_format.rst. Details that it does not specify follow the
 * readers of MIT krb5 and Heimdal.
 */
import { decodeUtf8, encodeUtf8, Reader, Writer } from '../bytes.ts';
import { EncryptionKey } from '../crypto/key.ts';
import { enctypeName } from '../crypto/numbers.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import { cryptoProvider } from '../crypto/provider.ts';
import type { KerberosErrorOptions } from '../errors.ts';
import { DecodeError, KerberosError } from '../errors.ts';
import { LOOKALIKES } from '../explain/lookalikes.ts';
import { Limit } from '../messages/limits.ts';
import type { Principal } from '../messages/principal.ts';
import { NameType, printablePrincipal } from '../messages/principal.ts';
import type { OptionRules } from '../options.ts';
import { checkOptions } from '../options.ts';
import { printableUtf8 } from '../text.ts';
import type { KerberosTime } from '../time.ts';
import { recogniseLookalike } from './lookalike.ts';

/** One key of one principal. */
export interface KeytabEntry {
  /** Its name type is NT-UNKNOWN in files of version 0x0501, which store none. */
  readonly principal: Principal;
  /** Key version number, 0 to 2³²−1. Old tools store only its low 8 bits. */
  readonly kvno: number;
  /** When the entry was written, in seconds since 1970. */
  readonly timestamp: KerberosTime;
  /** `key.supported` is false if the provider lacks its enctype. */
  readonly key: EncryptionKey;
}

/** The contents of a keytab. Nothing changes it later: a new keytab is a new object. */
export interface Keytab {
  /** 2 is file version 0x0502, which all current tools write; 1 is 0x0501. */
  readonly version: 1 | 2;
  /** Version 1 only, which has the byte order of the machine that wrote it. `'big'` if absent. */
  readonly byteOrder?: 'big' | 'little';
  /** In the order of the file. */
  readonly entries: readonly KeytabEntry[];
  /** One error (`KRB5_KT_FORMAT`) for each record that could not be read. Absent if all could. */
  readonly skipped?: readonly KerberosError[];
}

/** Options of {@link parseKeytab}. */
export interface ParseKeytabOptions {
  /**
   * The implementation of the keys' cryptography; the default provider if absent. A bundle that
   * imports only `parseKeytab` does not contain the default: pass `defaultCrypto` there if the program
   * computes with the keys.
   */
  readonly crypto?: CryptoProvider;
}

/**
 * Reads a keytab. Holes, padding after an entry and everything after a zero length are skipped. A
 * record that cannot be read (a name in another encoding, a key of the wrong length) is left out and
 * reported in `skipped`; MIT krb5, whose tools write such records, also uses the others. More than 1000
 * such records are a damaged file.
 *
 * @param bytes - The whole file. Keys and names are copied, so the caller may wipe it afterwards.
 * @throws {@link KerberosError} `KRB5_KT_FORMAT` if the bytes are not a keytab or are truncated, or if
 *   none of the records, or too few of them, can be read.
 * @throws TypeError for an unknown option or one of the wrong kind.
 *
 * @example
 * ```ts
 * import { readFileSync } from 'node:fs';
 * import { enctypeName, formatPrincipal, parseKeytab } from 'krb5-acceptor';
 *
 * for (const { principal, kvno, key } of parseKeytab(readFileSync('http.keytab')).entries) {
 *   console.log(formatPrincipal(principal), kvno, enctypeName(key.enctype));
 * }
 * ```
 */
export function parseKeytab(bytes: Uint8Array, options: ParseKeytabOptions = {}): Keytab {
  checkOptions('parseKeytab', options, PARSE_KEYTAB_OPTIONS);
  try {
    return parse(bytes, options);
  } catch (error) {
    const looksLike = recogniseLookalike(bytes);
    if (!(error instanceof KerberosError) || looksLike === undefined) throw error;
    const { text, remedy } = LOOKALIKES[looksLike];
    throw malformed(error.message, {
      reason: 'keytab.not-a-keytab',
      detail: { looksLike },
      hint: `${text}; ${remedy}`,
      cause: error,
    });
  }
}

function parse(bytes: Uint8Array, options: ParseKeytabOptions): Keytab {
  if (bytes.length < 2) {
    throw malformed(`keytab of ${bytes.length} bytes has no version`, {
      reason: 'keytab.empty',
      detail: { problem: `it has ${bytes.length} bytes` },
      hint: 'the file is empty or truncated; write the keytab again',
    });
  }
  if (bytes[0] !== 5 || (bytes[1] !== 1 && bytes[1] !== 2)) {
    throw malformed('not a keytab: it does not begin with 05 02 or 05 01', {
      reason: 'keytab.not-a-keytab',
      hint: 'write the keytab again: the file is damaged, or another one',
    });
  }
  if (bytes[1] === 2) return { version: 2, ...toEntries(readRecords(bytes, V2), options) };
  const { records, littleEndian } = readVersion1(bytes);
  const byteOrder = littleEndian ? 'little' : 'big';
  return { version: 1, byteOrder, ...toEntries(records, options) };
}

/**
 * Writes a keytab without holes and padding, each kvno in both 8 and 32 bits. {@link parseKeytab} reads
 * equal entries from the result. What was `skipped` is not written.
 *
 * @returns The file's bytes. They hold keys: the caller must protect them and wipe them after use.
 * @throws RangeError if a field of an entry does not fit the format.
 */
export function formatKeytab(keytab: Keytab): Uint8Array {
  const layout: Layout =
    keytab.version === 2 ? V2 : { version: 1, littleEndian: keytab.byteOrder === 'little' };
  const file = new Writer();
  file.u8(5).u8(layout.version);
  for (const entry of keytab.entries) {
    const record = formatEntry(entry, layout);
    file.u32(record.length, layout.littleEndian).raw(record);
    record.fill(0);
  }
  return file.finish();
}

interface Layout {
  readonly version: 1 | 2;
  readonly littleEndian: boolean;
}

/** An entry whose key is still a view of the file. */
interface RawEntry {
  readonly at: number;
  readonly principal: Principal;
  readonly kvno: number;
  readonly timestamp: KerberosTime;
  readonly enctype: number;
  readonly value: Uint8Array;
}

/**
 * Version 0x0501 does not store its byte order. Read in the wrong order, the length of the first
 * record is off by a factor of 2¹⁶ or more, so at most one of the two orders reads to the end.
 */
function readVersion1(bytes: Uint8Array): {
  records: (RawEntry | KerberosError)[];
  littleEndian: boolean;
} {
  try {
    return { records: readRecords(bytes, V1_BIG), littleEndian: false };
  } catch (bigError) {
    try {
      return { records: readRecords(bytes, V1_LITTLE), littleEndian: true };
    } catch (littleError) {
      // Neither order fits: report the error of the one in which the first length is smaller.
      throw firstLength(bytes, false) <= firstLength(bytes, true) ? bigError : littleError;
    }
  }
}

function firstLength(bytes: Uint8Array, littleEndian: boolean): number {
  return bytes.length < 6 ? 0 : Math.abs(new Reader(bytes, 'keytab', 2).i32(littleEndian));
}

/** Each record's contents, or the reason why it cannot be read: a fault takes 2 kB of memory. */
function readRecords(bytes: Uint8Array, layout: Layout): (RawEntry | KerberosError)[] {
  const records: (RawEntry | KerberosError)[] = [];
  let faults = 0;
  try {
    const reader = new Reader(bytes, 'keytab', 2);
    while (reader.remaining > 0) {
      const at = reader.offset;
      const length = reader.i32(layout.littleEndian);
      // The format's end mark: the rest is left from a file that was longer.
      if (length === 0) break;
      if (length < 0) {
        // The negation of INT32_MIN overflows a signed 32-bit integer (MIT krb5 ticket 8914).
        if (length === INT32_MIN) throw new DecodeError(`keytab hole at byte ${at} has no length`);
        reader.skip(-length);
      } else {
        // MIT krb5 counts the name type in the length of a version 1 record too, but does not write
        // it: its records have 4 bytes of padding, and the last one overruns the file by 4 bytes.
        const short = layout.version === 1 && length === reader.remaining + 4;
        const size = short ? reader.remaining : length;
        const record = reader.sub(size, `keytab record at byte ${at}`);
        const entry = orFault(() => readRecord(record, at, layout));
        if (entry instanceof KerberosError && ++faults > MAX_FAULTS) throw entry;
        records.push(entry);
      }
    }
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    // A faulty record before it may have a wrong length, which would be the cause.
    throw records.find((record) => record instanceof KerberosError) ?? damaged(error);
  }
  return records;
}

function orFault<T>(read: () => T): T | KerberosError {
  try {
    return read();
  } catch (error) {
    if (error instanceof DecodeError) return damaged(error);
    if (error instanceof KerberosError) return error;
    throw error;
  }
}

function readRecord(record: Reader, at: number, { version, littleEndian }: Layout): RawEntry {
  // Version 1 counts the realm as a component.
  const count = record.u16(littleEndian) - (version === 1 ? 1 : 0);
  if (count < 1 || count > Limit.nameComponents) {
    throw new DecodeError(
      `${record.label} has a name of ${count} components: 1 to ${Limit.nameComponents} expected`,
    );
  }
  const realm = readText(record, littleEndian);
  const components: string[] = [];
  for (let i = 0; i < count; i++) components.push(readText(record, littleEndian));
  const nameType = version === 1 ? NameType.unknown : record.i32(littleEndian);
  const timestamp = record.u32(littleEndian);
  const kvno8 = record.u8();
  // MIT krb5 reads a signed 16-bit enctype: private ones are negative.
  const enctype = (record.u16(littleEndian) << 16) >> 16;
  const value = record.take(record.u16(littleEndian));
  // After the key: the kvno in 32 bits, unless it is zero: then it is the fill of a hole that was
  // larger. The rest is padding, or Heimdal's flags.
  const kvno32 = record.remaining >= 4 ? record.u32(littleEndian) : 0;
  const kvno = kvno32 !== 0 ? kvno32 : kvno8;
  return { at, principal: { nameType, components, realm }, kvno, timestamp, enctype, value };
}

function readText(record: Reader, littleEndian: boolean): string {
  const bytes = record.take(record.u16(littleEndian));
  try {
    return decodeUtf8(bytes, `a name in ${record.label}`);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    const name = printableUtf8(bytes);
    throw malformed(`${error.message}: ${name}`, {
      reason: 'keytab.bad-entry',
      detail: { problem: `${error.message}: ${name}` },
      hint: 'the tool that wrote it used another encoding (Latin-1?); write it with MIT or Heimdal',
      cause: error,
    });
  }
}

/** @throws The first fault if no record, or too few of them, could be read. */
function toEntries(
  records: readonly (RawEntry | KerberosError)[],
  options: ParseKeytabOptions,
): Pick<Keytab, 'entries' | 'skipped'> {
  const entries: KeytabEntry[] = [];
  const skipped: KerberosError[] = [];
  for (const record of records) {
    const key = record instanceof KerberosError ? record : orFault(() => toKey(record, options));
    if (record instanceof KerberosError || key instanceof KerberosError) {
      skipped.push(key as KerberosError);
      if (skipped.length > MAX_FAULTS) throw skipped[0]!;
      continue;
    }
    const { principal, kvno, timestamp } = record;
    entries.push({ principal, kvno, timestamp, key });
  }
  if (skipped.length === 0) return { entries };
  if (entries.length === 0) throw skipped[0]!;
  return { entries, skipped };
}

function toKey(record: RawEntry, options: ParseKeytabOptions): EncryptionKey {
  try {
    return new EncryptionKey(record.enctype, record.value, options.crypto);
  } catch (error) {
    if (!(error instanceof KerberosError)) throw error;
    const name = printablePrincipal(record.principal);
    const problem =
      `the ${enctypeName(record.enctype)} key of ${name} kvno ${record.kvno} cannot have ` +
      `${record.value.length} bytes`;
    throw malformed(`keytab record at byte ${record.at}: ${problem}`, {
      reason: 'keytab.bad-entry',
      detail: { problem },
      hint: 'remove the entry, or write the keytab again',
      cause: error,
    });
  }
}

function formatEntry(entry: KeytabEntry, { version, littleEndian }: Layout): Uint8Array {
  const { principal, kvno, timestamp, key } = entry;
  const count = principal.components.length;
  checkRange('components of a principal', count, 1, Limit.nameComponents);
  checkRange('kvno', kvno, 0, UINT32_MAX);
  checkRange('timestamp', timestamp, 0, UINT32_MAX);
  checkRange('enctype', key.enctype, -0x8000, 0x7fff);
  const record = new Writer(128);
  record.u16(version === 1 ? count + 1 : count, littleEndian);
  for (const text of [principal.realm, ...principal.components]) {
    writeData(record, encodeUtf8(text), 'length of a name', littleEndian);
  }
  if (version === 2) record.u32(principal.nameType, littleEndian);
  record.u32(timestamp, littleEndian);
  record.u8(kvno);
  record.u16(key.enctype, littleEndian);
  const value = key.bytes();
  writeData(record, value, 'length of a key', littleEndian);
  value.fill(0);
  record.u32(kvno, littleEndian);
  return record.finish();
}

function writeData(record: Writer, data: Uint8Array, label: string, littleEndian: boolean): void {
  checkRange(label, data.length, 0, 0xffff);
  record.u16(data.length, littleEndian).raw(data);
}

function checkRange(label: string, value: number, low: number, high: number): void {
  if (!Number.isInteger(value) || value < low || value > high) {
    throw new RangeError(`${label}: expected ${low} to ${high}, got ${value}`);
  }
}

function damaged(cause: DecodeError): KerberosError {
  const hint = 'the file is cut off or damaged; write the keytab again';
  const detail = { problem: cause.message };
  return malformed(cause.message, { reason: 'keytab.bad-entry', detail, hint, cause });
}

function malformed(message: string, options: KerberosErrorOptions): KerberosError {
  return new KerberosError('KRB5_KT_FORMAT', { ...options, message });
}

const INT32_MIN = -0x80000000;
const UINT32_MAX = 0xffffffff;
const MAX_FAULTS = 1000;
const V2: Layout = { version: 2, littleEndian: false };
const V1_BIG: Layout = { version: 1, littleEndian: false };
const V1_LITTLE: Layout = { version: 1, littleEndian: true };

/** The rules of {@link ParseKeytabOptions}. */
export const PARSE_KEYTAB_OPTIONS: OptionRules<ParseKeytabOptions> = { crypto: cryptoProvider };
