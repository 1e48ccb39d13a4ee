import { describe, expect, it } from 'vitest';
import type { AcceptorOptions, AcceptResult, ClientRealms } from '../../src/index.ts';
import {
  acceptorPolicy,
  ContextFlag,
  GssNameType,
  importSecurityContext,
  KerberosError,
  parseKerberosConfig,
  TicketFlag,
} from '../../src/index.ts';
import type { ExchangeOptions } from '../support/realm-kit.ts';
import { makeKeytab, makeParties } from '../support/realm-kit.ts';

async function attempt(options: ExchangeOptions): Promise<AcceptResult> {
  const { begin, initiator } = await makeParties(options);
  return begin().accept(initiator.begin());
}

/** `complete`, or the code of the refusal. */
function outcomeOf(result: AcceptResult): string {
  if (result.status !== 'failed') return result.status;
  expect(result.error.code).toBe('GSS_S_FAILURE');
  return result.error.minor?.code ?? 'none';
}

const A = 'HTTP/www.example.test@TENANT-A.TEST';
const B = 'HTTP/www.example.test@TENANT-B.TEST';

describe('anonymous clients (RFC 8062)', () => {
  const flag = TicketFlag.anonymous;
  const OWN_REALM = 'WELLKNOWN/ANONYMOUS@EXAMPLE.TEST';
  const NO_REALM = 'WELLKNOWN/ANONYMOUS@WELLKNOWN:ANONYMOUS';

  it.each([
    [OWN_REALM, flag, 'KDC_ERR_POLICY', 'complete'],
    [NO_REALM, flag, 'KDC_ERR_POLICY', 'complete'],
    // The anonymous name is enough, without the flag.
    [OWN_REALM, 0, 'KDC_ERR_POLICY', 'complete'],
    [NO_REALM, 0, 'KDC_ERR_POLICY', 'complete'],
    // Contradictions: the flag or the anonymous realm with another name.
    ['alice@EXAMPLE.TEST', flag, 'KRB_AP_ERR_BADMATCH', 'KRB_AP_ERR_BADMATCH'],
    ['alice@WELLKNOWN:ANONYMOUS', 0, 'KRB_AP_ERR_BADMATCH', 'KRB_AP_ERR_BADMATCH'],
    ['alice@WELLKNOWN:ANONYMOUS', flag, 'KRB_AP_ERR_BADMATCH', 'KRB_AP_ERR_BADMATCH'],
    ['WELLKNOWN/ANONYMOUS/x@EXAMPLE.TEST', flag, 'KRB_AP_ERR_BADMATCH', 'KRB_AP_ERR_BADMATCH'],
    // Similar names are ordinary clients.
    ['WELLKNOWN/FEDERATED@EXAMPLE.TEST', 0, 'complete', 'complete'],
    ['ANONYMOUS@EXAMPLE.TEST', 0, 'complete', 'complete'],
  ])('%s, ticket flags %i: %s, and if they are allowed %s', async (client, flags, no, yes) => {
    const ticket = { client, flags };
    expect(outcomeOf(await attempt({ ticket }))).toBe(no);
    expect(outcomeOf(await attempt({ ticket, acceptor: { allowAnonymous: false } }))).toBe(no);
    expect(outcomeOf(await attempt({ ticket, acceptor: { allowAnonymous: true } }))).toBe(yes);
  });

  it('are recognisable by the context flag and the type of name, also after an export', async () => {
    for (const [client, anonymous] of [
      [OWN_REALM, true],
      [NO_REALM, true],
      ['alice@EXAMPLE.TEST', false],
    ] as const) {
      const result = await attempt({
        ticket: { client, flags: anonymous ? flag : 0 },
        acceptor: { allowAnonymous: true },
      });
      if (result.status !== 'complete') throw new Error('not complete');
      const moved = importSecurityContext(result.context.export());
      for (const { flags, initiator } of [result.context, moved]) {
        expect((flags & ContextFlag.anonymous) !== 0).toBe(anonymous);
        expect(initiator.type === GssNameType.anonymous).toBe(anonymous);
      }
    }
  });

  it('are not made by an initiator that sets the anonymous flag', async () => {
    const result = await attempt({ initiator: { flags: ContextFlag.anonymous } });
    if (result.status !== 'complete') throw new Error('not complete');
    expect(result.context.flags & ContextFlag.anonymous).toBe(0);
  });

  it('are refused with a hint that names the option', async () => {
    const result = await attempt({ ticket: { client: NO_REALM, flags: flag } });
    if (result.status !== 'failed') throw new Error('not failed');
    expect(result.error.minor?.message).toBe('Anonymous clients are not accepted');
    expect(result.error.minor?.hint).toContain('allowAnonymous');
  });
});

