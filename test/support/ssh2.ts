/** npm's ssh2 beside copies of the examples that import it, and a client on it that can misbehave. */
import { once } from 'node:events';
import { copyFileSync, cpSync, existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { join, resolve } from 'node:path';
import { run, runOrThrow } from './run.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const LOCK = join(ROOT, 'test/interop/ssh2');
const EXAMPLES = join(ROOT, 'examples/servers');
/** Of this checkout, beside the runtimes; `npm ci` empties it. */
const CACHE = join(ROOT, 'node_modules/.cache/krb5-acceptor/ssh2');
export const PATCH = join(EXAMPLES, 'ssh2-methods.patch');

/**
 * Makes two folders in which `ssh.mjs` runs: with ssh2 as it is published, and with the patch.
 *
 * @returns undefined if ssh2 cannot be installed, which is said once. With CI set that is an error instead.
 */
export async function installSsh2(): Promise<Record<'published' | 'patched', string> | undefined> {
  const published = join(CACHE, 'published');
  if (!existsSync(join(published, 'node_modules/ssh2'))) {
    mkdirSync(published, { recursive: true });
    for (const file of ['package.json', 'package-lock.json']) {
      copyFileSync(join(LOCK, file), join(published, file));
    }
    // ssh2's own script would compile a faster cipher.
    const args = ['ci', '--ignore-scripts', '--omit=optional', '--no-audit', '--no-fund'];
    const { code, stderr } = await run('npm', args, { cwd: published, timeout: 300_000 });
    if (code !== 0) {
      const line = `no ssh2, so nothing is tested with it: ${stderr.trim().split('\n').at(-1)}`;
      if (process.env.CI !== undefined && process.env.CI !== '') throw new Error(line);
      console.warn(line);
      return undefined;
    }
    symlinkSync(ROOT, join(published, 'node_modules/krb5-acceptor'));
  }
  const patched = join(CACHE, 'patched');
  rmSync(patched, { recursive: true, force: true });
  cpSync(published, patched, { recursive: true, verbatimSymlinks: true });
  // Not as a part of the repository around it.
  const env = { GIT_CEILING_DIRECTORIES: join(patched, 'node_modules') };
  await runOrThrow('git', ['apply', PATCH], { cwd: join(patched, 'node_modules/ssh2'), env });
  for (const folder of [published, patched]) {
    for (const name of ['ssh.mjs', 'ssh-gssapi.mjs']) {
      copyFileSync(join(EXAMPLES, name), join(folder, name));
    }
  }
  return { published, patched };
}

/** What is used here of an ssh2 protocol. */
interface Protocol {
  _onPayload: (payload: Buffer) => unknown;
  readonly _kex: { readonly sessionID: Buffer };
  readonly _packetRW: {
    readonly write: {
      readonly allocStart: number;
      readonly alloc: (size: number) => Buffer;
      readonly finalize: (packet: Buffer) => Buffer;
    };
  };
  readonly start: () => void;
  readonly parse: (data: Buffer, from: number, to: number) => void;
  readonly service: (name: string) => void;
}

/** A client that sends what it is told to. Messages of the login, 50 to 79, are payloads of SSH. */
export class SshClient {
  readonly #socket: Socket;
  readonly #protocol: Protocol;
  readonly #received: Buffer[] = [];
  readonly #sendPacket: (protocol: Protocol, packet: Buffer) => void;
  #closed = false;
  #wake = (): void => {};

  private constructor(folder: string, socket: Socket) {
    const require = createRequire(join(folder, 'package.json'));
    const Protocol = require('ssh2/lib/protocol/Protocol.js');
    this.#sendPacket = require('ssh2/lib/protocol/utils.js').sendPacket;
    this.#socket = socket;
    this.#protocol = new Protocol({
      onWrite: (data: Buffer) => socket.write(data),
      onError: () => socket.destroy(),
      onHandshakeComplete: () => this.#protocol.service('ssh-userauth'),
      messageHandlers: { SERVICE_ACCEPT: () => this.#receive(Buffer.of(0)) },
    });
    const take = this.#protocol._onPayload;
    this.#protocol._onPayload = (payload) => {
      const type = payload[0] ?? 0;
      return type < 50 || type > 79 ? take(payload) : this.#receive(Buffer.from(payload));
    };
    socket.on('data', (data: Buffer) => {
      this.#protocol.parse(data, 0, data.length);
    });
    socket.on('error', () => {});
    socket.once('close', () => {
      this.#closed = true;
      this.#wake();
    });
    this.#protocol.start();
  }

  /** Connects as far as the login. */
  static async connect(folder: string, port: number): Promise<SshClient> {
    const require = createRequire(join(folder, 'package.json'));
    await require('ssh2/lib/protocol/crypto.js').init;
    const socket = connect(port, 'localhost');
    await once(socket, 'connect');
    const client = new SshClient(folder, socket);
    await client.receive();
    return client;
  }

  get sessionId(): Buffer {
    return this.#protocol._kex.sessionID;
  }

  /** Sends these messages at once. */
  send(...payloads: readonly Uint8Array[]): void {
    this.#socket.cork();
    for (const payload of payloads) {
      const { write } = this.#protocol._packetRW;
      const packet = write.alloc(payload.length);
      packet.set(payload, write.allocStart);
      this.#sendPacket(this.#protocol, write.finalize(packet));
    }
    this.#socket.uncork();
  }

  /** The next message of the login; undefined at the end of the connection. */
  async receive(): Promise<Buffer | undefined> {
    while (this.#received.length === 0 && !this.#closed) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#received.shift();
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }

  #receive(payload: Buffer): void {
    this.#received.push(payload);
    this.#wake();
  }
}
