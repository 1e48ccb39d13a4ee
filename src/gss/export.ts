/**
 * Exported contexts: a format of this project's own, the same on every machine.
 *
 * ```
 * "K5SC"  u8 version = 1
 * u8 role (0 initiator, 1 acceptor)   oid mechanism   u32 flags
 * principal initiator   principal acceptor
 * text server   u32 kvno   i32 enctype   i32 session enctype   u32 ticket flags
 * time authtime   time starttime   time endtime   time renew-till
 * u16 count, then for each authorization data element: i32 type, bytes
 * u8 1 if the PAC among them was verified, or u8 0
 * u16 count, then authentication indicators, each a text
 * key initiator's   u8 1 and key acceptor's subkey, or u8 0
 * u64 next number to send   25 bytes receive window
 * 32 bytes SHA-256 of all before
 * ```
 *
 * Numbers are big-endian. bytes: u32 length, contents; text: bytes in UTF-8; oid: bytes of its DER
 * contents; principal: i32 name type, text realm, u16 count, text components; time: u64 seconds,
 * all ones if absent; key: i32 enctype, bytes.
 *
 * The digest finds damage and forbids silent edits. It is no protection against somebody who may
 * write the bytes: they hold the keys, so keep them as you keep keys.
 */
import {
  concatBytes,
  constantTimeEqual,
  decodeUtf8,
  encodeUtf8,
  Reader,
  Writer,
} from '../bytes.ts';
import { EncryptionKey } from '../crypto/key.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import { defaultCrypto } from '../crypto/provider.ts';
import { DecodeError, KerberosError } from '../errors.ts';
import type { AuthorizationDataElement } from '../messages/authorization-data.ts';
import { Limit } from '../messages/limits.ts';
import { findPac } from '../pac/locate.ts';
import { importPac } from '../pac/pac.ts';
import type { RandomSource } from '../random.ts';
import { systemRandom } from '../random.ts';
import type { ContextState, TicketInfo } from './context-state.ts';
import { GssName } from './name.ts';
import { decodeOid, encodeOid } from './oid.ts';
import { SequenceCounter, SequenceWindow } from './sequence.ts';
import { GssError } from './status.ts';

export interface ImportOptions {
  /** What the keys compute with. */
  readonly crypto?: CryptoProvider;
  readonly random?: RandomSource;
}

/** The bytes of a context. They hold its keys. */
export function encodeContext(state: ContextState): Uint8Array {
  const writer = new Writer(1024);
  writer.raw(MAGIC).u8(VERSION);
  writer.u8(state.role === 'acceptor' ? 1 : 0);
  writeBytes(writer, encodeOid(state.mechanism));
  writer.u32(state.flags);
  writeName(writer, state.initiator);
  writeName(writer, state.acceptor);
  writeTicket(writer, state.ticket);
  writer.u16(state.authorizationData.length);
  for (const { type, data } of state.authorizationData) {
    writer.u32(type);
    writeBytes(writer, data);
  }
  writer.u8(state.vouched.pac === undefined ? 0 : 1);
  writer.u16(state.vouched.authenticationIndicators.length);
  for (const text of state.vouched.authenticationIndicators) writeText(writer, text);
  writeKey(writer, state.initiatorKey);
  writer.u8(state.acceptorSubkey === undefined ? 0 : 1);
  if (state.acceptorSubkey !== undefined) writeKey(writer, state.acceptorSubkey);
  writer.u32(state.sendSequence.high).u32(state.sendSequence.low);
  state.window.write(writer);
  const body = writer.finish();
  const digest = state.initiatorKey.crypto.backend.hash('sha256', body);
  const bytes = new Uint8Array(body.length + DIGEST);
  bytes.set(body);
  bytes.set(digest, body.length);
  body.fill(0);
  return bytes;
}

/**
 * Reads what {@link encodeContext} wrote.
 *
 * @throws {@link GssError} GSS_S_DEFECTIVE_TOKEN.
 */
export function decodeContext(bytes: Uint8Array, options: ImportOptions): ContextState {
  const crypto = options.crypto ?? defaultCrypto;
  try {
    const body = bytes.subarray(0, Math.max(0, bytes.length - DIGEST));
    const digest = crypto.backend.hash('sha256', body);
    if (!constantTimeEqual(digest, bytes.subarray(body.length))) {
      throw new DecodeError('exported context is damaged');
    }
    return Reader.all(body, 'exported context', (reader) =>
      readState(reader, crypto, options.random ?? systemRandom),
    );
  } catch (error) {
    if (!(error instanceof KerberosError)) throw error;
    throw new GssError('GSS_S_DEFECTIVE_TOKEN', undefined, { minor: error });
  }
}

