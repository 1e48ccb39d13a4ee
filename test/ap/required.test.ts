import { describe, expect, it } from 'vitest';
import { encodeUtf8 } from '../../src/bytes.ts';
import type { AcceptorOptions, AcceptResult } from '../../src/index.ts';
import { ContextFlag, createAcceptor, EncryptionKey } from '../../src/index.ts';
import type { AuthorizationDataElement } from '../../src/messages/authorization-data.ts';
import {
  AuthorizationDataType,
  encodeAuthorizationData,
} from '../../src/messages/authorization-data.ts';
import { createInitiator } from '../../src/testing/index.ts';
import { encodeAuthenticationIndicator, encodeCammac } from '../support/encoders.ts';
import type { ExchangeOptions } from '../support/realm-kit.ts';
import { makeKeytab, makeParties, NOW, seededRandom } from '../support/realm-kit.ts';

async function attempt(options: ExchangeOptions): Promise<AcceptResult> {
  const { begin, initiator } = await makeParties(options);
  return begin().accept(initiator.begin());
}

function refusalOf(result: AcceptResult): string {
  if (result.status !== 'failed') return result.status;
  const { minor } = result.error;
  return `${minor?.code}: ${minor?.hint ?? minor?.message}`;
}

describe('requiredFlags', () => {
  const { mutual, replay, sequence, confidentiality, integrity, dceStyle } = ContextFlag;

  it.each([
    [0, 0, 'complete'],
    [integrity, integrity, 'complete'],
    [integrity, integrity | mutual | sequence, 'complete'],
    [mutual | integrity, mutual | integrity, 'complete'],
    [integrity, 0, 'KDC_ERR_POLICY: requiredFlags has integrity, which the client did not ask for'],
    [
      mutual | integrity | replay,
      integrity | confidentiality,
      'KDC_ERR_POLICY: requiredFlags has mutual, replay, which the client did not ask for',
    ],
    // MIT krb5: DCE style implies mutual authentication.
    [mutual, dceStyle, 'continue'],
  ])('%i, if the client asks for %i: %s', async (requiredFlags, flags, expected) => {
    const result = await attempt({ initiator: { flags }, acceptor: { requiredFlags } });
    expect(refusalOf(result).split(';')[0]).toBe(expected);
  });

  it('are not satisfied by a checksum other than that of GSS-API, except replay and sequence', async () => {
    for (const [checksum, requiredFlags, expected] of [
      ['none', replay, 'failed'],
      ['none', 0, 'complete'],
      ['over nothing', replay | sequence, 'complete'],
      ['over nothing', integrity, 'failed'],
    ] as const) {
      const { ticket, begin } = await makeParties({ acceptor: { requiredFlags } });
      const overNothing = { type: 16, checksum: ticket.sessionKey.checksum(10, new Uint8Array()) };
      const initiator = createInitiator({
        ticket,
        clock: () => NOW,
        random: seededRandom(5),
        subkeyEnctype: null,
        authenticator: {
          checksum: checksum === 'none' ? undefined : overNothing,
        } as object,
      });
      const result = await begin().accept(initiator.begin());
      expect(result.status, `${checksum} ${requiredFlags}`).toBe(expected);
    }
  });

  it('are reported in a KRB-ERROR to a client that waits for an answer', async () => {
    const acceptor = { requiredFlags: ContextFlag.integrity };
    const waits = await attempt({ initiator: { flags: mutual }, acceptor });
    const doesNot = await attempt({ initiator: { flags: 0 }, acceptor });
    expect(waits.outputToken).toBeDefined();
    expect(doesNot.outputToken).toBeUndefined();
  });

  it.each<[unknown]>([
    [undefined],
    [null],
    [Number.NaN],
    [-1],
    [1.5],
    ['integrity'],
    [['integrity']],
    [2 ** 32],
    [2 ** 32 + 2],
    [ContextFlag.delegation],
    [ContextFlag.channelBound],
    [ContextFlag.anonymous],
    [Promise.resolve(2)],
  ])('are refused as an option if an initiator cannot ask for them: %s', async (requiredFlags) => {
    const acceptor = { requiredFlags } as Partial<AcceptorOptions>;
    await expect(makeParties({ acceptor })).rejects.toThrow(/^requiredFlags: expected/);
  });
});

