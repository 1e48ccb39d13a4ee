/** Clients that log in through a site (IAKERB): over HTTP, whose requests are separate from each other. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { Server } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { kerberos as expressKerberos } from '../../src/adapters/express.ts';
import { withKerberos } from '../../src/adapters/fetch.ts';
import { kdcProxy, storedExchanges } from '../../src/http/index.ts';
import type { GssError } from '../../src/index.ts';
import { acquireCredential, createAcceptor, Mechanism } from '../../src/index.ts';
import { parseKeytab } from '../../src/keytab/keytab.ts';
import { decodeKdcProxyMessage, encodeKdcProxyMessage } from '../../src/messages/kdc/kdc-proxy.ts';
import type { KerberosOptions } from '../../src/node/index.ts';
import { kerberos } from '../../src/node/index.ts';
import { startRealm } from '../../src/node/testing/index.ts';
import {
  encodeNegTokenInit,
  encodeNegTokenResp,
  readNegToken,
} from '../../src/spnego/neg-token.ts';
import type {
  IakerbInitiator,
  IakerbInitiatorOptions,
  Negotiator,
  NegotiatorOptions,
} from '../../src/testing/index.ts';
import { createNegotiator } from '../../src/testing/index.ts';
import type { Connection } from '../conformance/connection.ts';
import { openHttp1 } from '../conformance/connection.ts';
import {
  logInOverHttp,
  over,
  withCookies,
  withExpiredTicket,
  withPassword,
  withTicket,
} from '../support/logins.ts';

const SERVICE = 'HTTP/www.example.test';
const realm = await startRealm({ services: [SERVICE] });
const closing: (() => unknown)[] = [() => realm.stop()];
afterAll(async () => {
  for (const close of closing) await close();
});

/** A site of this package for node:http; `refused` collects the reasons of its refusals. */
async function open(options: Partial<KerberosOptions> = {}) {
  const refused: GssError[] = [];
  const signOn = kerberos({
    keytab: realm.keytabFile,
    config: realm.krb5Config,
    onWarning: () => {},
    onRefused: (error) => void refused.push(error),
    ...options,
  });
  const server = createServer(async (request, response) => {
    const client = await signOn(request, response);
    if (client !== undefined) {
      const { principal, mechanism } = client.identity!;
      response.end(`${principal} by ${mechanism}`);
    }
  });
  return { url: await listen(server), refused };
}

