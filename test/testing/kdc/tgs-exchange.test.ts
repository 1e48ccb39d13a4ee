import { describe, expect, it } from 'vitest';
import { decryptPart } from '../../../src/ap/encrypted-part.ts';
import { EncryptionKey } from '../../../src/crypto/default-crypto.ts';
import { KeyUsage } from '../../../src/crypto/numbers.ts';
import { encodeAuthorizationData } from '../../../src/messages/authorization-data.ts';
import { encodePacRequest, PaDataType } from '../../../src/messages/kdc/pa-data.ts';
import { decodeKdcRequest, KdcOption } from '../../../src/messages/kdc/request.ts';
import { decodeEncTicketPart, TicketFlag } from '../../../src/messages/ticket.ts';
import { NOW, NOW_SECONDS } from '../../support/realm-kit.ts';
import type { Granted } from './requests.ts';
import {
  exchange,
  GRANTING,
  HOST,
  keyOf,
  logIn,
  makeRealm,
  named,
  openReply,
  random,
  refusalOf,
  tgsRequest,
  timestamp,
} from './requests.ts';

const ALL = KdcOption.forwardable | KdcOption.proxiable | KdcOption.renewable;
const HELLO = new TextEncoder().encode('hello');
const { realm, time } = makeRealm();
const granting = logIn(realm, { options: ALL });

/** What the service host/localhost reads in its ticket. */
function opened({ ticket }: Granted) {
  const key = realm.keytab.entries.find((entry) => entry.key.enctype === ticket.encPart.enctype)!;
  return decodeEncTicketPart(decryptPart(key.key, KeyUsage.ticket, ticket.encPart.cipher));
}

/** Sets the clock of the realm while `call` runs. */
function later<T>(seconds: number, call: () => T): T {
  time.now = NOW + seconds * 1000;
  try {
    return call();
  } finally {
    time.now = NOW;
  }
}

describe('a service ticket', () => {
  it('has what the ticket-granting ticket has, and the request asks for', () => {
    const service = exchange(realm, granting, { body: { options: KdcOption.forwardable } });
    const part = opened(service);
    expect(part).toMatchObject({
      clientRealm: 'EXAMPLE.TEST',
      clientName: named('alice'),
      authTime: granting.part.authTime,
      endTime: granting.part.endTime,
      key: service.part.key,
      flags: TicketFlag.forwardable | TicketFlag.preAuthent | TicketFlag.transitedPolicyChecked,
    });
    expect(service.part).toMatchObject({ nonce: 42, serverName: HOST, flags: part.flags });
    expect(service.reply.clientName).toEqual(named('alice'));
  });

  it('ends before the ticket that it is made of', () => {
    const brief = logIn(realm, { till: NOW_SECONDS + 60 });
    expect(exchange(realm, brief).part.endTime).toBe(NOW_SECONDS + 60);
    const sooner = exchange(realm, brief, { body: { till: NOW_SECONDS + 30 } });
    expect(sooner.part.endTime).toBe(NOW_SECONDS + 30);
  });

  it('has a PAC if the ticket-granting ticket has one', () => {
    expect(opened(exchange(realm, granting)).authorizationData).toHaveLength(1);
    const decline = { type: PaDataType.pacRequest, value: encodePacRequest(false) };
    const without = logIn(realm, {}, [decline, timestamp(keyOf(realm))]);
    expect(opened(exchange(realm, without))).not.toHaveProperty('authorizationData');
  });

  it('has the authorization data that the client adds', () => {
    const elements = [{ type: 1, data: encodeAuthorizationData([{ type: 99, data: HELLO }]) }];
    const key = new EncryptionKey(granting.part.key.enctype, granting.part.key.value);
    const cipher = key.encrypt(4, encodeAuthorizationData(elements), random);
    const authorizationData = { enctype: key.enctype, cipher };
    const part = opened(exchange(realm, granting, { body: { authorizationData } }));
    expect(part.authorizationData?.slice(1)).toEqual(elements);
  });

  it('comes in the subkey of the authenticator if there is one', () => {
    const subkey = EncryptionKey.generate(17, random);
    const value = { enctype: 17, value: subkey.bytes() };
    const request = tgsRequest(granting, { authenticator: { subkey: value } });
    const { part } = openReply(realm.answer(request), 13, subkey, KeyUsage.tgsRepEncPartSubkey);
    expect(part.serverName).toEqual(HOST);
  });
});

