import { describe, expect, it } from 'vitest';
import { nameAttributes } from '../../src/context/context-facts.ts';
import { EncryptionKey, importSecurityContext } from '../../src/index.ts';
import type { AuthorizationData } from '../../src/messages/authorization-data.ts';
import {
  AuthorizationDataType,
  encodeAuthorizationData,
} from '../../src/messages/authorization-data.ts';
import type { PacContents } from '../../src/testing/index.ts';
import { createInitiator } from '../../src/testing/index.ts';
import { encodeAuthenticationIndicator, encodeCammac } from '../support/encoders.ts';
import type { ExchangeOptions } from '../support/realm-kit.ts';
import { establish, makeKeytab, makeParties, NOW, seededRandom } from '../support/realm-kit.ts';

const DOMAIN = 'S-1-5-21-1-2-3';
const PAC: PacContents = {
  logonInfo: {
    effectiveName: 'alice',
    logonDomainName: 'EXAMPLE',
    logonDomainId: DOMAIN,
    userId: 1104,
    primaryGroupId: 513,
    groups: [{ relativeId: 513, attributes: 7 }],
    extraSids: [{ sid: 'S-1-18-1', attributes: 7 }],
  } as never,
};

async function attempt(options: ExchangeOptions) {
  const { initiator, begin } = await makeParties(options);
  return begin().accept(initiator.begin());
}

/** The result for a ticket whose PAC was altered. */
async function withBrokenPac(options: ExchangeOptions = {}) {
  const good = await establish({ ticket: { pac: PAC } });
  const data = good.server.authorizationData[0]!.data.slice();
  data[200]! ^= 1;
  return attempt({
    ...options,
    ticket: { authorizationData: [{ type: AuthorizationDataType.ifRelevant, data }] },
  });
}

