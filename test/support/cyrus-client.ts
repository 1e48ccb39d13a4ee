import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fromHex, toHex } from '../../src/bytes.ts';
import type { SaslExchange, SaslResult } from '../../src/sasl/index.ts';
import type { User } from './realm.ts';
import { realm, saslProgram } from './realm.ts';

/** How a client of Cyrus SASL is started; test/interop/clients/sasl_client.c says what it prints. */
export interface CyrusOptions {
  readonly mechanism: string;
  readonly user: Pick<User, 'env'>;
  /** 0 for no layer, 1 for integrity, 56 or more for confidentiality. */
  readonly minSsf?: number;
  readonly maxSsf?: number;
  readonly maxBuffer?: number;
  /** The authorization identity. */
  readonly authorizationId?: string;
  readonly adCompat?: boolean;
  /** The service and its host; those of the realm if absent. */
  readonly target?: readonly [string, string];
  readonly bindings?: { readonly type: string; readonly data: Uint8Array };
}

/** Cyrus SASL's library as the client. */
export class CyrusClient {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;
  /** `done SSF BUFFER` or `error TEXT`, once the client has said it. */
  outcome = '';

  constructor(options: CyrusOptions) {
    const { minSsf = 0, maxSsf = 256, maxBuffer = 65_536, authorizationId = '' } = options;
    const { bindings, target = ['host', realm().hostname] } = options;
    const args = [options.mechanism, ...target];
    args.push(...[minSsf, maxSsf, maxBuffer].map(String), 'alice', authorizationId);
    args.push(options.adCompat === true ? '1' : '0');
    if (bindings !== undefined) args.push(bindings.type, toHex(bindings.data));
    this.#child = spawn(saslProgram(), args, { env: { ...process.env, ...options.user.env } });
    this.#lines = createInterface(this.#child.stdout)[Symbol.asyncIterator]();
  }

  /** Runs an exchange to its end. */
  async authenticate(
    exchange: Pick<SaslExchange, 'step'>,
  ): Promise<Exclude<SaslResult, { status: 'continue' }>> {
    let result = await exchange.step(await this.#response());
    while (result.status === 'continue') {
      this.#send('challenge', result.challenge);
      result = await exchange.step(await this.#response());
    }
    if (result.status === 'complete') {
      if (result.successData !== undefined) {
        this.#send('challenge', result.successData);
        await this.#response();
      }
      this.outcome = await this.#line();
    }
    return result;
  }

  /** The frames in which the client sends a message. */
  async wrap(message: Uint8Array): Promise<Uint8Array> {
    this.#send('wrap', message);
    return this.#bytes('frames');
  }

  /** What the client reads in frames. */
  async unwrap(frames: Uint8Array): Promise<Uint8Array> {
    this.#send('unwrap', frames);
    return this.#bytes('plain');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = this.#child.exitCode === null ? once(this.#child, 'exit') : undefined;
    this.#child.kill();
    await ended;
  }

  #response(): Promise<Uint8Array> {
    return this.#bytes('response');
  }

  async #bytes(word: string): Promise<Uint8Array> {
    const line = await this.#line();
    if (!line.startsWith(`${word} `)) throw new Error(`${word} expected, not: ${line}`);
    return fromHex(line.slice(word.length + 1));
  }

  async #line(): Promise<string> {
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error('the client has ended');
    return value;
  }

  #send(word: string, bytes: Uint8Array): void {
    this.#child.stdin.write(`${word} ${toHex(bytes)}\n`);
  }
}
