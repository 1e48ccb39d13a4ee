/** Bytes made to be slow or to take memory: refused, at a cost that is linear in their number. */
import { describe, expect, it } from 'vitest';
import { bytesEqual, concatBytes, fromHex } from '../../src/bytes.ts';
import { DecodeError, KerberosError } from '../../src/errors.ts';
import {
  decodeAuthorizationData,
  encodeAuthorizationData,
} from '../../src/messages/authorization-data.ts';
import { Limit } from '../../src/messages/limits.ts';
import { countProcessorTime } from '../support/processor-time.ts';
import { codecs } from './codecs.ts';
import { element, message } from './element.ts';

const SIZE = 65_536;
// Of processor time. Far above what any of them takes, far below what a quadratic one would.
const MAX_MILLISECONDS = 1000;

/** Elements within elements, `levels` deep, each with a right length. */
function nested(tag: number, levels: number): Uint8Array {
  const bytes: number[] = [];
  let length = 0;
  for (let i = 0; i < levels; i++) {
    const header = length < 0x80 ? [length] : [0x82, length >>> 8, length & 0xff];
    bytes.push(...header.reverse(), tag);
    length = bytes.length;
  }
  return Uint8Array.from(bytes.reverse());
}

const inputs: readonly (readonly [string, (outer: number) => Uint8Array])[] = [
  ['zeros', () => new Uint8Array(SIZE)],
  ['0xff', () => new Uint8Array(SIZE).fill(0xff)],
  ['the same identifier again and again', (outer) => new Uint8Array(SIZE).fill(outer)],
  ['indefinite lengths in each other', () => fill('3080')],
  ['explicit tags in each other', () => nested(0xa0, 15_000)],
  ['sequences in each other', () => nested(0x30, 15_000)],
  ['empty sequences', (outer) => element(outer, fill('3000'))],
  ['empty octet strings', (outer) => element(outer, element(0x30, fill('0400')))],
  ['a length of 4 GiB', (outer) => concatBytes(Uint8Array.of(outer, 0x84, 255, 255, 255, 255))],
  ['a length of 2 GiB in a right one', (outer) => element(outer, fill('30847fffffff'))],
  ['an extension of deep nesting', (outer) => message(outer & 0x1f, nested(0xb9, 15_000))],
  ['thousands of extensions', (outer) => message(outer & 0x1f, fill('b9020500'))],
];

function fill(hex: string): Uint8Array {
  return fromHex(hex.repeat(Math.floor((SIZE - 16) / (hex.length / 2))));
}

describe.each(codecs)('$name', (codec) => {
  const outer = codec.encode(sampleOf(codec.name) as never)[0]!;

  it.each(inputs)('refuses 64 KiB of %s', (_, make) => {
    const bytes = make(outer);
    const time = countProcessorTime();
    expect(() => codec.decode(bytes)).toThrow(KerberosError);
    expect(time()).toBeLessThan(MAX_MILLISECONDS);
  });
});

describe('large and right', () => {
  it('reads authorization data whose PAC is a megabyte', () => {
    const data = new Uint8Array(1_048_576).fill(7);
    const [first, ...rest] = decodeAuthorizationData(encodeAuthorizationData([{ type: 1, data }]));
    expect(first?.type).toBe(1);
    expect(bytesEqual(first!.data, data)).toBe(true);
    expect(rest).toEqual([]);
  });

  it('what goes through asn1js is bounded in bytes, elements and levels', () => {
    const codec = codecs.find(({ name }) => name === 'KerbErrorData')!;
    const large = { type: 1, value: new Uint8Array(Limit.treeBytes) };
    expect(() => codec.decode(codec.encode(large as never))).toThrow(
      /KERB-ERROR-DATA: 10\d+ bytes/,
    );
    const many = element(0x30, fromHex('0500'.repeat(Limit.nodes)));
    expect(() => codec.decode(many)).toThrow(/more than 1536 elements/);
    const arcs = element(0x30, element(0x06, new Uint8Array(Limit.nodes).fill(1)));
    expect(() => codec.decode(arcs)).toThrow(/more than 1536 elements/);
    expect(() =>
      codec.decode(Uint8Array.from([...arcs.slice(0, 4), 0x0d, ...arcs.slice(5)])),
    ).toThrow(/more than 1536 elements/);
    expect(() => codec.decode(nested(0x30, Limit.depth + 1))).toThrow(/more than 24 levels/);
    expect(() => codec.decode(nested(0x30, Limit.depth))).toThrow(DecodeError);
  });
});

/** The least value of each message. */
function sampleOf(name: string): unknown {
  const who = { nameType: 1, components: ['a'] };
  const encPart = { enctype: 18, cipher: new Uint8Array() };
  const key = { enctype: 18, value: new Uint8Array() };
  const body = { options: 0, realm: 'R', till: 0, nonce: 0, enctypes: [] };
  const ticket = { realm: 'R', serverName: who, encPart };
  const reply = { clientRealm: 'R', clientName: who, ticket, encPart };
  const times = { authTime: 0, endTime: 0 };
  const named = { realm: 'R', serverName: who };
  const replyPart = { key, lastRequests: [], nonce: 0, flags: 0, ...times, ...named };
  const samples: Readonly<Record<string, unknown>> = {
    Ticket: { realm: 'R', serverName: who, encPart },
    EncTicketPart: {
      flags: 0,
      key,
      clientRealm: 'R',
      clientName: who,
      transited: { type: 1, contents: new Uint8Array() },
      authTime: 0,
      endTime: 0,
    },
    ApReq: {
      apOptions: 0,
      ticket: { realm: 'R', serverName: who, encPart },
      authenticator: encPart,
    },
    Authenticator: { clientRealm: 'R', clientName: who, cusec: 0, ctime: 0 },
    ApRep: { encPart },
    EncApRepPart: { ctime: 0, cusec: 0 },
    KrbError: { stime: 0, susec: 0, errorCode: 60, realm: 'R', serverName: who },
    KrbCred: { tickets: [], encPart },
    EncKrbCredPart: { ticketInfo: [] },
    KerbErrorData: { type: 2 },
    Cammac: { elements: [] },
    AsRequest: { body },
    TgsRequest: { body },
    AsReply: reply,
    TgsReply: reply,
    EncAsReplyPart: replyPart,
    EncTgsReplyPart: replyPart,
    PaTimestamp: { time: 0 },
    PacRequest: { include: true },
  };
  return samples[name] ?? [];
}
