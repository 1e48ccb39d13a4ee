import { describe, expect, it } from 'vitest';
import { decryptPart } from '../../../src/ap/encrypted-part.ts';
import { EncryptionKey } from '../../../src/crypto/default-crypto.ts';
import {
  decodeEtypeInfo2,
  decodeMethodData,
  encodePacRequest,
  PaDataType,
} from '../../../src/messages/kdc/pa-data.ts';
import { KdcOption } from '../../../src/messages/kdc/request.ts';
import { decodeKrbError } from '../../../src/messages/krb-error.ts';
import { NameType } from '../../../src/messages/principal.ts';
import { decodeEncTicketPart, TicketFlag } from '../../../src/messages/ticket.ts';
import type { KdcError } from '../../../src/testing/index.ts';
import { NOW_SECONDS } from '../../support/realm-kit.ts';
import {
  asRequest,
  GRANTING,
  HOST,
  keyOf,
  logIn,
  makeRealm,
  named,
  REALM,
  refusalOf,
  timestamp,
} from './requests.ts';

const { realm } = makeRealm();

/** What a KDC answers in METHOD-DATA. */
function methodsOf({ data }: KdcError) {
  const methods = decodeMethodData(data!);
  const info = methods.find(({ type }) => type === PaDataType.etypeInfo2)!;
  return { types: methods.map(({ type }) => type), entries: decodeEtypeInfo2(info.value) };
}

describe('pre-authentication', () => {
  it('is required, and the refusal says how to derive the key', () => {
    const refusal = refusalOf(realm.answer(asRequest(realm, { enctypes: [17, 99, 18] }, [])));
    expect(refusal.code).toBe('KDC_ERR_PREAUTH_REQUIRED');
    const salt = 'EXAMPLE.TESTalice';
    expect(methodsOf(refusal)).toEqual({
      types: [PaDataType.etypeInfo2, PaDataType.encTimestamp],
      entries: [
        { enctype: 17, salt },
        { enctype: 18, salt },
      ],
    });
  });

  it('fails with another password', () => {
    const wrong = EncryptionKey.fromPassword(18, 'wrong', 'EXAMPLE.TESTalice');
    const refusal = refusalOf(realm.answer(asRequest(realm, {}, [timestamp(wrong)])));
    expect(refusal.code).toBe('KDC_ERR_PREAUTH_FAILED');
    expect(methodsOf(refusal).entries).toHaveLength(2);
  });

  it.each([-301, 301])('fails with a clock that is %i seconds off', (offset) => {
    const proof = timestamp(keyOf(realm), NOW_SECONDS + offset);
    expect(refusalOf(realm.answer(asRequest(realm, {}, [proof]))).code).toBe('KRB_AP_ERR_SKEW');
  });

  it.each([-300, 300])('tolerates a clock that is %i seconds off', (offset) => {
    const { part } = logIn(realm, {}, [timestamp(keyOf(realm), NOW_SECONDS + offset)]);
    expect(part.authTime).toBe(NOW_SECONDS);
  });

  it('fails with an enctype that the user has no key of', () => {
    const key = EncryptionKey.fromPassword(26, 'alice-password', 'EXAMPLE.TESTalice');
    const refusal = refusalOf(realm.answer(asRequest(realm, {}, [timestamp(key)])));
    expect(refusal.code).toBe('KDC_ERR_ETYPE_NOSUPP');
  });

  it('works with the keys of a keytab', () => {
    const { realm: other } = makeRealm({ users: [{ name: 'alice' }] });
    expect(logIn(other).reply.clientName).toEqual({ nameType: 1, components: ['alice'] });
  });
});

