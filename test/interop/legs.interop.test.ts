/**
 * A sign-on of three requests, of which each reaches another server: nginx sends them in turn over shared
 * connections to three servers, which have Redis or PostgreSQL in common. It needs no KDC.
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { createClient } from 'redis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import tls from '../../fixtures/tls/server.json' with { type: 'json' };
import type { Keytab } from '../../src/index.ts';
import { formatKeytab } from '../../src/index.ts';
import { Browser, goesOn } from '../conformance/browser.ts';
import type { Answer, Connection } from '../conformance/connection.ts';
import { openHttp1, openHttp2 } from '../conformance/connection.ts';
import type { RunningServer } from '../conformance/program.ts';
import { startServer } from '../conformance/program.ts';
import { makeServiceKeytab, negotiateHeader, User } from '../conformance/user.ts';
import type { Engine } from '../support/engines.ts';
import { startPostgres, startRedis } from '../support/engines.ts';
import { NGINX } from '../support/peers.ts';
import { freePort, untilListening } from '../support/ports.ts';
import { have } from '../support/realm.ts';
import { until } from '../support/until.ts';

const PROGRAM = join(import.meta.dirname, 'servers/legs.mjs');
const SERVERS = 3;
/** For a longer run: `KRB5_TEST_TOKENS=100000`. */
const TOKENS = Number(process.env.KRB5_TEST_TOKENS ?? 300);
/** Idle connections to all servers that nginx keeps. */
const KEPT = 6;

type Handler = 'node' | 'fetch';

interface Site {
  readonly url: string;
  readonly engine: Engine;
  readonly keytab: Keytab;
  readonly log: () => string;
}

/** Starts a site for a block of tests, and stops it after them. */
function useSite(startEngine: () => Promise<Engine>, handler: Handler): Site {
  const keytab = makeServiceKeytab();
  const stops: (() => unknown)[] = [];
  const servers: RunningServer[] = [];
  let engine: Engine;
  let port = 0;

  beforeAll(async () => {
    const directory = mkdtempSync(join(tmpdir(), 'legs-'));
    stops.push(() => rmSync(directory, { recursive: true }));
    engine = await startEngine();
    stops.push(() => engine[Symbol.asyncDispose]());
    const KEYTAB = join(directory, 'http.keytab');
    writeFileSync(KEYTAB, formatKeytab(keytab), { mode: 0o600 });
    const EXCHANGE_KEY = btoa('a key for exchanges of 32 bytes!');
    const environment = { KEYTAB, EXCHANGE_KEY, ENGINE: engine.url, HANDLER: handler };
    for (let i = 0; i < SERVERS; i++) {
      const server = await startServer([process.execPath, PROGRAM], environment);
      stops.push(server.stop);
      servers.push(server);
    }
    port = await freePort();
    stops.push(await startNginx(directory, port, servers));
  });

  afterAll(async () => {
    for (const stop of stops.reverse()) await stop();
  });

  return {
    get url() {
      return `https://localhost:${port}`;
    },
    get engine() {
      return engine;
    },
    keytab,
    log: () => servers.map((server) => server.log()).join(''),
  };
}

/** @returns What stops it. */
async function startNginx(directory: string, port: number, servers: readonly RunningServer[]) {
  writeFileSync(join(directory, 'cert.pem'), tls.certificate);
  writeFileSync(join(directory, 'key.pem'), tls.key, { mode: 0o600 });
  const config = join(directory, 'nginx.conf');
  writeFileSync(config, nginxConfig(directory, port, servers));
  const args = ['-p', directory, '-c', config, '-e', join(directory, 'error.log')];
  const child = spawn(NGINX, args, { stdio: 'ignore' });
  const ended = once(child, 'exit');
  await untilListening(port);
  return async () => {
    child.kill('SIGTERM');
    await ended;
  };
}

function nginxConfig(directory: string, port: number, servers: readonly RunningServer[]): string {
  return `
daemon off;
pid ${directory}/nginx.pid;
worker_processes 1;
${process.getuid?.() === 0 ? 'user www-data;' : ''}
events { worker_connections 256; }
http {
  access_log off;
  client_body_temp_path ${directory}/body;
  proxy_temp_path ${directory}/proxy;
  fastcgi_temp_path ${directory}/fastcgi;
  uwsgi_temp_path ${directory}/uwsgi;
  scgi_temp_path ${directory}/scgi;
  upstream app {
    ${servers.map((server) => `server 127.0.0.1:${server.port} max_fails=0;`).join('\n    ')}
    keepalive ${KEPT};
  }
  server {
    listen 127.0.0.1:${port} ssl http2;
    server_name localhost;
    keepalive_requests 1000000;
    ssl_certificate ${directory}/cert.pem;
    ssl_certificate_key ${directory}/key.pem;
    location / {
      proxy_pass http://app;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_next_upstream off;
      add_header X-Server $upstream_addr always;
    }
  }
}
`;
}

