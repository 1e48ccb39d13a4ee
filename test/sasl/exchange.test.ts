/** The mechanism GSSAPI (RFC 4752): layers, buffers, identities, and the order of messages. */
import { describe, expect, it, vi } from 'vitest';
import type { EncryptionKey } from '../../src/index.ts';
import { ContextFlag } from '../../src/index.ts';
import type { AuthorizationRequest, SaslLayer } from '../../src/sasl/index.ts';
import { createSaslServer } from '../../src/sasl/index.ts';
import { encodeEncKrbCredPart, encodeKrbCred } from '../support/encoders.ts';
import { CLIENT, establish, makeParties } from '../support/realm-kit.ts';
import { exchange, join, makeSaslParties, meet, refusalOf } from './support.ts';

const LAYERS: readonly SaslLayer[] = ['none', 'integrity', 'confidentiality'];
const { mutual, sequence, integrity, confidentiality } = ContextFlag;
const text = (value: string): Uint8Array => new TextEncoder().encode(value);

describe('an exchange', () => {
  it.each(LAYERS)('agrees on the layer that the client chooses: %s', async (layer) => {
    const { client, server } = await meet({ client: { layer } });
    expect(server).toMatchObject({
      mechanism: 'GSSAPI',
      authenticationId: CLIENT,
      authorizationId: CLIENT,
      layer,
    });
    const sent = text('hello');
    expect(join(server.unwrap(client.wrap(sent)))).toEqual(sent);
    expect(join(client.unwrap(server.wrap(sent)))).toEqual(sent);
  });

  it('takes four messages, the offer is wrapped without encryption', async () => {
    const parties = await makeSaslParties();
    const { challenges, result } = await exchange(parties);
    expect(result.status).toBe('complete');
    expect(challenges).toHaveLength(2);
    // RFC 4121 §4.2.2: the flag Sealed.
    expect(challenges[1]![2]! & 2).toBe(0);
    // The bits of all layers and 65536, in the clear (RFC 4752 §3.3).
    expect(challenges[1]!.subarray(16, 20)).toEqual(Uint8Array.of(7, 1, 0, 0));
  });

  it('begins with an empty challenge if the client sends no initial response', async () => {
    const { client, exchange: server } = await makeSaslParties();
    const first = await server.step();
    expect(first).toEqual({ status: 'continue', challenge: new Uint8Array() });
    expect(await server.step(client.begin())).toMatchObject({ status: 'continue' });
  });

  it('has no answer of the acceptor without mutual authentication, and offers no layer', async () => {
    const parties = await makeSaslParties({ client: { flags: integrity | sequence } });
    const { exchange: server, client } = parties;
    const offer = await server.step(client.begin());
    expect(offer.status).toBe('continue');
    // Four octets in 16 of header: no layer, and so a buffer of 0.
    expect(offer.status === 'continue' && offer.challenge.subarray(16, 20)).toEqual(
      Uint8Array.of(1, 0, 0, 0),
    );
  });

  it.each([
    [mutual | sequence | integrity, 3],
    [mutual | sequence | integrity | confidentiality, 7],
    [mutual | integrity | confidentiality, 1],
    [mutual | sequence, 1],
    [mutual | sequence | confidentiality, 1],
  ])('of a client with flags %i offers the layers %i', async (flags, bits) => {
    const { challenges } = await exchange(await makeSaslParties({ client: { flags } }));
    expect(challenges[1]![16]).toBe(bits);
  });

  it('offers the layers and the buffer of its options only', async () => {
    const server = { layers: ['integrity', 'confidentiality'], maxBuffer: 0xff_ffff } as const;
    const { challenges } = await exchange(await makeSaslParties({ server }));
    expect(challenges[1]!.subarray(16, 20)).toEqual(Uint8Array.of(6, 0xff, 0xff, 0xff));
  });

  it("has the layers of its connection in place of the server's", async () => {
    const { challenges } = await exchange(await makeSaslParties({ begin: { layers: ['none'] } }));
    expect(challenges[1]!.subarray(16, 20)).toEqual(Uint8Array.of(1, 0, 0, 0));
  });

  it('takes both bits as confidentiality, as Cyrus SASL sends them with ad_compat', async () => {
    const { result } = await exchange(
      await makeSaslParties({ client: { choice: Uint8Array.of(6, 1, 0, 0) } }),
    );
    expect(result).toMatchObject({ status: 'complete', session: { layer: 'confidentiality' } });
  });

  it('ignores the buffer of a client without a layer, as Java states one', async () => {
    const { result } = await exchange(
      await makeSaslParties({ client: { choice: Uint8Array.of(1, 1, 0, 0) } }),
    );
    expect(result).toMatchObject({ status: 'complete', session: { peerMaxBuffer: 0 } });
  });
});

