import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { resolve } from 'node:path';
import { freePort } from './ports.ts';
import { keytab as keytabPath, realm, scratch } from './realm.ts';
import { HANGING, until } from './until.ts';

/** Our gss-server as a command line, and Debian's, on which the drivers themselves can be checked. */
export const OUR_SERVER: readonly string[] = [
  process.execPath,
  resolve(import.meta.dirname, '../../dist/cli/gss-server/main.js'),
];
export const MIT_SERVER: readonly string[] = ['/usr/bin/gss-server'];

export interface ServerOptions {
  /** Command line; default our server. */
  readonly command?: readonly string[];
  /** Name of a keytab of realm.sh, default service; null leaves -keytab away. */
  readonly keytab?: string | null;
  /** service_name; default host@ and the realm's host. */
  readonly service?: string;
  /** Further options; -port and -keytab are given already. */
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Seconds that the server's clock is wrong by. */
  readonly clockOffset?: number;
}

/** A running server and all that it has printed so far. */
export class Server {
  readonly port: number;
  readonly process: ChildProcess;
  stdout = '';
  stderr = '';
  readonly #closed: Promise<unknown>;
  #mark = { stdout: 0, stderr: 0 };
  #marks = 0;

  constructor(process: ChildProcess, port: number) {
    this.process = process;
    this.port = port;
    process.stdout?.on('data', (chunk: Buffer) => {
      this.stdout += chunk;
    });
    process.stderr?.on('data', (chunk: Buffer) => {
      this.stderr += chunk;
    });
    this.#closed = once(process, 'close');
  }

  /**
   * From here on the methods below are about what is printed later.
   *
   * What the server said of clients before may still be on its way to us: a client that greets it
   * with a wrong token, different each time, is told of after them.
   */
  async mark(): Promise<void> {
    const flags = 2 + 2 * (this.#marks++ % 127);
    const greeting = connect(this.port, '127.0.0.1');
    greeting.resume().end(Uint8Array.of(flags, 0, 0, 0, 0));
    await once(greeting, 'close');
    const line = `Expected NOOP token, got ${flags} token instead\n`;
    await this.untilPrinted(line);
    const end = this.#mark.stdout + this.output().lastIndexOf(line) + line.length;
    this.#mark = { stdout: end, stderr: this.stderr.length };
  }

  /** What stdout got since the last mark. */
  output(): string {
    return this.stdout.slice(this.#mark.stdout);
  }

  /** What stderr got since the last mark. */
  warnings(): string {
    return this.stderr.slice(this.#mark.stderr);
  }

  /** Waits until stdout has the text. @throws Error with all output if it never has. */
  async untilPrinted(text: string | RegExp): Promise<void> {
    await this.#until(text, () => this.output());
  }

  /** Waits until stderr has the text. @throws Error with all output if it never has. */
  async untilWarned(text: string | RegExp): Promise<void> {
    await this.#until(text, () => this.warnings());
  }

  /** Waits for the server to end by itself; one that hangs ends by SIGKILL. */
  async ended(): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
    const timer = setTimeout(() => this.process.kill('SIGKILL'), HANGING);
    await this.#closed;
    clearTimeout(timer);
    return { code: this.process.exitCode, signal: this.process.signalCode };
  }

  /** Ends the server. */
  async stop(
    signal: NodeJS.Signals = 'SIGTERM',
  ): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
    this.process.kill(signal);
    return this.ended();
  }

  async #until(text: string | RegExp, output: () => string): Promise<void> {
    await until(
      () => (typeof text === 'string' ? output().includes(text) : text.test(output())),
      () => `server never printed ${text}:\n${this.stdout}\n--\n${this.stderr}`,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/** The arguments and environment that a server of these options is started with. */
export function serverCommand(options: ServerOptions): {
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
} {
  const keytab = options.keytab === undefined ? 'service' : options.keytab;
  const env: Record<string, string> = {
    KRB5_CONFIG: realm().krb5Config,
    // Of its own: a server with a wrong clock would forget what others still need.
    KRB5RCACHEDIR: scratch(),
    ...options.env,
  };
  if (options.clockOffset !== undefined) {
    env.NODE_OPTIONS = `--import=${resolve(import.meta.dirname, 'shift-clock.mjs')}`;
    env.TEST_CLOCK_OFFSET = String(options.clockOffset);
  }
  const command = [
    ...(options.command ?? OUR_SERVER),
    ...(keytab === null ? [] : ['-keytab', keytabPath(keytab)]),
    ...(options.flags ?? []),
    options.service ?? `host@${realm().hostname}`,
  ];
  return { command, env };
}

/** Starts a server on a free port and waits until it listens. */
export async function startServer(options: ServerOptions = {}): Promise<Server> {
  const port = await freePort();
  const flags = ['-port', String(port), ...(options.flags ?? [])];
  const { command, env } = serverCommand({ ...options, flags });
  const [program = '', ...args] = command;
  const child = spawn(program, args, { env: { ...process.env, ...env } });
  const server = new Server(child, port);
  // Not by connecting, which is a client to the server. It says so itself once it listens.
  try {
    const notStarted = () => `the server did not start:\n${server.stdout}${server.stderr}`;
    await until(() => {
      if (child.exitCode !== null) throw new Error(notStarted());
      return server.stderr.includes('starting...');
    }, notStarted);
  } catch (error) {
    await server.stop('SIGKILL');
    throw error;
  }
  return server;
}
