import { describe, expect, it } from 'vitest';
import { encodeUtf8 } from '../../src/bytes.ts';
import type { AcceptResult, ChannelBindingPolicy } from '../../src/index.ts';
import { ContextFlag } from '../../src/index.ts';
import type { Authenticator } from '../../src/messages/ap-req.ts';
import {
  AuthorizationDataType,
  encodeAuthorizationData,
} from '../../src/messages/authorization-data.ts';
import { createInitiator } from '../../src/testing/index.ts';
import type { ExchangeOptions } from '../support/realm-kit.ts';
import { makeParties, NOW, seededRandom } from '../support/realm-kit.ts';

const OURS = { applicationData: encodeUtf8('tls-exporter:ours') };

async function attempt(options: ExchangeOptions): Promise<AcceptResult> {
  const { begin, initiator } = await makeParties(options);
  return begin().accept(initiator.begin());
}

/** What becomes of a client that sends no bindings: open, or the code of the refusal. */
function outcomeOf(result: AcceptResult): string {
  if (result.status === 'failed') return result.error.code;
  if (result.status !== 'complete') throw new Error(`not complete: ${result.status}`);
  return (result.context.flags & ContextFlag.channelBound) === 0 ? 'open' : 'bound';
}

/** AD-AUTH-DATA-AP-OPTIONS (MS-KILE §2.2.6). */
function apOptions(options: number): Partial<Authenticator> {
  const data = new Uint8Array(4);
  new DataView(data.buffer).setUint32(0, options, true);
  return { authorizationData: [{ type: AuthorizationDataType.apOptions, data }] };
}

describe('a client that sends no channel bindings', () => {
  it('says by one bit of 32 that it would have sent some', async () => {
    for (let bit = 0; bit < 32; bit++) {
      const initiator = { authenticator: apOptions((1 << bit) >>> 0) };
      const result = await attempt({ initiator, handshake: { channelBindings: OURS } });
      expect(outcomeOf(result), `bit ${bit}`).toBe(bit === 14 ? 'GSS_S_BAD_BINDINGS' : 'open');
    }
    for (const [options, expected] of [
      [0, 'open'],
      [0xffff_bfff, 'open'],
      [0xffff_ffff, 'GSS_S_BAD_BINDINGS'],
    ] as const) {
      const initiator = { authenticator: apOptions(options) };
      const result = await attempt({ initiator, handshake: { channelBindings: OURS } });
      expect(outcomeOf(result)).toBe(expected);
    }
  });

  it('may say it inside of AD-IF-RELEVANT', async () => {
    const { authorizationData } = apOptions(0x4000);
    const data = encodeAuthorizationData(authorizationData!);
    const initiator = {
      authenticator: { authorizationData: [{ type: AuthorizationDataType.ifRelevant, data }] },
    };
    const result = await attempt({ initiator, handshake: { channelBindings: OURS } });
    expect(outcomeOf(result)).toBe('GSS_S_BAD_BINDINGS');
  });

  // The checksum is where bindings would be. That there is none, or another, must be no way round.
  it.each<[ChannelBindingPolicy, boolean, boolean, string]>([
    ['required', false, true, 'GSS_S_BAD_BINDINGS'],
    ['required', false, false, 'GSS_S_BAD_BINDINGS'],
    ['when-supported', false, true, 'open'],
    ['when-supported', false, false, 'open'],
    ['when-supported', true, true, 'GSS_S_BAD_BINDINGS'],
    ['when-supported', true, false, 'open'],
    ['off', true, true, 'open'],
  ])(
    'has no way round the policy %s (client knows them: %s, server has some: %s)',
    async (channelBindingPolicy, supports, serverHas, expected) => {
      for (const kind of ['gss', 'none', 'over nothing'] as const) {
        const { ticket, acceptor } = await makeParties({ acceptor: { channelBindingPolicy } });
        const checksum = { type: 16, checksum: ticket.sessionKey.checksum(10, new Uint8Array()) };
        const initiator = createInitiator({
          ticket,
          clock: () => NOW,
          random: seededRandom(5),
          subkeyEnctype: null,
          authenticator: {
            ...(supports && apOptions(0x4000)),
            ...(kind === 'none' && ({ checksum: undefined } as object)),
            ...(kind === 'over nothing' && { checksum }),
          },
        });
        const handshake = acceptor.begin(serverHas ? { channelBindings: OURS } : {});
        const result = await handshake.accept(initiator.begin());
        expect(outcomeOf(result), kind).toBe(expected);
      }
    },
  );
});

describe('AD-AUTH-DATA-AP-OPTIONS', () => {
  const element = (length: number) => ({
    type: AuthorizationDataType.apOptions,
    data: new Uint8Array(length),
  });
  const ifRelevant = (...elements: ReturnType<typeof element>[]) => ({
    type: AuthorizationDataType.ifRelevant,
    data: encodeAuthorizationData(elements),
  });

  it.each([
    ['four bytes', [element(4)], 'complete'],
    ['none', [element(0)], 'failed'],
    ['three bytes', [element(3)], 'failed'],
    ['five bytes', [element(5)], 'failed'],
    ['twice', [element(4), element(4)], 'failed'],
    ['twice, once inside of AD-IF-RELEVANT', [element(4), ifRelevant(element(4))], 'failed'],
  ] as const)('of %s, whether bindings are given or not', async (_, data, expected) => {
    const initiator = { authenticator: { authorizationData: data } };
    for (const handshake of [{}, { channelBindings: OURS }]) {
      for (const channelBindingPolicy of ['off', 'when-supported'] as const) {
        const result = await attempt({ initiator, handshake, acceptor: { channelBindingPolicy } });
        expect(result.status).toBe(expected);
        if (result.status !== 'failed') continue;
        // MIT krb5, accept_sec_context.c check_cbt.
        expect(result.error.minor?.code).toBe('KRB_AP_ERR_MSG_TYPE');
      }
    }
  });

  it('more than ten AD-IF-RELEVANT deep is ignored, and refuses nobody', async () => {
    for (const [depth, expected] of [
      [10, 'GSS_S_BAD_BINDINGS'],
      [11, 'open'],
    ] as const) {
      let data = apOptions(0x4000).authorizationData!;
      for (let i = 0; i < depth; i++) {
        data = [{ type: AuthorizationDataType.ifRelevant, data: encodeAuthorizationData(data) }];
      }
      const initiator = { authenticator: { authorizationData: data } };
      const result = await attempt({ initiator, handshake: { channelBindings: OURS } });
      expect(outcomeOf(result), `depth ${depth}`).toBe(expected);
    }
  });
});