describe('a client is refused', () => {
  it('that chooses a mechanism which is not offered', async () => {
    const { acceptor } = await makeParties();
    const server = createSaslServer({ acceptor, mechanisms: ['GSSAPI'] });
    for (const name of ['PLAIN', '', 'GSS-SPNEGO', 'constructor']) {
      const result = await server.begin(name).step();
      expect(result).toMatchObject({ status: 'failed', error: { code: 'GSS_S_BAD_MECH' } });
    }
    expect(await server.begin('gssapi').step()).toMatchObject({ status: 'continue' });
  });

  it('with SPNEGO inside GSSAPI', async () => {
    const { client } = await makeSaslParties({ mechanism: 'GSS-SPNEGO' });
    const { exchange: server } = await makeSaslParties();
    expect(await server.step(client.begin())).toMatchObject({
      status: 'failed',
      error: { code: 'GSS_S_BAD_MECH' },
    });
  });

  it('with an empty response in place of the token, after an empty challenge too', async () => {
    const { exchange: server } = await makeSaslParties();
    expect(await server.step(new Uint8Array())).toMatchObject({
      status: 'failed',
      error: { code: 'GSS_S_DEFECTIVE_TOKEN', message: expect.stringContaining('empty') },
    });
    const { exchange: other } = await makeSaslParties();
    await other.step();
    expect(await other.step()).toMatchObject({ status: 'failed' });
  });

  it('that sends data where an empty response is due', async () => {
    const error = await refusalOf({}, (response, i) => (i === 1 ? Uint8Array.of(0) : response));
    expect(error).toMatchObject({ code: 'GSS_S_DEFECTIVE_TOKEN' });
    expect(error.message).toContain('had to send an empty response');
  });

  it('with a response of a length that no token has', async () => {
    const error = await refusalOf({}, (response, i) =>
      i === 0 ? new Uint8Array(262_145) : response,
    );
    expect(error.message).toContain('too long');
  });

  it.each([
    ['no layer', 0],
    ['a layer that was not offered', 4],
    ['two, of which the stronger was not offered', 6],
    ['all', 7],
    ['none and integrity', 3],
    ['an unknown bit', 8],
    ['an unknown bit beside', 0x82],
  ])('that chooses %s', async (_, bits) => {
    const error = await refusalOf({
      server: { layers: ['none', 'integrity'] },
      client: { choice: Uint8Array.of(bits, 1, 0, 0) },
    });
    expect(error.message).toContain('layer that was not offered');
  });

  it.each([0, 1, 2, 3])('whose choice has %i bytes', async (length) => {
    const error = await refusalOf({ client: { choice: new Uint8Array(length).fill(1) } });
    expect(error).toMatchObject({ code: 'GSS_S_DEFECTIVE_TOKEN' });
    expect(error.message).toContain('malformed');
  });

  it('whose choice is altered, or is the choice of another exchange', async () => {
    const altered = await refusalOf({}, (response, i) => {
      if (i === 2) response[16]! ^= 1;
      return response;
    });
    expect(altered.code).toBe('GSS_S_BAD_MIC');
    const { client } = await establish();
    const other = client.wrap(Uint8Array.of(1, 0, 0, 0), { confidential: false });
    const foreign = await refusalOf({}, (response, i) => (i === 2 ? other : response));
    expect(foreign.code).toBe('GSS_S_BAD_MIC');
  });

  it('whose choice is not its first message', async () => {
    const { exchange: server, client } = await makeSaslParties();
    const first = await server.step(client.begin());
    if (first.status !== 'continue') throw new Error('refused');
    client.step(first.challenge);
    const offer = await server.step(new Uint8Array());
    if (offer.status !== 'continue') throw new Error('refused');
    const { session } = client.step(offer.challenge);
    const late = session!.context.wrap(Uint8Array.of(1, 0, 0, 0), { confidential: false });
    const result = await server.step(late);
    expect(result).toMatchObject({ status: 'failed', error: { code: 'GSS_S_UNSEQ_TOKEN' } });
  });

  it.each([0, 1, 59])('with a layer and a buffer of %i bytes', async (maxBuffer) => {
    const error = await refusalOf({ client: { maxBuffer } });
    expect(error.message).toContain('too small');
    expect(error.hint).toContain(`${maxBuffer} bytes`);
  });

  it('whose flags exclude each permitted layer', async () => {
    const error = await refusalOf({
      server: { layers: ['integrity', 'confidentiality'] },
      client: { flags: integrity | sequence },
    });
    expect(error.message).toContain('no security layer that the server permits');
  });

  it('with a ticket for another service of the host', async () => {
    const error = await refusalOf({ server: { service: 'ldap' } });
    expect(error).toMatchObject({ code: 'GSS_S_UNAUTHORIZED' });
    expect(error.hint).toContain('host/server.example.test@EXAMPLE.TEST');
    for (const service of ['hos', 'hosts', 'server.example.test']) {
      expect((await refusalOf({ server: { service } })).reason).toBe('sasl.other-service');
    }
    await expect(meet({ server: { service: 'HOST' } })).resolves.toBeDefined();
  });

  it('by the acceptor, with the error for the client', async () => {
    const { client } = await makeSaslParties({ ticket: { client: 'alice@EXAMPLE.TEST' } });
    const { exchange: server } = await makeSaslParties({
      acceptor: { clock: () => Date.UTC(2030, 0, 1) },
    });
    const result = await server.step(client.begin());
    expect(result).toMatchObject({
      status: 'failed',
      error: { minor: { code: 'KRB_AP_ERR_TKT_EXPIRED' } },
      failureData: expect.any(Uint8Array),
    });
  });
});

