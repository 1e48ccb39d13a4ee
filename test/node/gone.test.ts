/** Clients and responses that are over before the sign-on is asked, or while it waits. */
import { once } from 'node:events';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import http2 from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import { connect, createServer as createTcpServer } from 'node:net';
import express from 'express';
import fastify from 'fastify';
import { describe, expect, it, onTestFinished } from 'vitest';
import { kerberos as expressKerberos } from '../../src/adapters/express.ts';
import { kerberos as fastifyKerberos } from '../../src/adapters/fastify.ts';
import { kerberos as koaKerberos } from '../../src/adapters/koa.ts';
import type { Identity } from '../../src/http/identity.ts';
import type { SecurityContext } from '../../src/index.ts';
import { acquireCredential, createAcceptor } from '../../src/index.ts';
import { createGssServer, httpAuthenticator, kerberos } from '../../src/node/index.ts';
import { openHttp1 } from '../conformance/connection.ts';
import { makeServiceKeytab, SERVICE, User } from '../conformance/user.ts';
import { Koa } from '../support/koa.ts';

const keytab = makeServiceKeytab();

function isDisposed(context: SecurityContext): boolean {
  try {
    context.wrapSizeLimit(100);
    return false;
  } catch {
    return true;
  }
}

function withResolvers<T>() {
  let resolve = (_: T): void => {};
  const promise = new Promise<T>((settle) => {
    resolve = settle as (value: T) => void;
  });
  return { promise, resolve };
}

async function listen(server: {
  listen(port: number, host: string): unknown;
  address(): unknown;
  close(): unknown;
}): Promise<number> {
  onTestFinished(() => void server.close());
  const listening = once(server as never, 'listening');
  server.listen(0, '127.0.0.1');
  await listening;
  return (server.address() as AddressInfo).port;
}

describe('a client that left before the sign-on was asked', () => {
  it.each([true, false])('over HTTP/2 gets no context: with a token %s', async (withToken) => {
    const contexts: SecurityContext[] = [];
    const signOn = kerberos({
      keytab,
      service: SERVICE,
      onAccepted: ({ context }) => void contexts.push(context!),
      onRefused: () => {},
    });
    const asked = withResolvers<unknown>();
    const server = http2.createServer((request, response) => {
      // As behind a middleware that waits for something.
      request.stream.once('close', () => asked.resolve(signOn(request, response)));
    });
    const session = http2.connect(`http://127.0.0.1:${await listen(server)}`);
    onTestFinished(() => session.destroy());
    const { authorization } = new User(keytab, 'alice').signOn();
    const stream = session.request({ ':path': '/', ...(withToken && { authorization }) });
    stream.on('error', () => {});
    await once(server, 'stream');
    stream.close(http2.constants.NGHTTP2_CANCEL);
    expect(await asked.promise).toBeUndefined();
    expect(contexts.filter((context) => !isDisposed(context))).toEqual([]);
  });

  it('over HTTP/1.1 gets no context', async () => {
    const refused: string[] = [];
    const signOn = kerberos({
      keytab,
      service: SERVICE,
      onRefused: ({ reason }) => void refused.push(reason),
    });
    const asked = withResolvers<unknown>();
    const server = createServer((request, response) => {
      request.socket.once('close', () => asked.resolve(signOn(request, response)));
    });
    const client = connect(await listen(server), '127.0.0.1');
    const { authorization } = new User(keytab, 'alice').signOn();
    client.write(`GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: ${authorization}\r\n\r\n`);
    await once(server, 'request');
    client.destroy();
    expect(await asked.promise).toBeUndefined();
    expect(refused).toEqual(['fault.aborted']);
  });

  it('leaves no seat of gss-server occupied', async () => {
    const listener = createTcpServer();
    const accepted = once(listener, 'connection') as Promise<[Socket]>;
    const client = connect(await listen(listener), '127.0.0.1');
    const [socket] = await accepted;
    client.destroy();
    socket.destroy();
    await once(socket, 'close');
    const credential = await acquireCredential({ keytab, service: SERVICE });
    const server = createGssServer({ acceptor: createAcceptor({ credential }) });
    await server.serve(socket);
    expect(server.connections).toBe(0);
  });
});

/** A sign-on that waits for `authorize`. */
type Waiting = (hooks: {
  readonly authorize: (identity: Identity) => Promise<boolean>;
  readonly onAccepted: (accepted: { readonly context?: SecurityContext }) => void;
  /** Called with the response as soon as there is one. */
  readonly begin: (response: ServerResponse) => void;
  /** Called if the application gets the request. */
  readonly enter: () => void;
  /** Called with what goes wrong. */
  readonly fail: (error: unknown) => void;
}) => RequestListener | Promise<RequestListener>;

