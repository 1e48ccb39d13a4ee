/** A web site of the live tests: it says who is there, how, and what came with the request. */

import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import { createServer } from 'node:http';
import { createSecureServer } from 'node:http2';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import tls from '../../fixtures/tls/server.json' with { type: 'json' };
import { realm } from './realm.ts';

/** A server of the realm's host. Its address ends with a slash. */
export interface WebSite extends AsyncDisposable {
  readonly url: string;
  readonly host: string;
}

/** Serves with HTTP, HTTPS, or HTTP/2 and HTTP/1.1 over TLS. */
export async function serveSite(
  protocol: 'http' | 'https' | 'http2',
  listener: RequestListener,
): Promise<WebSite> {
  const server = makeServer(protocol, listener);
  server.listen(0);
  await once(server, 'listening');
  const host = `${realm().hostname}:${(server.address() as AddressInfo).port}`;
  return {
    url: `${protocol === 'http' ? 'http' : 'https'}://${host}/`,
    host,
    async [Symbol.asyncDispose]() {
      server.close();
    },
  };
}

function makeServer(protocol: 'http' | 'https' | 'http2', listener: RequestListener): Server {
  const limit = { maxHeaderSize: 81_920 };
  const pair = { cert: tls.certificate, key: tls.key };
  switch (protocol) {
    case 'http':
      return createServer(limit, listener);
    case 'https':
      return createTlsServer({ ...limit, ...pair }, listener);
    case 'http2':
      return createSecureServer({ ...pair, allowHTTP1: true }, listener as never);
  }
}