describe('clientRealms', () => {
  const outcome = async (client: string, clientRealms?: ClientRealms): Promise<string> =>
    outcomeOf(
      await attempt({ ticket: { client }, acceptor: clientRealms ? { clientRealms } : {} }),
    );

  it('absent admits clients of any realm that the KDC vouches for', async () => {
    for (const client of ['alice@EXAMPLE.TEST', 'alice@CHILD.EXAMPLE.TEST', 'alice@PARTNER.TEST']) {
      expect(await outcome(client), client).toBe('complete');
    }
  });

  it('as a list admits exactly these realms, case-sensitively', async () => {
    const list = ['EXAMPLE.TEST', 'PARTNER.TEST'];
    for (const [client, expected] of [
      ['alice@EXAMPLE.TEST', 'complete'],
      ['alice@PARTNER.TEST', 'complete'],
      ['alice@partner.test', 'KDC_ERR_POLICY'],
      ['alice@OTHER.TEST', 'KDC_ERR_POLICY'],
      ['alice@SUB.EXAMPLE.TEST', 'KDC_ERR_POLICY'],
    ] as const) {
      expect(await outcome(client, list), client).toBe(expected);
    }
    // The service's own realm is not an exception.
    expect(await outcome('alice@EXAMPLE.TEST', ['PARTNER.TEST'])).toBe('KDC_ERR_POLICY');
  });

  it('is copied, so that later additions have no effect', async () => {
    const clientRealms = ['EXAMPLE.TEST'];
    const { begin, initiator } = await makeParties({
      ticket: { client: 'alice@PARTNER.TEST' },
      acceptor: { clientRealms },
    });
    clientRealms.push('PARTNER.TEST');
    expect(outcomeOf(await begin().accept(initiator.begin()))).toBe('KDC_ERR_POLICY');
  });

  it('as a function is called with the realms of client and service', async () => {
    const asked: string[][] = [];
    const clientRealms = (...realms: string[]) => asked.push(realms) > 0;
    expect(await outcome('alice@PARTNER.TEST', clientRealms)).toBe('complete');
    expect(await outcome('alice@EXAMPLE.TEST', clientRealms)).toBe('complete');
    expect(asked).toEqual([
      ['PARTNER.TEST', 'EXAMPLE.TEST'],
      ['EXAMPLE.TEST', 'EXAMPLE.TEST'],
    ]);
  });

  it.each<[string, () => unknown, string]>([
    ['false', () => false, 'KDC_ERR_POLICY'],
    ['nothing', () => undefined, 'KDC_ERR_POLICY'],
    ['1', () => 1, 'KDC_ERR_POLICY'],
    ['text', () => 'true', 'KDC_ERR_POLICY'],
    ['NaN', () => Number.NaN, 'KDC_ERR_POLICY'],
    ['a promise', () => Promise.resolve(true), 'KDC_ERR_POLICY'],
    ['a rejected promise', () => Promise.reject(new Error('no')), 'KDC_ERR_POLICY'],
    [
      'an error',
      () => {
        throw new Error('no');
      },
      'KDC_ERR_POLICY',
    ],
    [
      'an error of its own code',
      () => {
        throw new KerberosError('KRB_AP_PATH_NOT_ACCEPTED', { reason: 'fault.program' });
      },
      'KRB_AP_PATH_NOT_ACCEPTED',
    ],
  ])('as a function that answers %s admits no client', async (_, answer, expected) => {
    const clientRealms = answer as () => boolean;
    const result = await attempt({ acceptor: { clientRealms } });
    expect(outcomeOf(result)).toBe(expected);
    if (result.status !== 'failed' || expected !== 'KDC_ERR_POLICY') return;
    expect(result.error.minor?.hint).toContain('clientRealms');
    expect(result.error.minor?.message).toBe('Clients of realm EXAMPLE.TEST are not accepted');
  });

  it.each<[string, unknown]>([
    ['an empty list', []],
    ['a pattern', ['EXAMPLE.TEST', '*']],
    ['a pattern in a name', ['*.EXAMPLE.TEST']],
    ['an empty realm', ['']],
    ['a realm that is not set', ['EXAMPLE.TEST', undefined]],
    ['a single realm', 'EXAMPLE.TEST'],
    ['an async function', async () => true],
    ['nothing', undefined],
    ['a set', new Set(['EXAMPLE.TEST'])],
  ])('is refused as an option if it is %s', async (_, clientRealms) => {
    const acceptor = { clientRealms } as Partial<AcceptorOptions>;
    await expect(makeParties({ acceptor })).rejects.toThrow(/^clientRealms: expected/);
  });

  it('must list the anonymous realm to admit clients that hide their realm', async () => {
    const ticket = { client: 'WELLKNOWN/ANONYMOUS@WELLKNOWN:ANONYMOUS' };
    for (const [realms, expected] of [
      [['EXAMPLE.TEST'], 'KDC_ERR_POLICY'],
      [['EXAMPLE.TEST', 'WELLKNOWN:ANONYMOUS'], 'complete'],
    ] as const) {
      const acceptor = { allowAnonymous: true, clientRealms: realms };
      expect(outcomeOf(await attempt({ ticket, acceptor }))).toBe(expected);
    }
  });
});

