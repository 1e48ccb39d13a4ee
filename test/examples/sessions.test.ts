/** The examples with sessions, those of a framework and ours: one ticket, no fixation, an end. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Answer, Connection } from '../conformance/connection.ts';
import { openHttp1 } from '../conformance/connection.ts';
import type { RunningServer } from '../conformance/program.ts';
import { startServer } from '../conformance/program.ts';
import { User } from '../conformance/user.ts';

const SECRETS = {
  SESSION_SECRET: 'of this test only',
  SESSION_KEY: '00112233445566778899aabbccddeeff0123456789abcdeffedcba9876543210',
};

describe.each(['express-session', 'fastify-secure-session'])('examples/%s.mjs', (name) => {
  let server: RunningServer;
  let connection: Connection;

  beforeAll(async () => {
    server = await startServer([process.execPath, `examples/${name}.mjs`], SECRETS);
    connection = await openHttp1(`https://localhost:${server.port}`);
  });

  afterAll(async () => {
    connection?.close();
    await server?.stop();
    expect(server.log()).toBe('');
  });

  function get(path: string, headers: Record<string, string> = {}): Promise<Answer> {
    return connection.send({ path, headers });
  }

  async function signOn(cookie?: string): Promise<Answer> {
    const exchange = new User(server.keytab, 'alice').signOn();
    const answer = await get('/', {
      Authorization: exchange.authorization,
      ...(cookie !== undefined && { Cookie: cookie }),
    });
    expect(answer).toMatchObject({ status: 200, body: 'Hello alice@EXAMPLE.TEST' });
    exchange.verify(answer).dispose();
    return answer;
  }

  function cookieOf({ headers }: Answer): string {
    const [field, ...more] = headers.get('set-cookie') ?? [];
    expect(more).toEqual([]);
    expect(field).toMatch(/^__Host-session=[^;]{20,}; Path=\/; HttpOnly; Secure; SameSite=Lax$/);
    return field!.split(';')[0]!;
  }

  it('takes one ticket, and then the session', async () => {
    expect(await get('/')).toMatchObject({ status: 401 });
    const cookie = cookieOf(await signOn());
    for (let i = 0; i < 2; i++) {
      const answer = await get('/', { Cookie: cookie });
      expect(answer).toMatchObject({ status: 200, body: 'Hello alice@EXAMPLE.TEST' });
      expect(answer.headers.has('www-authenticate')).toBe(false);
    }
    expect(await get('/', { Cookie: `${cookie.slice(0, -3)}xyz` })).toMatchObject({ status: 401 });
  });

  it('makes a new session at the sign-on: the one before is nobody’s', async () => {
    const before = cookieOf(await get('/basket'));
    const after = cookieOf(await signOn(before));
    expect(after).not.toBe(before);
    expect(await get('/', { Cookie: before })).toMatchObject({ status: 401 });
    // Nor does what was put into it go on.
    expect(await get('/basket', { Cookie: after })).toMatchObject({ body: '1 in the basket' });
  });

  it('ends the session with a logout', async () => {
    const cookie = cookieOf(await signOn());
    const answer = await connection.send({
      path: '/logout',
      method: 'POST',
      headers: { Cookie: cookie, 'Content-Length': '0' },
    });
    expect(answer).toMatchObject({ status: 200, body: 'bye' });
    expect(answer.headers.get('set-cookie')?.[0]).toMatch(/^__Host-session=; /);
    expect(await get('/')).toMatchObject({ status: 401 });
  });
});

describe('examples/express-https.mjs', () => {
  let server: RunningServer;
  let connection: Connection;

  beforeAll(async () => {
    server = await startServer([process.execPath, 'examples/express-https.mjs'], {
      SESSION_KEY: 'Zt3mJqTtFQ1cY0YgGqk5t0zq5m9Vb7r2n8sXw4u6yAE=',
      LOCKED_USERS: 'mallory@EXAMPLE.TEST,bob@EXAMPLE.TEST',
    });
    connection = await openHttp1(`https://localhost:${server.port}`);
  });

  afterAll(async () => {
    connection?.close();
    await server?.stop();
  });

  async function signOn(name: string): Promise<Answer> {
    const { authorization } = new User(server.keytab, name).signOn();
    return connection.send({ path: '/', headers: { authorization } });
  }

  function cookieOf({ headers }: Answer): string {
    return headers.get('set-cookie')?.[0]?.split(';')[0] ?? '';
  }

  it('takes one ticket, then the session, until the logout', async () => {
    expect(await connection.send({ path: '/' })).toMatchObject({ status: 401 });
    const first = await signOn('alice');
    expect(first).toMatchObject({ status: 200, body: 'Hello alice@EXAMPLE.TEST' });
    const cookie = cookieOf(first);
    expect(cookie).toMatch(/^__Host-krb5=.{100,}/);
    for (let i = 0; i < 2; i++) {
      const again = await connection.send({ path: '/', headers: { cookie } });
      expect(again).toMatchObject({ status: 200, body: 'Hello alice@EXAMPLE.TEST' });
    }
    const altered = { cookie: `${cookie.slice(0, -3)}xyz` };
    expect(await connection.send({ path: '/', headers: altered })).toMatchObject({ status: 401 });
    const bye = await connection.send({
      path: '/logout',
      method: 'POST',
      headers: { cookie, 'Content-Length': '0' },
    });
    expect(bye).toMatchObject({ status: 200, body: 'bye' });
    expect(cookieOf(bye)).toBe('__Host-krb5=');
    expect(server.log()).toBe('');
  });

  it('lets no locked user in, gives it no session, and logs why', async () => {
    const answer = await signOn('bob');
    expect(answer).toMatchObject({ status: 403 });
    expect(cookieOf(answer)).toBe('');
    await expect.poll(() => server.log()).toMatch(/^policy\.authorize .*bob@EXAMPLE\.TEST/);
  });
});
