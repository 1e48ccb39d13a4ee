/** The answers of krb5-forward-auth to a proxy, over real connections. */
import { once } from 'node:events';
import { request as ask, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { ForwardAuth } from '../../../src/cli/forward-auth/handler.ts';
import { forwardAuthHandler } from '../../../src/cli/forward-auth/handler.ts';
import { parseIdentityHeaders } from '../../../src/cli/forward-auth/identity-headers.ts';
import type { AuthRecord } from '../../../src/cli/forward-auth/records.ts';
import { Told } from '../../../src/cli/forward-auth/records.ts';
import { parseRules } from '../../../src/cli/forward-auth/rules.ts';
import { acquireCredential, createAcceptor } from '../../../src/index.ts';
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
  const records: AuthRecord[] = [];
  const acceptor = createAcceptor({ credential: await acquireCredential({ keytab }) });
  const told = new Told();
  const options: KerberosOptions = { acceptor, trustProxy: true, passPreflight: false };
  const handler = forwardAuthHandler({
    signOn: kerberos({ ...options, ...told.hooks, ...signOnOptions }),
    acceptor,
    told,
    headers: parseIdentityHeaders('Remote-User=principal,Remote-Groups=groups'),
    original: { method: 'x-forwarded-method', uri: 'x-forwarded-uri', host: 'x-forwarded-host' },
    isProxy: () => true,
    record: (record) => void records.push(record),
    ...site,
  });
  const server = createServer({ maxHeaderSize: 81_920 }, handler);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, records, acceptor };
}

