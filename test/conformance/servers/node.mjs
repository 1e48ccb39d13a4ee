import { createServer } from 'node:http';
import { greet } from './node-application.mjs';
import { hostname, listening, port } from './site.mjs';

const server = createServer({ maxHeaderSize: 81_920 }, greet);
server.listen(port, hostname, () => listening(server));
