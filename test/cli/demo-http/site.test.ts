import { once } from 'node:events';
import type { Server } from 'node:http';
import { createServer, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Door } from '../../../src/cli/demo-http/door.ts';
import { Practice, SITUATIONS } from '../../../src/cli/demo-http/practice.ts';
import { siteHandler } from '../../../src/cli/demo-http/site.ts';
import { encodeBase64 } from '../../../src/http/base64.ts';
import { createInitiator, mintTicket } from '../../../src/testing/index.ts';
import { makeKeytab, makeParties } from '../../support/realm-kit.ts';

const SERVICE = 'HTTP/localhost@EXAMPLE.TEST';
const KEYTAB = makeKeytab({ principal: SERVICE });
const HTML = { accept: 'text/html' };
let practice: Practice;
let servers: Server[];
let real: number;
let alone: number;

beforeAll(async () => {
  practice = await Practice.open();
  const clock = Date.now;
  const { acceptor } = await makeParties({ keytab: KEYTAB, acceptor: { clock } });
  const faults = (error: unknown) => {
    throw error;
  };
  const door = new Door({ acceptor, onWarning: () => {} });
  const shared = { practice, sessions: false, onFault: faults };
  servers = [
    createServer(siteHandler({ ...shared, real: { door, service: SERVICE } })),
    createServer(siteHandler(shared)),
  ];
  for (const server of servers) {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  }
  [real, alone] = servers.map((server) => (server.address() as AddressInfo).port) as [
    number,
    number,
  ];
});
afterAll(() => {
  practice.close();
  for (const server of servers) server.close();
});

function ask(path: string, headers: Record<string, string> = {}, init: RequestInit = {}) {
  return fetch(`http://localhost:${real}${path}`, { headers, redirect: 'manual', ...init });
}

function credentials(client: string): Record<string, string> {
  const ticket = mintTicket({ keytab: KEYTAB, client });
  return { authorization: `Negotiate ${encodeBase64(createInitiator({ ticket }).begin())}` };
}

describe('the page of a sign-on', () => {
  it('greets the user by name, and proves the server', async () => {
    const response = await ask('/sign-on', { ...HTML, ...credentials('alice@EXAMPLE.TEST') });
    expect(response.status).toBe(200);
    expect(response.headers.get('www-authenticate')).toMatch(/^Negotiate \S+$/);
    const page = await response.text();
    expect(page).toContain('<h1>Hello alice</h1>');
    expect(page).toContain('<dt>Principal</dt><dd>alice@EXAMPLE.TEST</dd>');
    expect(page).toContain('<dd>aes256-cts-hmac-sha1-96</dd>');
  });

  it('explains why there was none, with the settings of browsers', async () => {
    const response = await ask('/sign-on', { ...HTML, host: 'www.example.test:8080' });
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toBe('Negotiate');
    const page = await response.text();
    expect(page).toContain('<h1>Your browser did not sign on</h1>');
    expect(page).toContain('network.negotiate-auth.trusted-uris');
  });

  it('explains the attempt of this request, and of no earlier one', async () => {
    const headers = { ...HTML, ...credentials('alice@EXAMPLE.TEST') };
    await ask('/sign-on', headers);
    const replayed = await ask('/sign-on', headers);
    expect(replayed.status).toBe(403);
    expect(await replayed.text()).toContain('<h1>This request was sent twice</h1>');
    expect(await (await ask('/sign-on', HTML)).text()).toContain(
      '<h1>Your browser did not sign on</h1>',
    );
  });

  it.each(['127.0.0.1:8080', '[::1]:8080', '192.0.2.7'])(
    'knows an IP address: %s',
    async (host) => {
      const request = httpRequest({
        port: real,
        host: '127.0.0.1',
        path: '/sign-on',
        headers: { host, ...HTML },
      });
      request.end();
      const [response] = (await once(request, 'response')) as [AsyncIterable<Buffer>];
      let page = '';
      for await (const chunk of response) page += chunk.toString();
      expect(page).toContain('<h1>You opened this site by its IP address</h1>');
    },
  );

  it('escapes what tickets say', async () => {
    const client = '<img src=x onerror=alert(1)>\u202e"\'&@EXAMPLE.TEST';
    const page = await (await ask('/sign-on', { ...HTML, ...credentials(client) })).text();
    expect(page).toContain('Hello &#60;img src=x onerror=alert(1)&#62;');
    expect(page).not.toMatch(/<img|\u202e/);
  });

  it('is text for curl and JSON for programs', async () => {
    const greeting = await ask('/sign-on', credentials('alice@EXAMPLE.TEST'));
    expect(await greeting.text()).toMatch(/^Hello alice@EXAMPLE\.TEST\n\nWho you are\n/);
    const refusal = await ask('/sign-on', { accept: '*/*' });
    expect(await refusal.text()).toMatch(/^Your browser did not sign on\.\n(?:.*\n)*\ncurl:\n- /);
    const json = await ask('/sign-on', { accept: 'application/json' });
    expect(await json.json()).toMatchObject({ outcome: 'refused', status: 401 });
  });
});

