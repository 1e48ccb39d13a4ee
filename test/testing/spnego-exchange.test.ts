import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes, encodeUtf8 } from '../../src/bytes.ts';
import type { Acceptor, Oid, SecurityContext } from '../../src/index.ts';
import { ContextFlag, GssError, KerberosError, Mechanism } from '../../src/index.ts';
import type { NegTokenResp } from '../../src/spnego/neg-token.ts';
import {
  decodeNegToken,
  encodeNegTokenInit,
  encodeNegTokenResp,
  NegState,
} from '../../src/spnego/neg-token.ts';
import type { InitiatorOptions, SpnegoOptions } from '../../src/testing/index.ts';
import { createInitiator, OfferedMechanisms } from '../../src/testing/index.ts';
import { runs } from '../support/properties.ts';
import { CLIENT, makeKeytab, makeParties, NOW, seededRandom } from '../support/realm-kit.ts';

const { krb5, msKrb5, oldKrb5, ntlmssp, negoex, iakerb } = Mechanism;
const KERBEROS: readonly Oid[] = [krb5, msKrb5, oldKrb5];
const UNKNOWN: Oid = '1.3.6.1.4.1.5322.22.1.18';
const MESSAGE = encodeUtf8('hello');
const DEFAULT_FLAGS =
  ContextFlag.mutual | ContextFlag.integrity | ContextFlag.confidentiality | ContextFlag.sequence;

const { acceptor, ticket } = await makeParties();
/** One service for all cases: each case is a client of its own. */
let seed = 100;

function initiatorOf(spnego: SpnegoOptions | true, options: Partial<InitiatorOptions> = {}) {
  seed++;
  return createInitiator({
    ticket,
    clock: () => NOW,
    random: seededRandom(seed),
    spnego,
    ...options,
  });
}

type Tamper = (answer: Uint8Array, leg: number) => Uint8Array;

/** Both contexts of a whole exchange, with the number of tokens that each side sent. */
async function meet(
  server: Acceptor,
  initiator: ReturnType<typeof createInitiator>,
  tamper: Tamper = (answer) => answer,
) {
  const handshake = server.begin();
  let answer = await handshake.accept(initiator.begin());
  for (let leg = 1; ; leg++) {
    const step = initiator.step(answer.outputToken && tamper(answer.outputToken, leg));
    if (step.outputToken) answer = await handshake.accept(step.outputToken);
    if (step.status === 'continue') continue;
    if (answer.status !== 'complete') throw new Error('the acceptor is not done');
    return { client: step.context, server: answer.context, legs: leg + (step.outputToken ? 1 : 0) };
  }
}

function understand(client: SecurityContext, server: SecurityContext): void {
  expect(server.unwrap(client.wrap(MESSAGE)).message).toEqual(MESSAGE);
  expect(client.unwrap(server.wrap(MESSAGE)).message).toEqual(MESSAGE);
  expect(server.initiator.toString()).toBe(CLIENT);
}

const anyMechanisms = fc.uniqueArray(
  fc.constantFrom(krb5, msKrb5, oldKrb5, ntlmssp, negoex, iakerb, UNKNOWN),
  { minLength: 1, maxLength: 7 },
);
const anySpnego = fc.record(
  {
    mechanisms: anyMechanisms,
    optimistic: fc.boolean(),
    askFirst: fc.boolean(),
    sendMic: fc.boolean(),
    negHints: fc.constant({ hintName: 'not_defined_in_RFC4178@please_ignore' }),
  },
  { requiredKeys: ['mechanisms'] },
);
const anyFlags = fc.constantFrom(
  DEFAULT_FLAGS,
  DEFAULT_FLAGS | ContextFlag.dceStyle,
  ContextFlag.mutual,
  ContextFlag.integrity,
  0,
);

