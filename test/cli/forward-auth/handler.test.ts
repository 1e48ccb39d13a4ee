/** The answers of krb5-forward-auth to a proxy, over real connections. */
import { once } from 'node:events';
import { request as ask, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { ForwardAuth } from '../../../src/cli/forward-auth/handler.ts';
import { forwardAuthHandler } from '../../../src/cli/forward-auth/handler.ts';
import { parseIdentityHeaders } from '../../../src/cli/forward-auth/identity-headers.ts';
import { parseRules } from '../../../src/cli/forward-auth/rules.ts';
import type { KerberosOptions } from '../../../src/node/index.ts';
import { kerberos } from '../../../src/node/index.ts';
import type { SignOnFetchOptions } from '../../../src/testing/index.ts';
import { createSignOnFetch, testKeytab } from '../../../src/testing/index.ts';

const keytab = testKeytab('HTTP/www.example.com@EXAMPLE.COM');
/** What a proxy says about the client's request. */
const PROXIED = {
  'X-Forwarded-Method': 'GET',
  'X-Forwarded-Uri': '/wiki?a=1',
  'X-Forwarded-Host': 'www.example.com',
  'X-Forwarded-Proto': 'https',
};

interface Setup extends Partial<ForwardAuth> {
  readonly signOnOptions?: KerberosOptions;
}

async function serve({ signOnOptions = {}, ...site }: Setup = {}) {
  const lines: string[] = [];
  const log = (line: string): void => void lines.push(line);
  const options: KerberosOptions = { keytab, trustProxy: true, passPreflight: false };
  const handler = forwardAuthHandler({
    signOn: kerberos({ ...options, ...signOnOptions }),
    headers: parseIdentityHeaders('Remote-User=principal,Remote-Groups=groups'),
    original: { method: 'x-forwarded-method', uri: 'x-forwarded-uri', host: 'x-forwarded-host' },
    isProxy: () => true,
    onRefused: log,
    onAccepted: log,
    ...site,
  });
  const server = createServer({ maxHeaderSize: 81_920 }, handler);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, lines };
}

function client(user: SignOnFetchOptions['user'] = 'alice', cookies = false) {
  return createSignOnFetch({ keytab, user, cookies });
}

/** A request with any headers, also repeated ones. */
async function plain(url: string, headers: Readonly<Record<string, string | string[]>>) {
  const [response] = (await once(ask(url, { headers, agent: false }).end(), 'response')) as [
    import('node:http').IncomingMessage,
  ];
  response.resume();
  return response;
}

