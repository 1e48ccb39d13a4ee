/**
 * The common parts of exports, whose formats are this project's own and the same on every machine:
 *
 * ```
 * four letters  u8 version  contents  32 bytes SHA-256 of everything before
 * ```
 *
 * Numbers are big-endian. bytes: u32 length, contents; text: bytes in UTF-8; flag: u8 0 or 1;
 * optional x: flag, then x if it is 1; principal: i32 name type, text realm, u16 count, text
 * components; key: i32 enctype, bytes; window: u8 flags, then the six u32 halves of
 * {@link WindowState} in its order.
 *
 * The readers of text, principal, key and window are in `import.ts`.
 *
 * The digest detects damage. It does not protect against an attacker who can write the bytes. They
 * contain keys: store them like keys.
 */
import { bytesEqual, constantTimeEqual, encodeUtf8, Reader, Writer } from '../bytes.ts';
import type { EncryptionKey } from '../crypto/key.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import { asReason, DecodeError } from '../errors.ts';
import { gssErrorOf } from '../gss/status.ts';
import type { Principal } from '../messages/principal.ts';
import type { SequenceWindow } from '../tokens/sequence.ts';

/** The kind of an export. */
export interface ExportFormat {
  /** For messages: `'exported context'`. */
  readonly label: string;
  /** Four letters and the version. */
  readonly magic: Uint8Array;
}

/** Writes an export. @param write - Writes the contents. @returns A new buffer, which contains keys. */
export function sealExport(
  format: ExportFormat,
  crypto: CryptoProvider,
  write: (writer: Writer) => void,
): Uint8Array {
  const writer = new Writer(1024);
  writer.raw(format.magic);
  write(writer);
  const body = writer.finish();
  const bytes = new Uint8Array(body.length + DIGEST);
  bytes.set(body);
  bytes.set(crypto.backend.hash('sha256', body), body.length);
  body.fill(0);
  return bytes;
}

/**
 * Reads an export of {@link sealExport}.
 *
 * @param bytes - Not modified, and not kept.
 * @param read - Reads the contents, all of them.
 * @throws {@link GssError} GSS_S_DEFECTIVE_TOKEN if the bytes were altered or are of another kind.
 */
export function openExport<T>(
  format: ExportFormat,
  crypto: CryptoProvider,
  bytes: Uint8Array,
  read: (reader: Reader) => T,
): T {
  const { label, magic } = format;
  try {
    const body = bytes.subarray(0, Math.max(0, bytes.length - DIGEST));
    const digest = crypto.backend.hash('sha256', body);
    if (!constantTimeEqual(digest, bytes.subarray(body.length))) {
      throw new DecodeError(`${label} is damaged`);
    }
    return Reader.all(body, label, (reader) => {
      if (!bytesEqual(reader.take(magic.length), magic))
        throw new DecodeError(`bytes are not an ${label}`);
      return read(reader);
    });
  } catch (error) {
    throw gssErrorOf(asReason(error, { reason: 'export.malformed' }), 'GSS_S_DEFECTIVE_TOKEN');
  }
}

/** bytes. */
export function writeBytes(writer: Writer, bytes: Uint8Array): void {
  writer.u32(bytes.length).raw(bytes);
}

/** The inverse of {@link writeBytes}. @returns A copy. */
export function readBytes(reader: Reader): Uint8Array {
  return reader.take(reader.u32()).slice();
}

/** text. */
export function writeText(writer: Writer, text: string): void {
  writeBytes(writer, encodeUtf8(text));
}

/** flag. */
export function writeFlag(writer: Writer, flag: boolean): void {
  writer.u8(flag ? 1 : 0);
}

/** The inverse of {@link writeFlag}. */
export function readFlag(reader: Reader): boolean {
  const flag = reader.u8();
  if (flag > 1) throw new DecodeError(`${reader.label} has a malformed flag`);
  return flag === 1;
}

/** optional x. @param write - Writes x; not called for undefined. */
export function writeOptional<T>(
  writer: Writer,
  value: T | undefined,
  write: (writer: Writer, value: T) => void,
): void {
  writeFlag(writer, value !== undefined);
  if (value !== undefined) write(writer, value);
}

/** The inverse of {@link writeOptional}. */
export function readOptional<T>(reader: Reader, read: (reader: Reader) => T): T | undefined {
  return readFlag(reader) ? read(reader) : undefined;
}

/**
 * The inverse of {@link writeList}.
 *
 * @param most - The bound on the number of elements, which holds even if the digest is right.
 */
export function readList<T>(reader: Reader, most: number, read: (reader: Reader) => T): T[] {
  const count = reader.u16();
  if (count > most) throw new DecodeError(`${reader.label} has a list of ${count} elements`);
  return Array.from({ length: count }, () => read(reader));
}

/** u16 count, then the elements. */
export function writeList<T>(
  writer: Writer,
  list: readonly T[],
  write: (writer: Writer, value: T) => void,
): void {
  writer.u16(list.length);
  for (const value of list) write(writer, value);
}

/** principal. */
export function writePrincipal(writer: Writer, principal: Principal): void {
  writer.u32(principal.nameType);
  writeText(writer, principal.realm);
  writeList(writer, principal.components, writeText);
}

/** key. */
export function writeKey(writer: Writer, key: EncryptionKey): void {
  const bytes = key.bytes();
  writer.u32(key.enctype);
  writeBytes(writer, bytes);
  bytes.fill(0);
}

/** window. */
export function writeWindow(writer: Writer, window: SequenceWindow): void {
  const { replay, sequence, width, ...halves } = window.state();
  writer.u8(
    (replay ? WindowFlag.replay : 0) |
      (sequence ? WindowFlag.sequence : 0) |
      (width === 64 ? WindowFlag.wide : 0),
  );
  for (const half of HALVES) writer.u32(halves[half]);
}

const DIGEST = 32;
/** Flags of a window. */
export const WindowFlag = { replay: 1, sequence: 2, wide: 4 } as const;
/** The halves of a window, in their order. */
export const HALVES = [
  'baseHigh',
  'baseLow',
  'nextHigh',
  'nextLow',
  'seenHigh',
  'seenLow',
] as const;
