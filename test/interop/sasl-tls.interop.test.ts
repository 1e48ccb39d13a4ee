/** examples/servers/imap.mjs in TLS: clients of SASL that are bound to their connection, or cannot be. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';
import type { SecureVersion } from 'node:tls';
import { connect as connectTls, createSecureContext, TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import tls from '../../fixtures/tls/server.json' with { type: 'json' };
import { tlsExporter, tlsServerEndPoint } from '../../src/index.ts';
import type { SaslExchange, SaslResult } from '../../src/sasl/index.ts';
import type { SaslClientOptions } from '../../src/testing/index.ts';
import { createSaslClient, mintTicket } from '../../src/testing/index.ts';
import { CyrusClient } from '../support/cyrus-client.ts';
import type { ProtocolServer } from '../support/protocols.ts';
import { havePeers, protocolSite } from '../support/protocols.ts';
import { have } from '../support/realm.ts';
import { run } from '../support/run.ts';

const { realm, login, start, certificate } = await protocolSite('imap');

let server: ProtocolServer;
beforeAll(async () => {
  server = await start('imap.mjs');
});
afterAll(() => server.stop());

type BindingType = 'tls-exporter' | 'tls-server-end-point';
const CONNECTIONS: readonly (readonly [SecureVersion, BindingType])[] = [
  ['TLSv1.3', 'tls-exporter'],
  ['TLSv1.3', 'tls-server-end-point'],
  ['TLSv1.2', 'tls-server-end-point'],
];

describe.each(CONNECTIONS)('in %s, bound by %s', (version, type) => {
  it("GS2-KRB5-PLUS of this package's client is admitted", async () => {
    using imap = await Imap.connect(server.port, version);
    expect(imap.capabilities).toContain(' AUTH=GS2-KRB5-PLUS ');
    const channelBindings = imap.bindings(type).own;
    expect(await meet(imap, 'GS2-KRB5-PLUS', { channelBindings })).toBe('complete');
    expect(await imap.ask('LIST "" *')).toContain('"alice@EXAMPLE.TEST"');
  });

  it('GSSAPI is admitted with the bindings of the connection, and not with others', async () => {
    using imap = await Imap.connect(server.port, version);
    using other = await Imap.connect(server.port, version);
    const layer = { layer: 'none', maxBuffer: 0 } as const;
    const channelBindings = imap.bindings(type).own;
    expect(await meet(imap, 'GSSAPI', { channelBindings, ...layer })).toBe('complete');
    const altered = tlsExporter(new Uint8Array(32));
    expect(await meet(other, 'GSSAPI', { channelBindings: altered, ...layer })).toBe('failed');
  });

  it.runIf(have('kinit', 'cyrus-sasl'))('GS2-KRB5-PLUS of Cyrus SASL is admitted', async () => {
    using imap = await Imap.connect(server.port, version);
    await using client = new CyrusClient({
      mechanism: 'GS2-KRB5-PLUS',
      user: { env: await login('alice') },
      target: ['imap', 'localhost'],
      maxSsf: 0,
      bindings: imap.bindings(type).plain,
    });
    const result = await client.authenticate(imap.exchange('GS2-KRB5-PLUS'));
    expect(result.status).toBe('complete');
    expect(await imap.ask('LIST "" *')).toContain('"alice@EXAMPLE.TEST"');
  });

  it('a client that ends at somebody on the way is refused', async () => {
    // The exporter even tells the two connections apart if he has the server's key.
    const keys = type === 'tls-exporter' ? tls : tls.other;
    const middle = await interceptor(server.port, keys);
    using imap = await Imap.connect(middle.port, version);
    const channelBindings = imap.bindings(type).own;
    expect(await meet(imap, 'GS2-KRB5-PLUS', { channelBindings })).toBe('failed');
    middle.close();
    await expect.poll(() => server.log()).toContain('bindings.');
  });
});

it('a client that could bind, but was not offered PLUS, is refused', async () => {
  using imap = await Imap.connect(server.port, 'TLSv1.3');
  expect(await meet(imap, 'GS2-KRB5', { bindingFlag: 'y' })).toBe('failed');
  await expect.poll(() => server.log()).toContain('sasl.downgrade');
});

it('in TLS 1.2, nobody is bound by its exporter', async () => {
  using imap = await Imap.connect(server.port, 'TLSv1.2');
  const channelBindings = imap.bindings('tls-exporter').own;
  expect(await meet(imap, 'GS2-KRB5-PLUS', { channelBindings })).toBe('failed');
  await expect.poll(() => server.log()).toContain('sasl.binding-type');
});

/** It has PLUS for SCRAM only. */
describe.runIf(havePeers('kinit', 'gsasl'))('GNU SASL', () => {
  async function gsasl(mechanism: string, ...more: string[]) {
    const network = ['--imap', `--connect=localhost:${server.port}`, '--hostname', 'localhost'];
    const secure = ['--starttls', `--x509-ca-file=${certificate}`];
    const identity = ['--authorization-id', 'alice@EXAMPLE.TEST', '--mechanism', mechanism];
    const args = ['--client', '--verbose', ...network, ...secure, ...identity, ...more];
    return await run('gsasl', args, { env: await login('alice') });
  }

  it('does not know GS2-KRB5-PLUS', async () => {
    expect((await run('gsasl', ['--client-mechanisms'])).stdout).not.toContain('GS2-KRB5-PLUS');
    const { code, stderr } = await gsasl('GS2-KRB5-PLUS');
    expect([code, stderr]).toEqual([1, expect.stringContaining('Unknown SASL mechanism')]);
  });

  it.each([
    ['TLS1.3', 'NORMAL'],
    ['TLS1.2', 'NORMAL:-VERS-TLS1.3'],
  ])('says in %s that it cannot bind GS2-KRB5, and is admitted', async (version, priority) => {
    const { stdout, stderr } = await gsasl('GS2-KRB5', '--priority', priority);
    expect(stdout + stderr).toContain(`(${version})`);
    const [first = ''] = /^[\w+/]{200,}=*(?=\r?$)/m.exec(stdout) ?? [];
    expect(Buffer.from(first, 'base64').toString('latin1')).toMatch(/^n,a=alice@EXAMPLE\.TEST,/);
    expect(stdout).toContain('. OK authenticated');
  });

  it('is not offered GS2-KRB5 where bindings are required', async () => {
    await using strict = await start('imap.mjs', { CHANNEL_BINDINGS: 'required' });
    using imap = await Imap.connect(strict.port, 'TLSv1.3');
    expect(imap.capabilities).toContain(' AUTH=GS2-KRB5-PLUS ');
    expect(imap.capabilities).not.toContain(' AUTH=GS2-KRB5 ');
    expect(await meet(imap, 'GS2-KRB5', {})).toBe('failed');
  });
});

