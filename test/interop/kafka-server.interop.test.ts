/** examples/servers/kafka.mjs with kcat of librdkafka, and with requests that it would not send. */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { beforeAll, describe, expect, it } from 'vitest';
import type { SaslClientOptions } from '../../src/testing/index.ts';
import { createSaslClient, mintTicket } from '../../src/testing/index.ts';
import type { ProtocolServer } from '../support/protocols.ts';
import { havePeers, protocolSite } from '../support/protocols.ts';
import { run } from '../support/run.ts';

const { realm, login, start: startAny, certificate } = await protocolSite('kafka');

async function start(settings: Readonly<Record<string, string>> = {}): Promise<ProtocolServer> {
  return await startAny('kafka.mjs', { LISTENER: 'SASL_PLAINTEXT', ...settings });
}

describe.runIf(havePeers('kinit', 'kcat'))('kafka.mjs with kcat', () => {
  let alice: Readonly<Record<string, string>>;
  // The ticket is there already.
  const SETTINGS = {
    'security.protocol': 'sasl_plaintext',
    'sasl.mechanisms': 'GSSAPI',
    'sasl.kerberos.kinit.cmd': 'true',
  };

  beforeAll(async () => {
    alice = await login('alice');
  });

  /** Lists what the broker has. */
  async function kcat(port: number, more: Readonly<Record<string, string>> = {}, env = alice) {
    const settings = Object.entries({ ...SETTINGS, ...more });
    const options = settings.flatMap(([name, value]) => ['-X', `${name}=${value}`]);
    const args = ['-L', '-b', `localhost:${port}`, '-m', '5', ...options];
    return await run('kcat', args, { env });
  }

  it.each([
    ['in requests', {}],
    [
      'in bare frames, as before 0.10',
      { 'api.version.request': 'false', 'broker.version.fallback': '0.9.0.1' },
    ],
    [
      'with a ticket that it fetches itself',
      {
        'sasl.kerberos.kinit.cmd':
          'kinit -t "%{sasl.kerberos.keytab}" -k %{sasl.kerberos.principal}',
        'sasl.kerberos.keytab': realm.userKeytabFile('alice'),
        'sasl.kerberos.principal': 'alice',
      },
    ],
  ])('lists the topics, logged in %s', async (_, settings) => {
    await using server = await start();
    const { stdout, code } = await kcat(server.port, settings);
    expect(stdout).toContain(`broker 0 at localhost:${server.port}`);
    expect(stdout).toContain('topic "greetings" with 1 partitions:');
    expect(code).toBe(0);
  });

  it('lists them in TLS', async () => {
    await using server = await start({ LISTENER: 'SASL_SSL' });
    const settings = { 'security.protocol': 'sasl_ssl', 'ssl.ca.location': certificate };
    const { stdout } = await kcat(server.port, settings);
    expect(stdout).toContain(`broker 0 at localhost:${server.port}`);
  });

  it('refuses a ticket for another service', async () => {
    await using server = await start({ SERVICE: 'host@localhost' });
    const { stdout, stderr } = await kcat(server.port);
    expect(stdout).toBe('');
    expect(stderr).toContain('not authenticated');
    await expect.poll(() => server.log()).toContain('kafka/localhost@EXAMPLE.TEST');
  });
});

