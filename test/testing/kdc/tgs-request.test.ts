import { md5 } from '@noble/hashes/legacy.js';
import { describe, expect, it } from 'vitest';
import { EncryptionKey } from '../../../src/crypto/default-crypto.ts';
import { KeyUsage } from '../../../src/crypto/numbers.ts';
import { decodeKdcRequest } from '../../../src/messages/kdc/request.ts';
import { encodeEncTicketPart, TicketFlag } from '../../../src/messages/ticket.ts';
import { mintTicket } from '../../../src/testing/index.ts';
import { NOW, NOW_SECONDS } from '../../support/realm-kit.ts';
import type { Granted } from './requests.ts';
import {
  exchange,
  GRANTING,
  HOST,
  logIn,
  makeRealm,
  named,
  REALM,
  random,
  refusalOf,
  tgsRequest,
} from './requests.ts';

const { realm, time } = makeRealm();
const granting = logIn(realm);

/** A ticket-granting ticket as the KDC's own key can make it. */
function minted(changes: Parameters<typeof encodeEncTicketPart>[0] | object, clientRealm = REALM) {
  const part = encodeEncTicketPart({
    flags: 0,
    key: granting.part.key,
    clientRealm,
    clientName: named('alice'),
    transited: { type: 1, contents: new Uint8Array() },
    authTime: NOW_SECONDS,
    endTime: NOW_SECONDS + 600,
    ...changes,
  });
  const key = realm.kdcKey;
  const cipher = key.encrypt(KeyUsage.ticket, part, random);
  const encPart = { enctype: key.enctype, kvno: 1, cipher };
  const ticket = { realm: REALM, serverName: GRANTING, encPart };
  return { ...granting, ticket, reply: { ...granting.reply, clientRealm } };
}

function codeOf(message: Uint8Array): string | undefined {
  return refusalOf(realm.answer(message)).code;
}

/** The authenticator’s checksum of the body with other bytes. */
function checksumOf(type: number, digest: (body: Uint8Array) => Uint8Array) {
  const { encodedBody } = decodeKdcRequest(tgsRequest(granting));
  return { authenticator: { checksum: { type, checksum: digest(encodedBody) } } };
}

describe('the ticket of a request', () => {
  it('must be there', () => {
    expect(codeOf(tgsRequest(granting, { paData: [] }))).toBe('KDC_ERR_PADATA_TYPE_NOSUPP');
  });

  it('must be for ticket granting', () => {
    expect(codeOf(tgsRequest(exchange(realm, granting)))).toBe('KRB_AP_ERR_NOT_US');
  });

  it('must be in the KDC’s key', () => {
    const { keytab } = realm;
    const { ticket } = mintTicket({ keytab, client: 'alice', clock: () => NOW });
    const forged = { ...ticket, realm: REALM, serverName: GRANTING };
    expect(codeOf(tgsRequest({ ...granting, ticket: forged }))).toBe('KRB_AP_ERR_BAD_INTEGRITY');
  });

  it.each([
    ['has ended', { endTime: NOW_SECONDS }, 'KRB_AP_ERR_TKT_EXPIRED'],
    ['has not begun', { startTime: NOW_SECONDS + 1 }, 'KRB_AP_ERR_TKT_NYV'],
    ['is invalid', { flags: TicketFlag.invalid }, 'KRB_AP_ERR_TKT_NYV'],
  ])('is refused if it %s', (_, changes, code) => {
    expect(codeOf(tgsRequest(minted(changes)))).toBe(code);
    expect(exchange(realm, minted({})).part.serverName).toEqual(HOST);
  });

  it('must be of a client of the realm that issued it', () => {
    expect(codeOf(tgsRequest(minted({}, 'FAR.TEST')))).toBe('KDC_ERR_POLICY');
  });

  it('may be of a user that the realm no longer has', () => {
    const gone = minted({ clientName: named('gone') });
    const reply = { ...gone.reply, clientName: named('gone') };
    expect(exchange(realm, { ...gone, reply }).part.serverName).toEqual(HOST);
  });
});

describe('the authenticator of a request', () => {
  it('must name the client of the ticket', () => {
    const authenticator = { clientName: named('bob') };
    expect(codeOf(tgsRequest(granting, { authenticator }))).toBe('KRB_AP_ERR_BADMATCH');
  });

  it.each([-301, 301])('must be of now: %i seconds', (offset) => {
    const authenticator = { ctime: NOW_SECONDS + offset };
    expect(codeOf(tgsRequest(granting, { authenticator }))).toBe('KRB_AP_ERR_SKEW');
  });

  it('must be in the session key', () => {
    const key = EncryptionKey.generate(18, random);
    const part = { ...granting.part, key: { enctype: 18, value: key.bytes() } };
    const stranger: Granted = { ...granting, part };
    expect(codeOf(tgsRequest(stranger))).toBe('KRB_AP_ERR_BAD_INTEGRITY');
  });
});

describe('the checksum of a request', () => {
  it('may be Java’s, without a key', () => {
    expect(realm.answer(tgsRequest(granting, checksumOf(7, md5)))[0]).toBe(0x6d);
  });

  it.each([
    ['another one', checksumOf(16, (body) => body.slice(0, 12)), 'KRB_AP_ERR_MODIFIED'],
    ['another unkeyed one', checksumOf(7, (body) => body.slice(0, 16)), 'KRB_AP_ERR_MODIFIED'],
    ['one of an unknown type', checksumOf(1, (body) => body), 'KRB_AP_ERR_INAPP_CKSUM'],
  ])('is refused if it is %s', (_, changes, code) => {
    expect(codeOf(tgsRequest(granting, changes))).toBe(code);
  });

  it('must be there', () => {
    const message = tgsRequest(granting, { authenticator: { checksum: undefined as never } });
    expect(codeOf(message)).toBe('KRB_AP_ERR_INAPP_CKSUM');
  });

  it('covers the body', () => {
    const message = tgsRequest(granting);
    const at = message.length - 30;
    for (let bit = 0; bit < 8; bit++) {
      const altered = message.slice();
      altered[at]! ^= 1 << bit;
      expect(realm.answer(altered)[0]).toBe(0x7e);
    }
    expect(time.now).toBe(NOW);
  });
});