describe('an authorization identity', () => {
  it('may be the principal in full, if no function judges', async () => {
    const { server } = await meet({ client: { authorizationId: CLIENT } });
    expect(server.authorizationId).toBe(CLIENT);
  });

  it.each(['alice', 'ALICE@EXAMPLE.TEST', 'alice@EXAMPLE.TEST ', 'root', `${CLIENT}@X`, 'dn:cn=x'])(
    'may not be another: %s',
    async (authorizationId) => {
      const error = await refusalOf({ client: { authorizationId } });
      expect(error).toMatchObject({ code: 'GSS_S_UNAUTHORIZED' });
      expect(error.hint).toContain(authorizationId.trim());
    },
  );

  it.each([
    ['with NUL', Uint8Array.of(0)],
    ['that ends with NUL', Uint8Array.of(...text(CLIENT), 0)],
    ['that is not UTF-8', Uint8Array.of(0xc3, 0x28)],
    ['of more than 1024 bytes', new Uint8Array(1025).fill(0x61)],
  ])('is refused %s', async (_, identity) => {
    const choice = join([Uint8Array.of(1, 0, 0, 0), identity]);
    const error = await refusalOf({ client: { choice }, server: { authorize: () => true } });
    expect(error).toMatchObject({ code: 'GSS_S_BAD_NAME' });
  });

  it('is judged by the function, with all that is known', async () => {
    const authorize = vi.fn(({ requestedId }: AuthorizationRequest) => requestedId === 'bob');
    const { server } = await meet({ client: { authorizationId: 'bob' }, server: { authorize } });
    expect(server).toMatchObject({ authenticationId: CLIENT, authorizationId: 'bob' });
    expect(authorize.mock.calls).toEqual([
      [
        {
          authenticationId: CLIENT,
          requestedId: 'bob',
          mechanism: 'GSSAPI',
          layer: 'confidentiality',
          context: server.context,
        },
      ],
    ]);
    await expect(meet({ server: { authorize } })).rejects.toMatchObject({
      code: 'GSS_S_UNAUTHORIZED',
    });
  });

  it.each([false, undefined, 1, 'true', {}, Promise.resolve(false), Promise.resolve(1)])(
    'is refused unless the answer is true: %o',
    async (answer) => {
      const error = await refusalOf({ server: { authorize: () => answer as boolean } });
      expect(error.code).toBe('GSS_S_UNAUTHORIZED');
    },
  );

  it.each([
    ['throws', () => Promise.reject(new Error('database down'))],
    [
      'rejects',
      () => {
        throw new Error('database down');
      },
    ],
  ])('is refused if the function %s', async (_, authorize) => {
    const error = await refusalOf({ server: { authorize } });
    expect(error).toMatchObject({ code: 'GSS_S_FAILURE', minor: { code: 'KRB_ERR_GENERIC' } });
    expect(error.minor!.message).toBe('The function authorize failed');
  });

  it('is refused at the deadline of the acceptor', async () => {
    const deadlines: (() => void)[] = [];
    const timer = (call: () => void): (() => void) => {
      deadlines.push(call);
      return () => {};
    };
    const refused = refusalOf({
      acceptor: { timer, deadline: 5 },
      server: {
        authorize: () => {
          queueMicrotask(() => deadlines.at(-1)!());
          return new Promise(() => {});
        },
      },
    });
    expect((await refused).minor?.message).toBe('The function authorize did not answer for 5 s');
  });
});

