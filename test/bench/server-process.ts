/** A server under test, and what it has used. */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { untilListening } from '../support/ports.ts';
import type { WorkerCommand } from './worker-process.ts';

export class ServerProcess {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** Starts a server and waits until it says that it listens. */
  static async start({ program, args, env }: WorkerCommand): Promise<ServerProcess> {
    const child = spawn(program, args, {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const lines: string[] = [];
    for await (const line of createInterface(child.stderr!)) {
      lines.push(line);
      if (line !== 'starting...') continue;
      child.stderr!.resume();
      return new ServerProcess(child);
    }
    throw new Error(`${program} did not start: ${lines.join('\n')}`);
  }

  /** Starts a server and waits until something listens on its port. */
  static async listening(
    { program, args, env }: WorkerCommand,
    port: number,
  ): Promise<ServerProcess> {
    const child = spawn(program, args, {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const server = new ServerProcess(child);
    try {
      await untilListening(port);
    } catch (error) {
      await server.stop();
      throw error;
    }
    return server;
  }

  /** Nanoseconds of CPU so far, of all threads and of the processes that it has started. */
  cpu(): number {
    return cpuOf(String(this.#child.pid));
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill();
    await once(this.#child, 'exit');
  }
}

function cpuOf(process: string): number {
  const folder = `/proc/${process}/task`;
  let total = 0;
  for (const thread of readdirSync(folder)) {
    // proc(5) schedstat: first the time on the CPU; finer than the ticks of stat.
    total += Number(readFileSync(`${folder}/${thread}/schedstat`, 'utf8').split(' ')[0]);
    const children = readFileSync(`${folder}/${thread}/children`, 'utf8').trim();
    for (const child of children === '' ? [] : children.split(' ')) total += cpuOf(child);
  }
  return total;
}