describe('the PAC of a context', () => {
  for (const enctype of [17, 18, 19, 20]) {
    it(`is verified with the ticket's key of enctype ${enctype}, and moves with the context`, async () => {
      const { server } = await establish({
        keytab: makeKeytab({ enctype }),
        ticket: { pac: PAC },
      });
      expect(server.pac?.samAccountName).toBe('alice');
      expect(server.pac?.userSid).toBe(`${DOMAIN}-1104`);
      expect(server.pac?.groupSids).toEqual([`${DOMAIN}-513`, 'S-1-18-1']);
      const before = JSON.stringify(server.pac);
      const moved = importSecurityContext(server.export());
      expect(JSON.stringify(moved.pac)).toBe(before);
    });
  }

  it('moves with the context from inside nested AD-IF-RELEVANT', async () => {
    const good = await establish({ ticket: { pac: PAC } });
    const type = AuthorizationDataType.ifRelevant;
    const data = encodeAuthorizationData([{ type, data: good.server.authorizationData[0]!.data }]);
    const { server } = await establish({ ticket: { authorizationData: [{ type, data }] } });
    expect(server.pac?.samAccountName).toBe('alice');
    expect(importSecurityContext(server.export()).pac?.samAccountName).toBe('alice');
  });

  it('is not affected by changes of the bytes that were handed out, also after export', async () => {
    const { server } = await establish({ ticket: { pac: PAC } });
    for (const { data } of server.authorizationData) data.fill(0xff);
    server.pac?.bytes().fill(0xff);
    expect(server.pac?.groupSids).toEqual([`${DOMAIN}-513`, 'S-1-18-1']);
    const moved = importSecurityContext(server.export());
    for (const { data } of moved.authorizationData) data.fill(0xff);
    expect(moved.pac?.groupSids).toEqual([`${DOMAIN}-513`, 'S-1-18-1']);
    expect(importSecurityContext(moved.export()).pac?.samAccountName).toBe('alice');
  });

  it('is absent if the ticket has none or the policy is off', async () => {
    const none = await establish();
    expect(none.server.pac).toBeUndefined();
    expect(none.server.pacError).toBeUndefined();
    const off = await establish({ ticket: { pac: PAC }, acceptor: { pacPolicy: 'off' } });
    expect(off.server.pac).toBeUndefined();
  });

  it('is never shown if it does not verify', async () => {
    const result = await withBrokenPac();
    if (result.status !== 'complete') throw new Error('not complete');
    expect(result.context.pac).toBeUndefined();
    expect(['KRB_AP_ERR_MODIFIED', 'KRB_AP_ERR_BADMATCH', 'KRB5_PARSE_MALFORMED']).toContain(
      result.context.pacError?.code,
    );
    const moved = importSecurityContext(result.context.export());
    expect(moved.pac).toBeUndefined();
  });

  it('may be required', async () => {
    const acceptor = { pacPolicy: 'required' } as const;
    expect((await attempt({ acceptor, ticket: { pac: PAC } })).status).toBe('complete');
    for (const result of [await attempt({ acceptor }), await withBrokenPac({ acceptor })]) {
      if (result.status !== 'failed') throw new Error('accepted');
      expect(result.error.code).toBe('GSS_S_FAILURE');
    }
    expect(await attempt({ acceptor })).toMatchObject({
      error: {
        minor: { code: 'KRB_AP_ERR_MODIFIED', message: 'Ticket has no PAC, and one is required' },
      },
    });
  });

  it('is an attribute of the name too, as a whole and in parts', async () => {
    const withPac = await attempt({ ticket: { pac: PAC } });
    if (withPac.status !== 'complete') throw new Error('not complete');
    const { context } = withPac;
    const attributes = nameAttributes(context);
    expect(attributes.get('urn:mspac:')).toEqual([context.pac!.bytes()]);
    const names = [...attributes.keys()];
    for (const name of ['logon-info', 'client-info', 'server-checksum', 'privsvr-checksum']) {
      expect(names).toContain(`urn:mspac:${name}`);
    }
    expect(attributes.get('urn:mspac:logon-info')).toEqual([context.pac!.buffer(1)]);
    expect(attributes.get('urn:mspac:server-checksum')).toEqual([context.pac!.buffer(6)]);
    const without = await attempt({});
    if (without.status !== 'complete') throw new Error('not complete');
    expect(nameAttributes(without.context).size).toBe(0);
  });

  it('has the signatures of the KDC verified if its key is known, and is refused if they are wrong', async () => {
    const [kdcKey, otherKey] = [1, 2].map((seed) => EncryptionKey.generate(18, seededRandom(seed)));
    const options = { ticket: { pac: PAC, kdcKey: kdcKey! } };
    const unknown = await establish(options);
    expect(unknown.server.pac?.signatures).toEqual({
      server: 'verified',
      kdc: 'unverified',
      ticket: 'unverified',
      full: 'unverified',
    });
    const all = { server: 'verified', kdc: 'verified', ticket: 'verified', full: 'verified' };
    const { begin, ticket } = await makeParties({ ...options, acceptor: { kdcKey: kdcKey! } });
    for (let time = 0; time < 4; time++) {
      const initiator = createInitiator({
        ticket,
        clock: () => NOW,
        random: seededRandom(time + 5),
      });
      const result = await begin().accept(initiator.begin());
      if (result.status !== 'complete') throw new Error('not complete');
      expect(result.context.pac?.signatures).toEqual(all);
      const moved = importSecurityContext(result.context.export());
      expect(moved.pac?.signatures).toEqual(all);
    }
    const forged = await attempt({
      ...options,
      acceptor: { kdcKey: otherKey!, pacPolicy: 'required' },
    });
    expect(forged).toMatchObject({ error: { minor: { code: 'KRB_AP_ERR_MODIFIED' } } });
  });

  it('ignores UPN info about another account', async () => {
    for (const [sid, upn] of [
      [`${DOMAIN}-1104`, 'alice@example.test'],
      [`${DOMAIN}-500`, undefined],
    ] as const) {
      const upnDnsInfo = {
        upn: 'alice@example.test',
        dnsDomainName: 'EXAMPLE.TEST',
        constructed: false,
        samName: 'alice',
        sid,
      };
      const { server } = await establish({ ticket: { pac: { ...PAC, upnDnsInfo } } });
      expect(server.pac?.upn).toBe(upn);
      expect(server.pac?.userSid).toBe(`${DOMAIN}-1104`);
      expect(server.pac?.malformed.map(({ type }) => type)).toEqual(upn ? [] : [12]);
    }
  });

  it('of an authenticator is ignored', async () => {
    const good = await establish({ ticket: { pac: PAC } });
    const { server } = await establish({
      initiator: { authenticator: { authorizationData: good.server.authorizationData } },
    });
    expect(server.pac).toBeUndefined();
    expect(server.pacError).toBeUndefined();
  });
});

