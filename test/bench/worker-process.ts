/** A contender's process: started once and kept warm, except where starting is what counts. */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Figures, Frame } from './protocol.ts';
import {
  decodeFigures,
  encodeFrame,
  encodeItems,
  encodeU32,
  Operation,
  readFrames,
} from './protocol.ts';

export interface WorkerCommand {
  readonly program: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export class WorkerProcess {
  readonly #name: string;
  readonly #child: ChildProcess;
  readonly #frames: AsyncGenerator<Frame>;

  constructor(name: string, { program, args, env }: WorkerCommand) {
    this.#name = name;
    this.#child = spawn(program, args, {
      env: { ...process.env, ...env },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    // A worker that is gone is found out about when its reply is missing.
    this.#child.on('error', () => {});
    this.#child.stdin!.on('error', () => {});
    this.#frames = readFrames(this.#child.stdout!);
  }

  async useKeytab(path: string): Promise<void> {
    await this.#ask(Operation.keytab, Buffer.from(path));
  }

  async accept(tokens: readonly Uint8Array[]): Promise<Figures> {
    return decodeFigures(await this.#ask(Operation.accept, encodeItems(tokens)));
  }

  /** @returns The token for the initiator. */
  async establish(token: Uint8Array): Promise<Uint8Array> {
    return new Uint8Array(await this.#ask(Operation.context, token));
  }

  async message(
    kind: number,
    batches: number,
    calls: number,
    items: readonly Uint8Array[],
  ): Promise<Figures> {
    const payload = [Uint8Array.of(kind), encodeU32(batches), encodeU32(calls), encodeItems(items)];
    return decodeFigures(await this.#ask(Operation.message, Buffer.concat(payload)));
  }

  /** @returns The challenge; no bytes after the last response. */
  async saslStep(first: boolean, response: Uint8Array): Promise<Uint8Array> {
    const payload = Buffer.concat([Uint8Array.of(first ? 1 : 0), response]);
    return new Uint8Array(await this.#ask(Operation.sasl, payload));
  }

  /** Exports and imports the context that was established last. */
  async transfer(calls: number): Promise<Figures> {
    return decodeFigures(await this.#ask(Operation.transfer, encodeU32(calls)));
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.stdin!.end();
    await once(this.#child, 'close');
  }

  async #ask(operation: number, payload: Uint8Array): Promise<Uint8Array> {
    this.#child.stdin!.write(encodeFrame(operation, payload));
    const { value: reply } = await this.#frames.next();
    if (reply === undefined) throw new Error(`${this.#name}: the worker ended`);
    if (reply.code !== 0) throw new Error(`${this.#name}: ${Buffer.from(reply.payload)}`);
    return reply.payload;
  }
}
