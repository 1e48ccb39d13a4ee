/** What the tests of `pac/` share: recorded PACs, tickets to hold them, frames of any shape. */
import { createHash, createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fromHex, Writer } from '../../src/bytes.ts';
import { EncryptionKey } from '../../src/crypto/key.ts';
import { ChecksumType, Enctype } from '../../src/crypto/numbers.ts';
import type { EncTicketPart } from '../../src/messages/ticket.ts';
import type { PacKey } from '../../src/pac/verify.ts';

export interface RecordedKey {
  readonly enctype: number;
  readonly value: string;
}

export interface RecordedPac {
  readonly name: string;
  readonly pac: string;
  readonly clientName: string;
  readonly nameType: number;
  readonly realm: string;
  readonly authTime: number;
  readonly withRealm: boolean;
  readonly serverKey: RecordedKey;
  readonly kdcKey?: RecordedKey;
}

/** @param name - Below `fixtures/pac/`. */
export function loadPacFixture<T>(name: string): T & { readonly source: string } {
  const file = new URL(`../../fixtures/pac/${name}`, import.meta.url);
  return JSON.parse(readFileSync(file, 'utf8')) as T & { readonly source: string };
}

/** A key of a fixture; RC4 by an implementation of its own, independent of `crypto/`. */
export function pacKey(recorded: RecordedKey): PacKey {
  const value = fromHex(recorded.value);
  return recorded.enctype === Enctype.rc4Hmac
    ? new Rc4PacKey(value)
    : new EncryptionKey(recorded.enctype, value);
}

/** A ticket whose client and time are given and that has nothing else of interest. */
export function ticketFor(
  clientName: string,
  authTime: number,
  options: { readonly realm?: string; readonly nameType?: number } = {},
): EncTicketPart {
  return {
    flags: 0,
    key: { enctype: Enctype.aes256CtsHmacSha1, value: new Uint8Array(32) },
    clientRealm: options.realm ?? 'EXAMPLE.COM',
    clientName: { nameType: options.nameType ?? 1, components: clientName.split('/') },
    transited: { type: 1, contents: new Uint8Array() },
    authTime,
    endTime: authTime + 36000,
  };
}

/** An AES-256 key of one repeated byte. */
export function aesKey(byte: number): EncryptionKey {
  return new EncryptionKey(Enctype.aes256CtsHmacSha1, new Uint8Array(32).fill(byte));
}

/** One entry of {@link frame}: what is left out is as it should be. */
export interface FramePart {
  readonly type: number;
  readonly data: Uint8Array;
  readonly size?: number;
  readonly offset?: number;
  readonly offsetHigh?: number;
}

/** A PACTYPE with honest or false counts, sizes and offsets, packed without alignment. */
export function frame(
  parts: readonly FramePart[],
  options: { readonly count?: number; readonly version?: number } = {},
): Uint8Array {
  const header = new Writer().u32(options.count ?? parts.length, true);
  header.u32(options.version ?? 0, true);
  const body = new Writer();
  for (const { type, data, size, offset, offsetHigh } of parts) {
    const at = 8 + 16 * parts.length + body.length;
    header.u32(type, true).u32(size ?? data.length, true);
    header.u32(offset ?? at, true).u32(offsetHigh ?? 0, true);
    body.raw(data);
  }
  return header.raw(body.finish()).finish();
}

/** What a call throws. */
export function thrownBy(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  throw new Error('expected a throw');
}

/** HMAC-MD5 (RFC 4757 §4) over node:crypto. */
class Rc4PacKey implements PacKey {
  readonly enctype = Enctype.rc4Hmac;
  readonly checksumType = ChecksumType.hmacMd5;
  readonly checksumLength = 16;
  readonly #value: Uint8Array;

  constructor(value: Uint8Array) {
    this.#value = value;
  }

  verifyChecksum(usage: number, checksum: Uint8Array, ...parts: Uint8Array[]): boolean {
    return hmacMd5(this.#value, usage, ...parts).equals(checksum);
  }
}

/** The checksum of type -138 (RFC 4757 §4), under a key of any kind. */
export function hmacMd5(key: Uint8Array, usage: number, ...parts: Uint8Array[]): Buffer {
  const signingKey = createHmac('md5', key).update('signaturekey\0').digest();
  const hash = createHash('md5').update(new Writer().u32(usage, true).finish());
  for (const part of parts) hash.update(part);
  return createHmac('md5', signingKey).update(hash.digest()).digest();
}
