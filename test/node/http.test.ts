import { once } from 'node:events';
import type {
  IncomingMessage,
  OutgoingHttpHeaders,
  RequestListener,
  ServerOptions,
  ServerResponse,
} from 'node:http';
import { Agent, createServer, request as httpRequest } from 'node:http';
import { connect as connectHttp2, createSecureServer } from 'node:http2';
import {
  createServer as createTlsServer,
  request as httpsRequest,
  Agent as TlsAgent,
} from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { describe, expect, it, vi } from 'vitest';
import tls from '../../fixtures/tls/server.json' with { type: 'json' };
import { decodeBase64, encodeBase64 } from '../../src/http/base64.ts';
import type { Acceptor, ChannelBindings, GssError } from '../../src/index.ts';
import { Mechanism, tlsExporter, tlsServerEndPoint } from '../../src/index.ts';
import type { HttpAuthenticatorOptions } from '../../src/node/http.ts';
import { httpAuthenticator } from '../../src/node/http.ts';
import {
  decodeNegToken,
  encodeNegTokenInit,
  encodeNegTokenResp,
} from '../../src/spnego/neg-token.ts';
import { CLIENT, makeParties } from '../support/realm-kit.ts';
import { collectWarnings } from '../support/warnings.ts';

const { certificate, key, other } = tls;

function endPointOf(pem: string): ChannelBindings {
  return tlsServerEndPoint(Buffer.from(pem.replace(/-----.*-----/g, ''), 'base64'))!;
}

const SERVER_END_POINT = endPointOf(certificate);
const PROXY_HEADERS = [
  'Via',
  'Forwarded',
  'X-Forwarded-For',
  'X-Forwarded-Host',
  'X-Forwarded-Proto',
  'X-Real-IP',
];
const NTLM_FIRST = encodeNegTokenInit({
  mechTypes: [Mechanism.ntlmssp, Mechanism.krb5],
  mechToken: Buffer.from('NTLMSSP\0\x01\0\0\0'),
});
const KERBEROS_AFTER_ALL = encodeNegTokenResp({ responseToken: Uint8Array.of(0x60, 0) });
const LARGE = { maxHeaderSize: 81_920 };

interface Answer {
  readonly status: number;
  readonly challenge: string | undefined;
  readonly body: string;
}

/** A server that greets whom it knows, on a free port, and a client with one connection. */
class Site {
  readonly failures: GssError[] = [];
  readonly warnings: string[] = [];
  readonly listener: RequestListener;
  server!: Server;
  /** Of one connection, unless a test replaces it. */
  agent: Agent = new Agent({ keepAlive: true, maxSockets: 1 });

  constructor(acceptor: Acceptor, options: Partial<HttpAuthenticatorOptions> = {}) {
    const authenticate = httpAuthenticator({
      acceptor,
      onFailure: (error) => this.failures.push(error),
      onWarning: (message) => this.warnings.push(message),
      // Without it, clients that leave at the end of a test would be printed in a later one.
      onAbandoned: () => {},
      ...options,
    });
    this.listener = async (request, response) => {
      using context = await authenticate(request, response);
      if (context !== undefined) response.end(`Hello ${context.initiator}`);
    };
  }

  static async plain(
    acceptor: Acceptor,
    options: Partial<HttpAuthenticatorOptions> = {},
    serverOptions: ServerOptions = LARGE,
  ): Promise<Site> {
    const site = new Site(acceptor, options);
    return site.listen(createServer(serverOptions, site.listener));
  }

