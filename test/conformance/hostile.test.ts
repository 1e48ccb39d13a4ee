/** The same hostile requests to the same sign-on in each framework: the answers must be the same, byte for byte. */
import { once } from 'node:events';
import type { RequestListener, Server } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import express from 'express';
import fastify from 'fastify';
import { Hono } from 'hono';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kerberos as expressKerberos } from '../../src/adapters/express.ts';
import { kerberos as fastifyKerberos } from '../../src/adapters/fastify.ts';
import { withKerberos } from '../../src/adapters/fetch.ts';
import { kerberos as honoKerberos } from '../../src/adapters/hono.ts';
import { kerberos as koaKerberos } from '../../src/adapters/koa.ts';
import { kerberos } from '../../src/node/kerberos.ts';
import { Koa } from '../support/koa.ts';
import { makeServiceKeytab, NTLM_TOKEN, negotiateHeader, SERVICE, User } from './user.ts';

const keytab = makeServiceKeytab();
const quiet = {
  keytab,
  service: SERVICE,
  onRefused: () => {},
  onAbandoned: () => {},
  onChallenged: () => {},
  onWarning: () => {},
};
const GREETING = 'Hello ';

const FRAMEWORKS: Readonly<Record<string, () => Promise<RequestListener>>> = {
  node: async () => {
    const signOn = kerberos(quiet);
    return async (request, response) => {
      const client = await signOn(request, response);
      if (client !== undefined) response.end(GREETING + client.identity?.principal);
    };
  },
  express: async () => {
    const app = express();
    app.use(expressKerberos(quiet));
    app.use((request, response) => void response.end(GREETING + request.kerberos?.principal));
    return app as RequestListener;
  },
  koa: async () => {
    const app = new Koa();
    app.use(koaKerberos(quiet));
    app.use((ctx) => {
      ctx.body = GREETING + ctx.state.kerberos?.principal;
    });
    return app.callback();
  },
  fastify: async () => {
    const app = fastify();
    await app.register(fastifyKerberos, quiet);
    app.all('*', (request, reply) => reply.send(GREETING + request.kerberos?.principal));
    await app.ready();
    return (request, response) => app.routing(request, response);
  },
  hono: async () => {
    const app = new Hono();
    app.use(honoKerberos(quiet));
    app.all('*', (c) => c.text(GREETING + c.get('kerberos')?.principal));
    return getRequestListener(app.fetch) as RequestListener;
  },
  fetch: async () => {
    const handler = withKerberos(
      (_request, { identity }) => new Response(GREETING + identity?.principal),
      quiet,
    );
    return getRequestListener((request) => handler(request)) as RequestListener;
  },
};

/** What a server sends for a request until it closes the connection, without what frameworks add of their own. */
async function send(port: number, request: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.write(request, 'latin1');
  const answer = Buffer.concat(await socket.toArray()).toString('latin1');
  const end = answer.indexOf('\r\n\r\n');
  const [status, ...lines] = answer.slice(0, end).split('\r\n');
  const own = lines
    .map((line) => /^([^:]*): (.*)$/.exec(line)!)
    .map(([, name, value]) => `${name!.toLowerCase()}: ${value}`)
    .filter((line) => OWN.test(line))
    .map((line) => line.replace(/^(www-authenticate: Negotiate) .*/, '$1 TOKEN'));
  const body = answer.slice(end + 4);
  return [status, ...own.sort(), '', CHUNKED.exec(body)?.[1] ?? body].join('\n');
}
// Frameworks divide a body, or do not.
const CHUNKED = /^[0-9a-f]+\r\n(.*)\r\n0\r\n\r\n$/s;
const OWN =
  /^(?:www-authenticate|proxy-authenticate|set-cookie|retry-after|location|access-control-.*):/;