describe('authentication indicators', () => {
  const elements = [
    {
      type: AuthorizationDataType.authenticationIndicator,
      data: encodeAuthenticationIndicator(['otp', 'hardened']),
    },
  ];

  it('count only if the service’s verifier is valid', async () => {
    const keytab = makeKeytab();
    const { key } = keytab.entries[0]!;
    const signed = encodeAuthorizationData(elements);
    const good = key.checksum(64, signed);
    const bad = good.with(0, good[0]! ^ 1);
    const verifiers: [object, string[]][] = [
      [
        { serviceVerifier: { mac: { type: key.checksumType, checksum: good } } },
        ['otp', 'hardened'],
      ],
      [{ serviceVerifier: { mac: { type: key.checksumType, checksum: bad } } }, []],
      [{ serviceVerifier: { mac: { type: 1, checksum: good } } }, []],
      [{ kdcVerifier: { mac: { type: key.checksumType, checksum: good } } }, []],
      [{}, []],
    ];
    for (const [verifier, expected] of verifiers) {
      const cammac = encodeCammac({ elements, ...verifier });
      const data = encodeAuthorizationData([{ type: AuthorizationDataType.cammac, data: cammac }]);
      for (const authorizationData of [
        [{ type: AuthorizationDataType.ifRelevant, data }],
        [{ type: AuthorizationDataType.cammac, data: cammac }],
      ]) {
        const { server } = await establish({ keytab, ticket: { authorizationData } });
        expect(server.authenticationIndicators).toEqual(expected);
        const moved = importSecurityContext(server.export());
        expect(moved.authenticationIndicators).toEqual(expected);
      }
    }
  });

  it('are found in AD-IF-RELEVANT inside an AD-CAMMAC', async () => {
    const keytab = makeKeytab();
    const { key } = keytab.entries[0]!;
    const nested = [
      { type: AuthorizationDataType.ifRelevant, data: encodeAuthorizationData(elements) },
    ];
    const mac = {
      type: key.checksumType,
      checksum: key.checksum(64, encodeAuthorizationData(nested)),
    };
    const data = encodeCammac({ elements: nested, serviceVerifier: { mac } });
    const authorizationData = [{ type: AuthorizationDataType.cammac, data }];
    const { server } = await establish({ keytab, ticket: { authorizationData } });
    expect(server.authenticationIndicators).toEqual(['otp', 'hardened']);
  });

  it('may share an AD-CAMMAC with unknown elements, unless those are critical', async () => {
    const unknown = { type: 999, data: Uint8Array.of(1) };
    const cammac = {
      type: AuthorizationDataType.cammac,
      data: encodeCammac({ elements: [...elements, unknown] }),
    };
    const wrapped = {
      type: AuthorizationDataType.ifRelevant,
      data: encodeAuthorizationData([cammac]),
    };
    expect((await attempt({ ticket: { authorizationData: [wrapped] } })).status).toBe('complete');
    expect(await attempt({ ticket: { authorizationData: [cammac] } })).toMatchObject({
      status: 'failed',
      error: { minor: { code: 'KRB5_CRITICAL_AUTHDATA' } },
    });
  });

  it('may be in AD-CAMMACs nested up to four deep', async () => {
    for (const [depth, expected] of [
      [4, 'complete'],
      [5, 'failed'],
      [3000, 'failed'],
    ] as const) {
      let nested: AuthorizationData = elements;
      for (let i = 0; i < depth; i++) {
        nested = [{ type: AuthorizationDataType.cammac, data: encodeCammac({ elements: nested }) }];
      }
      const result = await attempt({ ticket: { authorizationData: nested } });
      expect(result.status).toBe(expected);
      if (result.status !== 'failed') continue;
      expect(result.error.minor?.message).toContain('nested too deep');
    }
  });

  it('outside of an AD-CAMMAC are ignored', async () => {
    const { server } = await establish({ ticket: { authorizationData: elements } });
    expect(server.authenticationIndicators).toEqual([]);
  });
});
