/**
 * The contents of a session as bytes: JSON, and the groups in a form that takes 3 bytes for most of them.
 */
import { concatBytes, decodeUtf8, encodeUtf8, Reader, Writer } from '../../bytes.ts';
import type { Identity } from '../identity.ts';

/** The contents of a session. */
export interface SessionContents {
  /** The service's principal, as in the keytab, whose ticket began the session. */
  readonly service: string;
  /** Milliseconds since 1970: when it was sealed, or sealed anew. */
  readonly sealedAt: number;
  /** The identity, or the id under which a store has it. */
  readonly holds: Identity | SessionId;
}

/** The name of a session in a store: 32 random bytes in base64url. */
export type SessionId = string;

/** @returns A new buffer. */
export function encodeSession({ service, sealedAt, holds }: SessionContents): Uint8Array {
  if (typeof holds === 'string') return withHead({ service, sealedAt, id: holds });
  const { groups, ...identity } = holds;
  return concatBytes(withHead({ service, sealedAt, identity }), encodeGroups(groups));
}

/**
 * @param bytes - Made by {@link encodeSession}: only bytes that our own key has sealed are decoded.
 * @throws DecodeError, SyntaxError for other bytes.
 */
export function decodeSession(bytes: Uint8Array): SessionContents {
  return Reader.all(bytes, 'session', (reader) => {
    const head: Head = JSON.parse(readText(reader));
    const { service, sealedAt, id } = head;
    if (id !== undefined) return { service, sealedAt, holds: id };
    const groups = Object.freeze(decodeGroups(reader));
    const indicators = Object.freeze(head.identity!.indicators);
    return { service, sealedAt, holds: Object.freeze({ ...head.identity!, indicators, groups }) };
  });
}

interface Head {
  readonly service: string;
  readonly sealedAt: number;
  readonly id?: SessionId;
  readonly identity?: Omit<Identity, 'groups'>;
}

function withHead(head: Head): Uint8Array {
  const writer = new Writer(512);
  writeText(writer, JSON.stringify(head));
  return writer.finish();
}

/**
 * The groups in their order, as runs of one domain: its SID, the number of groups, and the last number
 * (RID) of each. Numbers are written 7 bits at a time: a RID takes 3 bytes up to 2^21. A run without RIDs
 * is a single SID.
 */
function encodeGroups(groups: readonly string[]): Uint8Array {
  const writer = new Writer(4 * groups.length + 64);
  const parts = groups.map(split);
  for (let at = 0; at < parts.length; ) {
    const { prefix, rid } = parts[at]!;
    let end = at;
    if (rid !== undefined) {
      while (parts[end]?.prefix === prefix && parts[end]!.rid !== undefined) end++;
    }
    writeText(writer, prefix);
    writeNumber(writer, end - at);
    for (let i = at; i < end; i++) writeNumber(writer, parts[i]!.rid!);
    at = Math.max(end, at + 1);
  }
  return writer.finish();
}

function decodeGroups(reader: Reader): string[] {
  const groups: string[] = [];
  while (reader.remaining > 0) {
    const prefix = readText(reader);
    const count = readNumber(reader);
    if (count === 0) groups.push(prefix);
    for (let i = 0; i < count; i++) groups.push(`${prefix}-${readNumber(reader)}`);
  }
  return groups;
}

function split(sid: string): { readonly prefix: string; readonly rid?: number } {
  const dash = sid.lastIndexOf('-');
  const digits = sid.slice(dash + 1);
  const rid = Number(digits) >>> 0;
  // The same text must come out again: no leading zeros, no sign, no exponent.
  return dash < 0 || String(rid) !== digits ? { prefix: sid } : { prefix: sid.slice(0, dash), rid };
}

function writeText(writer: Writer, text: string): void {
  const bytes = encodeUtf8(text);
  writeNumber(writer, bytes.length);
  writer.raw(bytes);
}

function readText(reader: Reader): string {
  return decodeUtf8(reader.take(readNumber(reader)), 'session');
}

function writeNumber(writer: Writer, value: number): void {
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) writer.u8(0x80 | (rest & 0x7f));
  writer.u8(rest);
}

function readNumber(reader: Reader): number {
  let value = 0;
  for (let scale = 1; ; scale *= 0x80) {
    const byte = reader.u8();
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return value;
  }
}