async function meet(
  imap: Imap,
  mechanism: 'GS2-KRB5-PLUS' | 'GS2-KRB5' | 'GSSAPI',
  options: Omit<SaslClientOptions, 'ticket'>,
): Promise<SaslResult['status']> {
  const ticket = mintTicket({ keytab: realm.keytab, service: 'imap', client: 'alice' });
  const client = createSaslClient(mechanism, { ticket, ...options });
  const exchange = imap.exchange(mechanism);
  let result = await exchange.step(client.begin());
  while (result.status === 'continue') {
    result = await exchange.step(client.step(result.challenge).response);
  }
  return result.status;
}

/** An IMAP client that has begun TLS. */
class Imap {
  readonly #socket: TLSSocket;
  readonly #lines: AsyncIterator<string>;
  capabilities = '';

  private constructor(socket: TLSSocket) {
    this.#socket = socket;
    this.#lines = createInterface(socket)[Symbol.asyncIterator]();
  }

  static async connect(port: number, version: SecureVersion): Promise<Imap> {
    const plain = connect(port, 'localhost');
    await once(plain, 'data');
    plain.write('a STARTTLS\r\n');
    await once(plain, 'data');
    const versions = { minVersion: version, maxVersion: version };
    // Whoever is on the way may have another certificate: channel bindings alone are judged here.
    const socket = connectTls({ socket: plain, rejectUnauthorized: false, ...versions });
    await once(socket, 'secureConnect');
    const imap = new Imap(socket);
    imap.capabilities = `${await imap.ask('CAPABILITY')} `;
    return imap;
  }

  /** What the server says to a command before its final answer. */
  async ask(command: string): Promise<string> {
    this.#socket.write(`a ${command}\r\n`);
    const said = await this.#line();
    await this.#line();
    return said;
  }

  /** As the client sees the connection: for this package, and for others. */
  bindings(type: BindingType) {
    const own =
      type === 'tls-exporter'
        ? tlsExporter(this.#socket.exportKeyingMaterial(32, EXPORTER, Buffer.alloc(0)))
        : tlsServerEndPoint(this.#socket.getPeerCertificate().raw)!;
    return { own, plain: { type, data: own.applicationData!.slice(`${type}:`.length) } };
  }

  /** The server's side of a login, over the connection. */
  exchange(mechanism: string): Pick<SaslExchange, 'step'> {
    let begun = false;
    const step = async (response = new Uint8Array()): Promise<SaslResult> => {
      if (!begun) {
        begun = true;
        this.#socket.write(`a AUTHENTICATE ${mechanism}\r\n`);
        if (!(await this.#line()).startsWith('+')) return { status: 'failed' } as SaslResult;
      }
      this.#socket.write(`${Buffer.from(response).toString('base64')}\r\n`);
      const answer = await this.#line();
      if (answer.startsWith('+')) {
        return { status: 'continue', challenge: Buffer.from(answer.slice(2), 'base64') };
      }
      return { status: answer.startsWith('a OK ') ? 'complete' : 'failed' } as SaslResult;
    };
    return { step };
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }

  async #line(): Promise<string> {
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error('the server has ended the connection');
    return value;
  }
}

/** Somebody on the way who ends the client's TLS, and begins TLS of his own with the server. */
async function interceptor(
  target: number,
  { certificate: cert, key }: { certificate: string; key: string },
) {
  const secureContext = createSecureContext({ cert, key });
  const relay = createServer(async (client) => {
    const upstream = connect(target, 'localhost');
    client.on('error', () => upstream.destroy());
    // The greeting, STARTTLS, and the answer to it.
    client.write((await once(upstream, 'data'))[0]);
    upstream.write((await once(client, 'data'))[0]);
    const [answer] = await once(upstream, 'data');
    const near = new TLSSocket(client, { isServer: true, secureContext });
    const far = connectTls({ socket: upstream, rejectUnauthorized: false });
    near.on('error', () => far.destroy());
    far.on('error', () => near.destroy());
    near.pipe(far).pipe(near);
    client.write(answer);
  });
  await once(relay.listen(0, 'localhost'), 'listening');
  return { port: (relay.address() as AddressInfo).port, close: () => relay.close() };
}

/** RFC 9266. */
const EXPORTER = 'EXPORTER-Channel-Binding';
