import { createServer } from 'node:https';
import { greet } from './node-application.mjs';
import { hostname, listening, port, tls } from './site.mjs';

const server = createServer({ ...tls(), maxHeaderSize: 81_920 }, greet);
server.listen(port, hostname, () => listening(server));
