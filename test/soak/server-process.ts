/** The gss-server under load: the program itself, with the probe loaded into it. */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { freePort, untilListening } from '../support/ports.ts';
import type { Request, Sample } from './probe.ts';

export type Backend = 'noble' | 'node';

export class ServerProcess {
  readonly port: number;
  readonly #child: ChildProcess;
  /** Lines on stderr that say that something is wrong with the server, not with a client. */
  readonly complaints: string[] = [];
  #lastLines: string[] = [];

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.port = port;
    let rest = '';
    child.stderr!.setEncoding('utf8').on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop()!;
      this.#lastLines = lines.slice(-20);
      this.complaints.push(...lines.filter((line) => COMPLAINT.test(line)).slice(0, 10));
    });
  }

  /** @param directory - Where `krb5.conf` is. */
  static async start(directory: string, keytab: string, backend: Backend): Promise<ServerProcess> {
    const port = await freePort();
    const args = [
      '--expose-gc',
      `--import=${new URL(`./probe.js?backend=${backend}`, import.meta.url).href}`,
      fileURLToPath(new URL('../../src/cli/gss-server/main.js', import.meta.url)),
      ...['-port', String(port), '-host', '127.0.0.1', '-keytab', keytab],
      ...['-rcache', `dir:${directory}/replays`, '-maxconn', '15000', '-logfile', '/dev/null', '*'],
    ];
    const child = spawn(process.execPath, args, {
      env: { ...process.env, KRB5_CONFIG: `${directory}/krb5.conf` },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    const server = new ServerProcess(child, port);
    try {
      await untilListening(port);
    } catch (cause) {
      child.kill('SIGKILL');
      throw new Error(`the server did not start:\n${server.#lastLines.join('\n')}`, { cause });
    }
    return server;
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  async ask(request: Request): Promise<Sample> {
    if (!this.running) throw new Error(`the server has ended: ${this.complaints.join('\n')}`);
    this.#child.send(request);
    const [sample] = await once(this.#child, 'message');
    return sample as Sample;
  }

  /** @returns Its exit status; null if it had to be killed. */
  async stop(): Promise<number | null> {
    if (!this.running) return this.#child.exitCode;
    this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_LIMIT);
    await once(this.#child, 'exit');
    clearTimeout(timer);
    return this.#child.exitCode;
  }
}

const COMPLAINT = /internal error|^gss-server: |Error:|accepting connection/;
// Against hanging only: a busy machine takes its time.
const STOP_LIMIT = 60_000;
