/** Every example is started, signed on to, and answers with the greeting that it promises. */
import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { io } from 'socket.io-client';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { tlsServerEndPoint } from '../../src/index.ts';
import { openHttp1, openHttp2 } from '../conformance/connection.ts';
import type { RunningServer } from '../conformance/program.ts';
import { startServer } from '../conformance/program.ts';
import { User } from '../conformance/user.ts';
import { freePort } from '../support/ports.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const GREETING = 'Hello alice@EXAMPLE.TEST\n';

/** Examples with a greeting of their own, over http at `/`. */
const GREETINGS: Readonly<Record<string, string>> = {
  'express.mjs': GREETING,
  'fastify.mjs': GREETING,
  'h3.mjs': GREETING,
  'hono.mjs': GREETING,
  'koa.mjs': GREETING,
  'nest.mjs': GREETING,
  'next-route.mjs': GREETING,
  'node.mjs': GREETING,
  'passport.mjs': 'Hello alice\n',
  'sveltekit-hooks.mjs': GREETING,
  'worker.mjs': GREETING,
};
/** Examples that another test starts, or one of the other runtimes. */
const OTHERS: readonly string[] = [
  'bun.mjs',
  'deno.mjs',
  'exchanges-durable-object.mjs',
  'express-https.mjs',
  'node-http2.mjs',
  'node-https.mjs',
  'opentelemetry.mjs',
  'prometheus.mjs',
  'socket.io.mjs',
  'ws.mjs',
];
/** Modules that a framework or a runtime calls. */
const HANDLERS: readonly string[] = ['next-route.mjs', 'sveltekit-hooks.mjs', 'worker.mjs'];

async function start(name: string): Promise<RunningServer & AsyncDisposable> {
  const program = HANDLERS.includes(name)
    ? [join(import.meta.dirname, 'serve-handler.mjs'), name]
    : [join(ROOT, 'examples', name)];
  const port = await freePort();
  const server = await startServer(
    [process.execPath, ...program],
    { SERVICE: 'HTTP@localhost', PORT: String(port) },
    port,
  );
  return { ...server, [Symbol.asyncDispose]: server.stop };
}

describe('examples/', () => {
  it.each(Object.entries(GREETINGS))('%s greets those who sign on', async (name, greeting) => {
    await using server = await start(name);
    const connection = await openHttp1(`http://localhost:${server.port}`);
    expect((await connection.send({ path: '/' })).status).toBe(401);
    const again = await openHttp1(`http://localhost:${server.port}`);
    const signOn = new User(server.keytab, 'alice').signOn();
    const { authorization } = signOn;
    const answer = await again.send({ path: '/', headers: { authorization } });
    signOn.verify(answer);
    expect(answer).toMatchObject({ status: 200, body: greeting });
    connection.close();
    again.close();
  });

  it.each([
    ['node-https.mjs', openHttp1, 'Hello alice@EXAMPLE.TEST, bound to this connection\n'],
    ['node-http2.mjs', openHttp2, GREETING],
  ] as const)('%s greets those who sign on over TLS', async (name, open, greeting) => {
    await using server = await start(name);
    const connection = await open(`https://localhost:${server.port}`);
    const channelBindings = tlsServerEndPoint(connection.certificate!)!;
    const signOn = new User(server.keytab, 'alice').signOn({ channelBindings });
    const { authorization } = signOn;
    const answer = await connection.send({ path: '/', headers: { authorization } });
    signOn.verify(answer);
    expect(answer).toMatchObject({ status: 200, body: greeting });
    connection.close();
  });

  it('ws.mjs greets those who sign on with the upgrade', async () => {
    await using server = await start('ws.mjs');
    const url = `ws://localhost:${server.port}`;
    expect(await refusal(new WebSocket(url))).toBe(401);
    const signOn = new User(server.keytab, 'alice').signOn();
    const { authorization } = signOn;
    const socket = new WebSocket(url, { headers: { authorization } });
    const proof = new Promise<string>((resolve) =>
      socket.once('upgrade', ({ headers }) => resolve(headers['www-authenticate'] ?? '')),
    );
    const message = new Promise<string>((resolve, reject) => {
      socket.once('message', (data) => resolve(String(data)));
      socket.once('error', reject);
    });
    expect(await message).toBe(GREETING);
    const headers = new Map([['www-authenticate', [await proof]]]);
    signOn.verify({ status: 101, headers, body: '' });
    socket.terminate();
    const { authorization: other } = new User(server.keytab, 'alice').signOn();
    const origin = 'https://elsewhere.test';
    const foreign = new WebSocket(url, { headers: { authorization: other }, origin });
    expect(await refusal(foreign)).toBe(403);
  });

  it.each([[['polling']], [['websocket']]])('socket.io.mjs greets over %j', async (transports) => {
    await using server = await start('socket.io.mjs');
    const url = `http://localhost:${server.port}`;
    const { authorization } = new User(server.keytab, 'alice').signOn();
    const options = { transports, reconnection: false, forceNew: true };
    const stranger = io(url, options);
    await new Promise((resolve) => stranger.once('connect_error', resolve));
    stranger.close();
    const client = io(url, { ...options, extraHeaders: { authorization } });
    const greeting = await new Promise((resolve, reject) => {
      client.once('greeting', resolve);
      client.once('connect_error', reject);
    });
    expect(greeting).toBe(GREETING);
    client.close();
  });

  it('are all started, here or in another runtime', () => {
    const files = readdirSync(join(ROOT, 'examples')).filter((name) => name.endsWith('.mjs'));
    const known = new Set([...Object.keys(GREETINGS), ...OTHERS]);
    expect(files.filter((name) => !known.has(name) && !name.includes('session'))).toEqual([]);
    expect([...known].filter((name) => !files.includes(name))).toEqual([]);
  });
});

/** The status with which a server refuses an upgrade. */
function refusal(socket: WebSocket): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    socket.once('unexpected-response', (_request, response) => {
      resolve(response.statusCode);
      socket.terminate();
    });
    socket.once('open', () => reject(new Error('the upgrade was not refused')));
    socket.on('error', () => {});
  });
}
