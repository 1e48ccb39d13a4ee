/** The tokens of messages: RFC 4121 §4.2.6, and RFC 1964 §1.2. */

import { toHex } from '../../bytes.ts';
import type { EncryptionKey } from '../../crypto/key.ts';
import { Mechanism } from '../../gss/mechanism.ts';
import { systemRandom } from '../../random.ts';
import { protectionOf } from '../../tokens/formats.ts';
import type { OpenedMessage, Role } from '../../tokens/protection.ts';
import { SequenceCounter } from '../../tokens/sequence.ts';
import type { Contents } from '../asn1/types.ts';
import type { Cursor } from '../cursor.ts';
import { publicData, secretData, structure } from '../cursor.ts';
import type { Exchange } from '../exchange.ts';
import type { Draft } from '../item.ts';
import { namedFlags, TOKEN_FLAGS } from '../names/flags.ts';
import type { Names } from '../names/numbers.ts';
import { namedBytes } from '../names/numbers.ts';
import type { Scope } from '../scope.ts';
import { addPart, strictly } from '../scope.ts';
import { addLayers } from './sasl.ts';

/** A Wrap token of RFC 4121, with the message in it if the keys of the exchange are known. */
export const cfxWrap: Contents = (scope, start, end) => {
  const label = 'Wrap token';
  let flags = 0;
  const item = structure(scope, { label, start, end, clause: 'RFC 4121 §4.2.6.2' }, (cursor) => {
    flags = readCfxHeader(cursor, () => {
      cursor.u16('EC');
      cursor.u16('RRC', (value) => `${value}${value === 0 ? ', not rotated' : ''}`);
    });
    const sealed = (flags & TOKEN_FLAGS.sealed!) !== 0;
    if (sealed) cursor.rest('ciphertext', publicData);
    else cursor.rest('message and checksum', secretData);
  });
  const sender: Role = (flags & TOKEN_FLAGS.sentByAcceptor!) !== 0 ? 'acceptor' : 'initiator';
  openMessage(scope, item, start, end, sender);
  return item;
};

/** A MIC token of RFC 4121: its message is not in it. */
export const cfxMic: Contents = (scope, start, end) => {
  const place = { label: 'MIC token', start, end, clause: 'RFC 4121 §4.2.6.1' };
  const item = structure(scope, place, (cursor) => {
    readCfxHeader(cursor, () => cursor.take('Filler', 4, publicData));
    cursor.rest('SGN_CKSUM', publicData);
  });
  addPart(item, { label: 'message', value: 'not in the token, so its checksum cannot be judged' });
  return item;
};

/** @returns The flags. */
function readCfxHeader(cursor: Cursor, readCounts: () => void): number {
  cursor.u16('TOK_ID', (value) => namedBytes(CFX_IDS, value));
  const flags = cursor.u8('Flags', (value) => namedFlags(TOKEN_FLAGS, value, 2), 'RFC 4121 §4.2.2');
  cursor.u8(
    'Filler',
    (value) => `0x${value.toString(16)}${value === 0xff ? '' : ', expected 0xff'}`,
  );
  readCounts();
  const [high, low] = [cursor.peek(4), cursor.peek(4, cursor.at + 4)];
  cursor.take('SND_SEQ', 8, (scope, start, end, name) =>
    scope.item(name, start, end, { value: `${BigInt(high) * 0x1_0000_0000n + BigInt(low)}` }),
  );
  return flags;
}

/** A token of RFC 1964, without the header of RFC 2743. */
export const rfc1964: Contents = (scope, start, end) => {
  const id = (scope.bytes[start]! << 8) | (scope.bytes[start + 1] ?? 0);
  const label = RFC1964_IDS.get(id) ?? 'token';
  const clause = CLAUSES.get(id) ?? 'RFC 1964 §1.2';
  const item = structure(scope, { label, start, end, clause }, (cursor) => {
    cursor.u16('TOK_ID', (value) => namedBytes(RFC1964_IDS, value));
    cursor.u16('SGN_ALG', (value) => namedBytes(SIGN_ALGORITHMS, value));
    if (id === WRAP_1964) cursor.u16('SEAL_ALG', (value) => namedBytes(SEAL_ALGORITHMS, value));
    else cursor.take('Filler', 2, publicData);
    cursor.take('Filler', 2, publicData);
    cursor.take('SND_SEQ', 8, publicData);
    cursor.take('SGN_CKSUM', cursor.left >= 20 && isDes3(scope, start) ? 20 : 8, publicData);
    // RFC 1964 §1.2.2.2: the message may be in it as it is.
    if (id === WRAP_1964) {
      const isSealed = scope.bytes[start + 4] !== 0xff;
      cursor.rest('confounder, message and padding', isSealed ? publicData : secretData);
    } else cursor.rest('further bytes');
  });
  if (id === WRAP_1964) openMessage(scope, item, start, end, undefined);
  return item;
};

