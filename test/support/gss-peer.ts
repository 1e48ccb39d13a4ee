import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import type { Interface } from 'node:readline';
import { createInterface } from 'node:readline';
import { fromHex, toHex } from '../../src/bytes.ts';
import { PYTHON } from './peers.ts';
import type { User } from './realm.ts';
import { realm } from './realm.ts';

/** What a call of MIT's library reported. */
export class PeerError extends Error {
  /** RFC 2744 §3.9.1. */
  readonly major: number;

  constructor(major: number, text: string) {
    super(text);
    this.major = major;
  }
}

/** A buffer of gss_wrap_iov: the value is null where the library shall allocate it. */
export type PeerBuffer = readonly [
  type: 'header' | 'sign_only' | 'data' | 'padding' | 'trailer' | 'stream',
  value: Uint8Array | null,
];

/** MIT's initiator in a process of its own (test/interop/clients/peer.py), driven call by call. */
export class GssPeer {
  readonly #child: ChildProcess;
  readonly #lines: Interface;
  readonly #answers: AsyncIterator<string>;
  #errors = '';

  constructor(user: Pick<User, 'env'>) {
    const script = resolve(import.meta.dirname, '../interop/clients/peer.py');
    this.#child = spawn(PYTHON, [script], { env: { ...process.env, ...user.env } });
    this.#child.stderr!.on('data', (chunk: Buffer) => {
      this.#errors += chunk;
    });
    this.#lines = createInterface({ input: this.#child.stdout! });
    this.#answers = this.#lines[Symbol.asyncIterator]();
  }

  /** Begins a context with a service of the realm. @param flags - `ContextFlag` bits. */
  async init(
    service: string,
    flags: number,
    options: { readonly mechanism?: 'krb5' | 'spnego' } = {},
  ): Promise<Uint8Array> {
    const target = `${service}@${realm().hostname}`;
    const { token } = await this.#call('init', { target, flags, ...options });
    return fromHex(token as string);
  }

  /** @returns What to send, if anything. */
  async step(token: Uint8Array): Promise<Uint8Array | undefined> {
    const answer = await this.#call('step', { token: toHex(token) });
    return answer.token === null ? undefined : fromHex(answer.token as string);
  }

  async wrap(message: Uint8Array, confidential: boolean): Promise<Uint8Array> {
    const { token } = await this.#call('wrap', { message: toHex(message), confidential });
    return fromHex(token as string);
  }

  async unwrap(token: Uint8Array): Promise<PeerMessage> {
    return readMessage(await this.#call('unwrap', { token: toHex(token) }));
  }

  async getMic(message: Uint8Array): Promise<Uint8Array> {
    const { token } = await this.#call('get_mic', { message: toHex(message) });
    return fromHex(token as string);
  }

  async verifyMic(message: Uint8Array, token: Uint8Array): Promise<void> {
    await this.#call('verify_mic', { message: toHex(message), token: toHex(token) });
  }

  /** GSS_Process_context_token. */
  async processToken(token: Uint8Array): Promise<void> {
    await this.#call('process_token', { token: toHex(token) });
  }

  async wrapAead(
    message: Uint8Array,
    associated: Uint8Array,
    confidential: boolean,
  ): Promise<Uint8Array> {
    const request = { message: toHex(message), associated: toHex(associated), confidential };
    return fromHex((await this.#call('wrap_aead', request)).token as string);
  }

  async unwrapAead(token: Uint8Array, associated: Uint8Array): Promise<PeerMessage> {
    const request = { token: toHex(token), associated: toHex(associated) };
    return readMessage(await this.#call('unwrap_aead', request));
  }

  async wrapIov(buffers: readonly PeerBuffer[], confidential: boolean): Promise<Uint8Array[]> {
    const answer = await this.#call('wrap_iov', { buffers: encode(buffers), confidential });
    return (answer.buffers as string[]).map(fromHex);
  }

  async unwrapIov(
    buffers: readonly PeerBuffer[],
  ): Promise<{ readonly buffers: Uint8Array[]; readonly confidential: boolean }> {
    const answer = await this.#call('unwrap_iov', { buffers: encode(buffers) });
    const { confidential } = answer as { readonly confidential: boolean };
    return { buffers: (answer.buffers as string[]).map(fromHex), confidential };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.#child, 'exit');
    this.#child.stdin!.end();
    this.#lines.close();
    await ended;
  }

  async #call(op: string, request: object): Promise<Record<string, unknown>> {
    this.#child.stdin!.write(`${JSON.stringify({ op, ...request })}\n`);
    const line = await this.#answers.next();
    if (line.done === true) throw new Error(`peer.py ended: ${this.#errors}`);
    const answer = JSON.parse(line.value) as Record<string, unknown>;
    const error = answer.error as { readonly major: number; readonly text: string } | undefined;
    if (error !== undefined) throw new PeerError(error.major, `${op}: ${error.text}`);
    return answer;
  }
}

export interface PeerMessage {
  readonly message: Uint8Array;
  readonly confidential: boolean;
}

function readMessage({ message, confidential }: Record<string, unknown>): PeerMessage {
  return { message: fromHex(message as string), confidential: confidential as boolean };
}

function encode(buffers: readonly PeerBuffer[]): (string | null)[][] {
  return buffers.map(([type, value]) => [type, value && toHex(value)]);
}
