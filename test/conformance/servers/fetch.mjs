import { serve } from '@hono/node-server';
import { handler } from './fetch-application.mjs';
import { hostname, listening, port } from './site.mjs';

const server = serve(
  { fetch: handler, port, hostname, serverOptions: { maxHeaderSize: 81_920 } },
  () => listening(server),
);