describe('a session', () => {
  it('spares the ticket, shows what it keeps, and ends on request', async () => {
    const { acceptor } = await makeParties({ keytab: KEYTAB, acceptor: { clock: Date.now } });
    const key = Uint8Array.from({ length: 32 }, (_, i) => i);
    const sessions = { keys: [key], cookie: { name: 'demo', secure: false } };
    const door = new Door({ acceptor, sessions, onWarning: () => {} });
    const site = { practice, real: { door, service: SERVICE }, sessions: true };
    const server = createServer(siteHandler({ ...site, onFault: () => {} }));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      const headers = { ...HTML, ...credentials('alice@EXAMPLE.TEST') };
      const first = await fetch(`${origin}/sign-on`, { headers });
      const cookie = first.headers.get('set-cookie')!.split(';')[0]!;
      const second = await fetch(`${origin}/sign-on`, { headers: { ...HTML, cookie } });
      const page = await second.text();
      expect(page).toContain('<h1>Hello alice</h1>');
      expect(page).toContain('by the session that an earlier ticket began');
      expect(page).toContain('<form method="post" action="/sign-off">');
      expect(page).not.toContain('Key version');
      const off = await fetch(`${origin}/sign-off`, {
        method: 'POST',
        headers: { cookie },
        redirect: 'manual',
      });
      expect(off.headers.get('location')).toBe('/');
      expect(off.headers.get('set-cookie')).toMatch(/^demo=; .*Max-Age=0/);
    } finally {
      server.close();
    }
  });
});

describe('the site', () => {
  it('says how to sign on where there is no keytab', async () => {
    const home = await (await fetch(`http://localhost:${alone}/`)).text();
    expect(home).toContain('npm run demo:http -- -keytab');
    expect(home).not.toContain('href="/sign-on"');
    expect((await fetch(`http://127.0.0.1:${alone}/sign-on`)).status).toBe(404);
  });

  it.each([
    ['POST', '/', 405],
    ['DELETE', '/sign-on', 405],
    ['GET', '/practice/', 404],
    ['GET', '/practice/constructor', 404],
    ['GET', '/%2e%2e/package.json', 404],
    ['POST', '/sign-off', 303],
  ])('answers %s %s with %i', async (method, path, status) => {
    expect((await ask(path, {}, { method })).status).toBe(status);
  });

  it('answers HEAD as GET, without the page', async () => {
    const response = await ask('/', {}, { method: 'HEAD' });
    expect(Number(response.headers.get('content-length'))).toBeGreaterThan(1000);
    expect(await response.text()).toBe('');
  });

  it('permits no script, no frame, no foreign content, and no storing', async () => {
    for (const path of ['/', '/sign-on', '/practice/ntlm', '/style.css', '/absent']) {
      const { headers } = await ask(path, HTML);
      expect(headers.get('content-security-policy')).toMatch(
        /^default-src 'none'; style-src 'self'; img-src 'self'; .*frame-ancestors 'none'$/,
      );
      expect(headers.get('cache-control')).toBe('no-store');
      expect(headers.get('x-content-type-options')).toBe('nosniff');
    }
  });

  it.each(['localhost', '$(reboot)', '"><script>', 'a b', `${'a'.repeat(300)}`, '[::1]:8080'])(
    'puts the host of the request into commands only if it is a host: %s',
    async (host) => {
      const request = httpRequest({ port: real, host: '127.0.0.1', headers: { host, ...HTML } });
      request.end();
      const [response] = (await once(request, 'response')) as [AsyncIterable<Buffer>];
      let page = '';
      for await (const chunk of response) page += chunk.toString();
      const shown = host === 'localhost' ? host : 'www.example.com';
      expect(page).toContain(`--auth-server-allowlist=${shown}</code>`);
      expect(page).not.toMatch(/reboot|<script/);
    },
  );

  it('puts the settings of the reader’s browser first', async () => {
    const agents = {
      Firefox: 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
      Edge: 'Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0 Safari/537.36 Edg/143.0',
      'Chrome and Chromium': 'Mozilla/5.0 AppleWebKit/537.36 HeadlessChrome/156.0 Safari/537.36',
      Safari: 'Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 (KHTML) Version/26.0 Safari/605.1.15',
    };
    for (const [name, agent] of Object.entries(agents)) {
      const page = await (await ask('/', { 'user-agent': agent })).text();
      expect(page).toContain(`<details open><summary>${name}</summary>`);
    }
  });
});

describe('every page', () => {
  const paths = ['/', '/sign-on', '/absent', ...SITUATIONS.map(({ id }) => `/practice/${id}`)];

  it.each(paths)('%s can be read by a machine and with a keyboard', async (path) => {
    const page = await (await ask(path, HTML)).text();
    expect(page).toMatch(/^<!DOCTYPE html>\n<html lang="en">/);
    for (const part of ['<header>', '<nav aria-label=', '<main id="main"', '<footer', '<h1>']) {
      expect(page.split(part), part).toHaveLength(2);
    }
    expect(page).toContain('<a class="skip" href="#main">');
    expect(page).not.toMatch(/<script|style=|\son[a-z]+=|undefined|\[object/);
    const ids = [...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id!);
    expect(new Set(ids).size).toBe(ids.length);
    for (const [, id] of page.matchAll(/aria-labelledby="([^"]+)"/g)) expect(ids).toContain(id);
    // No level of headings is skipped.
    const levels = [...page.matchAll(/<h([1-6])/g)].map(([, level]) => Number(level));
    for (const [i, level] of levels.entries()) {
      expect(level).toBeLessThanOrEqual((levels[i - 1] ?? 0) + 1);
    }
  });
});
