/** The programs of `servers/`, with what each can do under Node.js. */
import type { Capabilities } from './table.ts';

/** A program of `servers/`. */
export interface ServerProgram {
  /** Its file without `.mjs`. */
  readonly name: string;
  /** `http` if absent. */
  readonly scheme?: 'http' | 'https';
  readonly can: Capabilities;
}

const NODE: Capabilities = { legs: true, largeHeaders: true, contexts: true, sessions: true };

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
  // A Request does not show its connection.
  { name: 'fetch', can: { ...NODE, legs: false } },
];