/** Without the challenges, which clients have asked for by their first request. */
function decided(records: readonly AuthRecord[]): readonly AuthRecord[] {
  return records.filter(({ event }) => event !== 'challenged');
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
    const { url, records } = await serve();
    const user = { name: 'alice', groups: [512, 513] };
    const response = await client(user)(`${url}/auth`, { headers: PROXIED });
    expect(response.status).toBe(200);
    expect(response.headers.get('remote-user')).toBe('alice@EXAMPLE.COM');
    expect(response.headers.get('remote-groups')).toMatch(/^S-1-[0-9-]+-513,S-1-[0-9-]+-512$/);
    expect(response.headers.get('www-authenticate')).toMatch(/^Negotiate \S/);
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(decided(records)).toEqual([
      {
        event: 'accepted',
        status: 200,
        request: 'GET www.example.com/wiki',
        via: 'ticket',
        client: 'alice@EXAMPLE.COM',
        service: 'HTTP/www.example.com@EXAMPLE.COM',
        kvno: 1,
        enctype: 'aes256-cts-hmac-sha1-96',
        sessionEnctype: 'aes256-cts-hmac-sha1-96',
        notes: ['delegation.not-forwardable'],
      },
    ]);
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
      const { url, records, acceptor } = await serve();
      const response = await client()(`${url}/auth`, { headers: { ...PROXIED, [name]: 'root' } });
      expect(response.status).toBe(403);
      expect([...response.headers.values()].join()).not.toContain('root');
      expect(records).toMatchObject([
        { event: 'refused', status: 403, reason: 'proxy.forged-header' },
      ]);
      expect(records[0]?.text).toContain('the proxy did not remove it');
      expect(acceptor.statistics.refusals).toEqual({ 'proxy.forged-header': 1 });
    },
  );

  it('serves Traefik as that is documented: ForwardAuth, with the request headers of the example', async () => {
    const { url } = await serve();
    // What its ForwardAuth makes of a request with the headers of a client that claims to be a proxy.
    const ofTraefik = (authorization: string | null) => ({
      'User-Agent': 'Go-http-client/1.1',
      'Accept-Encoding': 'gzip',
      ...(authorization !== null && { Authorization: authorization }),
      Cookie: 'theme=dark',
      'X-Forwarded-For': '192.0.2.7',
      'X-Forwarded-Method': 'POST',
      'X-Forwarded-Proto': 'https',
      'X-Forwarded-Host': 'www.example.com',
      'X-Forwarded-Uri': '/wiki/new?a=1',
    });
    const first = await plain(`${url}/auth`, ofTraefik(null));
    // It passes on all headers of an answer that is not 2xx.
    expect([first.statusCode, first.headers['www-authenticate']]).toEqual([401, 'Negotiate']);
    const tickets: string[] = [];
    const asked = createSignOnFetch({
      keytab,
      user: 'alice',
      fetch: async (request: Request) => {
        const authorization = request.headers.get('authorization');
        if (authorization !== null) tickets.push(authorization);
        return await fetch(`${url}/auth`, { headers: ofTraefik(authorization) });
      },
    });
    const response = await asked('https://www.example.com/wiki/new?a=1', { method: 'POST' });
    expect([response.status, response.headers.get('remote-user')]).toEqual([
      200,
      'alice@EXAMPLE.COM',
    ]);
    expect(tickets).toHaveLength(1);
  });

  it.each(Object.keys(PROXIED))('serves no proxy that does not set %s once', async (name) => {
    const { url, records } = await serve();
    const { [name as 'X-Forwarded-Uri']: value, ...others } = PROXIED;
    for (const wrong of [{}, { [name]: [value, value] }, { [name]: 'a b' }]) {
      const { statusCode } = await plain(`${url}/auth`, { ...others, ...wrong });
      expect(statusCode).toBe(503);
    }
    const header = name.toLowerCase();
    expect(records.map(({ text }) => text)).toEqual([
      `the header ${header} is missing: the proxy must set it`,
      `the header ${header} comes twice: the proxy must replace it`,
      `the header ${header} is malformed`,
    ]);
  });

  it('refuses whoever is no proxy', async () => {
    const { url, records } = await serve({ isProxy: (address) => address !== '127.0.0.1' });
    const { statusCode, headers } = await plain(`${url}/auth`, PROXIED);
    expect([statusCode, headers['www-authenticate']]).toEqual([403, undefined]);
    expect(records).toMatchObject([
      { text: '127.0.0.1 is no trusted proxy', reason: 'proxy.not-trusted', peer: '127.0.0.1' },
    ]);
    expect(records[0]?.remedies?.[0]).toContain('-trust 127.0.0.1');
  });

  it('judges by the rules as they are now', async () => {
    let rules = parseRules('/ none');
    const { url, records, acceptor } = await serve({ rules: () => rules });
    const enter = async () => (await client()(`${url}/auth`, { headers: PROXIED })).status;
    expect(await enter()).toBe(403);
    rules = parseRules('/wiki user=alice@EXAMPLE.COM');
    expect(await enter()).toBe(200);
    expect(decided(records)).toMatchObject([
      {
        event: 'refused',
        status: 403,
        client: 'alice@EXAMPLE.COM',
        service: 'HTTP/www.example.com@EXAMPLE.COM',
        kvno: 1,
        rule: '/',
        reason: 'proxy.rules',
        text: 'alice@EXAMPLE.COM may not GET www.example.com/wiki: no rule of / permits it',
      },
      { event: 'accepted', status: 200, rule: '/wiki' },
    ]);
    expect(acceptor.statistics).toMatchObject({
      accepted: 2,
      refused: 1,
      refusals: { 'proxy.rules': 1 },
    });
  });

  it('judges requests in a session by the rules, and binds sessions to the host of the client', async () => {
    const rules = parseRules('/wiki any');
    const sessions = { keys: [Uint8Array.from({ length: 32 }, (_, index) => index)] };
    const { url, records } = await serve({ rules: () => rules, signOnOptions: { sessions } });
    const first = await client()(`${url}/auth`, { headers: PROXIED });
    const [cookie] = first.headers.getSetCookie();
    expect(cookie).toMatch(/^__Host-krb5=/);
    const status = async (change: object) => {
      const headers = { ...PROXIED, Cookie: cookie!.replace(/;.*/, ''), ...change };
      return (await plain(`${url}/auth`, headers)).statusCode;
    };
    expect(await status({})).toBe(200);
    const known = { client: 'alice@EXAMPLE.COM', via: 'session', request: expect.any(String) };
    const accepted = { event: 'accepted', status: 200, rule: '/wiki' };
    expect(records.at(-1)).toEqual({ ...accepted, ...known });
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
    const { url, records } = await serve({ rules: broken });
    expect((await client()(`${url}/auth`, { headers: PROXIED })).status).toBe(503);
    expect(decided(records)).toMatchObject([
      { event: 'refused', status: 503, reason: 'fault.program', code: 'KRB_ERR_GENERIC' },
    ]);
    expect(records.at(-1)?.cause).toBe('Error: no rules');
  });
});

