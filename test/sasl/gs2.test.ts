/** GS2-KRB5 and GS2-KRB5-PLUS (RFC 5801): the header, channel bindings, and attempts to remove them. */
import { describe, expect, it } from 'vitest';
import { frameMechanismToken } from '../../src/gss/framing.ts';
import type { ChannelBindings } from '../../src/index.ts';
import { ContextFlag, Mechanism, tlsExporter } from '../../src/index.ts';
import { createSaslServer } from '../../src/sasl/index.ts';
import { createInitiator } from '../../src/testing/index.ts';
import { CLIENT, makeParties, NOW } from '../support/realm-kit.ts';
import type { SaslPartiesOptions } from './support.ts';
import { exchange, join, makeSaslParties, meet, refusalOf } from './support.ts';

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const EXPORTER = tlsExporter(new Uint8Array(32).fill(5));
const END_POINT: ChannelBindings = { applicationData: text('tls-server-end-point:0123456789') };

const PLUS: SaslPartiesOptions = {
  mechanism: 'GS2-KRB5-PLUS',
  client: { channelBindings: EXPORTER },
  begin: { channelBindings: [END_POINT, EXPORTER] },
};
const PLAIN: SaslPartiesOptions = { mechanism: 'GS2-KRB5' };

/** The header in place of another one of a client's response. */
function withHeader(header: string): (response: Uint8Array, i: number) => Uint8Array {
  return (response, i) => {
    if (i > 0) return response;
    const second = response.indexOf(0x2c, response.indexOf(0x2c) + 1);
    return join([text(header), response.subarray(second + 1)]);
  };
}

describe('an exchange', () => {
  it.each([
    ['GS2-KRB5', PLAIN],
    ['GS2-KRB5-PLUS', PLUS],
  ])('of %s takes one token each way, and has no layer', async (mechanism, options) => {
    const { result, client, challenges } = await exchange(
      await makeSaslParties({ ...options, begin: { ...options.begin, successData: true } }),
    );
    expect(result).toMatchObject({
      status: 'complete',
      session: { mechanism, layer: 'none', authorizationId: CLIENT },
    });
    expect(challenges).toHaveLength(1);
    expect(client!.layer).toBe('none');
  });

  it('without data in the success message sends the token as a challenge', async () => {
    const { exchange: server, client } = await makeSaslParties(PLAIN);
    const first = await server.step(client.begin());
    expect(first.status).toBe('continue');
    expect(await server.step(new Uint8Array())).toMatchObject({ status: 'complete' });
    const early = await refusalOf(PLAIN, (response, i) => (i === 1 ? text('x') : response));
    expect(early.message).toContain('empty response');
  });

  it.each(['bob', 'a,b=c', '=2C', 'ü', 'x'.repeat(1024)])(
    'has the authorization identity in the header: %s',
    async (authorizationId) => {
      const server = { authorize: () => true };
      const pair = await meet({ ...PLAIN, client: { authorizationId }, server });
      expect(pair.server.authorizationId).toBe(authorizationId);
      const error = await refusalOf({ ...PLAIN, client: { authorizationId } });
      expect(error.code).toBe('GSS_S_UNAUTHORIZED');
    },
  );

  it('binds to any of several channels of the type', async () => {
    for (const channelBindings of [EXPORTER, END_POINT]) {
      await expect(meet({ ...PLUS, client: { channelBindings } })).resolves.toBeDefined();
    }
  });

  it('with a client that supports bindings and was offered none', async () => {
    await expect(meet({ ...PLAIN, client: { bindingFlag: 'y' } })).resolves.toBeDefined();
    const withoutPlus = { mechanisms: ['GS2-KRB5'] } as const;
    const begin = { channelBindings: EXPORTER };
    await expect(
      meet({ ...PLAIN, client: { bindingFlag: 'y' }, server: withoutPlus, begin }),
    ).resolves.toBeDefined();
  });
});