describe('every framework answers alike', () => {
  const ports = new Map<string, number>();
  const servers: Server[] = [];

  beforeAll(async () => {
    for (const [name, make] of Object.entries(FRAMEWORKS)) {
      const server = createServer({ maxHeaderSize: 81_920 }, await make());
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      ports.set(name, (server.address() as AddressInfo).port);
      servers.push(server);
    }
  });

  afterAll(() => {
    for (const server of servers) server.close();
  });

  const token = () => new User(keytab, 'alice').signOn().authorization;
  const authorized = (...values: string[]) =>
    values.map((value) => `Authorization: ${value}\r\n`).join('');
  const CASES: Readonly<Record<string, () => string>> = {
    'no credentials': () => '',
    'a token': () => authorized(token()),
    'two tokens': () => authorized(token(), token()),
    'a token, then Basic': () => authorized(token(), 'Basic YTpi'),
    'Basic, then a token': () => authorized('Basic YTpi', token()),
    'a blank field, then a token': () => authorized('', token()),
    'a token, then a blank field': () => authorized(token(), ''),
    'a list in one field': () => authorized(`${token()}, Basic YTpi`),
    'a list with Basic first': () => authorized(`Basic YTpi, ${token()}`),
    'a scheme in small letters': () => authorized(token().replace('Negotiate', 'negotiate')),
    'a tab after the scheme': () => authorized(token().replace(' ', '\t')),
    'spaces before and after': () => authorized(`   ${token()}   `),
    'a comma after it': () => authorized(`${token()},`),
    'no token': () => authorized('Negotiate'),
    'a parameter in place of a token': () => authorized('Negotiate realm="x"'),
    'NTLM in Negotiate': () => authorized(negotiateHeader(NTLM_TOKEN)),
    NTLM: () => authorized(`NTLM ${Buffer.from(NTLM_TOKEN).toString('base64')}`),
    'bytes above ASCII': () => authorized('Negotiate \xff\xfe\xa0'),
    'a no-break space alone': () => authorized('\xa0'),
    'a list of empty fields': () => authorized('', ''),
    'a fold': () => `Authorization: Negotiate\r\n YII=\r\n`,
    'JSON preferred': () => 'Accept: application/json\r\n',
    'two fields Accept': () => 'Accept: text/html;q=0.1\r\nAccept: application/json\r\n',
    'a proxy that claims TLS': () => `X-Forwarded-Proto: https\r\n${authorized(token())}`,
    'a preflight': () => 'Origin: https://x.test\r\nAccess-Control-Request-Method: PUT\r\n',
    'a page of another site that opens a WebSocket': () =>
      `Connection: Upgrade\r\nUpgrade: websocket\r\nOrigin: https://evil.test\r\n${authorized(token())}`,
    'a page of this site that opens one': () =>
      `Connection: Upgrade\r\nUpgrade: websocket\r\nOrigin: http://localhost\r\n${authorized(token())}`,
    'a page of no site that opens one': () =>
      `Connection: Upgrade\r\nUpgrade: websocket\r\nOrigin: null\r\n${authorized(token())}`,
    'the proxy field': () => `Proxy-Authorization: ${token()}\r\n`,
  };

  it.each([
    ['no credentials', 401],
    ['a token', 200],
    ['two tokens', 400],
    ['a token, then Basic', 400],
    ['Basic, then a token', 401],
    ['a list in one field', 400],
    ['a scheme in small letters', 200],
    ['a fold', 400],
    ['a page of another site that opens a WebSocket', 403],
    ['a page of this site that opens one', 200],
    ['a page of no site that opens one', 403],
  ])('%s: %i', async (name, status) => {
    expect(
      await send(
        ports.get('node')!,
        `GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${CASES[name]!()}\r\n`,
      ),
    ).toMatch(`HTTP/1.1 ${status} `);
  });

  describe.each(['GET', 'HEAD', 'POST', 'OPTIONS'])('to %s', (method) => {
    it.each(Object.keys(CASES))('with %s', async (name) => {
      const answers: Record<string, string> = {};
      for (const [framework, port] of ports) {
        const fields = CASES[name]!();
        const request = `${method} /x HTTP/1.1\r\nHost: localhost\r\n${fields}Content-Length: 0\r\nConnection: close\r\n\r\n`;
        answers[framework] = await send(port, request);
      }
      const { node, ...others } = answers;
      for (const [framework, answer] of Object.entries(others))
        expect({ [framework]: answer }).toEqual({ [framework]: node });
    });
  });
});