function readState(reader: Reader, crypto: CryptoProvider, random: RandomSource): ContextState {
  if (MAGIC.some((byte) => reader.u8() !== byte)) throw new DecodeError('not an exported context');
  const version = reader.u8();
  if (version !== VERSION) throw new DecodeError(`exported context has version ${version}, not 1`);
  const role = reader.u8();
  if (role > 1) throw new DecodeError('exported context has no known role');
  const head = {
    role: role === 1 ? ('acceptor' as const) : ('initiator' as const),
    mechanism: decodeOid(readBytes(reader)),
    flags: reader.u32(),
    initiator: readName(reader),
    acceptor: readName(reader),
    ticket: readTicket(reader),
    ...readVouched(reader),
    initiatorKey: readKey(reader, crypto),
  };
  const hasSubkey = reader.u8();
  if (hasSubkey > 1) throw new DecodeError('exported context has a malformed subkey');
  const subkey = hasSubkey === 1 ? { acceptorSubkey: readKey(reader, crypto) } : {};
  const high = reader.u32();
  const sendSequence = new SequenceCounter(reader.u32(), high);
  return { ...head, ...subkey, sendSequence, window: SequenceWindow.read(reader), random };
}

function writeBytes(writer: Writer, bytes: Uint8Array): void {
  writer.u32(bytes.length).raw(bytes);
}

function readBytes(reader: Reader): Uint8Array {
  return reader.take(reader.u32()).slice();
}

function writeText(writer: Writer, text: string): void {
  writeBytes(writer, encodeUtf8(text));
}

function readText(reader: Reader): string {
  return decodeUtf8(reader.take(reader.u32()), 'exported context');
}

function writeName(writer: Writer, name: GssName): void {
  const principal = name.principal;
  if (principal === undefined) throw new TypeError('name: expected a mechanism name');
  writer.u32(principal.nameType);
  writeText(writer, principal.realm);
  writer.u16(principal.components.length);
  for (const component of principal.components) writeText(writer, component);
}

function readName(reader: Reader): GssName {
  const nameType = reader.i32();
  const realm = readText(reader);
  const components: string[] = [];
  for (let left = readCount(reader, Limit.nameComponents); left > 0; left--) {
    components.push(readText(reader));
  }
  return GssName.ofPrincipal({ nameType, realm, components });
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
  const [authTime, startTime, endTime, renewTill] = [0, 1, 2, 3].map(() => readTime(reader));
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
  if (Number.isNaN(time.getTime())) throw new DecodeError('exported context has a time of no year');
  return time;
}

function readAuthorizationData(reader: Reader): AuthorizationDataElement[] {
  const elements: AuthorizationDataElement[] = [];
  for (let left = readCount(reader, Limit.authorizationDataElements); left > 0; left--) {
    elements.push({ type: reader.i32(), data: readBytes(reader) });
  }
  return elements;
}

function readVouched(reader: Reader): Pick<ContextState, 'authorizationData' | 'vouched'> {
  const authorizationData = readAuthorizationData(reader);
  const hasPac = reader.u8();
  if (hasPac > 1) throw new DecodeError('exported context has a malformed PAC');
  const bytes = hasPac === 1 ? findPac(authorizationData) : undefined;
  const authenticationIndicators: string[] = [];
  for (let left = readCount(reader, Limit.listElements); left > 0; left--) {
    authenticationIndicators.push(readText(reader));
  }
  // The acceptor has verified it; that it is the same is what the digest says.
  const pac = bytes === undefined ? {} : { pac: importPac(concatBytes(Uint8Array.of(0), bytes)) };
  return { authorizationData, vouched: { ...pac, authenticationIndicators } };
}

function readCount(reader: Reader, most: number): number {
  const count = reader.u16();
  if (count > most) throw new DecodeError(`exported context has a list of ${count} elements`);
  return count;
}

function writeKey(writer: Writer, key: EncryptionKey): void {
  const bytes = key.bytes();
  writer.u32(key.enctype);
  writeBytes(writer, bytes);
  bytes.fill(0);
}

function readKey(reader: Reader, crypto: CryptoProvider): EncryptionKey {
  const enctype = reader.i32();
  const value = reader.take(reader.u32());
  const key = new EncryptionKey(enctype, value, crypto);
  if (!key.supported) throw new KerberosError('KDC_ERR_ETYPE_NOSUPP');
  return key;
}

// "K5SC"
const MAGIC = Uint8Array.of(0x4b, 0x35, 0x53, 0x43);
const VERSION = 1;
const DIGEST = 32;
const ABSENT = 0xffff_ffff_ffff_ffffn;
