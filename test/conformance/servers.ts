/** The programs of `servers/`, with what each can do. */
import type { Capabilities } from './table.ts';

/** A program of `servers/`. */
export interface ServerProgram {
  /** Its file without `.mjs`. */
  readonly name: string;
  /** `http` if absent. */
  readonly scheme?: 'http' | 'https';
  readonly can: Capabilities;
}

const NODE: Capabilities = {
  legs: true,
  largeHeaders: true,
  contexts: true,
  departures: true,
  sessions: true,
};

// A Request does not show its connection.
const HANDLER: Capabilities = { ...NODE, legs: false };
// workerd runs no code of a request whose client has gone.
const WORKER: Capabilities = { ...HANDLER, departures: false };

/** For Node.js, and for each runtime that has its modules. */
export const SERVERS: readonly ServerProgram[] = [
  { name: 'node', can: NODE },
  { name: 'node-https', scheme: 'https', can: { ...NODE, bindings: true } },
  {
    name: 'node-http2',
    scheme: 'https',
    can: { ...NODE, legs: false, http2: true, bindings: true },
  },
  { name: 'express', can: NODE },
  { name: 'fastify', can: NODE },
  { name: 'koa', can: NODE },
  { name: 'hono', can: NODE },
  { name: 'fetch', can: HANDLER },
];

/** Those on a runtime's own server, by the runtime. */
export const OWN_SERVERS: Readonly<Record<string, readonly ServerProgram[]>> = {
  deno: [{ name: 'deno-serve', can: HANDLER }],
  bun: [{ name: 'bun-serve', can: HANDLER }],
};

/** For a runtime without files and ports, which loads one module. */
export const WORKERS: readonly ServerProgram[] = [
  { name: 'worker-fetch', can: WORKER },
  { name: 'worker-hono', can: WORKER },
];
