/**
 * What the servers of the conformance suite share: who they are, what their paths require, and what they
 * print. README.md beside this file lists the paths.
 */
import { readFileSync } from 'node:fs';
import { argv, env, versions } from 'node:process';

const ADMINS = 'S-1-5-21-1111111111-2222222222-3333333333-512';

const log = {
  onRefused: ({ code, message, hint, minor }) => {
    const cause = minor?.cause instanceof Error ? minor.cause.message : undefined;
    const texts = [code, minor?.code, message, minor?.message, hint, minor?.hint, cause];
    console.error(`refused: ${texts.filter(Boolean).join(' ')}`);
  },
  // Over plain HTTP there is one warning by design.
  onWarning: (message) => {
    if (!message.startsWith('credentials come over plain HTTP')) {
      console.error(`warning: ${message}`);
    }
  },
};
// Bun's node:https does not show a server the certificate of its connections.
const hidden = versions.bun !== undefined && argv[1].endsWith('node-https.mjs');
const certificate = hidden ? { certificate: readFileSync(env.TLS_CERTIFICATE) } : {};
const service = { ...log, ...certificate, keytab: env.KEYTAB, service: 'HTTP@localhost' };
const down = { checkAndStore: () => Promise.reject(new Error('disk full')) };
const isAdmin = ({ groups }) => groups.includes(ADMINS);

/** The options of each path; `/` has those of all that are not listed. */
export const options = {
  '/': service,
  '/admins': { ...service, authorize: isAdmin },
  '/guests': { ...service, optional: true },
  '/down': { ...service, replayCache: down },
  '/pages': { ...service, authorize: isAdmin },
  '/pages/down': { ...service, replayCache: down },
  '/sessions': {
    ...service,
    sessions: {
      keys: [btoa('a key of the suite, of 32 bytes!')],
      // The suite is not always over TLS.
      cookie: { name: 'krb5', secure: false },
    },
  },
};

/** The texts of the application's own pages. */
export const pages = {
  unauthorized: 'page: unauthorized',
  forbidden: 'page: forbidden',
  unavailable: 'page: unavailable',
};

const contexts = [];
const AN_HOUR = 3_600_000;

/** The answers of the application; `client` is what the adapter gives it. */
export const application = {
  hello: (client) => `Hello ${client?.principal ?? 'guest'}`,
  missing: (client) => `no such page, ${client.principal}`,
  upload: (client, size) => `${client.principal} sent ${size} bytes`,
  whoami: (client) => JSON.stringify(client),
  wrap: (client, context = client.context) => {
    contexts.push(context);
    const message = context.wrap(new TextEncoder().encode(`for ${client.principal} only`));
    return btoa(String.fromCharCode(...message));
  },
  slow: (client, context = client.context) => {
    contexts.push(context);
    console.error(`slow: ${client.principal} waits`);
    // For a timer: workerd ends a request at once that waits for nothing.
    return new Promise((resolve) => setTimeout(resolve, AN_HOUR));
  },
  contexts: () => JSON.stringify({ seen: contexts.length, alive: contexts.filter(isAlive).length }),
};

function isAlive(context) {
  try {
    context.getMic(new Uint8Array());
    return true;
  } catch {
    return false;
  }
}

/** Where to listen; the port is free if `PORT` is 0. */
export const port = Number(env.PORT ?? 0);
export const hostname = 'localhost';

/** For https. */
export const tls = () => ({
  cert: readFileSync(env.TLS_CERTIFICATE),
  key: readFileSync(env.TLS_KEY),
});

/** Tells the suite where the server is. */
export function listening(server) {
  console.log(`listening ${server.address().port}`);
}