describe('requiredIndicators', () => {
  const keytab = makeKeytab();
  const { key } = keytab.entries[0]!;

  /** @param verifierKey - Another key than the service's if the client forged the CAMMAC. */
  function indicators(
    words: readonly string[],
    verifierKey: EncryptionKey = key,
  ): AuthorizationDataElement[] {
    const elements = [
      {
        type: AuthorizationDataType.authenticationIndicator,
        data: encodeAuthenticationIndicator(words),
      },
    ];
    const signed = encodeAuthorizationData(elements);
    const mac = { type: key.checksumType, checksum: verifierKey.checksum(64, signed) };
    const data = encodeCammac({ elements, serviceVerifier: { mac } });
    const cammac = encodeAuthorizationData([{ type: AuthorizationDataType.cammac, data }]);
    return [{ type: AuthorizationDataType.ifRelevant, data: cammac }];
  }

  const bare = [
    {
      type: AuthorizationDataType.authenticationIndicator,
      data: encodeAuthenticationIndicator(['otp']),
    },
  ];
  const stranger = EncryptionKey.generate(18, seededRandom(99));

  it.each<[string, AuthorizationDataElement[], string]>([
    ['one of them', indicators(['otp']), 'complete'],
    ['one of them among others', indicators(['password', 'pkinit']), 'complete'],
    [
      'others',
      indicators(['password', '\x1b[2J']),
      'KDC_ERR_POLICY: one of otp, pkinit is required; the ticket has password, \\x1b[2J',
    ],
    [
      'one in another case',
      indicators(['OTP']),
      'KDC_ERR_POLICY: one of otp, pkinit is required; the ticket has OTP',
    ],
    [
      'none',
      [],
      'KDC_ERR_POLICY: one of otp, pkinit is required; the ticket has no authentication indicator',
    ],
    [
      'one outside of a CAMMAC',
      bare,
      'KDC_ERR_POLICY: one of otp, pkinit is required; the ticket has no authentication indicator',
    ],
    [
      'one signed with another key',
      indicators(['otp'], stranger),
      'KDC_ERR_POLICY: one of otp, pkinit is required; the ticket has no authentication indicator',
    ],
  ])('for a ticket that has %s', async (_, authorizationData, expected) => {
    for (const pacPolicy of ['off', 'when-valid'] as const) {
      const result = await attempt({
        keytab,
        ticket: { authorizationData },
        acceptor: { requiredIndicators: ['otp', 'pkinit'], pacPolicy },
      });
      expect(refusalOf(result)).toBe(expected);
    }
  });

  it('refuse a ticket each time, and only at the acceptor that requires them', async () => {
    const parties = await makeParties({
      keytab,
      ticket: { authorizationData: indicators(['password']) },
      acceptor: { requiredIndicators: ['otp'] },
    });
    for (let i = 0; i < 4; i++) {
      const result = await parties.begin().accept(parties.initiator.begin());
      expect(refusalOf(result)).toMatch(/^KDC_ERR_POLICY/);
    }
    const other = createAcceptor({ credential: parties.credential, clock: () => NOW });
    expect((await other.begin().accept(parties.initiator.begin())).status).toBe('complete');
  });

  it.each<[unknown]>([
    [undefined],
    [[]],
    ['otp'],
    [['']],
    [['otp', undefined]],
    [[encodeUtf8('otp')]],
  ])('are refused as an option if they are not a list of words: %j', async (requiredIndicators) => {
    const acceptor = { requiredIndicators } as Partial<AcceptorOptions>;
    await expect(makeParties({ acceptor })).rejects.toThrow(/^requiredIndicators: expected/);
  });
});

describe('requireKdcSignatures', () => {
  const keytab = makeKeytab();
  const kdcKey = EncryptionKey.generate(18, seededRandom(42));
  const pac = { logonInfo: {} };

  it('admits a client whose PAC has them all, and none without a PAC', async () => {
    const acceptor = { kdcKey, requireKdcSignatures: true };
    const signed = await attempt({ keytab, ticket: { pac, kdcKey }, acceptor });
    if (signed.status !== 'complete') throw new Error(refusalOf(signed));
    expect(signed.context.pac?.signatures).toEqual({
      server: 'verified',
      kdc: 'verified',
      ticket: 'verified',
      full: 'verified',
    });
    expect(refusalOf(await attempt({ keytab, ticket: { pac }, acceptor }))).toMatch(
      /^KRB_AP_ERR_MODIFIED/,
    );
    expect(refusalOf(await attempt({ keytab, acceptor }))).toMatch(/^KRB_AP_ERR_MODIFIED/);
  });

  it.each<[Partial<AcceptorOptions>, RegExp]>([
    [{ requireKdcSignatures: true }, /^requireKdcSignatures: expected a kdcKey/],
    [
      { requireKdcSignatures: true, kdcKey, pacPolicy: 'when-valid' },
      /^pacPolicy: expected required/,
    ],
    [{ requireKdcSignatures: true, kdcKey, pacPolicy: 'off' }, /^pacPolicy: expected required/],
    [{ requireKdcSignatures: undefined } as never, /^requireKdcSignatures: expected/],
    [{ requireKdcSignatures: 'yes' } as never, /^requireKdcSignatures: expected/],
  ])('contradicts %j', async (acceptor, message) => {
    await expect(makeParties({ acceptor })).rejects.toThrow(message);
  });
});