const FRAMEWORKS: Readonly<Record<string, Waiting>> = {
  'kerberos()': ({ begin, enter, fail, ...hooks }) => {
    const signOn = kerberos({ keytab, service: SERVICE, ...hooks });
    return (request, response) => {
      begin(response);
      signOn(request, response).then((client) => client && enter(), fail);
    };
  },
  'httpAuthenticator()': async ({ begin, enter, fail, authorize, onAccepted }) => {
    const credential = await acquireCredential({ keytab, service: SERVICE });
    // It has no authorize: its replay cache is what it waits for.
    const replayCache = { checkAndStore: () => authorize({} as Identity).then(() => true) };
    const authenticate = httpAuthenticator({
      acceptor: createAcceptor({ credential, replayCache }),
      onAccepted: (context) => onAccepted({ context }),
    });
    return (request, response) => {
      begin(response);
      authenticate(request, response).then((context) => context && enter(), fail);
    };
  },
  Express: ({ begin, enter, fail, ...hooks }) => {
    const app = express();
    app.use((_, response, next) => {
      begin(response);
      next();
    });
    app.use(expressKerberos({ keytab, service: SERVICE, ...hooks }));
    app.use(() => enter());
    app.use(((error, _, __, ___) => fail(error)) as express.ErrorRequestHandler);
    return app as RequestListener;
  },
  Koa: ({ begin, enter, fail, ...hooks }) => {
    const app = new Koa();
    app.on('error', fail);
    app.use((ctx, next) => {
      begin(ctx.res);
      return next();
    });
    app.use(koaKerberos({ keytab, service: SERVICE, ...hooks }));
    app.use(() => enter());
    return app.callback();
  },
  Fastify: async ({ begin, enter, fail, ...hooks }) => {
    const app = fastify();
    app.addHook('onRequest', async (_, reply) => begin(reply.raw));
    app.setErrorHandler((error) => fail(error));
    await app.register(fastifyKerberos, { keytab, service: SERVICE, ...hooks });
    app.get('/', () => enter());
    await app.ready();
    onTestFinished(() => app.close());
    return (request: IncomingMessage, response: ServerResponse) => app.routing(request, response);
  },
};

describe.each(Object.entries(FRAMEWORKS))('%s', (_, waiting) => {
  it.each([true, false])(
    'leaves alone what the application has answered meanwhile: authorized %s',
    async (verdict) => {
      const contexts: SecurityContext[] = [];
      const events: unknown[] = [];
      const asked = withResolvers<void>();
      const decided = withResolvers<boolean>();
      let answer = (): void => {};
      const listener = await waiting({
        authorize: () => {
          asked.resolve();
          return decided.promise;
        },
        onAccepted: ({ context }) => void contexts.push(context!),
        begin: (response) => {
          answer = () => void response.writeHead(504).end('too late');
        },
        enter: () => void events.push('entered'),
        fail: (error) => void events.push(error),
      });
      const port = await listen(createServer(listener));
      const connection = await openHttp1(`http://127.0.0.1:${port}`);
      onTestFinished(() => connection.close());
      const { authorization } = new User(keytab, 'alice').signOn();
      const response = connection.send({ path: '/', headers: { authorization } });
      await asked.promise;
      answer();
      expect((await response).status).toBe(504);
      decided.resolve(verdict);
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect(events).toEqual([]);
      expect(contexts.filter((context) => !isDisposed(context))).toEqual([]);
    },
  );
});

it('any number of requests of a connection may wait at the same time', async () => {
  const warnings: string[] = [];
  const note = ({ name }: Error): void => void warnings.push(name);
  process.on('warning', note);
  onTestFinished(() => void process.off('warning', note));
  const decided = withResolvers<boolean>();
  let waiting = 0;
  const signOn = kerberos({
    keytab,
    service: SERVICE,
    authorize: () => {
      waiting++;
      return decided.promise;
    },
  });
  const server = createServer((request, response) => {
    void signOn(request, response).then(() => void response.end());
  });
  const client = connect(await listen(server), '127.0.0.1');
  onTestFinished(() => void client.destroy());
  const user = new User(keytab, 'alice');
  for (let i = 0; i < 20; i++) {
    const { authorization } = user.signOn();
    client.write(`GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: ${authorization}\r\n\r\n`);
  }
  while (waiting < 20) await new Promise((resolve) => setTimeout(resolve, 5));
  await new Promise((resolve) => setImmediate(resolve));
  expect(warnings).not.toContain('MaxListenersExceededWarning');
  decided.resolve(true);
});