describe('an initiator with SPNEGO', () => {
  it('and any list of mechanisms gets a context where Kerberos is among them', async () => {
    await fc.assert(
      fc.asyncProperty(anySpnego, anyFlags, async (spnego, flags) => {
        const initiator = initiatorOf(spnego, { flags });
        const offersKerberos = spnego.mechanisms.some((oid) => KERBEROS.includes(oid));
        if (!offersKerberos) {
          const error = await meet(acceptor, initiator).catch((thrown: unknown) => thrown);
          expect(error).toMatchObject({ minor: { code: 'SPNEGO_REJECTED' } });
          return;
        }
        const { client, server } = await meet(acceptor, initiator);
        understand(client, server);
      }),
      { numRuns: runs(150) },
    );
  });

  it('refuses an answer with any bit changed', async () => {
    const cases: readonly SpnegoOptions[] = [
      {},
      { mechanisms: OfferedMechanisms.windows },
      // Without both OIDs of Kerberos, which are a bit apart and mean the same.
      { mechanisms: [ntlmssp, msKrb5, negoex] },
      { sendMic: true },
      { askFirst: true, optimistic: false },
    ];
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...cases),
        fc.nat(2),
        fc.nat(2000),
        fc.nat(7),
        async (spnego, leg, at, bit) => {
          let touched = false;
          const flip: Tamper = (answer, number) => {
            // The list of an acceptor that is asked for it is only advice.
            if (number !== leg + 1 || (spnego.askFirst && number === 1)) return answer;
            touched = true;
            const copy = answer.slice();
            copy[at % copy.length]! ^= 1 << bit;
            return copy;
          };
          const outcome = await meet(acceptor, initiatorOf(spnego), flip).catch((error) => error);
          if (!touched) return;
          const refused = outcome instanceof GssError || outcome instanceof KerberosError;
          expect(refused, String(outcome)).toBe(true);
        },
      ),
      { numRuns: runs(400) },
    );
  });

  it.each([
    [OfferedMechanisms.mit, 1],
    [OfferedMechanisms.windows, 1],
    // request-mic, AP-REP with a MIC, and the client's MIC.
    [OfferedMechanisms.windowsNtlm, 3],
    [OfferedMechanisms.windowsNegoEx, 3],
  ])('takes as many legs as a real client with %s: %i', async (mechanisms, legs) => {
    const exchange = await meet(acceptor, initiatorOf({ mechanisms }));
    expect(exchange.legs).toBe(legs);
    understand(exchange.client, exchange.server);
  });

  it('offers what it was told to', () => {
    const token = initiatorOf({
      mechanisms: OfferedMechanisms.windowsNtlm,
      negHints: { hintName: 'hint' },
    }).begin();
    expect(decodeNegToken(token)).toMatchObject({
      mechTypes: [ntlmssp, msKrb5, krb5, negoex],
      mechToken: concatBytes(encodeUtf8('NTLMSSP\0\u0001'), new Uint8Array(23)),
      negHints: { hintName: 'hint' },
    });
    const own = initiatorOf({ mechanisms: [negoex, krb5], mechToken: MESSAGE }).begin();
    expect(decodeNegToken(own)).toMatchObject({ mechToken: MESSAGE });
    expect(decodeNegToken(initiatorOf({ optimistic: false }).begin())).not.toHaveProperty(
      'mechToken',
    );
    expect(initiatorOf({ askFirst: true }).begin()).toEqual(new Uint8Array());
  });

  it('sends a MIC that the acceptor verifies, with its last token', async () => {
    const oneWay = initiatorOf({ sendMic: true }, { flags: ContextFlag.integrity });
    const init = oneWay.begin();
    expect(decodeNegToken(init)).toHaveProperty('mechListMic');
    const { outputToken } = await acceptor.begin().accept(init);
    expect(decodeNegToken(outputToken!)).toHaveProperty('mechListMic');
    expect(String(oneWay.finish(outputToken).initiator)).toBe(CLIENT);
  });

  it('requires the acceptor’s MIC of the list that it sent', async () => {
    const other = await meet(acceptor, initiatorOf({ mechanisms: [ntlmssp, krb5] }));
    for (const [mechListMic, code] of [
      [undefined, 'GSS_S_DEFECTIVE_TOKEN'],
      [other.server.getMic(MESSAGE), 'GSS_S_BAD_MIC'],
    ] as const) {
      const initiator = initiatorOf({ mechanisms: [ntlmssp, krb5] });
      const refused = meet(acceptor, initiator, (answer, leg) => {
        if (leg !== 2) return answer;
        const {
          kind,
          mechListMic: _,
          ...resp
        } = decodeNegToken(answer) as NegTokenResp & {
          kind: string;
        };
        expect(kind).toBe('resp');
        return encodeNegTokenResp({ ...resp, ...(mechListMic && { mechListMic }) });
      });
      await expect(refused).rejects.toMatchObject({ code });
    }
  });

  it.each<[string, NegTokenResp]>([
    ['chose no mechanism', { negState: NegState.acceptCompleted }],
    ['was not offered', { negState: NegState.acceptCompleted, supportedMech: oldKrb5 }],
    ['for show only', { negState: NegState.acceptIncomplete, supportedMech: ntlmssp }],
    ['negState is 0, expected 3', { negState: NegState.acceptCompleted, supportedMech: msKrb5 }],
    [
      'was not sent',
      { negState: NegState.requestMic, supportedMech: msKrb5, responseToken: MESSAGE },
    ],
    ['rejected the negotiation', { negState: NegState.reject }],
    ['rejected the negotiation', { negState: NegState.reject, responseToken: MESSAGE }],
    ['no AP-REP', { negState: NegState.acceptCompleted, supportedMech: krb5 }],
  ])('refuses an acceptor that %s', (message, resp) => {
    const initiator = initiatorOf({ mechanisms: [krb5, msKrb5, ntlmssp] });
    initiator.begin();
    expect(() => initiator.step(encodeNegTokenResp(resp))).toThrow(message);
    // The exchange is over, and the next one is its own.
    expect(() => initiator.step(encodeNegTokenResp(resp))).toThrow(TypeError);
  });

  it('refuses another list in place of an answer, an answer in place of a list, and none', () => {
    const list = encodeNegTokenInit({ mechTypes: [krb5] });
    const answer = encodeNegTokenResp({ negState: NegState.acceptIncomplete });
    for (const [spnego, token] of [
      [{}, list],
      [{}, undefined],
      [{ askFirst: true }, answer],
    ] as const) {
      const initiator = initiatorOf(spnego);
      initiator.begin();
      expect(() => initiator.step(token)).toThrow(GssError);
    }
  });

  it('reports the KRB-ERROR in a reject', async () => {
    const stranger = await makeParties({ keytab: makeKeytab({ seed: 99 }) });
    const initiator = initiatorOf(true, { ticket: stranger.ticket });
    await expect(meet(acceptor, initiator)).rejects.toMatchObject({
      code: 'GSS_S_FAILURE',
      minor: { code: 'KRB_AP_ERR_BAD_INTEGRITY' },
    });
  });

  it('finishes where one answer is all, and says so where it is not', async () => {
    const simple = initiatorOf(true);
    const { outputToken } = await acceptor.begin().accept(simple.begin());
    expect(simple.finish(outputToken).mechanism).toBe(krb5);
    const longer = initiatorOf({ mechanisms: OfferedMechanisms.windowsNtlm });
    const first = await acceptor.begin().accept(longer.begin());
    expect(() => longer.finish(first.outputToken)).toThrow(
      new TypeError('initiator: expected step(), since the exchange has another leg'),
    );
  });

  it('begins anew each time', async () => {
    const initiator = initiatorOf({ mechanisms: OfferedMechanisms.windowsNtlm });
    const clock = [NOW, NOW + 1];
    for (const _ of clock) understandBoth(await meet(acceptor, initiator));
  });
});

function understandBoth({ client, server }: { client: SecurityContext; server: SecurityContext }) {
  understand(client, server);
}
