/** krb5-forward-auth behind real proxies: Chromium, and sign-ons of three requests at two instances. */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { formatKeytab } from '../../src/index.ts';
import { Browser } from '../conformance/browser.ts';
import { openHttp1 } from '../conformance/connection.ts';
import { makeServiceKeytab, User } from '../conformance/user.ts';
import { Chromium } from '../support/chromium.ts';
import { startRedis } from '../support/engines.ts';
import { Program } from '../support/program.ts';
import type { ProxyName } from '../support/proxies.ts';
import { startProxy } from '../support/proxies.ts';
import { have, keytab, kinit, realm, scratch } from '../support/realm.ts';

/** 32 bytes that differ. */
const KEY = Buffer.from(Array.from({ length: 32 }, (_, index) => index)).toString('base64');

/** An application that shows who its user is. */
async function application(): Promise<number> {
  const server = createServer((request, response) => {
    response.setHeader('Content-Type', 'text/html');
    response.end(`<p>Hello ${request.headers['remote-user']}</p>`);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

/** A krb5-forward-auth. @returns It, and its socket. */
async function instance(...args: readonly string[]) {
  const directory = scratch();
  const socket = join(directory, 's');
  const key = join(directory, 'key');
  writeFileSync(key, `${KEY}\n`, { mode: 0o600 });
  const common = ['-session-key', key, '-insecure-cookie', '-verbose'];
  const program = new Program([...common, '-listen', `unix:${socket}`, ...args], {
    name: 'forward-auth',
    env: { KRB5_CONFIG: realm().krb5Config },
  });
  onTestFinished(() => program[Symbol.asyncDispose]());
  await program.until('stderr', /listening on unix:/);
  return { program, socket };
}

/** Sends requests to the second instance, too: in turn, over connections that it keeps. */
const ALSO: Readonly<Record<ProxyName, (text: string, socket: string) => string>> = {
  nginx: (text, socket) =>
    text.replace('  keepalive 16;', `  server unix:${socket};\n  keepalive 16;`),
  caddy: (text, socket) =>
    text.replace(
      'reverse_proxy unix//run/krb5-forward-auth/socket {',
      `reverse_proxy unix//run/krb5-forward-auth/socket unix/${socket} {\n\t\t\tlb_policy round_robin`,
    ),
  haproxy: (text) => text,
};

describe.each(['nginx', 'caddy'] as const)('%s', (name) => {
  describe.runIf(have(name, 'redis', 'kinit'))('with two instances that share a Redis', () => {
    it('signs on in three requests, of which two reach another instance than the one before', async () => {
      const redis = await startRedis();
      onTestFinished(() => redis[Symbol.asyncDispose]());
      const key = makeServiceKeytab();
      const file = join(scratch(), 'keytab');
      writeFileSync(file, formatKeytab(key), { mode: 0o600 });
      const args = ['-keytab', file, '-rcache', redis.url, '-exchanges', redis.url];
      const instances = [await instance(...args), await instance(...args)] as const;
      const proxy = await startProxy(name, {
        directory: join(scratch(), 'proxy'),
        socket: instances[0].socket,
        application: await application(),
        change: (text) => ALSO[name](text, instances[1].socket),
      });
      onTestFinished(() => proxy[Symbol.asyncDispose]());
      const connection = await openHttp1(`http://localhost:${proxy.port}`);
      onTestFinished(() => connection.close());
      // The instances have met Redis when they started; two seconds later they believe it.
      await new Promise((resolve) => setTimeout(resolve, 2000));
      const users = Array.from({ length: 10 }, (_, i) => `user${i}`);
      const answers = await Promise.all(
        users.map(async (user) => {
          const browser = new Browser(new User(key, user), connection);
          const answer = await browser.signOn();
          return { answer, cookie: browser.cookie };
        }),
      );
      for (const [i, { answer, cookie }] of answers.entries()) {
        expect([answer.status, answer.body]).toEqual([
          200,
          `<p>Hello ${users[i]}@EXAMPLE.TEST</p>`,
        ]);
        // A session has begun.
        const again = await connection.send({ path: '/', headers: { cookie } });
        expect([again.status, again.body]).toEqual([200, answer.body]);
      }
      for (const { program } of instances) {
        expect(program.stderr).toMatch(/ via=ticket /);
        expect(program.stderr).toMatch(/ via=session /);
      }
    });
  });

  describe.runIf(have(name, 'krb5kdc', 'kinit', 'chromium'))('in front', () => {
    it('signs Chromium on once, for all pages of a session', async () => {
      const { program, socket } = await instance('-keytab', keytab('http'), '-rcache', 'memory:');
      const proxy = await startProxy(name, {
        directory: join(scratch(), 'proxy'),
        socket,
        application: await application(),
      });
      onTestFinished(() => proxy[Symbol.asyncDispose]());
      const switches = [`--auth-server-allowlist=${realm().hostname}`];
      await using browser = await Chromium.launch({ switches, env: { ...(await kinit()).env } });
      const url = `http://${realm().hostname}:${proxy.port}`;
      // A new profile leaves its first challenge unanswered on Linux.
      const first = await browser.visit(`${url}/`);
      expect([200, 401]).toContain(first.status);
      for (let page = 0; page < 5; page++) {
        const { status, text } = await browser.visit(`${url}/page/${page}`);
        expect([status, text]).toEqual([200, 'Hello alice@EXAMPLE.TEST']);
      }
      const fetched = await browser.evaluate<number>(
        `fetch('/again', { headers: { 'X-Other': '1' } }).then(({ status }) => status)`,
      );
      expect(fetched).toBe(200);
      // The first page, and the icon that it asks for meanwhile.
      expect(program.stderr.match(/ via=ticket /g)!.length).toBeLessThanOrEqual(2);
      expect(program.stderr.match(/ via=session /g)!.length).toBeGreaterThanOrEqual(5);
      // What a page adds to its requests does not reach the application as an identity.
      const forged = await browser.evaluate<string>(
        `fetch('/', { headers: { 'Remote-User': 'root@EXAMPLE.TEST' } }).then((r) => r.text())`,
      );
      expect(forged).toContain('alice@EXAMPLE.TEST');
      expect(forged).not.toContain('root');
    });
  });
});
