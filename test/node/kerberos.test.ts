import { once } from 'node:events';
import type { RequestListener, ServerOptions } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { connect } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { KerberosError } from '../../src/errors.ts';
import type { SecurityContext } from '../../src/index.ts';
import { formatKeytab } from '../../src/index.ts';
import type { Kerberos, KerberosOptions } from '../../src/node/kerberos.ts';
import { kerberos } from '../../src/node/kerberos.ts';
import { openHttp1 } from '../conformance/connection.ts';
import { makeServiceKeytab, SERVICE, User } from '../conformance/user.ts';
import { collectWarnings } from '../support/warnings.ts';

const keytab = makeServiceKeytab();

/** A server that greets, and what its operator is told. */
async function serve(
  options: KerberosOptions = {},
  serverOptions: ServerOptions = {},
  listener?: (signOn: Kerberos) => RequestListener,
) {
  const warnings: string[] = [];
  const onWarning = (message: string) => {
    if (!message.startsWith('credentials come over plain HTTP')) warnings.push(message);
  };
  const signOn = kerberos({ keytab, service: SERVICE, onWarning, ...options });
  const greet: RequestListener = async (request, response) => {
    const client = await signOn(request, response);
    if (client !== undefined) response.end(`Hello ${client.identity?.principal}`);
  };
  const server = createServer(serverOptions, listener?.(signOn) ?? greet);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    server,
    port,
    signOn,
    warnings,
    url: `http://127.0.0.1:${port}`,
    [Symbol.dispose]: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** A server with a sign-on for each of the paths /0, /1 and so on. */
async function serveMany(count: number) {
  const signOns = Array.from({ length: count }, () => kerberos({ keytab, service: SERVICE }));
  const server = createServer((request, response) => {
    const signOn = signOns[Number(request.url!.slice(1))]!;
    void signOn(request, response);
  });
  onTestFinished(() => void server.close());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, port: (server.address() as AddressInfo).port };
}

async function get(url: string, headers: Readonly<Record<string, string>> = {}) {
  const connection = await openHttp1(url);
  const answer = await connection.send({ path: '/', headers });
  connection.close();
  return answer;
}

/** All that a server sends until it closes the connection. */
async function exchange(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.write(text);
  return Buffer.concat(await socket.toArray()).toString('latin1');
}