async function listen(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function client(options: Partial<IakerbInitiatorOptions> = {}): IakerbInitiator {
  return withPassword(SERVICE, options).initiator;
}

async function connect(url: string): Promise<Connection> {
  const connection = await openHttp1(url);
  closing.push(() => connection.close());
  return connection;
}

/** Two servers with one store of exchanges; each request of the client goes to the other one. */
async function twoSites(options: Partial<KerberosOptions>) {
  const values = new Map<string, string>();
  const store = {
    set: (name: string, value: string) => void values.set(name, value),
    take: (name: string) => {
      const value = values.get(name);
      values.delete(name);
      return value;
    },
  };
  const exchanges = storedExchanges({ store, keys: KEYS, cookie: { secure: false } });
  const replayCache = { checkAndStore: async () => true };
  const shared = { exchanges, replayCache, ...options };
  const sites = [await open(shared), await open(shared)];
  let count = 0;
  const send = withCookies(async (headers, { host }) => {
    const connection = await openHttp1(sites[count++ % 2]!.url);
    const sent = { Host: host, ...Object.fromEntries(headers) };
    const answer = await connection.send({ path: '/', headers: sent });
    connection.close();
    const received = [...answer.headers].flatMap(([name, values]) =>
      values.map((value): [string, string] => [name, value]),
    );
    return new Response(answer.body, { status: answer.status, headers: received });
  });
  return { send, values, count: () => count };
}

const KEYS = ['MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY='];

describe('IAKERB over HTTP', () => {
  it('is off by default, which the operator learns', async () => {
    const { url, refused } = await open();
    const { status } = await logInOverHttp(client(), over(await connect(url)));
    expect(status).toBe(401);
    expect(refused.map(({ reason }) => reason)).toEqual(['iakerb.off']);
  });

  it.each(['draft', 'old-mit'] as const)(
    'logs a client in over one connection, in the form %s',
    async (dialect) => {
      const { url } = await open({ iakerb: true });
      const send = over(await connect(url));
      const answer = await logInOverHttp(client({ dialect }), send);
      expect(answer).toMatchObject({ status: 200, body: `alice@${realm.realm} by iakerb` });
      // The connection serves another client then.
      expect((await logInOverHttp(client({ client: 'alice' }), send)).status).toBe(200);
    },
  );

  it('logs a client in inside SPNEGO', async () => {
    const { url } = await open({ iakerb: true });
    const send = over(await connect(url));
    const initiator = client();
    let step = initiator.begin();
    let answer = await send(
      encodeNegTokenInit({ mechTypes: [Mechanism.iakerb], mechToken: step.outputToken! }),
    );
    while (answer.status === 401) {
      const { responseToken } = readNegToken({ framed: false, inner: answer.token! }) as {
        readonly responseToken?: Uint8Array;
      };
      step = initiator.step(responseToken);
      answer = await send(encodeNegTokenResp({ responseToken: step.outputToken! }));
    }
    expect(answer).toMatchObject({ status: 200, body: `alice@${realm.realm} by spnego` });
  });

  it('lets a client try another password on its connection', async () => {
    const { url } = await open({ iakerb: true });
    const send = over(await connect(url));
    for (let attempt = 0; attempt < 3; attempt++) {
      await expect(logInOverHttp(client({ password: 'wrong' }), send)).rejects.toMatchObject({
        code: 'KDC_ERR_PREAUTH_FAILED',
      });
    }
    expect((await logInOverHttp(client(), send)).status).toBe(200);
  });

  it('relays to the realms of the option only, by the text of a krb5.conf', async () => {
    const config = `[realms]\n${realm.realm} = {\n kdc = ${realm.address}\n}\n`;
    const known = await open({ config, iakerb: { realms: [realm.realm] } });
    expect((await logInOverHttp(client(), over(await connect(known.url)))).status).toBe(200);
    const other = await open({ config, iakerb: { realms: ['OTHER.TEST'] } });
    await logInOverHttp(client(), over(await connect(other.url))).catch(() => {});
    expect(other.refused.map(({ reason }) => reason)).toEqual(['iakerb.realm-not-relayed']);
  });

  it('asks the function of the option, and not krb5.conf', async () => {
    const kdc = vi.fn(realm.kdc);
    const { url } = await open({ config: '[libdefaults]\n', iakerb: { kdc } });
    expect((await logInOverHttp(client(), over(await connect(url)))).status).toBe(200);
    expect(kdc).toHaveBeenCalledTimes(3);
  });

  it('continues on another server through a store of exchanges', async () => {
    const { send, values, count } = await twoSites({ iakerb: true });
    expect((await logInOverHttp(client(), send)).status).toBe(200);
    expect(count()).toBe(4);
    expect(values.size).toBe(0);
    // A client that begins anew, while an exchange of its own still waits.
    await expect(logInOverHttp(client({ password: 'wrong' }), send)).rejects.toThrow();
    expect((await logInOverHttp(client(), send)).status).toBe(200);
  });

  it('bounds the relays of one address, behind a proxy too', async () => {
    // A burst of ten times the rate: two messages.
    const { url, refused } = await open({
      iakerb: { ratePerSource: 0.2 },
      trustProxy: ['127.0.0.1'],
      sharedConnections: 'trust',
    });
    const from = async (address: string) =>
      logInOverHttp(client(), over(await connect(url), { 'X-Forwarded-For': address })).catch(
        () => {},
      );
    await from('192.0.2.1');
    expect(refused.map(({ detail }) => detail)).toEqual([{ bound: 'ratePerSource, 0.2 a second' }]);
    refused.length = 0;
    await from('192.0.2.1');
    expect(refused).toHaveLength(1);
    const counted = vi.fn(realm.kdc);
    const other = await open({
      iakerb: { kdc: counted, ratePerSource: 0.3 },
      trustProxy: ['127.0.0.1'],
      sharedConnections: 'trust',
    });
    for (const address of ['192.0.2.1', '192.0.2.2']) {
      const send = over(await connect(other.url), { 'X-Forwarded-For': address });
      expect((await logInOverHttp(client(), send)).status).toBe(200);
    }
    expect(counted).toHaveBeenCalledTimes(6);
  });
});

/** A client that has a ticket, and a password for what the ticket does not do; or the reverse. */
function negotiator(
  {
    expired = false,
    first = 'kerberos',
    ...login
  }: {
    readonly expired?: boolean;
    readonly first?: 'kerberos' | 'iakerb';
  } & Partial<IakerbInitiatorOptions>,
  options: Partial<NegotiatorOptions> = {},
): Negotiator {
  const keytab = parseKeytab(readFileSync(realm.keytabFile));
  const ticket = expired ? withExpiredTicket(keytab) : withTicket(keytab);
  const password = withPassword(SERVICE, login);
  const mechanisms = first === 'kerberos' ? [ticket, password] : [password, ticket];
  return createNegotiator({ mechanisms, ...options });
}

describe('Late Fallback over HTTP', () => {
  const on = { iakerb: true, lateFallback: true };
  const accepted = { status: 200, body: `alice@${realm.realm} by spnego` };

  it('is off by default: the expired ticket is refused', async () => {
    const { url, refused } = await open({ iakerb: true });
    const refusal = logInOverHttp(negotiator({ expired: true }), over(await connect(url)));
    await expect(refusal).rejects.toMatchObject({ minor: { code: 'SPNEGO_REJECTED' } });
    expect(refused.map(({ reason }) => reason)).toEqual(['ticket.expired']);
  });

  it('goes on with IAKERB over one connection, and with the next client', async () => {
    const { url, refused } = await open(on);
    const send = over(await connect(url));
    for (let count = 0; count < 2; count++) {
      expect(await logInOverHttp(negotiator({ expired: true }), send)).toMatchObject(accepted);
    }
    // A ticket that is accepted takes one request.
    expect(await logInOverHttp(negotiator({}), send)).toMatchObject(accepted);
    expect(refused).toEqual([]);
  });

  it('goes on with a ticket where the realm is not relayed, or the client gives up', async () => {
    const { url, refused } = await open(on);
    const elsewhere = { first: 'iakerb', client: 'alice@ELSEWHERE.TEST' } as const;
    expect(await logInOverHttp(negotiator(elsewhere), over(await connect(url)))).toMatchObject(
      accepted,
    );
    const wrong = { first: 'iakerb', password: 'wrong' } as const;
    const again = negotiator(wrong, { listsAgainIn: 'resp' });
    expect(await logInOverHttp(again, over(await connect(url)))).toMatchObject(accepted);
    expect(refused).toEqual([]);
  });

  it('goes on at another server through a store of exchanges', async () => {
    const { send, values, count } = await twoSites(on);
    expect(await logInOverHttp(negotiator({ expired: true }), send)).toMatchObject(accepted);
    expect(count()).toBe(6);
    expect(values.size).toBe(0);
    const elsewhere = { first: 'iakerb', client: 'alice@ELSEWHERE.TEST' } as const;
    expect(await logInOverHttp(negotiator(elsewhere), send)).toMatchObject(accepted);
  });

  it('needs iakerb, and an acceptor has its own', async () => {
    const options = { keytab: realm.keytab, lateFallback: true };
    expect(() => kerberos(options)).toThrow(/lateFallback: expected the option iakerb beside it/);
    const fetched = () => withKerberos(() => new Response(), { ...options, iakerb: false });
    expect(fetched).toThrow(/lateFallback: expected the option iakerb beside it/);
    const credential = await acquireCredential({ keytab: realm.keytab });
    const acceptor = createAcceptor({ credential });
    expect(() => kerberos({ acceptor, lateFallback: false })).toThrow(/lateFallback: expected no/);
  });
});

describe('IAKERB in frameworks', () => {
  it('is the same option of Express', async () => {
    const app = express();
    app.use(
      expressKerberos({
        keytab: realm.keytabFile,
        config: realm.krb5Config,
        iakerb: true,
        onWarning: () => {},
      }),
    );
    app.get('/', (request, response) => {
      response.send(request.kerberos?.principal);
    });
    const url = await listen(createServer(app));
    const answer = await logInOverHttp(client(), over(await connect(url)));
    expect(answer).toMatchObject({ status: 200, body: `alice@${realm.realm}` });
  });

  it('needs a way to a KDC where there is no krb5.conf: a proxy', async () => {
    const options = { keytab: realm.keytab, onWarning: () => {} };
    const greet = () => new Response('hello');
    for (const iakerb of [true, {}, { realms: [realm.realm] }]) {
      expect(() => withKerberos(greet, { ...options, iakerb })).toThrow(
        /iakerb: expected \{ kdc \}/,
      );
    }
    const values = new Map<string, string>();
    const handler = withKerberos<[object]>(
      (_request, { identity }) => new Response(`${identity?.principal} by ${identity?.mechanism}`),
      {
        ...options,
        iakerb: {
          kdc: kdcProxy('https://gateway.example.test/KdcProxy', { fetch: proxy }),
          ratePerSource: 0.3,
        },
        exchanges: storedExchanges({
          keys: KEYS,
          store: {
            set: (name, value) => void values.set(name, value),
            take: (name) => values.get(name),
          },
        }),
      },
    );
    // What Deno.serve and Bun.serve pass shows the client's address: each has its own allowance.
    for (const given of [
      { remoteAddr: { hostname: '192.0.2.1' } },
      { remoteAddr: { hostname: '192.0.2.2' } },
      { requestIP: () => ({ address: '192.0.2.3' }) },
    ]) {
      const send = withCookies((headers, url) => handler(new Request(url, { headers }), given));
      const answer = await logInOverHttp(client(), send);
      expect(answer).toMatchObject({ status: 200, body: `alice@${realm.realm} by iakerb` });
    }
  });
});

/** A proxy for KDCs (MS-KKDCP) in front of the realm. */
async function proxy(_url: string, { body }: { readonly body: Uint8Array }): Promise<Response> {
  const { message } = decodeKdcProxyMessage(body);
  const answer = realm.answer(message.subarray(4));
  const framed = new Uint8Array(4 + answer.length);
  new DataView(framed.buffer).setUint32(0, answer.length);
  framed.set(answer, 4);
  return new Response(encodeKdcProxyMessage({ message: framed }) as Uint8Array<ArrayBuffer>);
}
