import { handler } from './fetch-application.mjs';
import { hostname, port } from './site.mjs';

const server = Bun.serve({ port, hostname, fetch: handler });
console.log(`listening ${server.port}`);