function greetedAs({ status, body }: Answer): string | number {
  return status === 200 ? (JSON.parse(body) as { principal: string }).principal : status;
}

const SITES = [
  ['Redis', 'node', startRedis],
  ['PostgreSQL', 'node', startPostgres],
  ['Redis', 'fetch', startRedis],
] as const satisfies readonly (readonly [string, Handler, () => Promise<Engine>])[];
const PROTOCOLS = [
  ['HTTP/1.1', openHttp1],
  ['HTTP/2', openHttp2],
] as const;

describe.runIf(have('nginx', 'redis', 'postgresql')).each(SITES)(
  'a site of three servers on %s, with handlers of %s',
  (_engine, handler, startEngine) => {
    const site = useSite(() => startEngine(), handler);
    const connections: Connection[] = [];

    async function browser(name = 'alice', open = openHttp2): Promise<Browser> {
      const connection = await open(site.url);
      connections.push(connection);
      return new Browser(new User(site.keytab, name), connection);
    }

    /** For a second the replay caches do not know what an engine that they meet has forgotten. */
    async function signOnSoon(one: Browser): Promise<Answer> {
      const sign = async () => {
        const answer = await one.signOn();
        return answer.status !== 503 && answer;
      };
      return await until(sign, () => 'every answer is 503');
    }

    beforeAll(async () => {
      await signOnSoon(await browser());
    });

    afterAll(() => {
      for (const connection of connections) connection.close();
    });

    it.each(PROTOCOLS)('takes each request at another server, over %s', async (_, open) => {
      const alice = await browser('alice', open);
      expect(greetedAs(await alice.signOn())).toBe('alice@EXAMPLE.TEST');
      expect(new Set(alice.servers).size).toBe(SERVERS);
      expect(alice.servers).toHaveLength(3);
      // Nothing of the exchange is left with the client.
      expect(alice.cookie).toBe('');
    });

    // Before the load of the next test: nginx keeps what it has opened for that.
    it('needs few connections, which clients share', async () => {
      let seen = 0;
      for (let i = 0; i < 10; i++) {
        const user = await browser(`user${i}`);
        const answer = await user.signOn();
        expect(greetedAs(answer)).toBe(`user${i}@EXAMPLE.TEST`);
        ({ connections: seen } = JSON.parse(answer.body) as { connections: number });
      }
      expect(seen).toBeGreaterThan(0);
      expect(seen).toBeLessThanOrEqual(KEPT);
    });

    it('accepts each token once that is sent twice at the same moment', {
      timeout: 60_000 + TOKENS * 50,
    }, async () => {
      const connections = await Promise.all(Array.from({ length: 4 }, () => openHttp2(site.url)));
      const seen = { once: 0, atTwoServers: 0, others: [] as unknown[] };
      let left = TOKENS;
      const client = async (number: number): Promise<void> => {
        const user = new User(site.keytab, `user${number}`);
        const [one, other] = [0, 1].map((i) => connections[(number + i) % 4]!) as [
          Connection,
          Connection,
        ];
        while (left-- > 0) {
          const headers = { authorization: user.signOn().authorization };
          const answers = await Promise.all(
            [one, other].map((connection) => connection.send({ path: '/', headers })),
          );
          const statuses = answers.map(({ status }) => status).sort();
          if (`${statuses}` === '200,401') seen.once++;
          else seen.others.push(statuses);
          const servers = answers.map(({ headers: fields }) => `${fields.get('x-server')}`);
          if (servers[0] !== servers[1]) seen.atTwoServers++;
        }
      };
      const begun = performance.now();
      await Promise.all(Array.from({ length: 32 }, (_, number) => client(number)));
      for (const connection of connections) connection.close();
      if (process.env.KRB5_TEST_TOKENS) {
        const seconds = ((performance.now() - begun) / 1000).toFixed(1);
        console.log(`${expect.getState().currentTestName}: ${seconds} s, ${JSON.stringify(seen)}`);
      }
      expect(seen).toMatchObject({ once: TOKENS, others: [] });
      // nginx gives each request to the next server.
      expect(seen.atTwoServers).toBeGreaterThan(TOKENS / 2);
      await expect.poll(() => site.log()).toContain('refused: Request is a replay');
    });

    it('keeps apart 20 users at a time', async () => {
      const names = Array.from({ length: 20 }, (_, i) => `user${i}`);
      const browsers = await Promise.all(names.map((name) => browser(name)));
      const answers = await Promise.all(browsers.map((one) => one.signOn()));
      expect(answers.map(greetedAs)).toEqual(names.map((name) => `${name}@EXAMPLE.TEST`));
    });

    it('carries on 6 exchanges that one browser has begun at a time', async () => {
      const alice = await browser();
      const answers = await Promise.all(Array.from({ length: 6 }, () => alice.signOn()));
      expect(answers.map(greetedAs)).toEqual(Array(6).fill('alice@EXAMPLE.TEST'));
    });

    it('gives a second taker nothing', async () => {
      const [alice, mallory] = [await browser(), await browser('mallory')];
      const exchanges = [alice.begin(), mallory.begin()] as const;
      const first = await alice.send(exchanges[0].authorization);
      const { cookie } = alice;
      const answers = await Promise.all([
        alice.send(exchanges[0].next(first)!, cookie),
        mallory.send(exchanges[1].next(first)!, cookie),
      ]);
      expect(answers.map(goesOn).filter(Boolean)).toHaveLength(1);
      expect(answers.map(greetedAs)).toEqual([401, 401]);
    });

    it('gives a thief of the cookie nothing without the ticket', async () => {
      const [alice, mallory] = [await browser(), await browser('mallory')];
      const hers = alice.begin();
      const owed = await alice.send(hers.next(await alice.send(hers.authorization))!);
      expect(goesOn(owed)).toBe(true);
      const stolen = alice.cookie;
      // Mallory's own proof, of an exchange that is as far.
      const own = mallory.begin();
      const proof = own.next(await mallory.send(own.next(await mallory.send(own.authorization))!))!;
      expect(greetedAs(await mallory.send(proof, stolen))).toBe(401);
      // Taken is taken: Alice signs on again.
      expect(greetedAs(await alice.send(hers.next(owed)!, stolen))).toBe(401);
      expect(greetedAs(await alice.signOn())).toBe('alice@EXAMPLE.TEST');
      expect(greetedAs(await mallory.send(negotiateHeader(new Uint8Array(40)), stolen))).toBe(401);
    });

    it('refuses an exchange that has expired, and takes the next attempt', async () => {
      const alice = await browser();
      const exchange = alice.begin();
      const first = await alice.send(exchange.authorization);
      expect(await expireExchanges(site.engine)).toBeGreaterThan(0);
      const answer = await alice.send(exchange.next(first)!);
      expect(answer.status).toBe(401);
      expect(answer.headers.get('www-authenticate')?.[0]).toMatch(/^Negotiate/);
      expect(goesOn(answer)).toBe(false);
      expect(greetedAs(await alice.signOn())).toBe('alice@EXAMPLE.TEST');
    });

    it('answers 503 while the engine is dead, and takes the next attempt', async () => {
      const alice = await browser();
      const exchange = alice.begin();
      const first = await alice.send(exchange.authorization);
      await site.engine.kill();
      const answer = await alice.send(exchange.next(first)!);
      expect(answer.status).toBe(503);
      expect(Number(answer.headers.get('retry-after')?.[0])).toBeGreaterThan(0);
      expect((await alice.send(alice.begin().authorization)).status).toBe(503);
      await site.engine.start();
      expect(greetedAs(await signOnSoon(alice))).toBe('alice@EXAMPLE.TEST');
    });
  },
);

/** Lets the exchanges in an engine expire. @returns How many there were. */
async function expireExchanges({ url }: Engine): Promise<number> {
  if (url.startsWith('redis:')) {
    const client = createClient({ url });
    await client.connect();
    const keys = await client.keys('krb5:exchange:*');
    for (const key of keys) {
      const left = await client.pTTL(key);
      expect(left).toBeGreaterThan(0);
      expect(left).toBeLessThanOrEqual(30_000);
      await client.pExpire(key, -1);
    }
    client.destroy();
    return keys.length;
  }
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rowCount } = await client.query(
    'UPDATE krb5_exchange SET expires_at = clock_timestamp()',
  );
  await client.end();
  return rowCount ?? 0;
}