describe('calls', () => {
  it('out of turn are mistakes of the caller', async () => {
    const { exchange: server, client } = await makeSaslParties();
    const first = server.step(client.begin());
    await expect(server.step()).rejects.toThrow(TypeError);
    expect(await first).toMatchObject({ status: 'continue' });
    server.abort();
    expect(await server.step()).toMatchObject({ status: 'failed' });
    const { result } = await exchange(await makeSaslParties());
    expect(result.status).toBe('complete');
  });

  it('after the end are mistakes of the caller', async () => {
    const parties = await makeSaslParties();
    await exchange(parties);
    await expect(parties.exchange.step(new Uint8Array())).rejects.toThrow('after the end');
  });

  it('take bytes only', async () => {
    const { exchange: server } = await makeSaslParties();
    await expect(server.step('YII' as unknown as Uint8Array)).rejects.toThrow(TypeError);
  });
});

describe('an abort', () => {
  it('between two steps wipes the keys and ends the exchange', async () => {
    const parties = await makeSaslParties();
    const { exchange: server, client } = parties;
    let seen: AuthorizationRequest['context'] | undefined;
    await server.step(client.begin());
    server.abort(new Error('connection closed'));
    const result = await server.step(new Uint8Array());
    expect(result).toMatchObject({
      status: 'failed',
      error: { minor: { message: 'The exchange was aborted' } },
    });
    expect(seen).toBeUndefined();
  });

  it.each(['abort', 'signal'] as const)(
    'while the function judges wipes the keys (%s)',
    async (how) => {
      const controller = new AbortController();
      let context: AuthorizationRequest['context'] | undefined;
      const parties = await makeSaslParties({
        begin: { signal: controller.signal },
        server: {
          authorize: (request) => {
            context = request.context;
            queueMicrotask(() =>
              how === 'abort' ? parties.exchange.abort() : controller.abort(new Error('gone')),
            );
            return new Promise(() => {});
          },
        },
      });
      const { result } = await exchange(parties);
      expect(result).toMatchObject({
        status: 'failed',
        error: { minor: { message: 'The exchange was aborted' } },
      });
      expect(() => context!.sessionKey).toThrow();
    },
  );

  it('while the acceptor waits ends the step at once', async () => {
    let asked = (): void => {};
    const waits = new Promise<void>((resolve) => {
      asked = resolve;
    });
    const checkAndStore = (): Promise<boolean> => {
      asked();
      return new Promise(() => {});
    };
    // The acceptor's own deadline never comes.
    const acceptor = { replayCache: { checkAndStore }, timer: () => () => {} };
    const { client, exchange: server } = await makeSaslParties({ acceptor });
    const step = server.step(client.begin());
    await waits;
    server.abort();
    expect(await step).toMatchObject({
      status: 'failed',
      error: { minor: { message: 'The exchange was aborted' } },
    });
  });

  it('during a step that then succeeds leaves no session', async () => {
    let context: AuthorizationRequest['context'] | undefined;
    const parties = await makeSaslParties({
      server: {
        authorize: (request) => {
          context = request.context;
          parties.exchange.abort();
          return true;
        },
      },
    });
    const { result } = await exchange(parties);
    expect(result.status).toBe('failed');
    expect(() => context!.sessionKey).toThrow();
  });

  it('does not affect an established session', async () => {
    const parties = await makeSaslParties();
    const { result, client } = await exchange(parties);
    parties.exchange.abort();
    expect(result.status === 'complete' && result.session.unwrap(client!.wrap(text('x')))).toEqual([
      text('x'),
    ]);
  });
});

it('a refusal wipes the keys of the delegated credential', async () => {
  const ticket = {
    realm: 'EXAMPLE.TEST',
    serverName: { nameType: 2, components: ['krbtgt', 'EXAMPLE.TEST'] },
    encPart: { enctype: 18, cipher: Uint8Array.of(1, 2, 3) },
  };
  const ticketInfo = [{ key: { enctype: 18, value: new Uint8Array(32).fill(9) } }];
  const encPart = { enctype: 0, cipher: encodeEncKrbCredPart({ ticketInfo }) };
  const delegation = encodeKrbCred({ tickets: [ticket], encPart });
  let key: EncryptionKey | undefined;
  await refusalOf({
    client: { flags: mutual | ContextFlag.delegation, delegation },
    server: {
      authorize: ({ context }) => {
        key = context.delegatedCredential!.tickets[0]!.sessionKey;
        expect(key.bytes()[0]).toBe(9);
        return false;
      },
    },
  });
  expect(() => key!.bytes()).toThrow();
});

it('a refusal wipes the keys of the context', async () => {
  let context: AuthorizationRequest['context'] | undefined;
  await refusalOf({
    server: {
      authorize: (request) => {
        context = request.context;
        return false;
      },
    },
  });
  expect(() => context!.sessionKey).toThrow();
});