describe('a keytab of two realms', () => {
  const keytab = makeKeytab({ principal: A, seed: 11 }, { principal: B, seed: 12 });
  const PAC = {
    logonInfo: {
      logonDomainName: 'TENANT-A',
      logonDomainId: 'S-1-5-21-1-2-3',
      userId: 500,
      groupIds: [{ relativeId: 512, attributes: 7 }],
    },
  };

  const present = (
    client: string,
    service: string,
    acceptor: Partial<AcceptorOptions> = {},
    more: ExchangeOptions = {},
  ) => attempt({ keytab, ticket: { client, service, pac: PAC }, acceptor, ...more });

  it.each<[string, Partial<AcceptorOptions>]>([
    ['by default', {}],
    ['with a PAC required', { pacPolicy: 'required' }],
    ['with both in clientRealms', { clientRealms: ['TENANT-A.TEST', 'TENANT-B.TEST'] }],
    [
      'with [capaths] between them',
      acceptorPolicy(
        parseKerberosConfig('[capaths]\n TENANT-A.TEST = {\n  TENANT-B.TEST = HUB.TEST\n }\n'),
      ),
    ],
  ])('does not let one realm vouch for clients of the other, %s', async (_, acceptor) => {
    for (const [client, service, expected] of [
      ['administrator@TENANT-A.TEST', A, 'complete'],
      ['administrator@TENANT-B.TEST', B, 'complete'],
      ['administrator@TENANT-A.TEST', B, 'KRB_AP_ERR_ILL_CR_TKT'],
      ['administrator@TENANT-B.TEST', A, 'KRB_AP_ERR_ILL_CR_TKT'],
    ] as const) {
      const result = await present(client, service, acceptor);
      expect(outcomeOf(result), `${client} with the key of ${service}`).toBe(expected);
    }
  });

  it('ignores the flag TRANSITED-POLICY-CHECKED of the other KDC', async () => {
    const ticket = {
      client: 'administrator@TENANT-A.TEST',
      service: B,
      flags: TicketFlag.transitedPolicyChecked,
    };
    const result = await attempt({ keytab, ticket });
    expect(outcomeOf(result)).toBe('KRB_AP_ERR_ILL_CR_TKT');
    if (result.status !== 'failed') return;
    expect(result.error.minor?.hint).toMatch(/TENANT-A\.TEST.*TENANT-B\.TEST.*clientRealms/);
  });

  it('lets each realm vouch for third realms', async () => {
    expect(outcomeOf(await present('alice@PARTNER.TEST', A))).toBe('complete');
  });

  it('lets one realm vouch for the other if a function allows it', async () => {
    const clientRealms = (client: string, service: string) =>
      client === service || (client === 'TENANT-A.TEST' && service === 'TENANT-B.TEST');
    const ask = async (client: string, service: string) =>
      outcomeOf(await present(client, service, { clientRealms }));
    expect(await ask('alice@TENANT-A.TEST', B)).toBe('complete');
    expect(await ask('alice@TENANT-B.TEST', A)).toBe('KDC_ERR_POLICY');
  });

  it('counts as one realm if the credential accepts a service of one realm only', async () => {
    for (const [service, expected] of [
      [B, 'complete'],
      ['HTTP@www.example.test', 'KRB_AP_ERR_ILL_CR_TKT'],
      ['*', 'KRB_AP_ERR_ILL_CR_TKT'],
    ] as const) {
      const result = await present('alice@TENANT-A.TEST', B, {}, { service });
      expect(outcomeOf(result), service).toBe(expected);
    }
  });
});