  async listen(server: Server): Promise<this> {
    this.server = server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return this;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  async get(token?: Uint8Array, headers: OutgoingHttpHeaders = {}): Promise<Answer> {
    const send = this.agent instanceof TlsAgent ? httpsRequest : httpRequest;
    const authorization = token && `Negotiate ${encodeBase64(token)}`;
    const request = send({
      port: this.port,
      host: '127.0.0.1',
      agent: this.agent,
      headers: { ...(authorization && { authorization }), ...headers },
    });
    request.end();
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    const body = Buffer.concat(await response.toArray()).toString();
    return {
      status: response.statusCode!,
      challenge: response.headers['www-authenticate'],
      body,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.agent.destroy();
    this.server.close();
    (this.server as { closeAllConnections?: () => void }).closeAllConnections?.();
  }
}

/** A client over TLS that knows its connection before it has a token. */
async function tlsSite(
  acceptor: Acceptor,
  options: Partial<HttpAuthenticatorOptions>,
  maxVersion: 'TLSv1.2' | 'TLSv1.3' = 'TLSv1.3',
): Promise<{ readonly site: Site; readonly socket: TLSSocket }> {
  const site = new Site(acceptor, options);
  const server = createTlsServer({ ...LARGE, cert: certificate, key, maxVersion }, site.listener);
  await site.listen(server);
  const agent = new TlsAgent({ keepAlive: true, maxSockets: 1, rejectUnauthorized: false });
  site.agent = agent;
  const connected = new Promise<TLSSocket>((resolve) =>
    agent.once('free', (socket) => resolve(socket as TLSSocket)),
  );
  await site.get();
  return { site, socket: await connected };
}

function tokenOf({ challenge }: Answer): Uint8Array {
  return decodeBase64(challenge!.replace('Negotiate ', ''))!;
}

describe('httpAuthenticator', () => {
  it('accepts a client that authenticates, and proves the server’s identity', async () => {
    const { acceptor, initiator } = await makeParties();
    await using site = await Site.plain(acceptor);
    expect(await site.get()).toEqual({
      status: 401,
      challenge: 'Negotiate',
      body: 'Unauthorized\n',
    });
    const answer = await site.get(initiator.begin());
    expect(answer).toMatchObject({ status: 200, body: `Hello ${CLIENT}` });
    initiator.finish(tokenOf(answer)).dispose();
    // What was said before on a connection is of no use to who comes next.
    expect((await site.get()).status).toBe(401);
    expect(site.failures).toEqual([]);
    expect(site.warnings).toEqual([]);
  });

  it('refuses invalid tokens, and gives the reason to the operator only', async () => {
    const { acceptor, initiator } = await makeParties();
    await using site = await Site.plain(acceptor);
    const token = initiator.begin();
    expect((await site.get(token)).status).toBe(200);
    const again = await site.get(token);
    expect(again).toMatchObject({ status: 401, body: 'Unauthorized\n' });
    expect(await site.get(undefined, { authorization: 'Negotiate x' })).toEqual({
      status: 400,
      challenge: undefined,
      body: 'Bad Request\n',
    });
    expect(site.failures.map(({ code, minor }) => [code, minor?.code])).toEqual([
      ['GSS_S_FAILURE', 'KRB_AP_ERR_REPEAT'],
      ['GSS_S_DEFECTIVE_TOKEN', undefined],
    ]);
  });

  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('disk full');
      },
    ],
    ['rejects', () => Promise.reject(new Error('disk full'))],
  ])('answers though onFailure %s', async (_, onFailure) => {
    using warnings = collectWarnings();
    const { acceptor, initiator } = await makeParties();
    await using site = await Site.plain(acceptor, { onFailure });
    for (let time = 0; time < 2; time++) {
      expect((await site.get(Uint8Array.of(1))).status).toBe(401);
    }
    expect((await site.get(initiator.begin())).status).toBe(200);
    expect(await warnings.seen()).toEqual([
      {
        code: 'KRB5_ACCEPTOR_HOOK',
        message: expect.stringMatching(/^onFailure failed: disk full\./),
      },
    ]);
  });

  it('answers the client before it reports the failure', async () => {
    const { acceptor } = await makeParties();
    let ended: boolean | undefined;
    const authenticate = httpAuthenticator({
      acceptor,
      onFailure: () => {
        ended = answer?.writableEnded;
      },
    });
    let answer: ServerResponse | undefined;
    await using site = new Site(acceptor);
    await site.listen(
      createServer(LARGE, (request, response) => {
        answer = response;
        void authenticate(request, response);
      }),
    );
    await site.get(Uint8Array.of(1));
    expect(ended).toBe(true);
  });

  describe('with an exchange of two requests', () => {
    const INIT = encodeNegTokenInit({ mechTypes: [Mechanism.krb5] });

    it('continues the exchange of the connection', async () => {
      const { acceptor, initiator } = await makeParties();
      await using site = await Site.plain(acceptor);
      const first = await site.get(INIT);
      expect(first.status).toBe(401);
      expect(decodeNegToken(tokenOf(first))).toMatchObject({ kind: 'resp', negState: 1 });
      const second = encodeNegTokenResp({ responseToken: initiator.begin() });
      expect(await site.get(second)).toMatchObject({ status: 200, body: `Hello ${CLIENT}` });
      expect((await site.get(second)).status).toBe(401);
    });

    it('does not go on over another connection', async () => {
      const { acceptor, initiator } = await makeParties();
      await using site = await Site.plain(acceptor);
      site.agent = new Agent({ keepAlive: false });
      await site.get(INIT);
      const second = encodeNegTokenResp({ responseToken: initiator.begin() });
      expect((await site.get(second)).status).toBe(401);
      await expect.poll(() => site.failures).toHaveLength(2);
      // The exchange of the first connection has ended with it.
      expect(site.failures.map(({ reason, code }) => [reason, code])).toEqual(
        expect.arrayContaining([
          [expect.any(String), 'GSS_S_DEFECTIVE_TOKEN'],
          ['negotiate.abandoned', 'GSS_S_FAILURE'],
        ]),
      );
    });

    it.each<[string, (site: Site) => Promise<unknown>, number]>([
      ['the connection ends', async (site) => site.agent.destroy(), 1],
      ['it starts over', (site) => site.get(NTLM_FIRST), 1],
      ['it asks without a header', (site) => site.get(), 1],
      ['it goes on with Kerberos', (site) => site.get(KERBEROS_AFTER_ALL), 0],
    ])('reports a client that wanted NTLM, once %s', async (_, then, told) => {
      const { acceptor } = await makeParties();
      const failures: string[] = [];
      await using site = await Site.plain(acceptor, {
        onFailure: ({ code, minor, hint }, request) => {
          failures.push(`${code} ${minor?.code} ${request.url} ${hint}`);
        },
      });
      expect((await site.get(NTLM_FIRST)).status).toBe(401);
      expect(failures).toEqual([]);
      await then(site);
      await expect.poll(() => failures.length).toBeGreaterThan(0);
      const ofNtlm = failures.filter((text) => text.startsWith('GSS_S_BAD_MECH NTLM_RECEIVED /'));
      expect(ofNtlm).toHaveLength(told);
      if (told > 0) expect(ofNtlm[0]).toContain('the client preferred NTLM to Kerberos');
    });

    it('names it in the refusal behind a proxy', async () => {
      const { acceptor } = await makeParties();
      await using site = await Site.plain(acceptor);
      expect((await site.get(NTLM_FIRST, { Via: '1.1 proxy' })).status).toBe(401);
      const [failure] = site.failures;
      expect(failure?.code).toBe('GSS_S_UNAVAILABLE');
      expect(failure?.minor?.code).toBe('NTLM_RECEIVED');
      expect(failure?.hint).toMatch(/the header via .*; the client preferred NTLM to Kerberos/);
    });

    it.each(PROXY_HEADERS)('stops if %s reveals a proxy, unless allowed', async (name) => {
      for (const allowed of [false, true]) {
        const { acceptor, initiator } = await makeParties();
        await using site = await Site.plain(acceptor, { proxyKeepsConnectionsApart: allowed });
        const first = await site.get(INIT, { [name]: '1.1 proxy' });
        expect(first.challenge === 'Negotiate').toBe(!allowed);
        const second = encodeNegTokenResp({ responseToken: initiator.begin() });
        const answer = await site.get(second, { [name]: '1.1 proxy' });
        expect(answer.status).toBe(allowed ? 200 : 401);
        if (!allowed) {
          expect(site.failures[0]?.code).toBe('GSS_S_UNAVAILABLE');
          expect(site.failures[0]?.hint).toContain(`the header ${name.toLowerCase()} reveals`);
        }
      }
    });
  });

  it('authenticates clients that need one request only, through a proxy', async () => {
    const { acceptor, initiator } = await makeParties();
    await using site = await Site.plain(acceptor);
    expect((await site.get(initiator.begin(), { Via: '1.1 proxy' })).status).toBe(200);
  });

  it('warns once of a limit on headers that is too low for large tickets', async () => {
    const { acceptor } = await makeParties();
    for (const [options, limit] of [
      [{}, '16384'],
      [{ maxHeaderSize: 40_000 }, '40000'],
    ] as const) {
      await using site = await Site.plain(acceptor, {}, options);
      await site.get();
      await site.get();
      expect(site.warnings).toHaveLength(1);
      expect(site.warnings[0]).toMatch(`headers are limited to ${limit} bytes`);
      expect(site.warnings[0]).toContain('{ maxHeaderSize: 81920 }');
    }
  });

  it('has Node print that warning without onWarning', async () => {
    const { acceptor } = await makeParties();
    // Without a hook of its own, the client that leaves would be printed too.
    const authenticate = httpAuthenticator({ acceptor, onAbandoned: () => {} });
    const site = new Site(acceptor);
    await using _site = await site.listen(
      createServer((request, response) => void authenticate(request, response)),
    );
    const printed = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    await site.get();
    await site.get();
    expect(printed).toHaveBeenCalledExactlyOnceWith(
      expect.stringContaining('headers are limited to 16384 bytes'),
      { code: 'KRB5_ACCEPTOR_MAX_HEADER_SIZE' },
    );
    printed.mockRestore();
  });

  it('accepts a token of 48000 bytes with the recommended header limit', async () => {
    const { acceptor } = await makeParties();
    await using site = await Site.plain(acceptor);
    expect((await site.get(new Uint8Array(48_000))).status).toBe(401);
    expect(site.failures).toHaveLength(1);
  });
});