describe('a renewed ticket', () => {
  const renew = { body: { serverName: GRANTING, options: ALL | KdcOption.renew } };
  const brief = logIn(realm, { options: ALL, till: NOW_SECONDS + 60 });

  it('lives as long again', () => {
    const renewed = later(30, () => exchange(realm, brief, renew));
    expect(renewed.part).toMatchObject({
      authTime: NOW_SECONDS,
      startTime: NOW_SECONDS + 30,
      endTime: NOW_SECONDS + 90,
      renewTill: brief.part.renewTill,
    });
    expect(renewed.part.flags & TicketFlag.renewable).not.toBe(0);
  });

  it('is not made of one that has ended', () => {
    expect(() => later(61, () => exchange(realm, brief, renew))).toThrow('KRB_AP_ERR_TKT_EXPIRED');
  });

  it('is not made of one that is not renewable', () => {
    expect(() => exchange(realm, logIn(realm), renew)).toThrow('KDC_ERR_BADOPTION');
  });
});

describe('a forwarded ticket', () => {
  const options = KdcOption.forwarded | KdcOption.forwardable;

  it('is a ticket-granting ticket that says so, and works', () => {
    const addresses = [{ type: 2, address: Uint8Array.of(10, 0, 0, 1) }];
    const body = { serverName: GRANTING, options, addresses };
    const forwarded = exchange(realm, granting, { body });
    expect(forwarded.part.flags & TicketFlag.forwarded).not.toBe(0);
    expect(forwarded.part.addresses).toEqual(addresses);
    const service = opened(exchange(realm, forwarded));
    expect(service.flags & TicketFlag.forwarded).not.toBe(0);
    expect(service.addresses).toEqual(addresses);
  });

  it('is not made of one that is not forwardable', () => {
    const plain = logIn(realm);
    const body = { serverName: GRANTING, options };
    expect(() => exchange(realm, plain, { body })).toThrow('KDC_ERR_BADOPTION');
  });
});

describe('a user-to-user ticket', () => {
  const second = logIn(realm);
  const options = KdcOption.encTktInSkey;

  it('is in the session key of the other user’s ticket', () => {
    const body = { serverName: named('alice'), options, additionalTickets: [second.ticket] };
    const { ticket } = exchange(realm, granting, { body });
    expect(ticket.encPart).not.toHaveProperty('kvno');
    const key = new EncryptionKey(second.part.key.enctype, second.part.key.value);
    const part = decodeEncTicketPart(decryptPart(key, KeyUsage.ticket, ticket.encPart.cipher));
    expect(part.clientName).toEqual(named('alice'));
  });

  it.each([
    ['no ticket', { serverName: named('alice') }, 'KDC_ERR_BADOPTION'],
    [
      'the ticket of another',
      { serverName: HOST, additionalTickets: [second.ticket] },
      'KDC_ERR_SERVER_NOMATCH',
    ],
    [
      'a ticket that grants nothing',
      { serverName: named('alice'), additionalTickets: [exchange(realm, second).ticket] },
      'KRB_AP_ERR_NOT_US',
    ],
  ])('is not made with %s', (_, body, code) => {
    expect(() => exchange(realm, granting, { body: { options, ...body } })).toThrow(code);
  });
});

describe('a refused request', () => {
  it.each([
    ['an unknown service', { serverName: named('host', 'other') }, 'KDC_ERR_S_PRINCIPAL_UNKNOWN'],
    ['a user', { serverName: named('alice') }, 'KDC_ERR_MUST_USE_USER2USER'],
    ['a postdated ticket', { options: KdcOption.postdated }, 'KDC_ERR_CANNOT_POSTDATE'],
    ['validation', { options: KdcOption.validate }, 'KDC_ERR_BADOPTION'],
    ['delegation', { options: KdcOption.constrainedDelegation }, 'KDC_ERR_BADOPTION'],
    ['an end in the past', { till: NOW_SECONDS - 1 }, 'KDC_ERR_NEVER_VALID'],
    ['no known enctype', { enctypes: [99] }, 'KDC_ERR_ETYPE_NOSUPP'],
    ['another realm', { realm: 'OTHER.TEST' }, 'KDC_ERR_WRONG_REALM'],
  ] as const)('asks for %s', (_, body, code) => {
    expect(refusalOf(realm.answer(tgsRequest(granting, { body }))).code).toBe(code);
  });

  it('asks for a ticket of another user', () => {
    const [header] = tgsPaData(tgsRequest(granting));
    const paData = [header!, { type: PaDataType.forUser, value: HELLO }];
    const refusal = refusalOf(realm.answer(tgsRequest(granting, { paData })));
    expect(refusal.code).toBe('KDC_ERR_PADATA_TYPE_NOSUPP');
  });
});

function tgsPaData(request: Uint8Array) {
  return decodeKdcRequest(request).paData;
}