describe('a ticket-granting ticket', () => {
  it('has the times and flags of the request', () => {
    const options = KdcOption.forwardable | KdcOption.proxiable | KdcOption.renewable;
    const { part } = logIn(realm, { options, till: NOW_SECONDS + 600 });
    expect(part).toMatchObject({
      nonce: 42,
      realm: REALM,
      serverName: GRANTING,
      authTime: NOW_SECONDS,
      startTime: NOW_SECONDS,
      endTime: NOW_SECONDS + 600,
      renewTill: NOW_SECONDS + 604_800,
      flags:
        TicketFlag.forwardable |
        TicketFlag.proxiable |
        TicketFlag.renewable |
        TicketFlag.initial |
        TicketFlag.preAuthent,
    });
  });

  it('lives as long as the realm allows', () => {
    const { realm: brief } = makeRealm({ ticketLifetime: 60, renewableLifetime: 120 });
    const long = NOW_SECONDS + 100_000;
    const { part } = logIn(brief, { options: KdcOption.renewable, till: long, renewTill: long });
    expect(part.endTime - part.startTime!).toBe(60);
    expect(part.renewTill! - part.startTime!).toBe(120);
    expect(logIn(brief).part).not.toHaveProperty('renewTill');
  });

  it('is renewable in place of a longer one, if the client agrees', () => {
    const { realm: brief } = makeRealm({ ticketLifetime: 60 });
    const options = KdcOption.renewableOk;
    const { part } = logIn(brief, { options, till: NOW_SECONDS + 600 });
    expect(part.renewTill).toBe(NOW_SECONDS + 600);
    expect(logIn(brief, { options, till: NOW_SECONDS + 30 }).part).not.toHaveProperty('renewTill');
  });

  it('names the salt and enctype of the reply', () => {
    const { reply } = logIn(realm);
    expect(decodeEtypeInfo2(reply.paData[0]!.value)).toEqual([
      { enctype: 18, salt: 'EXAMPLE.TESTalice' },
    ]);
    expect(reply.encPart).toMatchObject({ enctype: 18, kvno: 1 });
  });

  it('has the addresses of the request', () => {
    const addresses = [{ type: 2, address: Uint8Array.of(127, 0, 0, 1) }];
    expect(logIn(realm, { addresses }).part.addresses).toEqual(addresses);
  });

  it.each([true, false])('has a PAC unless the client declines it: %s', (include) => {
    const request = { type: PaDataType.pacRequest, value: encodePacRequest(include) };
    const { ticket } = logIn(realm, {}, [request, timestamp(keyOf(realm))]);
    const part = decodeEncTicketPart(decryptPart(realm.kdcKey, 2, ticket.encPart.cipher));
    expect(part.authorizationData?.length ?? 0).toBe(include ? 1 : 0);
  });
});

describe('a name', () => {
  const users = [{ name: 'alice', password: 'alice-password', userPrincipalName: 'Liddell@x.org' }];
  const { realm: directory } = makeRealm({ users });

  it.each(['alice', 'alice@example.test', 'Alice@EXAMPLE.TEST', 'liddell@X.org'])(
    'may be an enterprise name: %s',
    (name) => {
      const clientName = { nameType: NameType.enterprise, components: [name] };
      const { reply } = logIn(directory, { clientName, options: KdcOption.canonicalize });
      expect(reply.clientName.components).toEqual(['alice']);
    },
  );

  it.each([
    ['another user', { clientName: named('eve') }, 'KDC_ERR_C_PRINCIPAL_UNKNOWN'],
    [
      'another enterprise name',
      { clientName: { nameType: NameType.enterprise, components: ['eve@x.org'] } },
      'KDC_ERR_C_PRINCIPAL_UNKNOWN',
    ],
    ['another service', { serverName: named('host', 'other') }, 'KDC_ERR_S_PRINCIPAL_UNKNOWN'],
    ['a user as a service', { serverName: named('alice') }, 'KDC_ERR_MUST_USE_USER2USER'],
    ['another realm', { realm: 'OTHER.TEST' }, 'KDC_ERR_WRONG_REALM'],
  ] as const)('is refused: %s', (_, body, code) => {
    expect(refusalOf(directory.answer(asRequest(directory, body))).code).toBe(code);
  });

  it('of a service gives a ticket without ticket granting', () => {
    const { part, ticket } = logIn(realm, { serverName: HOST });
    expect(part.serverName).toEqual(HOST);
    const key = realm.keytab.entries[0]!.key;
    expect(decodeEncTicketPart(decryptPart(key, 2, ticket.encPart.cipher)).flags).toBe(part.flags);
  });
});

describe('a refused request', () => {
  it.each([
    ['a postdated ticket', { options: KdcOption.postdated }, 'KDC_ERR_CANNOT_POSTDATE'],
    ['a postdatable ticket', { options: KdcOption.allowPostdate }, 'KDC_ERR_CANNOT_POSTDATE'],
    ['a renewal', { options: KdcOption.renew }, 'KDC_ERR_BADOPTION'],
    ['a forwarded ticket', { options: KdcOption.forwarded }, 'KDC_ERR_BADOPTION'],
    ['an anonymous ticket', { options: KdcOption.anonymous }, 'KDC_ERR_BADOPTION'],
    ['an end in the past', { till: NOW_SECONDS - 1 }, 'KDC_ERR_NEVER_VALID'],
    ['no known enctype', { enctypes: [99] }, 'KDC_ERR_ETYPE_NOSUPP'],
    ['no enctype', { enctypes: [] }, 'KDC_ERR_ETYPE_NOSUPP'],
  ] as const)('asks for %s', (_, body, code) => {
    expect(refusalOf(realm.answer(asRequest(realm, body))).code).toBe(code);
  });

  it('is answered with its names', () => {
    const answer = decodeKrbError(realm.answer(asRequest(realm, { enctypes: [] })));
    expect(answer).toMatchObject({
      stime: NOW_SECONDS,
      susec: 250_000,
      errorCode: 14,
      clientRealm: REALM,
      clientName: named('alice'),
      realm: REALM,
      serverName: GRANTING,
    });
  });
});
