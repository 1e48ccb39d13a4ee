/** A PAC (MS-PAC): its buffers, what they say, and whether their signatures are good. */
import type { EncryptionKey } from '../../crypto/key.ts';
import { KerberosError } from '../../errors.ts';
import { parsePacSignature, rodcIdentifier } from '../../pac/buffers.ts';
import type { UnverifiedPac } from '../../pac/pac-type.ts';
import { PacBufferType, parsePacType } from '../../pac/pac-type.ts';
import {
  verifyClientInfo,
  verifyFullSignature,
  verifyKdcSignature,
  verifyServerSignature,
  verifyTicketSignature,
} from '../../pac/verify.ts';
import type { Cursor } from '../cursor.ts';
import { structure } from '../cursor.ts';
import type { Exchange } from '../exchange.ts';
import type { Draft } from '../item.ts';
import { CHECKSUM_TYPES, named, namedEnctype, PAC_BUFFERS } from '../names/numbers.ts';
import type { Scope } from '../scope.ts';
import { addPart, blame, strictly } from '../scope.ts';
import { layOutBuffer } from './pac-buffers.ts';

/** PACTYPE (MS-PAC §2.3). */
export function layOutPac(scope: Scope, start: number, end: number, label: string): Draft {
  const bytes = scope.bytes.subarray(start, end);
  const place = { label, start, end, clause: 'MS-PAC §2.3', littleEndian: true };
  const headers: Header[] = [];
  const item = structure(scope, place, (cursor) => {
    const count = cursor.u32('cBuffers');
    cursor.u32('Version', (value) => `${value}${value === 0 ? '' : ', expected 0'}`);
    if (count > MAX_BUFFERS) cursor.stop(`${count} buffers announced`);
    for (let i = 0; i < count; i++) headers.push(readHeader(cursor));
    // The buffers are laid out below, wherever they are.
    cursor.at = cursor.end;
  });
  const pac = strictly(item, () => parsePacType(bytes));
  for (const header of headers) {
    if (scope.report.full) break;
    addPart(item, layOutBufferAt(scope, start, end, header, pac));
  }
  return item;
}

interface Header {
  readonly type: number;
  readonly size: number;
  readonly offset: number;
}

function readHeader(cursor: Cursor): Header {
  const [type, size, offset] = [0, 4, 8].map((at) => cursor.peek(4, cursor.at + at));
  const header = { type: type!, size: size!, offset: offset! };
  cursor.take('PAC_INFO_BUFFER', INFO_LENGTH, (scope, start, end, label) =>
    scope.item(label, start, end, {
      value: `${nameOf(header.type)}, ${header.size} bytes at ${header.offset}`,
      clause: 'MS-PAC §2.4',
    }),
  );
  return header;
}

function nameOf(type: number): string {
  const known = PAC_BUFFERS.get(type);
  return known === undefined ? `type ${type}` : `${known[0]} (${type})`;
}

function layOutBufferAt(
  scope: Scope,
  pacStart: number,
  pacEnd: number,
  { type, size, offset }: Header,
  pac: UnverifiedPac | undefined,
): Draft {
  const start = Math.min(pacStart + offset, pacEnd);
  const end = Math.min(start + size, pacEnd);
  const clause = PAC_BUFFERS.get(type)?.[1];
  const more = clause === undefined ? {} : { clause };
  const item = scope.item(nameOf(type), start, end, more);
  if (end - start < size) {
    blame(item, `lies outside of the PAC: ${size} bytes at ${offset}`);
    return item;
  }
  if (isSignature(type)) layOutSignature(scope, item, start, end);
  else if (type === PacBufferType.credentials) layOutCredentials(scope, item, start, end);
  else layOutBuffer(scope, item, type, start, end);
  if (pac !== undefined) judge(scope.report.exchange, item, type, pac);
  return item;
}