function isDes3({ bytes }: Scope, start: number): boolean {
  return bytes[start + 2] === 4;
}

/** Adds the message in a Wrap token, if the exchange has its keys. */
function openMessage(
  scope: Scope,
  item: Draft,
  start: number,
  end: number,
  sender: Role | undefined,
): void {
  const { exchange } = scope.report;
  const key = exchange.initiatorSubkey ?? exchange.sessionKey;
  if (key === undefined) {
    addPart(item, {
      label: 'message',
      value: 'not opened: needs the tokens that began the exchange, and the keytab',
    });
    return;
  }
  const token = scope.bytes.subarray(start, end);
  // A token of RFC 1964 does not show who sent it before it is opened.
  const senders: readonly Role[] = sender === undefined ? ['initiator', 'acceptor'] : [sender];
  let opened: OpenedMessage | undefined;
  for (const [i, from] of senders.entries()) {
    const trial: Draft = { label: '' };
    opened = strictly(i === senders.length - 1 ? item : trial, () =>
      unwrap(exchange, key, token, from),
    );
    if (opened !== undefined) break;
  }
  if (opened === undefined) return;
  addPart(item, messageItem(scope, opened));
}

function unwrap(
  exchange: Exchange,
  initiatorKey: EncryptionKey,
  token: Uint8Array,
  sender: Role,
): OpenedMessage {
  const { acceptorSubkey, flags } = exchange;
  return protectionOf({
    role: sender === 'initiator' ? 'acceptor' : 'initiator',
    mechanism: Mechanism.krb5,
    flags,
    initiatorKey,
    ...(acceptorSubkey !== undefined && { acceptorSubkey }),
    sendSequence: new SequenceCounter(0),
    random: systemRandom,
  }).unwrap(token);
}

function messageItem(scope: Scope, { message, confidential }: OpenedMessage): Draft {
  const protection = confidential ? 'encrypted' : 'signed only';
  const inner = scope.derived(message, true);
  const item = inner.secretData(`message, ${protection}, checksum good`, 0, message.length);
  item.space = 'the message in the token';
  if (scope.report.secrets) {
    const { value } = inner.text(0, message.length);
    if (!/\\x/.test(value)) item.value = JSON.stringify(value);
    else item.value = toHex(message.subarray(0, scope.report.shownBytes));
  }
  // Such a message is in the token as it is.
  if (!confidential) addLayers(item, message);
  return item;
}

const CFX_IDS: Names = new Map([
  [0x0404, 'MIC'],
  [0x0504, 'Wrap'],
]);
const RFC1964_IDS: Names = new Map([
  [0x0101, 'MIC token'],
  [0x0102, 'delete token'],
  [0x0201, 'Wrap token'],
]);
const CLAUSES: ReadonlyMap<number, string> = new Map([
  [0x0101, 'RFC 1964 §1.2.1'],
  [0x0102, 'RFC 1964 §1.2.3'],
  [0x0201, 'RFC 1964 §1.2.2'],
]);
const WRAP_1964 = 0x0201;
// RFC 1964 §1.2.1.1, RFC 4757 §7.3; both numbers are little-endian.
const SIGN_ALGORITHMS: Names = new Map([
  [0x0000, 'DES MAC MD5'],
  [0x0100, 'MD2.5'],
  [0x0200, 'DES MAC'],
  [0x0400, 'HMAC SHA1 DES3 KD'],
  [0x1100, 'HMAC'],
]);
const SEAL_ALGORITHMS: Names = new Map([
  [0x0000, 'DES'],
  [0x0200, 'DES3 KD'],
  [0x1000, 'RC4'],
  [0xffff, 'none, signed only'],
]);
