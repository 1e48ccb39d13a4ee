/** Requests over HTTP on eight connections: each with a ticket, or with a cookie. */
import { Enctype } from '../../../src/crypto/numbers.ts';
import { encodeBase64 } from '../../../src/http/base64.ts';
import { freePort } from '../../support/ports.ts';
import { ask, Load, requestWith } from '../http/load.ts';
import type { WebServer } from '../http/servers.ts';
import type { Job, Session } from '../job.ts';
import type { BenchService } from '../realm.ts';
import { ServerProcess } from '../server-process.ts';

/** One client, which comes again with its ticket, as browsers do. */
export const signOnJob: Job<WebServer> = {
  name: 'HTTP sign-on',
  needs: 'sign-on',
  quick: false,
  async prepare(server, realm) {
    const service = realm.service(Enctype.aes256CtsHmacSha1);
    return runServer(server, service, async () => (count) => signOns(service, count));
  },
};

/** A client in a session, or one that anybody could be. */
export const pageJob: Job<WebServer> = {
  name: 'HTTP page',
  needs: 'page',
  quick: false,
  async prepare(server, realm) {
    const service = realm.service(Enctype.aes256CtsHmacSha1);
    return runServer(server, service, async (port) => {
      const [signOn] = signOns(service, 1);
      const cookie = /\r\nset-cookie: ([^;]+)/i.exec(await ask(port, signOn!))?.[1];
      // An open server sets none; it gets a cookie of the same length.
      const request = requestWith(`Cookie: ${cookie ?? 'x'.repeat(COOKIE_LENGTH)}`);
      return (count) => Array.from({ length: count }, () => request);
    });
  },
};

/** Makes the requests of a round, which is not measured. */
type Requests = (count: number) => Buffer[];

async function runServer(
  { command }: WebServer,
  { keytabPath }: BenchService,
  prepare: (port: number) => Promise<Requests>,
): Promise<Session> {
  const port = await freePort();
  const process = await ServerProcess.listening(command(port, keytabPath), port);
  const requestsOf = await prepare(port);
  return {
    async round(effort) {
      const requests = requestsOf(Math.ceil(REQUESTS * effort));
      // Servers close a connection that waits for its next round.
      const load = await Load.connect(port, CONNECTIONS);
      const before = process.cpu();
      const start = performance.now();
      await load.send(requests);
      const wall = performance.now() - start;
      const cpu = (process.cpu() - before) / 1000;
      load.close();
      return { p50: (wall * 1000) / requests.length, cpu: cpu / requests.length };
    },
    close: () => process.stop(),
  };
}

function signOns(service: BenchService, count: number): Buffer[] {
  return service
    .tokens('SPNEGO', count, 'returning')
    .map((token) => requestWith(`Authorization: Negotiate ${encodeBase64(token)}`));
}

const CONNECTIONS = 8;
const REQUESTS = 1000;
const COOKIE_LENGTH = 500;
