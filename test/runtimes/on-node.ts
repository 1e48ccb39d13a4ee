/** What must work with Node's own modules, in every runtime that has them; run with a directory for files. */
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, RequestListener } from 'node:http';
import { createServer, request as requestHttp } from 'node:http';
import { createServer as createTlsServer, request as requestHttps } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { connect } from 'node:net';
import { join } from 'node:path';
import process from 'node:process';
import type { TLSSocket } from 'node:tls';
import { connect as connectTls } from 'node:tls';
import type { AcceptorOptions, ChannelBindings, GssError, Keytab } from '../../src/index.ts';
import {
  acquireCredential,
  createAcceptor,
  EncryptionKey,
  formatKeytab,
  parsePrincipal,
  systemRandom,
  tlsExporter,
  tlsServerEndPoint,
} from '../../src/index.ts';
import type { HttpAuthenticatorOptions } from '../../src/node/index.ts';
import {
  createGssServer,
  FileReplayCache,
  httpAuthenticator,
  keytabFile,
  loadKeytab,
  nodeCrypto,
  TokenFlag,
} from '../../src/node/index.ts';
import type { Initiator } from '../../src/testing/index.ts';
import { createInitiator, mintTicket } from '../../src/testing/index.ts';
import { base64, CLIENT } from './portable.ts';
import type { Steps } from './steps.ts';
import { equal, rejects } from './steps.ts';

/** @param tls - Certificate and key of a server; @param directory - For files. */
export function nodeSteps(directory: string, tls: ServerCertificate): Steps {
  const end = tlsServerEndPoint(new X509Certificate(tls.certificate).raw)!;
  const relayed: ChannelBindings = { applicationData: new Uint8Array(53) };
  return {
    'computes with the crypto of the runtime': async () => {
      for (const enctype of [17, 18, 19, 20, 25, 26]) {
        const keytab = makeKeytab(enctype);
        const initiator = clientOf(keytab);
        const credential = await acquireCredential({ keytab, crypto: nodeCrypto });
        const acceptor = createAcceptor({ credential });
        const result = await acceptor.begin().accept(initiator.begin());
        if (result.status !== 'complete') throw new Error(`etype ${enctype} is ${result.status}`);
        const client = initiator.finish(result.outputToken);
        const message = new Uint8Array(20_000).fill(enctype);
        equal(result.context.unwrap(client.wrap(message)).message, message);
        equal(client.unwrap(result.context.wrap(message)).message, message);
      }
    },

    'reads a keytab file, and reads it again when it has changed': async () => {
      const path = join(directory, 'changing.keytab');
      const [first, second] = [makeKeytab(), makeKeytab(17)];
      writeFileSync(path, formatKeytab(first), { mode: 0o600 });
      const provider = keytabFile(path);
      equal((await provider()).entries[0]!.key.enctype, 18);
      writeFileSync(path, formatKeytab(second), { mode: 0o600 });
      equal((await provider()).entries[0]!.key.enctype, 17);
      const missing = await rejects(loadKeytab(join(directory, 'none')));
      equal(missing.code, 'KRB5_KT_NOTFOUND');
    },

    'keeps replays in files': async () => {
      const cache = join(directory, 'cache');
      const keytab = makeKeytab();
      const token = clientOf(keytab).begin();
      const statuses = [];
      for (let opened = 0; opened < 2; opened++) {
        const replayCache = await FileReplayCache.open({ directory: cache });
        const acceptor = await acceptorOf(keytab, { replayCache });
        statuses.push((await acceptor.begin().accept(token)).status);
        await replayCache.close();
      }
      equal(statuses, ['complete', 'failed']);
    },

    'serves HTTP': async () => {
      await using site = await Site.start({});
      const challenge = await site.get();
      equal([challenge.status, challenge.answer], [401, 'Negotiate']);
      const token = site.client().begin();
      equal((await site.get(token)).status, 200);
      equal((await site.get(token)).status, 401);
      await site.signOn();
      equal((await site.get(undefined, 'Negotiate ?')).status, 400);
      equal((await site.get(undefined, 'NTLM TlRMTVNTUAABAAAA')).status, 401);
      equal(site.failures.at(-1)?.hint !== undefined, true);
      equal(site.warnings, []);
    },

    'serves a client whose ticket is of 13 kB': async () => {
      await using site = await Site.start({});
      const groupIds = Array.from({ length: 1500 }, (_, index) => ({
        relativeId: 2000 + index,
        attributes: 7,
      }));
      const ticket = mintTicket({
        keytab: site.keytab,
        client: CLIENT,
        pac: { logonInfo: { groupIds } },
      });
      const initiator = createInitiator({ ticket, spnego: true });
      const answer = await site.get(initiator.begin());
      equal([answer.status, answer.body], [200, `${CLIENT} 1501`]);
    },

    'serves a POST on a connection that the client keeps': async () => {
      await using site = await Site.start({});
      const body = 'x'.repeat(200_000);
      const agent = { keepAlive: true };
      for (const token of [site.client().begin(), undefined, site.client().begin()]) {
        const answer = await site.get(token, undefined, { body, agent });
        equal(answer.status, token === undefined ? 401 : 200);
      }
    },

    'binds clients to the TLS connection': async () => {
      // Bun gives a server no certificate of its connections (1.4.5).
      const certificate = RUNTIME === 'bun' ? { certificate: tls.certificate } : {};
      await using site = await Site.start({ tls, ...certificate });
      equal((await site.get(site.client(end).begin())).status, 200);
      equal((await site.get(site.client(relayed).begin())).status, 401);
      equal(
        site.failures.map(({ code }) => code),
        ['GSS_S_BAD_BINDINGS'],
      );
      equal(site.warnings, []);
      await using strict = await Site.start({ tls, ...certificate, policy: 'required' });
      equal((await strict.get(strict.client(end).begin())).status, 200);
      equal((await strict.get(strict.client().begin())).status, 401);
    },

    'says so where it cannot bind, and refuses where it must': async () => {
      await using site = await Site.start({ tls });
      equal((await site.get(site.client(end).begin())).status, 200);
      equal(site.warnings.length, RUNTIME === 'bun' ? 1 : 0);
      await using strict = await Site.start({ tls, policy: 'required' });
      const { status } = await strict.get(strict.client(end).begin());
      equal(status, RUNTIME === 'bun' ? 401 : 200);
      if (RUNTIME === 'bun') equal(/certificate/.test(strict.failures[0]?.hint ?? ''), true);
    },

    'has tls-exporter, or refuses with the reason': async () => {
      await using site = await Site.start({ tls, channelBindings: 'tls-exporter' });
      if (RUNTIME === 'node') return await signOnWithExporter(site);
      equal((await site.get(site.client(end).begin())).status, 503);
      equal(
        site.failures.map(({ code }) => code),
        ['GSS_S_UNAVAILABLE'],
      );
      equal(/does not export keying material/.test(site.failures[0]!.message), true);
    },

    'serves gss-sample clients': async () => {
      const keytab = makeKeytab();
      const server = createGssServer({ acceptor: await acceptorOf(keytab) });
      const { port } = await server.listen(0, '127.0.0.1');
      const socket = connect(port, '127.0.0.1');
      await once(socket, 'connect');
      const frames = new Frames(socket);
      const initiator = clientOf(keytab);
      frames.send(TokenFlag.noop | TokenFlag.contextNext);
      frames.send(TokenFlag.context, initiator.begin());
      const context = initiator.finish(await frames.receive());
      const message = new TextEncoder().encode('testmsg');
      const { data, wrapped, encrypted, sendMic } = TokenFlag;
      frames.send(data | wrapped | encrypted | sendMic, context.wrap(message));
      context.verifyMic(message, await frames.receive());
      socket.end();
      await server.close();
    },
  };
}

