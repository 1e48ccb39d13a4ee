import { serve } from '@hono/node-server';
import { app } from './hono-application.mjs';
import { hostname, listening, port } from './site.mjs';

const server = serve(
  { fetch: app.fetch, port, hostname, serverOptions: { maxHeaderSize: 81_920 } },
  () => listening(server),
);