describe('a client is refused', () => {
  it('that saw no PLUS although it was offered', async () => {
    const begin = { channelBindings: EXPORTER };
    const error = await refusalOf({ ...PLAIN, client: { bindingFlag: 'y' }, begin });
    expect(error).toMatchObject({ code: 'GSS_S_BAD_BINDINGS' });
    expect(error.message).toContain('saw no mechanism with channel bindings');
    await expect(meet({ ...PLAIN, client: { bindingFlag: 'n' }, begin })).resolves.toBeDefined();
  });

  it('whose flag contradicts the mechanism', async () => {
    for (const bindingFlag of ['n', 'y'] as const) {
      // Its token is bound to this header: the flag alone is wrong.
      const { client } = await makeSaslParties({ ...PLAIN, client: { bindingFlag } });
      const { exchange: server } = await makeSaslParties(PLUS);
      expect(await server.step(client.begin())).toMatchObject({
        status: 'failed',
        error: { reason: 'sasl.binding-flag' },
      });
    }
    expect((await refusalOf(PLAIN, withHeader('p=tls-exporter,,'))).code).toBe(
      'GSS_S_DEFECTIVE_TOKEN',
    );
  });

  it('that is bound to another channel, or another type', async () => {
    const other = tlsExporter(new Uint8Array(32).fill(6));
    expect(await refusalOf({ ...PLUS, client: { channelBindings: other } })).toMatchObject({
      code: 'GSS_S_BAD_BINDINGS',
    });
    const unique = { applicationData: text('tls-unique:xyz') };
    const error = await refusalOf({ ...PLUS, client: { channelBindings: unique } });
    expect(error.hint).toContain('tls-unique');
  });

  it('whose header was altered on the way', async () => {
    for (const header of ['n,a=bob,', 'n,a=root,', 'y,,']) {
      const error = await refusalOf(
        { ...PLAIN, server: { authorize: () => true } },
        withHeader(header),
      );
      expect(error.code).toBe('GSS_S_BAD_BINDINGS');
    }
  });

  it('that bound its token to nothing', async () => {
    const { exchange: server } = await makeSaslParties(PLAIN);
    const { ticket } = await makeParties();
    const token = createInitiator({ ticket, clock: () => NOW }).begin();
    const response = join([text('n,,'), token.subarray(token.indexOf(0x06) + 11)]);
    const result = await server.step(response);
    expect(result).toMatchObject({ status: 'failed', error: { code: 'GSS_S_BAD_BINDINGS' } });
  });

  it('without mutual authentication', async () => {
    const error = await refusalOf({ ...PLAIN, client: { flags: ContextFlag.integrity } });
    expect(error).toMatchObject({ code: 'GSS_S_UNAUTHORIZED' });
    expect(error.message).toContain('flags');
  });

  it('without channel bindings where the acceptor requires them', async () => {
    const acceptor = { channelBindingPolicy: 'required' } as const;
    const begin = { channelBindings: EXPORTER };
    const offered = await refusalOf({ ...PLAIN, acceptor, begin });
    expect(offered.code).toBe('GSS_S_BAD_MECH');
    await expect(meet({ ...PLUS, acceptor })).resolves.toBeDefined();
  });

  it('with PLUS on a connection without channel bindings', async () => {
    const error = await refusalOf({ ...PLUS, begin: {} });
    expect(error.code).toBe('GSS_S_BAD_MECH');
  });

  it.each([
    '',
    ',',
    ',,',
    'n',
    'n,',
    'x,,',
    'N,,',
    'nn,,',
    'p,,',
    'p=,,',
    'p=a b,,',
    'p=tls_exporter,,',
    'n,a,',
    'n,a=,',
    'n,b=x,',
    'n,x,',
    'n,a==2c,',
    'n,a==,',
    'n,a=x=2,',
    'n,a=x=3E,',
    'F,',
    'F,F,n,,',
    'F n,,',
    `n,a=${'x'.repeat(4000)},`,
    `p=${'x'.repeat(64)},,`,
  ])('with a malformed header: %s', async (header) => {
    const { exchange: server } = await makeSaslParties(PLAIN);
    const result = await server.step(text(header));
    expect(result).toMatchObject({ status: 'failed', error: { code: 'GSS_S_DEFECTIVE_TOKEN' } });
  });

  it.each(['n,a=\0,', 'n,a=x\0y,', 'n,a=\xff,'])('with a malformed identity', async (header) => {
    const { exchange: server } = await makeSaslParties(PLAIN);
    const bytes = Uint8Array.from(header, (letter) => letter.charCodeAt(0));
    expect(await server.step(bytes)).toMatchObject({ error: { code: 'GSS_S_BAD_NAME' } });
  });

  it('with F, but without a header of its own', async () => {
    const error = await refusalOf(PLAIN, (response, i) =>
      i === 0 ? join([text('F,'), response]) : response,
    );
    expect(error.code).toBe('GSS_S_BAD_MECH');
  });

  it('with another mechanism behind F', async () => {
    const { client } = await makeSaslParties({ mechanism: 'GSS-SPNEGO' });
    const spnego = client.begin();
    const error = await refusalOf(PLAIN, (response, i) =>
      i === 0 ? join([text('F,n,,'), spnego]) : response,
    );
    expect(error.code).toBe('GSS_S_BAD_MECH');
  });
});

