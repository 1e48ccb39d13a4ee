/** Keytabs, credential caches and exported names. Everything in the files may be a key. */
import { decodeExportedName } from '../../gss/exported-name.ts';
import { mechanismName } from '../../gss/mechanism.ts';
import { decodeOid } from '../../gss/oid.ts';
import { gssErrorOf } from '../../gss/status.ts';
import { parseKeytab } from '../../keytab/keytab.ts';
import { formatTime } from '../../time.ts';
import { carriedTicket } from '../asn1/ticket.ts';
import type { Contents } from '../asn1/types.ts';
import { asn1 } from '../asn1/types.ts';
import type { Cursor, Make } from '../cursor.ts';
import { data, publicData, secretData, structure, text } from '../cursor.ts';
import type { Item } from '../item.ts';
import { namedFlags, TICKET_FLAGS } from '../names/flags.ts';
import {
  ADDRESS_TYPES,
  AUTHORIZATION_DATA,
  NAME_TYPES,
  named,
  namedEnctype,
} from '../names/numbers.ts';
import { blame, strictly, summary } from '../scope.ts';

/** A keytab file. */
export const keytab: Contents = (outer, start, end) => {
  const scope = outer.derived(outer.bytes, true);
  const bytes = scope.bytes.subarray(start, end);
  const version = bytes[1] ?? 0;
  const littleEndian = version === 1 && isLittleEndian(bytes);
  const clause = 'MIT keytab_file_format';
  const item = structure(scope, { label: 'keytab', start, end, clause, littleEndian }, (cursor) => {
    cursor.take('version', 2, (inner, from, to, label) =>
      inner.item(label, from, to, {
        value: `0x050${version}${littleEndian ? ', little-endian' : ''}`,
      }),
    );
    while (cursor.left > 0) if (!readRecord(cursor, version)) break;
  });
  const read = strictly(item, () => parseKeytab(bytes));
  for (const fault of read?.skipped ?? []) blame(item, `ignored: ${fault.message}`);
  if (read !== undefined) item.value = `${read.entries.length} keys`;
  return item;
};

/** @returns Whether another record may follow. */
function readRecord(cursor: Cursor, version: number): boolean {
  const length = cursor.peek(4) | 0;
  if (length <= 0) {
    cursor.u32('hole', () => (length === 0 ? 'end of the keytab' : `${-length} bytes`));
    if (length === 0) return false;
    cursor.take('removed entry', Math.min(-length, cursor.left), secretData);
    return true;
  }
  // The length of version 1 counts a name type that the entry lacks.
  const short = version === 1 && length === cursor.left;
  cursor.take('entry', 4 + (short ? length - 4 : length), (scope, start, end, label) => {
    const { littleEndian } = cursor;
    const place = { label, start, end, littleEndian };
    const item = structure(scope, place, (entry) => readEntry(entry, version));
    const name = textOf(item.parts, 'principal');
    const [kvno, key] = [textOf(item.parts, 'kvno'), textOf(item.parts, 'enctype')];
    if (name !== undefined && key !== undefined) item.value = `${name}, kvno ${kvno}, ${key}`;
    return item;
  });
  return true;
}

function readEntry(entry: Cursor, version: number): void {
  entry.u32('length');
  const count = entry.u16('components') - (version === 1 ? 1 : 0);
  readPrincipal(entry, 2, count, version === 2 ? 'after' : 'none');
  entry.u32('timestamp', formatTime);
  entry.u8('kvno (8 bits)');
  entry.u16('enctype', (value) => namedEnctype((value << 16) >> 16));
  const length = entry.u16('key length');
  entry.take('key', length, secretData);
  const kvno = entry.left >= 4 ? entry.u32('kvno') : 0;
  const low = Number(textOf(entry.parts, 'kvno (8 bits)') ?? 0);
  if (kvno === 0) entry.add({ label: 'kvno', value: `${low}` });
  entry.rest('padding', secretData);
}

function isLittleEndian(bytes: Uint8Array): boolean {
  const big = (bytes[2]! << 24) | (bytes[3]! << 16) | (bytes[4]! << 8) | bytes[5]!;
  return Math.abs(big) > bytes.length;
}

/** Realm and components with lengths of `size` bytes, and one item that puts them together. */
function readPrincipal(
  cursor: Cursor,
  size: 2 | 4,
  count: number,
  type: 'before' | 'after' | 'none',
): void {
  if (count < 0 || count > MAX_COMPONENTS) cursor.stop(`a name of ${count} components`);
  const first = cursor.parts.length;
  const names: string[] = [];
  for (let i = 0; i <= count; i++) {
    const length = cursor.peek(size);
    cursor.take(i === 0 ? 'realm' : 'component', size + length, (scope, start, end, label) => {
      const item = text(scope, start + size, end, label);
      names.push(item.value ?? '');
      return { ...item, offset: start, length: end - start };
    });
  }
  if (type === 'after') cursor.u32('name type', (value) => named(NAME_TYPES, value | 0));
  cursor.parts.splice(first, 0, {
    label: 'principal',
    value: summary(`${names.slice(1).join('/')}@${names[0]}`),
  });
}

function textOf(items: readonly Item[] | undefined, label: string): string | undefined {
  return items?.find((item) => item.label === label)?.value;
}

