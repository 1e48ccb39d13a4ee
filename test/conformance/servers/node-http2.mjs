import { createSecureServer } from 'node:http2';
import { greet } from './node-application.mjs';
import { hostname, listening, port, tls } from './site.mjs';

const server = createSecureServer({ ...tls(), allowHTTP1: true }, greet);
server.listen(port, hostname, () => listening(server));