describe('the limit on headers', () => {
  it('is raised with the first request, whose connection is closed', async () => {
    using site = await serve();
    const first = await get(site.url);
    expect(first.headers.get('connection')).toEqual(['close']);
    expect((await get(site.url)).headers.get('connection')).not.toEqual(['close']);
    const long = await get(site.url, { Cookie: 'x'.repeat(60_000) });
    expect(long.status).toBe(401);
    expect(site.warnings).toEqual([]);
  });

  it('is left alone where the application has chosen one, with a warning', async () => {
    using site = await serve({}, { maxHeaderSize: 20_000 });
    await get(site.url);
    await get(site.url);
    expect(site.warnings).toEqual([expect.stringContaining('headers are limited to 20000 bytes')]);
    expect((await get(site.url, { Cookie: 'x'.repeat(30_000) })).status).toBe(431);
  });

  it('and malformed headers are reported to the operator; the answers are those of Node.js', async () => {
    using site = await serve({}, { maxHeaderSize: 20_000 });
    await get(site.url);
    site.warnings.splice(0);
    const long = `GET / HTTP/1.1\r\nHost: x\r\nCookie: ${'x'.repeat(30_000)}\r\n\r\n`;
    expect(await exchange(site.port, long)).toBe(
      'HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\n\r\n',
    );
    // The answer may arrive before the warning does.
    await expect
      .poll(() => site.warnings[0])
      .toMatch(/refused a request of 127\.0\.0\.1 with 431: .* 20000 bytes \(\d{5} bytes came/);
    expect(await exchange(site.port, 'no HTTP\r\n\r\n')).toBe(
      'HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n',
    );
    await expect.poll(() => site.warnings[1]).toMatch(/127\.0\.0\.1 with 400: /);
  });

  it('has one listener at a server, however many sign-ons may be there', async () => {
    const { server, port } = await serveMany(12);
    expect(await exchange(port, 'no HTTP\r\n\r\n')).toBe(
      'HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n',
    );
    for (const path of ['/', '/3', '/11']) {
      await fetch(`http://127.0.0.1:${port}${path}`);
      expect(server.listenerCount('clientError')).toBe(1);
    }
  });

  it('leaves the answer to a listener of the application', async () => {
    using site = await serve({}, { maxHeaderSize: 81_920 });
    site.server.on('clientError', (_error, socket) => {
      socket.end('HTTP/1.1 418 Mine\r\nConnection: close\r\n\r\n');
    });
    await get(site.url);
    expect(await exchange(site.port, 'no HTTP\r\n\r\n')).toMatch(/^HTTP\/1\.1 418 Mine\r\n/);
    await expect.poll(() => site.warnings).toHaveLength(1);
  });
});

describe('a start that cannot work', () => {
  it('rejects ready, warns once, and answers with 503 until the keytab can be read', async () => {
    using warnings = collectWarnings();
    let now = Date.now();
    let isThere = false;
    const refused: (string | undefined)[] = [];
    using site = await serve({
      clock: () => now,
      keytab: async () => {
        if (isThere) return keytab;
        throw new KerberosError('KRB5_KT_NOTFOUND', {
          reason: 'fault.program',
          message: 'the secret is not mounted',
        });
      },
      onRefused: ({ minor }) => refused.push(minor?.message),
    });
    await expect(site.signOn.ready).rejects.toMatchObject({ code: 'GSS_S_NO_CRED' });
    const answer = await get(site.url);
    expect(answer.status).toBe(503);
    expect(answer.headers.get('www-authenticate')).toBeUndefined();
    const { authorization } = new User(keytab, 'alice').signOn();
    expect((await get(site.url, { authorization })).status).toBe(503);
    expect(refused).toEqual(Array(2).fill('the secret is not mounted'));
    isThere = true;
    expect((await get(site.url)).status).toBe(503);
    now += 6000;
    expect((await get(site.url)).status).toBe(401);
    await site.signOn.ready;
    expect(await warnings.seen()).toEqual([
      {
        code: 'KRB5_ACCEPTOR_START',
        message: expect.stringContaining('Kerberos cannot start: the secret is not mounted'),
      },
    ]);
  });
});

describe('the keytab of kerberos()', () => {
  const bytes = formatKeytab(keytab);
  const lines = Buffer.from(bytes)
    .toString('base64')
    .replace(/(.{40})/g, '$1\n');

  it.each([
    ['bytes', bytes],
    ['base64, in lines', lines],
    ['a function', () => keytab],
  ])('may be %s', async (_, given) => {
    using site = await serve({ keytab: given });
    const { authorization } = new User(keytab, 'alice').signOn();
    expect((await get(site.url, { authorization })).body).toBe('Hello alice@EXAMPLE.TEST');
  });

  it('is not given beside an acceptor', () => {
    const acceptor = { begin() {} } as unknown as NonNullable<KerberosOptions['acceptor']>;
    expect(() => kerberos({ acceptor, keytab })).toThrow(/^keytab: expected no such option beside/);
  });
});

describe('several adapters in a process', () => {
  it('see a token that another one has accepted as a replay', async () => {
    using one = await serve();
    using other = await serve();
    const { authorization } = new User(keytab, 'alice').signOn();
    expect((await get(one.url, { authorization })).status).toBe(200);
    expect((await get(other.url, { authorization })).status).toBe(401);
  });
});

describe('a page of the application that fails', () => {
  it('is replaced by a plain one, with a warning', async () => {
    using warnings = collectWarnings();
    using site = await serve({
      unauthorized: () => {
        throw new Error('no template');
      },
      // Without a hook of its own, the client that leaves would be printed too.
      onAbandoned: () => {},
    });
    const answer = await get(site.url);
    expect(answer).toMatchObject({ status: 401, body: 'Unauthorized\n' });
    expect(await warnings.seen()).toEqual([
      { code: 'KRB5_ACCEPTOR_PAGE', message: expect.stringContaining('no template') },
    ]);
  });
});

describe('authenticateUpgrade', () => {
  const UPGRADE =
    'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n';

  async function upgrading(options: KerberosOptions = {}) {
    const site = await serve(options);
    const contexts: (SecurityContext | undefined)[] = [];
    site.server.on('upgrade', async (request, socket: Socket) => {
      const client = await site.signOn.authenticateUpgrade(request, socket);
      if (client === undefined) return;
      contexts.push(client.context);
      socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\n');
      // As every protocol does: without reading nobody learns that the client has gone.
      socket.resume().once('end', () => socket.end());
    });
    return Object.assign(site, { contexts });
  }

  it('answers a client without a ticket whole, and ends its connection', async () => {
    using site = await upgrading();
    const text = await exchange(site.port, `${UPGRADE}\r\n`);
    expect(text).toMatch(/^HTTP\/1\.1 401 Unauthorized\r\n/);
    expect(text).toMatch(/\r\nConnection: close\r\n/);
    expect(text).toMatch(/\r\nWWW-Authenticate: Negotiate\r\n/);
    expect(text).toMatch(/\r\nContent-Length: 13\r\n[\s\S]*\r\n\r\nUnauthorized\n$/);
  });

  it('disposes of the context when the connection closes', async () => {
    using site = await upgrading();
    const { authorization } = new User(keytab, 'alice').signOn();
    const socket = connect(site.port, '127.0.0.1');
    socket.write(`${UPGRADE}Authorization: ${authorization}\r\n\r\n`);
    const [data] = (await once(socket, 'data')) as [Buffer];
    expect(data.toString()).toMatch(/^HTTP\/1\.1 101 /);
    const [context] = site.contexts;
    const protects = (): boolean => {
      try {
        return context!.getMic(new Uint8Array()).length > 0;
      } catch {
        return false;
      }
    };
    expect(protects()).toBe(true);
    socket.destroy();
    await expect.poll(protects).toBe(false);
  });

  it.each([
    ['https://elsewhere.test', {}, 403],
    ['https://elsewhere.test', { allowedOrigins: ['https://elsewhere.test'] }, 101],
    ['http://localhost', {}, 101],
    ['null', {}, 403],
    ['http://localhost', { trustProxy: true }, 403],
    ['https://localhost', { trustProxy: true }, 101],
  ] as const)('of a page of %s with %j is answered with %i', async (origin, options, status) => {
    const refused: string[] = [];
    using site = await upgrading({ ...options, onRefused: ({ message }) => refused.push(message) });
    const { authorization } = new User(keytab, 'alice').signOn();
    const socket = connect(site.port, '127.0.0.1');
    const proxy = 'trustProxy' in options ? 'X-Forwarded-Proto: https\r\n' : '';
    socket.write(`${UPGRADE}${proxy}Origin: ${origin}\r\nAuthorization: ${authorization}\r\n\r\n`);
    const [data] = (await once(socket, 'data')) as [Buffer];
    expect(data.toString()).toContain(`HTTP/1.1 ${status} `);
    expect(refused).toEqual(status === 403 ? ['a page of another site opens a WebSocket'] : []);
    socket.destroy();
  });
});
