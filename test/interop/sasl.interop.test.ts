/** SASL clients of others: Cyrus SASL, which OpenLDAP and most mail clients use, and GNU SASL. */
import { readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import type { AcceptorOptions } from '../../src/index.ts';
import { acquireCredential, createAcceptor, parseKeytab, tlsExporter } from '../../src/index.ts';
import type {
  SaslExchangeOptions,
  SaslMechanism,
  SaslServerOptions,
  SaslSession,
} from '../../src/sasl/index.ts';
import { createSaslServer } from '../../src/sasl/index.ts';
import type { CyrusOptions } from '../support/cyrus-client.ts';
import { CyrusClient } from '../support/cyrus-client.ts';
import { GsaslClient } from '../support/gsasl-client.ts';
import type { User } from '../support/realm.ts';
import { have, keytab, kinit } from '../support/realm.ts';

const LAYERS = [
  { layer: 'none', ssf: [0, 0] },
  { layer: 'integrity', ssf: [1, 1] },
  { layer: 'confidentiality', ssf: [56, 256] },
] as const;

const STRONGEST = 'confidentiality';
/** The strength of each layer in the words of Cyrus SASL. */
const OUTCOMES = { none: /^done 0 /, integrity: /^done 1 /, confidentiality: /^done (128|256) / };

interface Setting {
  readonly acceptor?: Partial<AcceptorOptions>;
  readonly server?: Omit<SaslServerOptions, 'acceptor'>;
  readonly begin?: SaslExchangeOptions;
}

async function serverOf({ acceptor, server }: Setting) {
  const credential = await acquireCredential({
    keytab: parseKeytab(await readFile(keytab('host'))),
    service: 'host',
  });
  return createSaslServer({ acceptor: createAcceptor({ credential, ...acceptor }), ...server });
}

describe.runIf(have('kinit', 'cyrus-sasl'))('a client of Cyrus SASL', () => {
  let user: User;

  beforeAll(async () => {
    user = await (await kinit('alice')).fetchTickets('host');
  });

  /** Both sides of a connection, and what the client says of it. */
  async function connect(
    mechanism: SaslMechanism,
    options: Omit<CyrusOptions, 'mechanism' | 'user'> = {},
    setting: Setting = {},
  ) {
    const server = await serverOf(setting);
    const client = new CyrusClient({ mechanism, user, ...options });
    const result = await client.authenticate(server.begin(mechanism, setting.begin));
    return { client, result };
  }

  async function meet(...args: Parameters<typeof connect>) {
    const { client, result } = await connect(...args);
    if (result.status === 'failed') throw result.error;
    return { client, session: result.session };
  }

  /** Messages both ways. */
  async function converse(client: CyrusClient, session: SaslSession, sizes: readonly number[]) {
    for (const size of sizes) {
      const message = new Uint8Array(size).map((_, i) => i * 7);
      const frames = await client.wrap(message);
      const plain = Buffer.concat(session.unwrap(frames));
      expect(plain.equals(message)).toBe(true);
      const answer = await client.unwrap(session.wrap(message));
      expect(Buffer.from(message).equals(answer)).toBe(true);
    }
  }

  describe.each(['GSSAPI', 'GSS-SPNEGO'] as const)('with %s', (mechanism) => {
    it.each(LAYERS)('agrees on $layer', async ({ layer, ssf: [minSsf, maxSsf] }) => {
      const { client, session } = await meet(mechanism, { minSsf, maxSsf });
      await using _ = client;
      // MIT krb5 adds the flag for confidentiality unless no layer at all is wanted, and both sides of
      // GSS-SPNEGO go by the flags.
      const agreed = mechanism === 'GSS-SPNEGO' && layer === 'integrity' ? STRONGEST : layer;
      expect(session).toMatchObject({
        mechanism,
        layer: agreed,
        authenticationId: 'alice@EXAMPLE.TEST',
        authorizationId: 'alice@EXAMPLE.TEST',
      });
      expect(client.outcome).toMatch(OUTCOMES[agreed]);
      if (layer !== 'none') await converse(client, session, [1, 15, 16, 1000, 40_000]);
    });

    it('has the token in the success message, if the protocol can', async () => {
      const { client, session } = await meet(mechanism, {}, { begin: { successData: true } });
      await using _ = client;
      await converse(client, session, [10]);
    });
  });

  it.each([
    [1024, 1024],
    [65_536, 1024],
    [0xff_ffff, 0xff_ffff],
  ])('with buffers of %i and %i bytes', async (ofClient, ofServer) => {
    const { client, session } = await meet(
      'GSSAPI',
      { maxBuffer: ofClient },
      { server: { maxBuffer: ofServer } },
    );
    await using _ = client;
    expect(session.peerMaxBuffer).toBe(ofClient);
    // Cyrus SASL tells its limit for plain bytes.
    const [, , most] = client.outcome.split(' ').map(Number) as [number, number, number];
    expect(most).toBeLessThan(ofServer);
    const frames = session.wrap(new Uint8Array(5000));
    expect(await client.unwrap(frames)).toHaveLength(5000);
    const sent = await client.wrap(new Uint8Array(Math.min(most, 100_000)));
    expect(Buffer.concat(session.unwrap(sent))).toHaveLength(Math.min(most, 100_000));
  });

  it('that sets both bits, as for Active Directory, has confidentiality', async () => {
    const { client, session } = await meet('GSSAPI', { adCompat: true });
    await using _ = client;
    expect(session.layer).toBe('confidentiality');
    await converse(client, session, [100]);
  });

  it('without a buffer for any frame is refused', async () => {
    const { client, result } = await connect('GSSAPI', { maxBuffer: 0 });
    await using _ = client;
    expect(result).toMatchObject({ status: 'failed', error: { code: 'GSS_S_UNAUTHORIZED' } });
  });

  it('acts as another only if the server permits it', async () => {
    const refused = await connect('GSSAPI', { authorizationId: 'bob' });
    await using _ = refused.client;
    expect(refused.result).toMatchObject({
      status: 'failed',
      error: { code: 'GSS_S_UNAUTHORIZED' },
    });
    const { client, session } = await meet(
      'GSSAPI',
      { authorizationId: 'bob' },
      { server: { authorize: ({ requestedId }) => requestedId === 'bob' } },
    );
    await using __ = client;
    expect(session.authorizationId).toBe('bob');
  });

  it('does not accept a layer that it may not use', async () => {
    const server = { layers: ['confidentiality'] } as const;
    await expect(connect('GSSAPI', { maxSsf: 1 }, { server })).rejects.toThrow('error step');
  });

  describe('with GS2', () => {
    it('without channel bindings', async () => {
      const { client, session } = await meet('GS2-KRB5', { maxSsf: 0 });
      await using _ = client;
      expect(session).toMatchObject({ mechanism: 'GS2-KRB5', layer: 'none' });
    });

    it('with an authorization identity', async () => {
      const { client, session } = await meet(
        'GS2-KRB5',
        { maxSsf: 0, authorizationId: 'bob=x,y' },
        { server: { authorize: () => true } },
      );
      await using _ = client;
      expect(session.authorizationId).toBe('bob=x,y');
    });

    const exporter = new Uint8Array(32).fill(9);
    const bindings = { type: 'tls-exporter', data: exporter };
    const begin = { channelBindings: tlsExporter(exporter) };

    it('with channel bindings', async () => {
      const { client, session } = await meet('GS2-KRB5-PLUS', { maxSsf: 0, bindings }, { begin });
      await using _ = client;
      expect(session.mechanism).toBe('GS2-KRB5-PLUS');
    });

    it('with channel bindings where the acceptor requires them', async () => {
      const acceptor = { channelBindingPolicy: 'required' } as const;
      const { client } = await meet('GS2-KRB5-PLUS', { maxSsf: 0, bindings }, { begin, acceptor });
      await using _ = client;
      expect(client.outcome).toMatch(/^done 0 /);
    });

    it('is refused with those of another channel', async () => {
      const data = new Uint8Array(32).fill(8);
      const { client, result } = await connect(
        'GS2-KRB5-PLUS',
        { maxSsf: 0, bindings: { ...bindings, data } },
        { begin },
      );
      await using _ = client;
      expect(result).toMatchObject({ status: 'failed', error: { code: 'GSS_S_BAD_BINDINGS' } });
    });
  });
});

describe.runIf(have('kinit', 'gsasl'))('a client of GNU SASL', () => {
  let user: User;

  beforeAll(async () => {
    user = await (await kinit('alice')).fetchTickets('host');
  });

  it.each(['GSSAPI', 'GS2-KRB5'])('authenticates with %s', async (mechanism) => {
    const server = await serverOf({
      server: { authorize: ({ requestedId }) => requestedId === 'alice' },
    });
    using client = new GsaslClient(mechanism, user);
    expect(await client.authenticate(server.begin(mechanism))).toMatchObject({
      status: 'complete',
      session: {
        mechanism,
        layer: 'none',
        authenticationId: 'alice@EXAMPLE.TEST',
        authorizationId: 'alice',
      },
    });
  });

  it.each(['GSSAPI', 'GS2-KRB5'])(
    'is refused with %s if it may not be alice',
    async (mechanism) => {
      const server = await serverOf({});
      using client = new GsaslClient(mechanism, user);
      expect(await client.authenticate(server.begin(mechanism))).toMatchObject({
        status: 'failed',
        error: { code: 'GSS_S_UNAUTHORIZED' },
      });
    },
  );
});