describe('GET /auth', () => {
  it('has the identity and the proof of a client that signs on', async () => {
    const { url, lines } = await serve();
    const user = { name: 'alice', groups: [512, 513] };
    const response = await client(user)(`${url}/auth`, { headers: PROXIED });
    expect(response.status).toBe(200);
    expect(response.headers.get('remote-user')).toBe('alice@EXAMPLE.COM');
    expect(response.headers.get('remote-groups')).toMatch(/^S-1-[0-9-]+-513,S-1-[0-9-]+-512$/);
    expect(response.headers.get('www-authenticate')).toMatch(/^Negotiate \S/);
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(lines).toEqual(['alice@EXAMPLE.COM by ticket: GET www.example.com/wiki']);
  });

  it('challenges a client without credentials', async () => {
    const { url } = await serve();
    const { statusCode, headers } = await plain(`${url}/auth`, PROXIED);
    expect([statusCode, headers['www-authenticate']]).toEqual([401, 'Negotiate']);
  });

  it('names headers as it is told, and sends each, though the identity has no such field', async () => {
    const headers = parseIdentityHeaders('X-Name=name,X-Account=accountName,X-Until=expiresAt');
    const { url } = await serve({ headers });
    const response = await client()(`${url}/auth`, { headers: PROXIED });
    expect(response.headers.get('x-name')).toBe('alice');
    expect(response.headers.get('x-account')).toBe('');
    expect(response.headers.get('x-until')).toMatch(/^\d{4}-\d\d-\d\dT/);
    expect(response.headers.has('remote-user')).toBe(false);
  });

  it.each(['Remote-User', 'remote-groups', 'Remote_User', 'REMOTE.USER'])(
    'refuses a request in which the client sent %s',
    async (name) => {
      const { url, lines } = await serve();
      const response = await client()(`${url}/auth`, { headers: { ...PROXIED, [name]: 'root' } });
      expect(response.status).toBe(403);
      expect([...response.headers.values()].join()).not.toContain('root');
      expect(lines).toHaveLength(1);
      expect(lines[0]).toContain('the proxy did not remove it');
    },
  );

  it.each(Object.keys(PROXIED))('serves no proxy that does not set %s once', async (name) => {
    const { url, lines } = await serve();
    const { [name as 'X-Forwarded-Uri']: value, ...others } = PROXIED;
    for (const wrong of [{}, { [name]: [value, value] }, { [name]: 'a b' }]) {
      const { statusCode } = await plain(`${url}/auth`, { ...others, ...wrong });
      expect(statusCode).toBe(503);
    }
    const header = name.toLowerCase();
    expect(lines).toEqual([
      `the header ${header} is missing: the proxy must set it`,
      `the header ${header} comes twice: the proxy must replace it`,
      `the header ${header} is malformed`,
    ]);
  });

  it('refuses whoever is no proxy', async () => {
    const { url, lines } = await serve({ isProxy: (address) => address !== '127.0.0.1' });
    const { statusCode, headers } = await plain(`${url}/auth`, PROXIED);
    expect([statusCode, headers['www-authenticate']]).toEqual([403, undefined]);
    expect(lines).toEqual(['127.0.0.1 is no trusted proxy: see -trust']);
  });

  it('judges by the rules as they are now', async () => {
    let rules = parseRules('/ none');
    const { url, lines } = await serve({ rules: () => rules });
    const enter = async () => (await client()(`${url}/auth`, { headers: PROXIED })).status;
    expect(await enter()).toBe(403);
    rules = parseRules('/wiki user=alice@EXAMPLE.COM');
    expect(await enter()).toBe(200);
    expect(lines[0]).toBe(
      'alice@EXAMPLE.COM may not GET www.example.com/wiki: no rule of / permits it',
    );
  });

  it('judges requests in a session by the rules, and binds sessions to the host of the client', async () => {
    const rules = parseRules('/wiki any');
    const sessions = { keys: [Uint8Array.from({ length: 32 }, (_, index) => index)] };
    const { url, lines } = await serve({ rules: () => rules, signOnOptions: { sessions } });
    const first = await client()(`${url}/auth`, { headers: PROXIED });
    const [cookie] = first.headers.getSetCookie();
    expect(cookie).toMatch(/^__Host-krb5=/);
    const status = async (change: object) => {
      const headers = { ...PROXIED, Cookie: cookie!.replace(/;.*/, ''), ...change };
      return (await plain(`${url}/auth`, headers)).statusCode;
    };
    expect(await status({})).toBe(200);
    expect(lines.at(-1)).toBe('alice@EXAMPLE.COM by session: GET www.example.com/wiki');
    expect(await status({ 'X-Forwarded-Uri': '/other' })).toBe(403);
    expect(await status({ 'X-Forwarded-Host': 'other.example.com' })).toBe(401);
    // The cookie is for TLS only.
    expect(await status({ 'X-Forwarded-Proto': 'http' })).toBe(401);
  });

  it('lets preflights pass where it is told to, without an identity', async () => {
    const preflight = {
      ...PROXIED,
      'X-Forwarded-Method': 'OPTIONS',
      'Access-Control-Request-Method': 'POST',
    };
    const closed = await serve();
    expect((await plain(`${closed.url}/auth`, preflight)).statusCode).toBe(401);
    const open = await serve({ signOnOptions: { passPreflight: true } });
    const { statusCode, headers } = await plain(`${open.url}/auth`, preflight);
    expect([statusCode, headers['remote-user'], headers['remote-groups']]).toEqual([200, '', '']);
    const get = { ...preflight, 'X-Forwarded-Method': 'GET' };
    expect((await plain(`${open.url}/auth`, get)).statusCode).toBe(401);
  });

  it('is 503 when the rules cannot be had', async () => {
    const broken = () => {
      throw new Error('no rules');
    };
    const { url, lines } = await serve({ rules: broken });
    expect((await client()(`${url}/auth`, { headers: PROXIED })).status).toBe(503);
    expect(lines).toEqual(['fault: Error: no rules']);
  });
});

describe('GET /healthz', () => {
  it('is 200 with keys', async () => {
    const { url } = await serve();
    expect((await plain(`${url}/healthz`, {})).statusCode).toBe(200);
  });

  it('is none for a proxy, which may pass on any path of a client', async () => {
    const { url } = await serve();
    expect((await plain(`${url}/healthz`, PROXIED)).statusCode).toBe(404);
  });
});

it('knows no other path', async () => {
  const { url } = await serve();
  for (const path of ['/', '/auth/', '/x']) {
    expect((await plain(`${url}${path}`, PROXIED)).statusCode).toBe(404);
  }
});
