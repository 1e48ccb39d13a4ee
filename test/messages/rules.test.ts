/** What the decoders decide beyond the form: versions, types, ranges, order, limits. */
import { describe, expect, it } from 'vitest';
import { concatBytes, encodeUtf8, fromHex } from '../../src/bytes.ts';
import { DecodeError, KerberosError } from '../../src/errors.ts';
import { decodeApRep, decodeEncApRepPart } from '../../src/messages/ap-rep.ts';
import { ApOption, decodeApReq, decodeAuthenticator } from '../../src/messages/ap-req.ts';
import { decodeAuthorizationData, decodeEtypeList } from '../../src/messages/authorization-data.ts';
import { decodeAuthenticationIndicator, decodeCammac } from '../../src/messages/cammac.ts';
import { decodeKrbCred } from '../../src/messages/krb-cred.ts';
import { decodeKrbError, encodeKerbErrorData } from '../../src/messages/krb-error.ts';
import { Limit } from '../../src/messages/limits.ts';
import { decodeEncTicketPart, decodeTicket, TicketFlag } from '../../src/messages/ticket.ts';
import { loadVectors } from '../support/vectors.ts';
import { element, fieldsOf, message } from './element.ts';

const { vectors } = loadVectors<{ name: string; hex: string }>('asn1/mit-reference.json');
const reference = (name: string) =>
  fromHex(vectors.find((vector) => vector.name === `encode_krb5_${name}`)!.hex);

const integer = (hex: string) => element(0x02, fromHex(hex));
const field = (number: number, ...contents: Uint8Array[]) => element(0xa0 | number, ...contents);
const sequence = (...contents: Uint8Array[]) => element(0x30, ...contents);
const realm = (text: string) => element(0x1b, encodeUtf8(text));

/** The reference message with some of its fields replaced; an empty one takes the field away. */
function altered(name: string, changes: Readonly<Record<number, Uint8Array>>): Uint8Array {
  const bytes = reference(name);
  const fields = fieldsOf(bytes).map((old) => changes[old[0]! & 0x1f] ?? old);
  return message(bytes[0]! & 0x1f, ...fields);
}

function codeOf(decode: () => unknown): string {
  try {
    decode();
  } catch (error) {
    if (error instanceof KerberosError) return `${error.code}: ${error.message}`;
    throw error;
  }
  throw new Error('it was accepted');
}

describe('message type and version', () => {
  const wrongVersion = { 0: field(0, integer('04')) };

  it.each([
    ['AP-REQ', 'ap_req', decodeApReq, 14],
    ['AP-REP', 'ap_rep', decodeApRep, 15],
    ['KRB-ERROR', 'error', decodeKrbError, 30],
    ['KRB-CRED', 'cred', decodeKrbCred, 22],
  ] as const)('%s has its own type, judged before the version', (label, name, decode, number) => {
    const type = { 1: field(1, integer('0d')) };
    expect(codeOf(() => decode(altered(name, type)))).toBe(
      `KRB_AP_ERR_MSG_TYPE: ${label}: message type is 13, expected ${number}`,
    );
    expect(codeOf(() => decode(altered(name, { ...type, ...wrongVersion })))).toMatch(
      /^KRB_AP_ERR_MSG_TYPE/,
    );
    expect(codeOf(() => decode(altered(name, wrongVersion)))).toBe(
      `KRB_AP_ERR_BADVERSION: pvno of ${label} is 4, expected 5`,
    );
  });

  it('another message is told from rubbish (RFC 4120 §5.1.4)', () => {
    expect(codeOf(() => decodeApReq(reference('ap_rep')))).toBe(
      'KRB_AP_ERR_MSG_TYPE: AP-REQ: message type is 15, expected 14',
    );
    expect(codeOf(() => decodeKrbError(reference('ap_req')))).toMatch(/^KRB_AP_ERR_MSG_TYPE/);
    for (const rubbish of ['', '00', '3000', '4e00', '7f2100', 'ff', '474554202f']) {
      expect(() => decodeApReq(fromHex(rubbish))).toThrow(DecodeError);
      expect(() => decodeKrbError(fromHex(rubbish))).toThrow(DecodeError);
    }
  });

  it('tkt-vno and authenticator-vno are 5', () => {
    expect(codeOf(() => decodeTicket(altered('ticket', wrongVersion)))).toBe(
      'KRB_AP_ERR_BADVERSION: tkt-vno is 4, expected 5',
    );
    const ticket = altered('ticket', { 0: field(0, integer('ff')) });
    expect(codeOf(() => decodeApReq(altered('ap_req', { 3: field(3, ticket) })))).toBe(
      'KRB_AP_ERR_BADVERSION: tkt-vno is -1, expected 5',
    );
    expect(codeOf(() => decodeAuthenticator(altered('authenticator', wrongVersion)))).toBe(
      'KRB_AP_ERR_BADVERSION: authenticator-vno is 4, expected 5',
    );
  });

  it('a number that is none is malformed, not of another version', () => {
    expect(codeOf(() => decodeApReq(altered('ap_req', { 0: field(0, integer('0005')) })))).toMatch(
      /^KRB5_PARSE_MALFORMED: AP-REQ: an INTEGER with padding/,
    );
  });
});