describe('the data that F does not cover', () => {
  it('are the same with F, and so a token with its own header is accepted', async () => {
    const { result } = await exchange(await makeSaslParties(PLAIN), (response, i) =>
      i === 0
        ? join([text('F,n,,'), frameMechanismToken(Mechanism.krb5, response.subarray(3))])
        : response,
    );
    expect(result.status).toBe('complete');
  });
});

describe('the mechanisms of a server', () => {
  it('include PLUS on connections with channel bindings of TLS only', async () => {
    const { acceptor } = await makeParties();
    const server = createSaslServer({ acceptor });
    const without = ['GS2-KRB5', 'GSSAPI', 'GSS-SPNEGO'];
    expect(server.mechanismsFor()).toEqual(without);
    expect(server.mechanismsFor({ channelBindings: [] })).toEqual(without);
    const addresses = { initiatorAddress: { type: 2, address: Uint8Array.of(127, 0, 0, 1) } };
    expect(server.mechanismsFor({ channelBindings: addresses })).toEqual(without);
    expect(server.mechanismsFor({ channelBindings: EXPORTER })).toEqual([
      'GS2-KRB5-PLUS',
      ...without,
    ]);
  });

  it.each([
    ['GS2-KRB5', PLAIN],
    ['GS2-KRB5-PLUS', PLUS],
  ])('do not include %s, which has no layer, where one is required', async (mechanism, options) => {
    const layers = ['integrity', 'confidentiality'] as const;
    const { acceptor } = await makeParties();
    const channelBindings = EXPORTER;
    for (const [own, ofConnection] of [
      [{ layers }, {}],
      [{}, { layers }],
      [{ layers: ['none'] as const }, { layers }],
    ] as const) {
      const server = createSaslServer({ acceptor, ...own });
      const offered = server.mechanismsFor({ channelBindings, ...ofConnection });
      expect(offered).toEqual(['GSSAPI', 'GSS-SPNEGO']);
      const begin = { ...options.begin, ...ofConnection };
      expect(await refusalOf({ ...options, server: own, begin })).toMatchObject({
        code: 'GSS_S_BAD_MECH',
        reason: 'sasl.unknown-mechanism',
      });
    }
    const inTls = { layers: ['none'], channelBindings } as const;
    expect(createSaslServer({ acceptor, layers }).mechanismsFor(inTls)).toContain(mechanism);
  });

  it('are those that the acceptor can serve', async () => {
    const off = await makeParties({ acceptor: { channelBindingPolicy: 'off' } });
    expect(createSaslServer({ acceptor: off.acceptor }).mechanisms).toEqual([
      'GSSAPI',
      'GSS-SPNEGO',
    ]);
    expect(() => createSaslServer({ acceptor: off.acceptor, mechanisms: ['GS2-KRB5'] })).toThrow(
      'mechanisms: expected those that the acceptor can serve (GSSAPI, GSS-SPNEGO), got GS2-KRB5',
    );
    const spnego = await makeParties({ acceptor: { mechanisms: [Mechanism.spnego] } });
    expect(createSaslServer({ acceptor: spnego.acceptor }).mechanisms).toEqual(['GSS-SPNEGO']);
    const krb5 = await makeParties({ acceptor: { mechanisms: [Mechanism.krb5] } });
    expect(createSaslServer({ acceptor: krb5.acceptor }).mechanisms).toEqual([
      'GS2-KRB5-PLUS',
      'GS2-KRB5',
      'GSSAPI',
    ]);
  });

  it('do not include GS2-KRB5 where the acceptor requires channel bindings', async () => {
    const { acceptor } = await makeParties({ acceptor: { channelBindingPolicy: 'required' } });
    expect(createSaslServer({ acceptor }).mechanismsFor({ channelBindings: EXPORTER })).toEqual([
      'GS2-KRB5-PLUS',
      'GSSAPI',
      'GSS-SPNEGO',
    ]);
  });
});