/** A credential cache of MIT krb5 or Heimdal. */
export const credentialCache: Contents = (outer, start, end) => {
  const scope = outer.derived(outer.bytes, true);
  const version = scope.bytes[start + 1] ?? 0;
  const place = { label: 'credential cache', start, end, clause: 'MIT ccache_file_format' };
  return structure(scope, place, (cursor) => {
    cursor.take('version', 2, (inner, from, to, label) =>
      inner.item(label, from, to, { value: `0x050${version}` }),
    );
    if (version === 4) {
      const length = cursor.peek(2);
      cursor.take('header', 2 + length, data);
    }
    cursor.take('default principal', principalLength(cursor), principalAt);
    while (cursor.left > 0) {
      if (scope.report.full) cursor.stop('too many items');
      readCredential(cursor);
    }
  });
};

function readCredential(cursor: Cursor): void {
  const scope = cursor.scope;
  const item = structure(
    scope,
    { label: 'credential', start: cursor.at, end: cursor.end },
    (inner) => {
      inner.take('client', principalLength(inner), principalAt);
      inner.take('server', principalLength(inner), principalAt);
      inner.u16('enctype', (value) => namedEnctype((value << 16) >> 16));
      counted(inner, 'session key', secretData);
      for (const name of ['authtime', 'starttime', 'endtime', 'renew-till']) {
        inner.u32(name, (value) => (value === 0 ? 'not set' : formatTime(value)));
      }
      inner.u8('is_skey');
      inner.u32('flags', (value) => namedFlags(TICKET_FLAGS, value));
      list(inner, 'address', (value) => named(ADDRESS_TYPES, value), addressAt);
      list(inner, 'authorization data', (value) => named(AUTHORIZATION_DATA, value), data);
      counted(inner, 'ticket', ticketAt);
      counted(inner, 'second ticket', ticketAt);
      cursor.at = inner.at;
      // What follows belongs to the next credential.
      inner.at = inner.end;
    },
  );
  const complete = item.problems === undefined;
  item.length = (complete ? cursor.at : cursor.end) - item.offset!;
  const [client, server] = [textOf(item.parts, 'client'), textOf(item.parts, 'server')];
  if (server !== undefined) item.value = `${client} for ${server}`;
  cursor.add(item);
  if (!complete) cursor.at = cursor.end;
}

/** A length of 4 bytes, and as many bytes. */
function counted(cursor: Cursor, label: string, make: Make): void {
  const length = cursor.peek(4);
  cursor.take(label, 4 + length, (scope, start, end, name) => ({
    ...make(scope, Math.min(start + 4, end), end, name),
    offset: start,
    length: end - start,
  }));
}

function list(cursor: Cursor, label: string, show: (type: number) => string, make: Make): void {
  const count = cursor.u32(`${label} count`);
  if (count > MAX_LIST) cursor.stop(`${count} elements announced`);
  for (let i = 0; i < count; i++) {
    const type = cursor.u16('type', show);
    counted(cursor, show(type), make);
  }
}

const ticketAt: Make = (scope, start, end, label) =>
  start >= end
    ? scope.item(label, start, end, { value: 'none' })
    : asn1(scope, start, end, label, carriedTicket);

/** What is longer than an address may be a key, in a file that is damaged. */
const addressAt: Make = (scope, start, end, label) =>
  end - start <= 16 ? publicData(scope, start, end, label) : data(scope, start, end, label);

/** @returns The length of the principal at the cursor, as far as it can be told. */
function principalLength(cursor: Cursor): number {
  const count = cursor.peek(4, cursor.at + 4);
  let at = cursor.at + 8;
  for (let i = 0; i <= Math.min(count, MAX_COMPONENTS); i++) at += 4 + cursor.peek(4, at);
  return at - cursor.at;
}

const principalAt: Make = (scope, start, end, label) => {
  const item = structure(scope, { label, start, end }, (cursor) => {
    cursor.u32('name type', (value) => named(NAME_TYPES, value | 0));
    readPrincipal(cursor, 4, cursor.u32('components'), 'before');
  });
  const name = textOf(item.parts, 'principal');
  if (name !== undefined) item.value = name;
  return item;
};

/** An exported name (RFC 2743 §3.2, RFC 6680 §5). */
export const exportedName: Contents = (scope, start, end) => {
  const place = { label: 'exported name', start, end, clause: 'RFC 2743 §3.2' };
  const item = structure(scope, place, (cursor) => {
    const id = cursor.u16('TOK_ID', (value) =>
      value === 0x0401 ? '04 01: name' : '04 02: composite name',
    );
    const length = cursor.u16('mechanism length');
    cursor.take('mechanism', length, mechanism);
    cursor.take('name', 4 + cursor.peek(4), (inner, from, to, label) => ({
      ...text(inner, Math.min(from + 4, to), to, label),
      offset: from,
      length: to - from,
    }));
    if (id === 0x0402) counted(cursor, 'attributes', publicData);
  });
  const name = textOf(item.parts, 'name');
  if (name !== undefined) item.value = name;
  strictly(item, () => decodeExportedName(scope.bytes.subarray(start, end)));
  return item;
};

/** An OBJECT IDENTIFIER with tag and length. */
export const mechanism: Make = (scope, start, end, label) => {
  try {
    const oid = decodeOid(scope.bytes.subarray(start + 2, end));
    return scope.item(label, start, end, { value: `${mechanismName(oid)} (${oid})` });
  } catch (error) {
    const { message } = gssErrorOf(error, 'GSS_S_BAD_MECH');
    return scope.publicData(label, start, end, { problems: [message] });
  }
};

const MAX_COMPONENTS = 64;
const MAX_LIST = 1024;