describe('numbers that old peers send', () => {
  it.each([
    ['00', 0],
    ['7fffffff', 0x7fff_ffff],
    ['00ffffffff', 0xffff_ffff],
    ['0080000000', 0x8000_0000],
    ['80000000', 0x8000_0000],
    ['ff', 0xffff_ffff],
    ['fe1dc0de', 0xfe1d_c0de],
  ])('sequence number %s is %i (MIT krb5 decode_seqno)', (hex, value) => {
    const changed = altered('authenticator', { 7: field(7, integer(hex)) });
    expect(decodeAuthenticator(changed).sequenceNumber).toBe(value);
    const part = altered('ap_rep_enc_part', { 3: field(3, integer(hex)) });
    expect(decodeEncApRepPart(part).sequenceNumber).toBe(value);
  });

  it.each(['0100000000', 'ff7fffffff', '00ffffffffff'])('sequence number %s fits not', (hex) => {
    const changed = altered('authenticator', { 7: field(7, integer(hex)) });
    expect(codeOf(() => decodeAuthenticator(changed))).toMatch(
      /^KRB5_PARSE_MALFORMED: Authenticator: INTEGER -?\d+ out of range/,
    );
  });

  it('microseconds are less than a second', () => {
    const cusec = (hex: string) => altered('authenticator', { 4: field(4, integer(hex)) });
    expect(decodeAuthenticator(cusec('0f423f')).cusec).toBe(999_999);
    for (const hex of ['0f4240', 'ff']) {
      expect(codeOf(() => decodeAuthenticator(cusec(hex)))).toMatch(/out of range/);
    }
  });
});

describe('the order of fields', () => {
  const fields = fieldsOf(reference('authenticator'));
  const build = (list: readonly Uint8Array[]) => message(2, ...list);

  it('is ascending', () => {
    expect(decodeAuthenticator(build(fields)).cusec).toBe(123_456);
    for (let i = 0; i + 1 < fields.length; i++) {
      const swapped = [...fields];
      swapped[i] = fields[i + 1]!;
      swapped[i + 1] = fields[i]!;
      expect(() => decodeAuthenticator(build(swapped))).toThrow(DecodeError);
    }
  });

  it('has none twice, neither known nor unknown', () => {
    for (let i = 0; i < fields.length; i++) {
      const doubled = [...fields.slice(0, i + 1), ...fields.slice(i)];
      expect(() => decodeAuthenticator(build(doubled))).toThrow(DecodeError);
    }
    const unknown = field(9, integer('01'));
    expect(decodeAuthenticator(build([...fields, unknown])).cusec).toBe(123_456);
    expect(() => decodeAuthenticator(build([...fields, unknown, unknown]))).toThrow(
      /an unexpected field/,
    );
    expect(() =>
      decodeAuthenticator(build([...fields, field(10, integer('01')), unknown])),
    ).toThrow(/an unexpected field/);
  });

  it('wants every field that is not optional', () => {
    for (const number of [0, 1, 2, 4, 5]) {
      const bytes = altered('authenticator', { [number]: new Uint8Array() });
      expect(() => decodeAuthenticator(bytes)).toThrow(DecodeError);
    }
    for (const number of [4, 5, 6, 9, 10]) {
      const bytes = altered('error', { [number]: new Uint8Array() });
      expect(codeOf(() => decodeKrbError(bytes))).toContain(
        `KRB5_PARSE_MALFORMED: KRB-ERROR: [${number}] expected, got [`,
      );
    }
  });

  it('extensions are fields of one well-formed element (RFC 4120 §1.5.1)', () => {
    const bad = ['a900', 'a906020101020101', 'a90502810101', 'a9020280', '8903020101', '020101'];
    for (const hex of [...bad, 'a9070305000000', 'bf2103020101', 'bf03020101']) {
      expect(() => decodeAuthenticator(build([...fields, fromHex(hex)]))).toThrow(DecodeError);
    }
  });
});

