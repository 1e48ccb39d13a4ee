import { handler } from './fetch-application.mjs';
import { hostname, port } from './site.mjs';

const onListen = (address) => console.log(`listening ${address.port}`);
Deno.serve({ port, hostname, onListen }, handler);
