import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { SaslExchange, SaslResult } from '../../src/sasl/index.ts';
import { GSASL } from './peers.ts';
import type { User } from './realm.ts';
import { realm } from './realm.ts';

/** The program gsasl of GNU SASL as the client: base64 on lines of its standard input and output. */
export class GsaslClient {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;

  constructor(mechanism: string, user: Pick<User, 'env'>) {
    const { hostname } = realm();
    const options = ['--client', '--mechanism', mechanism, '--service', 'host', '--no-cb'];
    const command = [GSASL, ...options, '--hostname', hostname, '--authorization-id', 'alice'];
    // Line by line, since it would write nothing into a pipe before its end; and what it says of a token
    // in the order with the token.
    this.#child = spawn('sh', ['-c', 'exec stdbuf -oL "$@" 2>&1', 'sh', ...command], {
      env: { ...process.env, ...user.env },
    });
    this.#lines = createInterface(this.#child.stdout)[Symbol.asyncIterator]();
  }

  /** Runs an exchange to its end. */
  async authenticate(exchange: SaslExchange): Promise<Exclude<SaslResult, { status: 'continue' }>> {
    let result = await exchange.step(await this.#response());
    while (result.status === 'continue') {
      this.#child.stdin.write(`${Buffer.from(result.challenge).toString('base64')}\n`);
      result = await exchange.step(await this.#response());
    }
    return result;
  }

  [Symbol.dispose](): void {
    this.#child.kill();
  }

  async #response(): Promise<Uint8Array> {
    for (;;) {
      const line = await this.#line();
      if (line.startsWith('Output from client')) return Buffer.from(await this.#line(), 'base64');
      if (line.includes('finished')) return new Uint8Array();
    }
  }

  async #line(): Promise<string> {
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error('gsasl has ended');
    return value;
  }
}
