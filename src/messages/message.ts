/** The parts common to all messages: `[APPLICATION n] SEQUENCE`, version, type, extensions. */
import { KerberosError } from '../errors.ts';
import { skipElement } from './der/check.ts';
import type { DerReader, Read } from './der/reader.ts';
import { Tag } from './der/reader.ts';
import type { DerWriter, Write } from './der/writer.ts';
import { Limit } from './limits.ts';
import { readInt32, writeInt32 } from './primitives.ts';

/**
 * For building an object field by field. Decoders run for each token, and assigning an optional
 * property is faster than spreading it.
 */
export type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/**
 * Reads `[APPLICATION number] SEQUENCE` and skips the extensions at its end.
 *
 * @param lastField - The highest field number that `readBody` knows.
 * @throws {@link KerberosError} `KRB_AP_ERR_MSG_TYPE` for another message (RFC 4120 §5.1.4),
 *   {@link DecodeError} for bytes that are not a message.
 */
export function readMessage<T>(
  reader: DerReader,
  number: number,
  lastField: number,
  readBody: Read<T>,
): T {
  checkMessageTag(reader.nextTag, reader.label, number);
  const outer = reader.enter(Tag.application | number);
  const inner = reader.enter(Tag.sequence);
  const value = readBody(reader);
  skipExtensions(reader, lastField);
  reader.leave(inner);
  reader.leave(outer);
  return value;
}

/** Writes `[APPLICATION number] SEQUENCE`. */
export function writeMessage<T>(
  writer: DerWriter,
  number: number,
  writeBody: Write<T>,
  value: T,
): void {
  const outer = writer.begin(Tag.application | number);
  const inner = writer.begin(Tag.sequence);
  writeBody(writer, value);
  writer.end(inner);
  writer.end(outer);
}

/**
 * Reads `pvno [0]` and `msg-type [1]` and checks the type first.
 *
 * @param first - The number of the field pvno, which is 1 in a KDC-REQ (RFC 4120 §5.4.1).
 * @throws {@link KerberosError} `KRB_AP_ERR_MSG_TYPE`, `KRB_AP_ERR_BADVERSION`.
 */
export function readMessageHeader(reader: DerReader, messageType: number, first = 0): void {
  const version = reader.field(first, readInt32);
  const type = reader.field(first + 1, readInt32);
  if (type !== messageType) throw wrongMessageType(reader.label, type, messageType);
  checkVersion(version, `pvno of ${reader.label}`);
}

export function writeMessageHeader(writer: DerWriter, messageType: number, first = 0): void {
  writer.field(first, writeInt32, PROTOCOL_VERSION);
  writer.field(first + 1, writeInt32, messageType);
}

/** Reads the version in field [0]. @throws {@link KerberosError} `KRB_AP_ERR_BADVERSION`. */
export function readVersion(reader: DerReader, what: string): void {
  checkVersion(reader.field(0, readInt32), what);
}

/**
 * Distinguishes another message from bytes that are not a message; for the latter it returns.
 *
 * @param tag - The identifier octet at the start of the message.
 * @throws {@link KerberosError} `KRB_AP_ERR_MSG_TYPE` if `tag` is that of another message.
 */
function checkMessageTag(tag: number, label: string, number: number): void {
  const type = tag & TAG_NUMBER;
  // RFC 4120 §5.1.4. X.690 §8.1.2.4 encodes numbers above 30 differently; Kerberos has none.
  if ((tag & CLASS_AND_FORM) === Tag.application && type !== number && type !== TAG_NUMBER) {
    throw wrongMessageType(label, type, number);
  }
}

function checkVersion(version: number, what: string): void {
  if (version !== PROTOCOL_VERSION) {
    const message = `${what} is ${version}, expected ${PROTOCOL_VERSION}`;
    throw new KerberosError('KRB_AP_ERR_BADVERSION', {
      reason: 'token.wrong-version',
      detail: { version },
      message,
    });
  }
}

function wrongMessageType(label: string, type: number, expected: number): KerberosError {
  const message = `${label}: message type is ${type}, expected ${expected}`;
  return new KerberosError('KRB_AP_ERR_MSG_TYPE', {
    reason: 'token.wrong-message',
    message: message,
  });
}

// RFC 4120 §1.5.1: "Recipients MUST NOT decline a request simply because an extension is present."
// Extensions follow the known fields, as well-formed fields in ascending order.
function skipExtensions(reader: DerReader, lastField: number): void {
  let last = lastField;
  while (!reader.atEnd) {
    const tag = reader.nextTag;
    const number = tag & TAG_NUMBER;
    if ((tag & CLASS_AND_FORM) !== Tag.context || number <= last || number === TAG_NUMBER) {
      throw reader.error('an unexpected field');
    }
    const outer = reader.enter(tag);
    skipElement(reader, Limit);
    reader.leave(outer);
    last = number;
  }
}

/** pvno, tkt-vno and authenticator-vno (RFC 4120 §5.3, §5.4.1, §5.5.1). */
export const PROTOCOL_VERSION = 5;

// X.690 §8.1.2: the parts of an identifier octet; a number of all ones announces a longer tag.
const CLASS_AND_FORM = 0xe0;
const TAG_NUMBER = 0x1f;
