/** NTLM's messages (MS-NLMP §2.2.1) and NegoEx' (MS-NEGOEX §2.2.6): named, and their public fields shown. */

import { printable } from '../../text.ts';
import type { Contents } from '../asn1/types.ts';
import type { Cursor, Make } from '../cursor.ts';
import { publicData, secretData, structure, text } from '../cursor.ts';
import { NTLM_FLAGS, namedFlags } from '../names/flags.ts';
import { named } from '../names/numbers.ts';

/** An NTLM message. */
export const ntlm: Contents = (scope, start, end) => {
  const type = scope.bytes[start + 8] ?? 0;
  const name = MESSAGES.get(type) ?? `message ${type}`;
  const place = { label: `NTLM ${name}`, start, end, clause: 'MS-NLMP §2.2.1', littleEndian: true };
  return structure(scope, place, (cursor) => {
    cursor.take('Signature', 8, text);
    cursor.u32('MessageType', (value) => named(MESSAGES, value));
    if (type === 1) readNegotiate(cursor, start);
    else if (type === 2) readChallenge(cursor, start);
    else if (type === 3) readAuthenticate(cursor, start);
  });
};

function readNegotiate(cursor: Cursor, start: number): void {
  cursor.u32('NegotiateFlags', (value) => namedFlags(NTLM_FLAGS, value));
  field(cursor, start, 'DomainName', oem);
  field(cursor, start, 'Workstation', oem);
  version(cursor);
}

function readChallenge(cursor: Cursor, start: number): void {
  field(cursor, start, 'TargetName', utf16);
  cursor.u32('NegotiateFlags', (value) => namedFlags(NTLM_FLAGS, value));
  cursor.take('ServerChallenge', 8, publicData);
  cursor.take('Reserved', 8, publicData);
  field(cursor, start, 'TargetInfo', publicData);
  version(cursor);
}

function readAuthenticate(cursor: Cursor, start: number): void {
  // MS-NLMP §2.2.1.3: older clients send no version, or no MIC, and begin the payload there.
  const payload = payloadOf(cursor, start);
  // Passwords can be guessed with the responses.
  field(cursor, start, 'LmChallengeResponse', secretData);
  field(cursor, start, 'NtChallengeResponse', secretData);
  field(cursor, start, 'DomainName', utf16);
  field(cursor, start, 'UserName', utf16);
  field(cursor, start, 'Workstation', utf16);
  field(cursor, start, 'EncryptedRandomSessionKey', secretData);
  cursor.u32('NegotiateFlags', (value) => namedFlags(NTLM_FLAGS, value));
  if (cursor.at + 8 <= payload) version(cursor);
  if (cursor.at + 16 <= payload) cursor.take('MIC', 16, publicData);
  if (cursor.left > 0) cursor.take('Payload', cursor.left, PAYLOAD);
}

/** Where the first of the six fields of an AUTHENTICATE_MESSAGE begins. */
function payloadOf(cursor: Cursor, start: number): number {
  let first = cursor.end;
  for (let at = cursor.at; at < cursor.at + 48; at += 8) {
    if (cursor.peek(2, at) > 0) first = Math.min(first, start + cursor.peek(4, at + 4));
  }
  return first;
}

/** The fields refer to places in the payload, where they are shown already. */
const PAYLOAD: Make = (scope, start, end, label) =>
  scope.item(label, start, end, { value: `${end - start} bytes, shown above` });

/** A length, a maximum and an offset, and what they refer to. */
function field(cursor: Cursor, start: number, label: string, make: Make): void {
  const [length, , offset] = [
    cursor.peek(2),
    cursor.peek(2, cursor.at + 2),
    cursor.peek(4, cursor.at + 4),
  ];
  cursor.take(label, 8, (scope, from, to, name) => {
    const item = { ...scope.item(name, from, to, { value: `${length} bytes at ${offset}` }) };
    const [first, last] = [start + offset!, start + offset! + length!];
    if (length === 0) return { ...item, value: 'empty' };
    if (last > cursor.end)
      return { ...item, problems: [`lies outside of the message: ${length} bytes at ${offset}`] };
    return { ...make(scope, first, last, name), parts: [item] };
  });
}

function version(cursor: Cursor): void {
  if (cursor.left < 8) return;
  const [major, minor, build] = [
    cursor.peek(1),
    cursor.peek(1, cursor.at + 1),
    cursor.peek(2, cursor.at + 2),
  ];
  cursor.take('Version', 8, (scope, start, end, label) =>
    scope.item(label, start, end, { value: `Windows ${major}.${minor}, build ${build}` }),
  );
}

const oem: Make = text;

const utf16: Make = (scope, start, end, label) => {
  const value = new TextDecoder('utf-16le').decode(
    scope.bytes.subarray(start, Math.min(end, start + 1024)),
  );
  return scope.item(label, start, end, { value: printable(value) });
};

/** NegoEx messages, one after the other. */
export const negoEx: Contents = (scope, start, end) => {
  const place = { label: 'NegoEx', start, end, clause: 'MS-NEGOEX §2.2.6', littleEndian: true };
  return structure(scope, place, (cursor) => {
    while (cursor.left > 0) {
      const length = cursor.peek(4, cursor.at + 20);
      if (length < 40) cursor.stop(`a message of ${length} bytes`);
      cursor.take('message', Math.min(length, cursor.left), negoExMessage);
    }
  });
};

const negoExMessage: Make = (scope, start, end) => {
  const type = scope.bytes[start + 8] ?? 0;
  const place = { label: NEGOEX.get(type) ?? `message ${type}`, start, end, littleEndian: true };
  return structure(scope, place, (cursor) => {
    cursor.take('Signature', 8, text);
    cursor.u32('MessageType', (value) => named(NEGOEX, value));
    cursor.u32('SequenceNum');
    cursor.u32('cbHeaderLength');
    cursor.u32('cbMessageLength');
    cursor.take('ConversationId', 16, guid);
    if (type === 0 || type === 1) cursor.take('Random', 32, publicData);
    else if (type !== 7) cursor.take('AuthScheme', 16, guid);
  });
};

const guid: Make = (scope, start, end, label) => {
  const hex = [...scope.bytes.subarray(start, end)].map((byte) =>
    byte.toString(16).padStart(2, '0'),
  );
  const group = (...at: number[]) => at.map((i) => hex[i] ?? '').join('');
  const value = [
    group(3, 2, 1, 0),
    group(5, 4),
    group(7, 6),
    group(8, 9),
    group(10, 11, 12, 13, 14, 15),
  ].join('-');
  return scope.item(label, start, end, { value: `{${value}}` });
};

const MESSAGES: ReadonlyMap<number, string> = new Map([
  [1, 'NEGOTIATE_MESSAGE'],
  [2, 'CHALLENGE_MESSAGE'],
  [3, 'AUTHENTICATE_MESSAGE'],
]);
// MS-NEGOEX §2.2.6.1.
const NEGOEX: ReadonlyMap<number, string> = new Map([
  [0, 'INITIATOR_NEGO'],
  [1, 'ACCEPTOR_NEGO'],
  [2, 'INITIATOR_META_DATA'],
  [3, 'ACCEPTOR_META_DATA'],
  [4, 'CHALLENGE'],
  [5, 'AP_REQUEST'],
  [6, 'VERIFY'],
  [7, 'ALERT'],
]);