describe('httpAuthenticator over TLS', () => {
  const OTHERS: ChannelBindings = { applicationData: new Uint8Array(53) };

  it.each([
    ['those of the certificate', SERVER_END_POINT, 200],
    ['others', OTHERS, 401],
    ['none', undefined, 401],
  ])('asks for tls-server-end-point: %s', async (_name, channelBindings, status) => {
    const { acceptor, initiator } = await makeParties({
      acceptor: { channelBindingPolicy: 'required' },
      initiator: channelBindings === undefined ? {} : { channelBindings },
    });
    const { site } = await tlsSite(acceptor, {});
    await using _site = site;
    expect((await site.get(initiator.begin())).status).toBe(status);
    if (status === 401) expect(site.failures[0]?.code).toBe('GSS_S_BAD_BINDINGS');
  });

  // OpenSSL says of a resumed session that it has the certificate that the server has by default.
  it.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'accepts a resumed session with the certificate of its beginning (%s)',
    async (maxVersion) => {
      const acceptorOptions = { channelBindingPolicy: 'required' } as const;
      const { acceptor, ticket } = await makeParties({ acceptor: acceptorOptions });
      const site = new Site(acceptor);
      await using _site = site;
      const server = createTlsServer(
        { ...LARGE, cert: certificate, key, maxVersion },
        site.listener,
      );
      server.addContext('other.example.test', { cert: other.certificate, key: other.key });
      const reused: boolean[] = [];
      server.on('secureConnection', (socket) => reused.push(socket.isSessionReused()));
      await site.listen(server);
      site.agent = new TlsAgent({ servername: 'other.example.test', rejectUnauthorized: false });
      expect((await site.get()).status).toBe(401);
      for (const [channelBindings, status] of [
        [endPointOf(other.certificate), 200],
        [OTHERS, 401],
        [undefined, 401],
      ] as const) {
        const { initiator } = await makeParties({
          initiator: { ticket, ...(channelBindings && { channelBindings }) },
        });
        expect((await site.get(initiator.begin())).status).toBe(status);
      }
      expect(reused).toEqual([false, true, true, true]);
      // Whoever begins a session has the certificate that he is shown, and no other.
      site.agent = new TlsAgent({ rejectUnauthorized: false, maxCachedSessions: 0 });
      for (const [channelBindings, status] of [
        [endPointOf(other.certificate), 401],
        [SERVER_END_POINT, 200],
      ] as const) {
        const { initiator } = await makeParties({ initiator: { ticket, channelBindings } });
        expect((await site.get(initiator.begin())).status).toBe(status);
      }
      expect(reused.slice(4)).toEqual([false, false]);
    },
  );

  it('asks for tls-exporter of the very connection', async () => {
    const acceptorOptions = { channelBindingPolicy: 'required' } as const;
    const { acceptor, ticket } = await makeParties({ acceptor: acceptorOptions });
    const { site, socket } = await tlsSite(acceptor, { channelBindings: 'tls-exporter' });
    await using _site = site;
    const exported = socket.exportKeyingMaterial(32, 'EXPORTER-Channel-Binding', Buffer.alloc(0));
    for (const [channelBindings, status] of [
      [tlsExporter(exported), 200],
      [tlsExporter(new Uint8Array(32)), 401],
      [SERVER_END_POINT, 401],
    ] as const) {
      const { initiator } = await makeParties({ initiator: { channelBindings, ticket } });
      expect((await site.get(initiator.begin())).status).toBe(status);
    }
  });

  it('has no tls-exporter before TLS 1.3, and refuses everybody if one is required', async () => {
    const { acceptor, initiator } = await makeParties({
      acceptor: { channelBindingPolicy: 'required' },
      initiator: { channelBindings: SERVER_END_POINT },
    });
    const { site } = await tlsSite(acceptor, { channelBindings: 'tls-exporter' }, 'TLSv1.2');
    await using _site = site;
    expect((await site.get(initiator.begin())).status).toBe(401);
    expect(site.failures[0]?.code).toBe('GSS_S_BAD_BINDINGS');
  });

  it.each<[string, NonNullable<HttpAuthenticatorOptions['channelBindings']>, number]>([
    ['none', 'none', 200],
    ["a function's", () => OTHERS, 200],
    ["a function's that are not the client's", () => SERVER_END_POINT, 401],
  ])('takes other bindings if told to: %s', async (_name, channelBindings, status) => {
    const { acceptor, initiator } = await makeParties({ initiator: { channelBindings: OTHERS } });
    const { site } = await tlsSite(acceptor, { channelBindings });
    await using _site = site;
    expect((await site.get(initiator.begin())).status).toBe(status);
  });

  it('does not know other types', async () => {
    const { acceptor } = await makeParties();
    const options = { acceptor, channelBindings: 'tls-unique' as 'none' };
    expect(() => httpAuthenticator(options)).toThrow(
      new RangeError(
        'channelBindings: expected tls-server-end-point, tls-exporter, none, got tls-unique',
      ),
    );
  });

  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('no certificate');
      },
    ],
    ['returns a promise', () => Promise.resolve({ applicationData: Uint8Array.of(1) })],
    ['returns a promise that rejects', () => Promise.reject(new Error('no certificate'))],
    ['returns bindings of nothing', () => ({})],
  ])('answers 503 where the function for them %s', async (_, channelBindings) => {
    const { acceptor, initiator } = await makeParties();
    await using site = await Site.plain(acceptor, { channelBindings: channelBindings as never });
    expect((await site.get(initiator.begin())).status).toBe(503);
    expect(site.failures).toMatchObject([
      { minor: { hint: expect.stringContaining('the option channelBindings threw, or') } },
    ]);
  });

  it('serves HTTP/2, where an exchange of several requests is refused', async () => {
    const { acceptor, initiator } = await makeParties({
      acceptor: { channelBindingPolicy: 'required' },
      initiator: { channelBindings: SERVER_END_POINT },
    });
    const failures: GssError[] = [];
    const authenticate = httpAuthenticator({
      acceptor,
      onFailure: (error) => failures.push(error),
    });
    const server = createSecureServer({ cert: certificate, key }, async (request, response) => {
      using context = await authenticate(request, response);
      if (context !== undefined) response.end(`Hello ${context.initiator}`);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const session = connectHttp2(`https://127.0.0.1:${port}`, { rejectUnauthorized: false });
    const get = async (token: Uint8Array): Promise<unknown[]> => {
      const stream = session.request({ authorization: `Negotiate ${encodeBase64(token)}` });
      const [headers] = (await once(stream, 'response')) as [Record<string, unknown>];
      const body = Buffer.concat(await stream.toArray()).toString();
      return [headers[':status'], body];
    };
    expect(await get(initiator.begin())).toEqual([200, `Hello ${CLIENT}`]);
    const init = encodeNegTokenInit({ mechTypes: [Mechanism.krb5] });
    expect(await get(init)).toEqual([401, 'Unauthorized\n']);
    expect(failures[0]?.hint).toContain('over HTTP/2');
    session.close();
    server.close();
  });
});
