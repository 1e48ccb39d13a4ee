import type { ChildProcess, StdioOptions } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { until } from './until.ts';

const PROGRAMS = resolve(import.meta.dirname, '../../dist/cli');

/** The environment of a gss-server whose grace for clients never ends: it ends only if it does not wait. */
export const ENDLESS_GRACE: Readonly<Record<string, string>> = {
  NODE_OPTIONS: `--import=${resolve(import.meta.dirname, 'no-grace-end.mjs')}`,
};

export interface ProgramOptions {
  readonly stdio?: StdioOptions;
  /** Added to the environment of this process. */
  readonly env?: Readonly<Record<string, string>>;
  /** In a process group of its own. */
  readonly detached?: boolean;
  /** The folder of the program; `gss-server` if absent. */
  readonly name?: string;
}

/** A program of the package, running or ended, and what it has printed. */
export class Program {
  readonly process: ChildProcess;
  readonly ended: Promise<number | null>;
  stdout = '';
  stderr = '';

  constructor(
    args: readonly string[],
    { stdio = 'pipe', env, detached, name = 'gss-server' }: ProgramOptions = {},
  ) {
    this.process = spawn(process.execPath, [`${PROGRAMS}/${name}/main.js`, ...args], {
      stdio,
      env: { ...process.env, ...env },
      detached: detached ?? false,
    });
    this.process.stdout?.on('data', (chunk: Buffer) => {
      this.stdout += chunk.toString();
    });
    this.process.stderr?.on('data', (chunk: Buffer) => {
      this.stderr += chunk.toString();
    });
    this.ended = once(this.process, 'close').then(() => this.process.exitCode);
  }

  /** Starts gss-server on a free port. */
  static async listen(
    args: readonly string[],
    options?: ProgramOptions,
  ): Promise<Program & { readonly port: number }> {
    const program = new Program(['-port', '0', ...args], options);
    const [, port] = await program.until('stderr', /^starting\.\.\.\nlistening on port (\d+)\n/);
    return Object.assign(program, { port: Number(port) });
  }

  /** Waits for what it prints. */
  async until(stream: 'stdout' | 'stderr', pattern: RegExp): Promise<RegExpExecArray> {
    return await until(
      () => pattern.exec(this[stream]),
      () => `no ${pattern}: ${this.stdout}\n${this.stderr}`,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.process.kill('SIGKILL');
    await this.ended;
  }
}