describe('the transited field of a ticket', () => {
  const bytes = (text: string) => new TextEncoder().encode(text);
  const CHECKED = TicketFlag.transitedPolicyChecked;

  it.each([
    [1, '', 0, 'complete'],
    // Active Directory.
    [0, '', 0, 'complete'],
    [0, 'B.TEST', 0, 'KRB_AP_ERR_ILL_CR_TKT'],
    [2, '', 0, 'KRB_AP_ERR_ILL_CR_TKT'],
    [2, 'B.TEST', 0, 'KRB_AP_ERR_ILL_CR_TKT'],
    [-1, '', 0, 'KRB_AP_ERR_ILL_CR_TKT'],
    // RFC 4120 §5.3: the KDC has checked it, so it need not be understood here.
    [2, 'B.TEST', CHECKED, 'complete'],
    [0, 'B.TEST', CHECKED, 'complete'],
  ])('of type %i with %j and flags %i: %s', async (type, contents, flags, expected) => {
    for (const client of ['alice@EXAMPLE.TEST', 'alice@OTHER.TEST']) {
      const ticket = { client, flags, transited: { type, contents: bytes(contents) } };
      const acceptor = { checkTransited: () => true };
      expect(outcomeOf(await attempt({ ticket, acceptor })), client).toBe(expected);
    }
  });

  it('is checked if it is empty and the realms differ', async () => {
    const asked: unknown[][] = [];
    const checkTransited = (...question: unknown[]) => asked.push(question) > 0;
    for (const client of ['alice@EXAMPLE.TEST', 'alice@OTHER.TEST']) {
      await attempt({ ticket: { client }, acceptor: { checkTransited } });
    }
    expect(asked).toEqual([[new Uint8Array(), 'OTHER.TEST', 'EXAMPLE.TEST']]);
  });

  it('must agree with [capaths] even if it is empty, unless the KDC has checked it', async () => {
    const policy = (between: string) =>
      acceptorPolicy(
        parseKerberosConfig(`[capaths]\n OTHER.TEST = {\n  EXAMPLE.TEST = ${between}\n }\n`),
      );
    for (const [between, contents, flags, expected] of [
      ['.', '', 0, 'complete'],
      ['HUB.TEST', '', 0, 'KRB_AP_ERR_ILL_CR_TKT'],
      ['HUB.TEST', 'HUB.TEST', 0, 'complete'],
      ['HUB.TEST', '', CHECKED, 'complete'],
    ] as const) {
      const result = await attempt({
        ticket: {
          client: 'alice@OTHER.TEST',
          flags,
          transited: { type: 1, contents: bytes(contents) },
        },
        acceptor: policy(between),
      });
      expect(outcomeOf(result), `${between} ${contents}`).toBe(expected);
    }
  });
});
