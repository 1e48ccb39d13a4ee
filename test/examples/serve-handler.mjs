/** Serves a handler of `examples/` under Node.js, as the runtime or framework it is for would. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { env } from 'node:process';
import { serve } from '@hono/node-server';

const [, , name] = process.argv;
const example = await import(resolve(import.meta.dirname, '../../examples', name));

/** How the one that calls the handler does it. */
const CALLS = {
  'worker.mjs': (request) => {
    const bindings = { KEYTAB: readFileSync(env.KEYTAB, 'base64'), SERVICE: env.SERVICE };
    return example.default.fetch(request, bindings, {});
  },
  'next-route.mjs': (request) => example.GET(request, { params: Promise.resolve({}) }),
  'sveltekit-hooks.mjs': (request) => {
    const event = { request, locals: {} };
    const resolveEvent = async () => new Response(`Hello ${event.locals.kerberos?.principal}\n`);
    return example.handle({ event, resolve: resolveEvent });
  },
};

serve({ fetch: CALLS[name], port: Number(env.PORT) });
