import { describe, expect, it } from 'vitest';
import { withLegacyEnctypes } from '../../../src/crypto/legacy/index.ts';
import { acquireCredential, createAcceptor, formatPrincipal } from '../../../src/index.ts';
import type { RealmOptions } from '../../../src/testing/index.ts';
import {
  createInitiator,
  createRealm,
  KdcError,
  requestTicket,
  testKeytab,
} from '../../../src/testing/index.ts';
import { NOW, seededRandom } from '../../support/realm-kit.ts';

const FIXED = { clock: () => NOW, random: seededRandom() };
const CLIENT = 'alice@EXAMPLE.TEST';
const SERVICE = 'host/server.example.test';

/** Logs in at a new realm, and at an acceptor that has the realm's keytab. */
async function logIn(options: RealmOptions, client = CLIENT, password = 'alice-password') {
  const realm = createRealm({ services: [SERVICE], ...FIXED, ...options });
  const { crypto } = options;
  const login = { client, password, service: SERVICE, ...FIXED, ...(crypto && { crypto }) };
  const enctypes = options.enctypes ?? [18];
  const ticket = await requestTicket({ kdc: realm.kdc, enctypes, ...login });
  const credential = await acquireCredential({ keytab: realm.keytab });
  const weak = crypto === undefined ? {} : { permittedEnctypes: enctypes };
  const pac = { kdcKey: realm.kdcKey, requireKdcSignatures: true };
  const acceptor = createAcceptor({ credential, ...FIXED, ...weak, ...pac });
  const initiator = createInitiator({ ticket, ...FIXED });
  const result = await acceptor.begin().accept(initiator.begin());
  if (result.status !== 'complete') throw new Error(`not established: ${result.status}`);
  initiator.finish(result.outputToken).dispose();
  return result.context;
}

describe('a realm', () => {
  it('has a user, services and a name if nothing is said', () => {
    const { realm, keytab, userKeytab } = createRealm();
    expect(realm).toBe('EXAMPLE.TEST');
    const names = keytab.entries.map(({ principal }) => formatPrincipal(principal));
    expect([...new Set(names)]).toEqual([
      'host/localhost@EXAMPLE.TEST',
      'HTTP/localhost@EXAMPLE.TEST',
    ]);
    const enctypes = userKeytab('alice').entries.map(({ key }) => key.enctype);
    expect(enctypes).toEqual([18, 17, 20, 19]);
  });

  it('lets a user in with a password', async () => {
    const context = await logIn({});
    expect(String(context.initiator)).toBe(CLIENT);
  });

  it.each([17, 18, 19, 20, 25, 26])('has keys of enctype %i', async (enctype) => {
    const context = await logIn({ enctypes: [enctype] });
    expect(context.ticket).toMatchObject({ enctype, sessionEnctype: enctype });
  });

  it.each([16, 23] as const)('has keys of weak enctype %i on request', async (enctype) => {
    const crypto = withLegacyEnctypes(undefined, [enctype]);
    const context = await logIn({ enctypes: [enctype], crypto });
    expect(context.ticket.enctype).toBe(enctype);
    expect(() => createRealm({ enctypes: [enctype] })).toThrow(/not supported/);
  });

  it('uses a keytab that exists already', async () => {
    const keytab = testKeytab(`${SERVICE}@EXAMPLE.TEST`, { kvno: 7 });
    const context = await logIn({ services: [], keytab });
    expect(context.ticket.kvno).toBe(7);
  });

  it('issues tickets in the newest key of a service', async () => {
    const name = `${SERVICE}@EXAMPLE.TEST`;
    const entries = [1, 3, 2].flatMap((kvno) => testKeytab(name, { kvno }).entries);
    const context = await logIn({ services: [], keytab: { version: 2, entries } });
    expect(context.ticket.kvno).toBe(3);
  });

  it('puts the groups of a user into a PAC', async () => {
    const users = [{ name: 'alice', password: 'alice-password', groups: [512], fullName: 'Alice' }];
    const { pac } = await logIn({ users });
    expect(pac?.logonInfo?.groupIds.map(({ relativeId }) => relativeId)).toContain(512);
  });

  it('knows its users by name', () => {
    const { userKeytab } = createRealm({ users: [{ name: 'bob' }] });
    expect(() => userKeytab('eve')).toThrow(
      new RangeError('name: expected a user of the realm (bob), got eve'),
    );
    expect(() => createRealm({ users: [{ name: 'eve@EVIL.TEST' }] })).toThrow(RangeError);
  });

  it('is a way to its own KDC only', async () => {
    const { kdc } = createRealm();
    await expect(kdc('OTHER.TEST', new Uint8Array())).rejects.toThrow(
      new RangeError('realm: expected EXAMPLE.TEST, got OTHER.TEST'),
    );
    const stopped = AbortSignal.abort(new Error('stopped'));
    await expect(kdc('EXAMPLE.TEST', new Uint8Array(), stopped)).rejects.toThrow('stopped');
  });

  it('repeats itself with the same clock and randomness', async () => {
    const tokens = await Promise.all(
      [1, 1].map(async () => {
        const fixed = { clock: () => NOW, random: seededRandom(5) };
        const { kdc } = createRealm({ ...fixed, services: [SERVICE] });
        const login = { client: CLIENT, password: 'alice-password', service: SERVICE };
        return await requestTicket({ kdc, ...login, clock: () => NOW, random: seededRandom(6) });
      }),
    );
    expect(tokens[0]!.ticket).toEqual(tokens[1]!.ticket);
  });

  it.each(['', 'TWO\nLINES', '{', 'A B'])('refuses the name %j', (realm) => {
    expect(() => createRealm({ realm })).toThrow(RangeError);
  });
});

describe('realms that trust each other', () => {
  const secret = 'shared by both';
  const first = createRealm({ ...FIXED, trusts: { 'OTHER.TEST': secret } });
  const other = createRealm({
    ...FIXED,
    realm: 'OTHER.TEST',
    users: [],
    services: [SERVICE],
    trusts: { 'EXAMPLE.TEST': secret },
  });
  const login = { client: CLIENT, password: 'alice-password', ...FIXED };

  it('accept the users of the other', async () => {
    const service = `${SERVICE}@OTHER.TEST`;
    const kdc = (realm: string, message: Uint8Array) =>
      (realm === 'OTHER.TEST' ? other : first).kdc(realm, message);
    const ticket = await requestTicket({ kdc, ...login, service });
    const credential = await acquireCredential({ keytab: other.keytab });
    const acceptor = createAcceptor({ credential, ...FIXED });
    const result = await acceptor.begin().accept(createInitiator({ ticket, ...FIXED }).begin());
    expect(result.status === 'complete' && String(result.context.initiator)).toBe(CLIENT);
  });

  it('need the same password', async () => {
    const stranger = createRealm({
      ...FIXED,
      realm: 'OTHER.TEST',
      services: [SERVICE],
      trusts: { 'EXAMPLE.TEST': 'another' },
    });
    const kdc = (realm: string, message: Uint8Array) =>
      (realm === 'OTHER.TEST' ? stranger : first).kdc(realm, message);
    const refused = requestTicket({ kdc, ...login, service: `${SERVICE}@OTHER.TEST` });
    await expect(refused).rejects.toMatchObject({ code: 'KRB_AP_ERR_BAD_INTEGRITY' });
    await expect(refused).rejects.toBeInstanceOf(KdcError);
  });
});
