/**
 * The keytab file format, versions 0x0501 and 0x0502: bytes to entries and back.
 *
 * Source: MIT krb5, doc/formats/keytab_file_format.rst; where the text is silent, what MIT krb5's
 * and Heimdal's own readers do.
 */
import { decodeUtf8, encodeUtf8, Reader, Writer } from '../bytes.ts';
import { EncryptionKey } from '../crypto/key.ts';
import { enctypeName } from '../crypto/numbers.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import { cryptoProvider } from '../crypto/provider.ts';
import { DecodeError, KerberosError } from '../errors.ts';
import { Limit } from '../messages/limits.ts';
import type { Principal } from '../messages/principal.ts';
import { formatPrincipal, NameType } from '../messages/principal.ts';
import type { OptionRules } from '../options.ts';
import { checkOptions } from '../options.ts';
import { printableUtf8 } from '../text.ts';
import type { KerberosTime } from '../time.ts';

/** One key of one principal. */
export interface KeytabEntry {
  /** Version 0x0501 has no name type: it reads as NT-UNKNOWN. */
  readonly principal: Principal;
  /** Key version number, 0 to 2³²−1. Old tools store its low 8 bits only. */
  readonly kvno: number;
  /** When the entry was written. */
  readonly timestamp: KerberosTime;
  /** An enctype that the provider does not have is kept, with `key.supported` false. */
  readonly key: EncryptionKey;
}

export interface Keytab {
  /** 2 is file version 0x0502, which everybody writes; 1 is 0x0501. */
  readonly version: 1 | 2;
  /** Version 1 only: it is written in the byte order of the machine. `'big'` if absent. */
  readonly byteOrder?: 'big' | 'little';
  /** In the order of the file. */
  readonly entries: readonly KeytabEntry[];
  /** Why records of the file are not among the entries. Absent if all of them are. */
  readonly skipped?: readonly KerberosError[];
}

export interface ParseKeytabOptions {
  /**
   * What the keys compute with; the default provider if absent. A bundle that imports nothing else
   * from here does not have that one: where such a program computes with keys, it names
   * `defaultCrypto`.
   */
  readonly crypto?: CryptoProvider;
}

/**
 * Reads a keytab. Holes, padding behind an entry and whatever follows a zero length are skipped. A
 * record that cannot be read (a name in another encoding, a key of the wrong length) costs that record
 * and no other, and is reported in `skipped`: so does MIT krb5, whose tools write such records.
 *
 * @param bytes - The whole file; keys and names are copied out of it, so it may be wiped.
 * @throws {@link KerberosError} `KRB5_KT_FORMAT`: no keytab, truncated, or none of its records can be
 *   read.
 */
export function parseKeytab(bytes: Uint8Array, options: ParseKeytabOptions = {}): Keytab {
  checkOptions('parseKeytab', options, PARSE_KEYTAB_OPTIONS);
  try {
    return parse(bytes, options);
  } catch (error) {
    const hint = textHint(bytes);
    if (!(error instanceof KerberosError) || hint === undefined) throw error;
    throw malformed(error.message, { hint, cause: error });
  }
}

function parse(bytes: Uint8Array, options: ParseKeytabOptions): Keytab {
  if (bytes.length < 2) {
    throw malformed(`keytab of ${bytes.length} bytes has no version`, {
      hint: 'the file is empty or cut off; write the keytab again',
    });
  }
  if (bytes[0] !== 5 || (bytes[1] !== 1 && bytes[1] !== 2)) {
    throw malformed('not a keytab: it does not begin with 05 02 or 05 01', {
      hint: 'a base64 text has to be decoded first; a credential cache is not a keytab',
    });
  }
  if (bytes[1] === 2) return { version: 2, ...toEntries(readRecords(bytes, V2), options) };
  const { records, littleEndian } = readVersion1(bytes);
  const byteOrder = littleEndian ? 'little' : 'big';
  return { version: 1, byteOrder, ...toEntries(records, options) };
}