export interface ServerCertificate {
  readonly certificate: string;
  readonly key: string;
}

/** Whether a process that comes later, perhaps of another runtime, accepts a request. */
export async function present(directory: string, keytab: string, token: string): Promise<string> {
  const replayCache = await FileReplayCache.open({ directory });
  const acceptor = await acceptorOf(await loadKeytab(keytab), { replayCache });
  const result = await acceptor.begin().accept(readFileSync(token));
  await replayCache.close();
  return result.status === 'failed' ? String(result.error.minor?.code) : result.status;
}

interface SiteOptions extends Partial<HttpAuthenticatorOptions> {
  readonly tls?: ServerCertificate;
  readonly policy?: NonNullable<AcceptorOptions['channelBindingPolicy']>;
}

interface Answer {
  readonly status: number | undefined;
  readonly answer: string | undefined;
  readonly body: string;
}

/** A server that says who is there, and how many groups they have. */
class Site {
  readonly keytab: Keytab = makeKeytab();
  readonly failures: GssError[] = [];
  readonly warnings: string[] = [];
  #server: ReturnType<typeof createServer> | undefined;
  #tls = false;

  static async start({ tls, policy, ...options }: SiteOptions): Promise<Site> {
    const site = new Site();
    const acceptor = await acceptorOf(site.keytab, {
      ...(policy !== undefined && { channelBindingPolicy: policy }),
    });
    const authenticate = httpAuthenticator({
      acceptor,
      onFailure: (error) => site.failures.push(error),
      onWarning: (message) => site.warnings.push(message),
      ...options,
    });
    const listener: RequestListener = async (request, response) => {
      for await (const _ of request);
      const context = await authenticate(request, response);
      if (context === undefined) return;
      response.end(`${context.initiator} ${context.pac?.groupSids?.length ?? 0}`);
      context.dispose();
    };
    const limit = { maxHeaderSize: 81_920 };
    site.#server = tls
      ? createTlsServer({ ...limit, cert: tls.certificate, key: tls.key }, listener)
      : createServer(limit, listener);
    site.#tls = tls !== undefined;
    site.#server.listen(0, '127.0.0.1');
    await once(site.#server, 'listening');
    return site;
  }

  get port(): number {
    return (this.#server!.address() as AddressInfo).port;
  }

  client(channelBindings?: ChannelBindings): Initiator {
    return clientOf(this.keytab, channelBindings);
  }

  async signOn(): Promise<void> {
    const initiator = this.client();
    const { status, answer = '', body } = await this.get(initiator.begin());
    equal([status, body], [200, `${CLIENT} 0`]);
    const proof = Uint8Array.from(atob(answer.replace('Negotiate ', '')), (c) => c.charCodeAt(0));
    initiator.finish(proof).dispose();
  }

  get(
    token?: Uint8Array,
    header: string | undefined = token && `Negotiate ${base64(token)}`,
    { body = '', agent = {}, socket }: { body?: string; agent?: object; socket?: Socket } = {},
  ): Promise<Answer> {
    const options = {
      host: '127.0.0.1',
      port: this.port,
      method: body === '' ? 'GET' : 'POST',
      headers: header === undefined ? {} : { authorization: header },
      rejectUnauthorized: false,
      ...agent,
      ...(socket && { createConnection: () => socket }),
    };
    const send = this.#tls && socket === undefined ? requestHttps : requestHttp;
    return new Promise((resolve, reject) => {
      const request = send(options, (response: IncomingMessage) => {
        let text = '';
        response.on('data', (chunk) => {
          text += chunk;
        });
        response.on('end', () => {
          const answer = response.headers['www-authenticate'];
          resolve({ status: response.statusCode, answer, body: text });
        });
      });
      request.on('error', reject);
      request.end(body);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server?.closeAllConnections();
    this.#server?.close();
  }
}

/** The sample protocol's frames: flags, length, data. */
class Frames {
  readonly #socket: Socket;
  readonly #chunks: AsyncIterator<Buffer>;
  #received: Buffer = Buffer.alloc(0);

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#chunks = socket[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  }

  send(flags: number, data: Uint8Array = new Uint8Array(0)): void {
    const header = Buffer.alloc(5);
    header[0] = flags;
    header.writeUInt32BE(data.length, 1);
    this.#socket.write(Buffer.concat([header, data]));
  }

  async receive(): Promise<Uint8Array> {
    for (;;) {
      const end = this.#received.length < 5 ? 5 : 5 + this.#received.readUInt32BE(1);
      if (this.#received.length >= Math.max(end, 6)) {
        const data = this.#received.subarray(5, end);
        this.#received = this.#received.subarray(end);
        return data;
      }
      const { value, done } = await this.#chunks.next();
      if (done) throw new Error('the server closed the connection');
      this.#received = Buffer.concat([this.#received, value]);
    }
  }
}

/** RFC 9266 §2: both ends of the connection know the same 32 bytes. */
async function signOnWithExporter(site: Site): Promise<void> {
  const socket: TLSSocket = connectTls({
    host: '127.0.0.1',
    port: site.port,
    rejectUnauthorized: false,
  });
  await once(socket, 'secureConnect');
  const label = 'EXPORTER-Channel-Binding';
  const bindings = tlsExporter(socket.exportKeyingMaterial(32, label, Buffer.alloc(0)));
  const token = site.client(bindings).begin();
  equal((await site.get(token, undefined, { socket })).status, 200);
  const other = site.client({ applicationData: new Uint8Array(45) }).begin();
  equal((await site.get(other)).status, 401);
}

async function acceptorOf(keytab: Keytab, options: Omit<AcceptorOptions, 'credential'> = {}) {
  return createAcceptor({ credential: await acquireCredential({ keytab }), ...options });
}

function clientOf(keytab: Keytab, channelBindings?: ChannelBindings): Initiator {
  const ticket = mintTicket({ keytab, client: CLIENT });
  return createInitiator({ ticket, ...(channelBindings && { channelBindings }) });
}

function makeKeytab(enctype = 18): Keytab {
  const principal = parsePrincipal('HTTP/localhost@EXAMPLE.COM');
  const key = EncryptionKey.generate(enctype, systemRandom);
  return { version: 2, entries: [{ principal, kvno: 1, timestamp: 1_700_000_000, key }] };
}

const RUNTIME = 'bun' in process.versions ? 'bun' : 'deno' in process.versions ? 'deno' : 'node';