describe('a record', () => {
  const proxied = { ...PROXIED, 'X-Forwarded-For': '198.51.100.9, 192.0.2.7' };
  const known = { peer: '192.0.2.7', request: 'GET www.example.com/wiki' };

  it('has the address that the proxy gives, and never the query', async () => {
    const { url, records } = await serve();
    await client()(`${url}/auth`, { headers: proxied });
    expect(records).toMatchObject([
      { event: 'challenged', status: 401, ...known },
      { event: 'accepted', status: 200, ...known },
    ]);
    expect(records[0]).toEqual({ event: 'challenged', status: 401, ...known });
  });

  it.each<[string, string, number, object]>([
    ['an empty Negotiate', 'Negotiate', 401, { event: 'challenged', reason: 'token.empty' }],
    ['a bad base64', 'Negotiate !', 400, { event: 'refused', reason: 'token.not-base64' }],
    ['another scheme', 'Basic YTpi', 401, { event: 'refused', reason: 'http.other-scheme' }],
    [
      'a client with NTLM alone',
      `Negotiate ${Buffer.from('NTLMSSP\0\x01\0\0\0\0\0\0\0').toString('base64')}`,
      401,
      { event: 'refused', reason: 'negotiate.ntlm' },
    ],
  ])('of %s has reason and remedy', async (_, Authorization, status, expected) => {
    const { url, records, acceptor } = await serve();
    const { statusCode } = await plain(`${url}/auth`, { ...proxied, Authorization });
    expect(statusCode).toBe(status);
    expect(records).toMatchObject([{ status, ...known, ...expected }]);
    expect(records[0]?.remedies?.length).toBeGreaterThan(0);
    const { refusals, challenges } = acceptor.statistics;
    const [{ reason } = { reason: '' }] = records;
    expect({ ...refusals, ...challenges }).toEqual({ [reason!]: 1 });
  });

  it('of a ticket that is refused has what the ticket shows', async () => {
    const { url, records } = await serve();
    const other = testKeytab('HTTP/other.example.com@EXAMPLE.COM');
    const service = 'HTTP@other.example.com';
    const stranger = createSignOnFetch({ keytab: other, service, user: 'mallory' });
    const { status } = await stranger(`${url}/auth`, { headers: proxied });
    expect(status).toBe(401);
    expect(records.at(-1)).toMatchObject({
      event: 'refused',
      status: 401,
      ...known,
      service: 'HTTP/other.example.com@EXAMPLE.COM',
      kvno: 1,
      enctype: 'aes256-cts-hmac-sha1-96',
      reason: 'spn.other-host',
    });
    expect(records.at(-1)).not.toHaveProperty('client');
  });

  it('of a name that no header can carry is a refusal', async () => {
    const headers = parseIdentityHeaders('Remote-User=displayName');
    const { url, records } = await serve({ headers });
    const user = { name: 'alice', fullName: ' alice' };
    const response = await client(user)(`${url}/auth`, { headers: proxied });
    expect(response.status).toBe(403);
    expect(decided(records)).toMatchObject([
      { event: 'refused', reason: 'proxy.unsuitable-name', client: 'alice@EXAMPLE.COM' },
    ]);
  });

  it('of a preflight that passes has no name', async () => {
    const { url, records } = await serve({ signOnOptions: { passPreflight: true } });
    const preflight = { 'X-Forwarded-Method': 'OPTIONS', 'Access-Control-Request-Method': 'POST' };
    await plain(`${url}/auth`, { ...proxied, ...preflight });
    const request = 'OPTIONS www.example.com/wiki';
    expect(records).toEqual([{ event: 'guest', status: 200, peer: '192.0.2.7', request }]);
  });
});

describe('GET /metrics', () => {
  it('has the counters for Prometheus', async () => {
    const { url } = await serve();
    await client()(`${url}/auth`, { headers: PROXIED });
    await plain(`${url}/auth`, { ...PROXIED, 'Remote-User': 'root' });
    const response = await fetch(`${url}/metrics`);
    expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4');
    const text = await response.text();
    expect(text).toContain('\nkerberos_accepted_total 1\n');
    expect(text).toContain('\nkerberos_challenged_total 1\n');
    expect(text).toContain('\nkerberos_refusals_total{reason="proxy.forged-header"} 1\n');
    for (const key of ['tickets', 'session_keys', 'subkeys', 'message_keys']) {
      expect(text).toContain(`\nkerberos_${key}_total{enctype="aes256-cts-hmac-sha1-96"} 1\n`);
    }
    expect(text).toContain('\n# TYPE kerberos_warnings_total counter\n');
    expect(text).not.toContain('alice');
  });

  it('is there for no client of a proxy, and for nobody who is no proxy', async () => {
    const { url } = await serve();
    expect((await plain(`${url}/metrics`, PROXIED)).statusCode).toBe(404);
    const closed = await serve({ isProxy: () => false });
    expect((await plain(`${closed.url}/metrics`, {})).statusCode).toBe(404);
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