/**
 * Writes a keytab, without holes or padding, each kvno in 8 and in 32 bits.
 * Parsing what this wrote gives equal entries.
 *
 * @returns The file's bytes: key material, the caller's to protect and wipe.
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
 * Version 0x0501 does not say its byte order. In the wrong one the first record's length alone is
 * off by a factor of 2¹⁶ or more, so at most one of the two orders reads to the end.
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
      // Neither: the complaint of the order in which the first length is the smaller.
      throw firstLength(bytes, false) <= firstLength(bytes, true) ? bigError : littleError;
    }
  }
}

function firstLength(bytes: Uint8Array, littleEndian: boolean): number {
  return bytes.length < 6 ? 0 : Math.abs(new Reader(bytes, 'keytab', 2).i32(littleEndian));
}

/** What each record holds, or why it cannot be read. */
function readRecords(bytes: Uint8Array, layout: Layout): (RawEntry | KerberosError)[] {
  const records: (RawEntry | KerberosError)[] = [];
  try {
    const reader = new Reader(bytes, 'keytab', 2);
    while (reader.remaining > 0) {
      const at = reader.offset;
      const length = reader.i32(layout.littleEndian);
      // The format's end mark: what follows is what a larger file left behind.
      if (length === 0) break;
      if (length < 0) {
        // INT32_MIN has no inverse: skipping by it would stand still (MIT krb5 ticket 8914).
        if (length === INT32_MIN) throw new DecodeError(`keytab hole at byte ${at} has no length`);
        reader.skip(-length);
      } else {
        // MIT krb5 counts the name type in version 1, too, but does not write it: its records have
        // 4 bytes of padding, and the last one claims 4 bytes more than the file has.
        const short = layout.version === 1 && length === reader.remaining + 4;
        const size = short ? reader.remaining : length;
        const record = reader.sub(size, `keytab record at byte ${at}`);
        records.push(orFault(() => readRecord(record, at, layout)));
      }
    }
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    // A record with a fault may have a wrong length, and then is the cause.
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
  // Behind the key: the whole kvno, unless it is the zero fill of a hole that was larger. What
  // comes after it is padding, or Heimdal's flags.
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
      hint: 'the tool that wrote it used another encoding (Latin-1?); write it with MIT or Heimdal',
      cause: error,
    });
  }
}

/** @throws The first fault if nothing but faults was found. */
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
    const name = formatPrincipal(record.principal);
    throw malformed(
      `keytab record at byte ${record.at}: the ${enctypeName(record.enctype)} key of ` +
        `${name} kvno ${record.kvno} cannot have ${record.value.length} bytes`,
      { hint: 'remove the entry, or write the keytab again', cause: error },
    );
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

/** What a copy through a text channel leaves behind, if this looks like one. */
function textHint(bytes: Uint8Array): string | undefined {
  let replaced = 0;
  let lineEnds = 0;
  let bareLineEnds = 0;
  for (let i = 0; i < bytes.length; i++) {
    if (bytes[i] === 0xef && bytes[i + 1] === 0xbf && bytes[i + 2] === 0xbd) replaced++;
    if (bytes[i] !== 0x0a) continue;
    if (bytes[i - 1] === 0x0d) lineEnds++;
    else bareLineEnds++;
  }
  const sign =
    replaced > 0
      ? 'ef bf bd stands in it for bytes that are no text'
      : lineEnds > 0 && bareLineEnds === 0
        ? 'each 0a in it has a 0d before it'
        : undefined;
  if (sign === undefined) return undefined;
  return `the file was copied as text (${sign}): copy it as bytes, or in base64`;
}

function damaged(cause: DecodeError): KerberosError {
  const hint = 'the file is cut off or damaged; write the keytab again';
  return malformed(cause.message, { hint, cause });
}

function malformed(message: string, options: { hint: string; cause?: unknown }): KerberosError {
  return new KerberosError('KRB5_KT_FORMAT', { message, ...options });
}

const INT32_MIN = -0x80000000;
const UINT32_MAX = 0xffffffff;
const V2: Layout = { version: 2, littleEndian: false };
const V1_BIG: Layout = { version: 1, littleEndian: false };
const V1_LITTLE: Layout = { version: 1, littleEndian: true };

export const PARSE_KEYTAB_OPTIONS: OptionRules<ParseKeytabOptions> = { crypto: cryptoProvider };
