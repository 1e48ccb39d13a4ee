/** A web server of one page: `own-server.js KIND ACCESS PORT KEYTAB [REPLAY-CACHE]`. */
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import express from 'express';
import fastify from 'fastify';
import { kerberos as expressKerberos } from '../../../src/adapters/express.ts';
import { kerberos as fastifyKerberos } from '../../../src/adapters/fastify.ts';
import type { KerberosOptions } from '../../../src/node/kerberos.ts';
import { kerberos } from '../../../src/node/kerberos.ts';
import { HOST_BASED_SERVICE } from '../realm.ts';
import type { Access, OwnKind } from './servers.ts';
import { PAGE } from './servers.ts';

const [kind, access, port, keytab, replayCache] = process.argv.slice(2) as [
  OwnKind,
  Access,
  string,
  string,
  string?,
];

const options: Pick<KerberosOptions, 'keytab' | 'service' | 'replayCache' | 'sessions'> = {
  keytab,
  service: HOST_BASED_SERVICE,
  ...(replayCache !== undefined && { replayCache }),
  ...(access === 'sessions' && {
    sessions: { keys: [randomBytes(32)], cookie: { name: 'krb5', secure: false } },
  }),
};

const START: Readonly<Record<OwnKind, () => void | Promise<void>>> = {
  'node:http': () => {
    const signOn = kerberos(options);
    const server = createServer({ maxHeaderSize: MAX_HEADER_SIZE }, async (request, response) => {
      if (access === 'open') return void response.end(PAGE);
      const client = await signOn(request, response);
      if (client !== undefined) response.end(`Hello ${client.identity?.principal}\n`);
    });
    server.listen(Number(port), HOST);
  },
  Express: () => {
    const app = express();
    if (access !== 'open') app.use(expressKerberos(options));
    app.get('/', (request, response) => {
      response.send(access === 'open' ? PAGE : `Hello ${request.kerberos?.principal}\n`);
    });
    createServer(app).listen(Number(port), HOST);
  },
  Fastify: async () => {
    const app = fastify();
    if (access !== 'open') await app.register(fastifyKerberos, options);
    app.get('/', (request) =>
      access === 'open' ? PAGE : `Hello ${request.kerberos?.principal}\n`,
    );
    await app.listen({ port: Number(port), host: HOST });
  },
};

const HOST = '127.0.0.1';
const MAX_HEADER_SIZE = 81_920;

await START[kind]();
// So that a profile of it is written.
process.once('SIGTERM', () => process.exit());
