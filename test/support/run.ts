import { spawn } from 'node:child_process';
import { HANGING } from './until.ts';

/** What a program did. `code` is null when a signal ended it. */
export interface RunResult {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly timedOut: boolean;
}

export interface RunOptions {
  /** Working directory; default that of this process. */
  readonly cwd?: string;
  /** Added to the environment of this process. */
  readonly env?: Readonly<Record<string, string>>;
  /** Written to standard input, which is then closed. */
  readonly input?: string;
  /** Milliseconds until the program is killed; default {@link HANGING}. */
  readonly timeout?: number;
}

/** Runs a program to its end. Never rejects: a program that cannot be started has code 127. */
export function run(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      env: { ...process.env, ...options.env },
      ...(options.cwd !== undefined && { cwd: options.cwd }),
    });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      child.kill('SIGKILL');
    }, options.timeout ?? HANGING);
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
    // A program that does not read its input may be gone before it is written.
    child.stdin.on('error', () => {});
    child.stdin.end(options.input ?? '');
    const finish = (code: number | null, signal: NodeJS.Signals | null, failure = ''): void => {
      clearTimeout(timer);
      resolve({
        code,
        signal,
        stdout: Buffer.concat(stdout).toString(),
        stderr: Buffer.concat(stderr).toString() + failure,
        timedOut,
      });
    };
    child.on('error', (error) => finish(127, null, error.message));
    child.on('close', (code, signal) => finish(code, signal));
  });
}

/** Runs a program that must succeed. @throws Error with all that it printed if it does not. */
export async function runOrThrow(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  const result = await run(command, args, options);
  if (result.code !== 0) {
    const end = result.timedOut ? 'timed out' : `ended with ${result.code ?? result.signal}`;
    throw new Error(`${command} ${args.join(' ')} ${end}\n${result.stdout}${result.stderr}`);
  }
  return result.stdout;
}