function layOutSignature(scope: Scope, item: Draft, start: number, end: number): void {
  const signature = strictly(item, () => parsePacSignature(scope.bytes.subarray(start, end)));
  if (signature === undefined) return;
  const { type, data } = signature;
  addPart(
    item,
    scope.item('SignatureType', start, start + 4, { value: named(CHECKSUM_TYPES, type) }),
  );
  const length = CHECKSUM_LENGTHS.get(type) ?? data.length;
  const dataEnd = Math.min(start + 4 + length, end);
  addPart(item, scope.publicData('Signature', start + 4, dataEnd));
  const rodc = rodcIdentifier(signature, length);
  if (rodc === undefined) return;
  addPart(item, scope.item('RODCIdentifier', dataEnd, end, { value: `${rodc}` }));
}

/** MS-PAC §2.6: encrypted with the key of the AS reply, which only the client has. */
function layOutCredentials(scope: Scope, item: Draft, start: number, end: number): void {
  const place = { label: 'PAC_CREDENTIAL_INFO', start, end, littleEndian: true };
  const { parts = [] } = structure(scope, place, (cursor) => {
    cursor.u32('Version');
    cursor.u32('EncryptionType', namedEnctype);
    cursor.rest('SerializedData', (inner, from, to, name) =>
      inner.publicData(name, from, to, { value: `${to - from} bytes, encrypted for the client` }),
    );
  });
  item.parts = [...parts];
}

/** Adds what the keys at hand say of a signature, or of the client's name. */
function judge(exchange: Exchange, item: Draft, type: number, pac: UnverifiedPac): void {
  const { ticket } = exchange;
  if (type === PacBufferType.clientInfo) {
    const part = ticket?.part;
    if (part !== undefined) strictly(item, () => verifyClientInfo(pac, part));
    return;
  }
  if (!isSignature(type)) return;
  if (type === PacBufferType.serverSignature) {
    const keys = ticket === undefined ? keysOf(exchange, () => true) : [ticket.serviceKey];
    say(item, keys, 'the keytab of the service', (key) => verifyServerSignature(pac, key));
    return;
  }
  const kdcKeys = keysOf(exchange, (name) => name === 'krbtgt');
  const part = ticket?.part;
  if (type === PacBufferType.ticketSignature && part === undefined) {
    say(item, [], 'the ticket around the PAC', () => {});
    return;
  }
  const need = 'the key of krbtgt, which only the KDC has';
  say(item, kdcKeys, need, (key) => {
    if (type === PacBufferType.kdcSignature) verifyKdcSignature(pac, key);
    else if (type === PacBufferType.fullSignature) verifyFullSignature(pac, key);
    else verifyTicketSignature(pac, part!, key);
  });
}

function keysOf(exchange: Exchange, accepts: (name: string) => boolean): EncryptionKey[] {
  return exchange.serviceKeys
    .filter(({ principal, key }) => key.supported && accepts(principal.components[0] ?? ''))
    .slice(0, MAX_KEYS)
    .map(({ key }) => key);
}

function say(
  item: Draft,
  keys: readonly EncryptionKey[],
  need: string,
  verify: (key: EncryptionKey) => void,
): void {
  if (keys.length === 0) {
    item.value = `not judged: needs ${need}`;
    return;
  }
  let reason = '';
  for (const key of keys) {
    try {
      verify(key);
      item.value = 'good';
      return;
    } catch (error) {
      if (!(error instanceof KerberosError)) throw error;
      // Of several keys, one of another type says nothing about the signature.
      if (reason === '' || error.code === 'KRB_AP_ERR_MODIFIED') reason = error.message;
    }
  }
  item.value = 'not good';
  blame(item, reason);
}

function isSignature(type: number): boolean {
  return SIGNATURES.includes(type);
}

const SIGNATURES: readonly number[] = [
  PacBufferType.serverSignature,
  PacBufferType.kdcSignature,
  PacBufferType.ticketSignature,
  PacBufferType.fullSignature,
];
// MS-PAC §2.8.
const CHECKSUM_LENGTHS: ReadonlyMap<number, number> = new Map([
  [-138, 16],
  [15, 12],
  [16, 12],
  [19, 16],
  [20, 24],
]);
const INFO_LENGTH = 16;
// As many as the acceptor takes.
const MAX_BUFFERS = 256;
const MAX_KEYS = 16;