describe('kafka.mjs with requests of its own', () => {
  const [METADATA, JOIN_GROUP, HANDSHAKE, API_VERSIONS, AUTHENTICATE] = [3, 11, 17, 18, 36];

  function saslClient(options: Partial<SaslClientOptions> = {}) {
    const ticket = mintTicket({ keytab: realm.keytab, service: 'kafka', client: 'alice' });
    return createSaslClient('GSSAPI', { ticket, ...options });
  }

  /** Logs in with a version of both requests. @returns The last answer. */
  async function authenticate(
    client: Client,
    version: number,
    options: Partial<SaslClientOptions> = {},
  ) {
    expect(await client.ask(HANDSHAKE, 1, string('GSSAPI'))).toEqual(OFFER);
    const sasl = saslClient(options);
    let response = sasl.begin();
    for (;;) {
      const answer = await client.ask(AUTHENTICATE, version, bytes(response));
      const length = answer?.readInt32BE(4) ?? 0;
      if (answer?.readInt16BE() !== 0 || length === 0) return answer;
      response = sasl.step(answer.subarray(8, 8 + length)).response;
    }
  }

  it.each([0, 1])('logs in by requests of version %i', async (version) => {
    await using server = await start();
    await using client = await Client.connect(server);
    const done = Buffer.concat([int16(0), int16(-1), bytes(), Buffer.alloc(version * 8)]);
    expect(await authenticate(client, version)).toEqual(done);
    expect((await client.ask(METADATA, version, int32(0)))?.toString('latin1')).toContain(
      'greetings',
    );
  });

  it('logs in by bare frames behind the request for a mechanism', async () => {
    await using server = await start();
    await using client = await Client.connect(server);
    expect(await client.ask(HANDSHAKE, 0, string('GSSAPI'))).toEqual(OFFER);
    const sasl = saslClient();
    client.send(bytes(sasl.begin()));
    for (
      let step = sasl.step((await client.frame())!);
      ;
      step = sasl.step((await client.frame())!)
    ) {
      client.send(bytes(step.response));
      if (step.session !== undefined) break;
    }
    expect((await client.ask(METADATA, 0, int32(0)))?.toString('latin1')).toContain('greetings');
  });

  it('refuses other identities', async () => {
    await using server = await start();
    await using client = await Client.connect(server);
    const answer = await authenticate(client, 0, { authorizationId: 'bob' });
    expect(answer?.readInt16BE()).toBe(58);
    expect(await client.frame()).toBeUndefined();
    await expect.poll(() => server.log()).toContain('alice@EXAMPLE.TEST asks to be bob');
  });

  it('names what it has to clients that ask for more', async () => {
    await using server = await start();
    await using client = await Client.connect(server);
    const [newer, same] = [await client.ask(API_VERSIONS, 3), await client.ask(API_VERSIONS, 0)];
    expect([newer?.readInt16BE(), same?.readInt16BE()]).toEqual([35, 0]);
    expect(newer?.subarray(2)).toEqual(same?.subarray(2));
    const plain = await client.ask(HANDSHAKE, 1, string('PLAIN'));
    expect(plain).toEqual(Buffer.concat([int16(33), OFFER.subarray(2)]));
    expect(await client.frame()).toBeUndefined();
  });

  it.each<[string, ...Parameters<Client['ask']>[]]>([
    ['metadata before the login', [METADATA, 0, int32(0)]],
    ['a login before its mechanism', [AUTHENTICATE, 0, bytes()]],
    ['metadata in the login', [HANDSHAKE, 1, string('GSSAPI')], [METADATA, 0, int32(0)]],
    ['a request of a newer version', [HANDSHAKE, 2, string('GSSAPI')]],
    ['an unknown request', [1000, 0, int32(0)]],
    ['half of a request', [HANDSHAKE, 1, Buffer.of(0)]],
    ['a token that is none', [0x6001, 0, int32(0)]],
  ])('ends the connection at %s', async (_, ...requests) => {
    await using server = await start();
    await using client = await Client.connect(server);
    const answers = [];
    for (const request of requests) answers.push(await client.ask(...request));
    expect(answers.pop()).toBeUndefined();
    expect(answers).not.toContain(undefined);
  });

  it('ends it at a request that is too long, a second login, and an unknown request behind it', async () => {
    await using server = await start();
    await using long = await Client.connect(server);
    long.send(Buffer.from('00080001', 'hex'));
    expect(await long.frame()).toBeUndefined();
    await using second = await Client.connect(server);
    await authenticate(second, 0);
    expect((await second.ask(HANDSHAKE, 1, string('GSSAPI')))?.readInt16BE()).toBe(34);
    await using other = await Client.connect(server);
    await authenticate(other, 0);
    expect(await other.ask(JOIN_GROUP, 0)).toBeUndefined();
  });
});

/** A client of the protocol's frames. */
class Client {
  readonly #socket: Socket;
  readonly #chunks: AsyncIterator<Buffer>;
  #kept: Buffer = Buffer.alloc(0);

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#chunks = socket[Symbol.asyncIterator]();
  }

  static async connect({ port }: ProtocolServer): Promise<Client> {
    const socket = connect(port, 'localhost');
    await once(socket, 'connect');
    return new Client(socket);
  }

  send(frame: Uint8Array): void {
    this.#socket.write(frame);
  }

  /** Sends a request. @returns Its answer. */
  async ask(
    key: number,
    version: number,
    body: Buffer = Buffer.alloc(0),
  ): Promise<Buffer | undefined> {
    this.send(bytes(Buffer.concat([int16(key), int16(version), int32(7), string('me'), body])));
    const answer = await this.frame();
    if (answer !== undefined) expect(answer.readInt32BE()).toBe(7);
    return answer?.subarray(4);
  }

  /** Undefined at the end of the connection. */
  async frame(): Promise<Buffer | undefined> {
    for (;;) {
      const size = this.#kept.length < 4 ? undefined : 4 + this.#kept.readInt32BE();
      if (size !== undefined && this.#kept.length >= size) {
        const frame = this.#kept.subarray(4, size);
        this.#kept = this.#kept.subarray(size);
        return frame;
      }
      // A connection that is reset is at its end too.
      const next = await this.#chunks.next().catch(() => undefined);
      if (next?.value === undefined) return undefined;
      this.#kept = Buffer.concat([this.#kept, next.value]);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.destroy();
  }
}

function int16(value: number): Buffer {
  const encoded = Buffer.alloc(2);
  encoded.writeInt16BE(value);
  return encoded;
}

function int32(value: number): Buffer {
  const encoded = Buffer.alloc(4);
  encoded.writeInt32BE(value);
  return encoded;
}

function string(text: string): Buffer {
  return Buffer.concat([int16(text.length), Buffer.from(text)]);
}

function bytes(contents: Uint8Array = Buffer.alloc(0)): Buffer {
  return Buffer.concat([int32(contents.length), contents]);
}

/** No error, and the one mechanism. */
const OFFER = Buffer.concat([int16(0), int32(1), string('GSSAPI')]);