describe('names and realms', () => {
  it('a realm is not empty', () => {
    const bytes = altered('ticket', { 1: field(1, realm('')) });
    expect(codeOf(() => decodeTicket(bytes))).toMatch(/an empty realm/);
  });

  it('a KRB-ERROR may name no realm and no server', () => {
    const nobody = sequence(field(0, integer('00')), field(1, sequence()));
    const error = decodeKrbError(
      altered('error', { 9: field(9, realm('')), 10: field(10, nobody) }),
    );
    expect(error.realm).toBe('');
    expect(error.serverName.components).toEqual([]);
  });

  it('has a limited number of components', () => {
    const name = (count: number) =>
      sequence(field(0, integer('01')), field(1, sequence(...Array(count).fill(realm('a')))));
    const ticket = (count: number) => altered('ticket', { 2: field(2, name(count)) });
    expect(decodeTicket(ticket(Limit.nameComponents)).serverName.components.length).toBe(64);
    expect(codeOf(() => decodeTicket(ticket(65)))).toMatch(/more than 64 elements in a list/);
  });
});

describe('lists', () => {
  it('an empty optional one is as none (RFC 4120 §5.1.3)', () => {
    const part = altered('enc_tkt_part', { 9: field(9, sequence()), 10: field(10, sequence()) });
    const decoded = decodeEncTicketPart(part);
    expect('addresses' in decoded).toBe(false);
    expect('authorizationData' in decoded).toBe(false);
    const authenticator = altered('authenticator', { 8: field(8, sequence()) });
    expect('authorizationData' in decodeAuthenticator(authenticator)).toBe(false);
  });

  it('end at their limits', () => {
    const item = sequence(field(0, integer('01')), field(1, element(0x04)));
    const list = (count: number) => sequence(...Array(count).fill(item));
    expect(decodeAuthorizationData(list(1024)).length).toBe(1024);
    expect(() => decodeAuthorizationData(list(1025))).toThrow(/more than 1024 elements/);
    const addresses = altered('enc_tkt_part', { 9: field(9, list(1025)) });
    expect(() => decodeEncTicketPart(addresses)).toThrow(/more than 1024 elements/);
    const enctypes = (count: number) => sequence(...Array(count).fill(integer('12')));
    expect(decodeEtypeList(enctypes(256)).length).toBe(256);
    expect(() => decodeEtypeList(enctypes(257))).toThrow(/more than 256 elements/);
    const indicators = sequence(...Array(257).fill(element(0x0c)));
    expect(() => decodeAuthenticationIndicator(indicators)).toThrow(/more than 256 elements/);
    const tickets = field(2, sequence(...Array(33).fill(reference('ticket'))));
    expect(() => decodeKrbCred(altered('cred', { 2: tickets }))).toThrow(/more than 32 elements/);
  });
});

describe('AD-CAMMAC (RFC 7751 §3)', () => {
  const elements = field(0, sequence(sequence(field(0, integer('01')), field(1, element(0x04)))));
  const mac = sequence(field(3, sequence(field(0, integer('10')), field(1, element(0x04)))));

  it('leaves out verifiers of a kind that it does not know', () => {
    const bytes = sequence(elements, field(3, sequence(field(1, integer('01')), mac)));
    const verifiers = decodeCammac(bytes).otherVerifiers;
    expect(verifiers).toEqual([{ mac: { type: 16, checksum: new Uint8Array() } }]);
  });

  it('wants its elements and each MAC', () => {
    expect(() => decodeCammac(sequence(field(1, mac)))).toThrow(/\[0\] expected/);
    expect(() => decodeCammac(sequence(elements, field(1, sequence())))).toThrow(DecodeError);
    expect(() => decodeCammac(concatBytes(sequence(elements), mac))).toThrow(/unexpected bytes/);
  });
});

describe('numbers as the RFCs print them', () => {
  // RFC 4120 §5.3 and §2.9, RFC 6806 §11, RFC 8062 §3.
  it.each([
    [TicketFlag.forwardable, 1],
    [TicketFlag.forwarded, 2],
    [TicketFlag.proxiable, 3],
    [TicketFlag.proxy, 4],
    [TicketFlag.mayPostdate, 5],
    [TicketFlag.postdated, 6],
    [TicketFlag.invalid, 7],
    [TicketFlag.renewable, 8],
    [TicketFlag.initial, 9],
    [TicketFlag.preAuthent, 10],
    [TicketFlag.hwAuthent, 11],
    [TicketFlag.transitedPolicyChecked, 12],
    [TicketFlag.okAsDelegate, 13],
    [TicketFlag.encPaRep, 15],
    [TicketFlag.anonymous, 16],
    [ApOption.useSessionKey, 1],
    [ApOption.mutualRequired, 2],
  ])('flag %i is bit %i', (flag, bit) => {
    expect(flag).toBe((1 << (31 - bit)) >>> 0);
  });

  it('the skew recovery of Windows is the e-data that Heimdal sends', () => {
    expect(encodeKerbErrorData({ type: 2 })).toEqual(fromHex('3005a103020102'));
  });
});
