/**
 * Several processes that serve one port, and a primary that serves nobody: it starts them, replaces
 * those that end, and stops them. Built on node:cluster, so a program calls {@link startWorkers}
 * where `cluster.isPrimary` and {@link serveAsWorker} where it is not.
 *
 * The processes share the listening socket: the kernel gives each connection to one that is free.
 * A primary that accepted for them took a quarter more CPU for a short connection, all of it in one
 * process (100 µs of 465, measured).
 */
import type { Worker } from 'node:cluster';
import cluster from 'node:cluster';
import process from 'node:process';
import { tell } from '../../hooks.ts';
import type { OptionRules } from '../../options.ts';
import { callback, checkOptions, required, wholeNumber } from '../../options.ts';
import type { GssServer } from './gss-server.ts';

export interface WorkersOptions {
  /** How many processes. */
  readonly count: number;
  /** 0 takes a free one, the same for all. */
  readonly port: number;
  /**
   * Told of each process that ended without being asked to. What it throws, or rejects with, is a
   * warning of the process.
   */
  readonly onEnd?: (end: WorkerEnd) => void;
}

export interface WorkerEnd {
  readonly pid: number | undefined;
  /** Null if a signal or a failure to start ended it. */
  readonly exitCode: number | null;
  readonly signal: string | null;
  /** Milliseconds until another takes its place. */
  readonly delay: number;
}

export interface Workers {
  readonly port: number;
  /**
   * Accepts no more connections at once, and ends each process as soon as it has no more.
   *
   * @param grace - Milliseconds until connections are dropped. Called again, the shorter one holds.
   */
  stop(grace: number): Promise<void>;
}

/** A process of the first ones ended before it could listen. */
export class WorkerStartError extends Error {
  override readonly name: string = 'WorkerStartError';
  readonly exitCode: number | null;

  constructor(exitCode: number | null, cause: Error | undefined) {
    super(cause?.message ?? 'a worker ended before it could listen', { cause });
    this.exitCode = exitCode;
  }
}

/**
 * Starts the processes; one that ends is replaced, at once if it had lived for a while, else after
 * 0.1 s and at most 30 s, twice as long each time. When the primary is gone, so are they.
 *
 * @returns When all of them listen.
 * @throws TypeError, RangeError for options that make no sense.
 * @throws {@link WorkerStartError}, with the system's error as its cause if the port cannot be had.
 */
export async function startWorkers(options: WorkersOptions): Promise<Workers> {
  if (!cluster.isPrimary) throw new TypeError('startWorkers: expected the primary, got a worker');
  checkOptions('startWorkers', options, WORKERS_OPTIONS);
  const pool = new WorkerPool(options);
  await pool.start();
  return pool;
}

/**
 * What a worker does: listens where the primary says, until the primary says stop or is gone.
 * Signals for the whole process group (a terminal's, a service manager's) are the primary's matter.
 *
 * @returns When the last connection is closed; the process has to end then.
 * @throws The system's error if it cannot listen, and the primary knows it then.
 */
export async function serveAsWorker(server: GssServer, host?: string): Promise<void> {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {});
  const stopped = new Promise<void>((resolve) => {
    process.on('message', (message) => {
      if (isStop(message)) void server.close(message.grace).then(resolve);
    });
  });
  try {
    await server.listen(Number(process.env[PORT_VARIABLE]), host);
  } catch (error) {
    const { message, errno, code } = error as NodeJS.ErrnoException;
    const report: ListenFailure = { listenFailure: { message, errno, code } };
    await new Promise((resolve) => process.send!(report, resolve));
    throw error;
  }
  await stopped;
}

interface Stop {
  /** Milliseconds. */
  readonly grace: number;
}

/** An error does not cross the channel whole. */
interface ListenFailure {
  readonly listenFailure: Pick<NodeJS.ErrnoException, 'message' | 'errno' | 'code'>;
}

/** One of the places in the pool, whoever fills it. */
interface Place {
  worker: Worker | undefined;
  listening: boolean;
  /** When its process was started, and how many died young before. */
  startedAt: number;
  failures: number;
  failure: Error | undefined;
  timer: NodeJS.Timeout | undefined;
}

class WorkerPool implements Workers {
  readonly #options: WorkersOptions;
  readonly #places: readonly Place[];
  #port: number;
  #settleStart: ((error?: WorkerStartError) => void) | undefined;
  #deadline: NodeJS.Timeout | undefined;
  #settleStop: (() => void) | undefined;
  #stopped: Promise<void> | undefined;

  constructor(options: WorkersOptions) {
    this.#options = options;
    this.#port = options.port;
    this.#places = Array.from({ length: options.count }, () => ({
      worker: undefined,
      listening: false,
      startedAt: 0,
      failures: 0,
      failure: undefined,
      timer: undefined,
    }));
  }

  get port(): number {
    return this.#port;
  }

  async start(): Promise<void> {
    cluster.schedulingPolicy = cluster.SCHED_NONE;
    try {
      await new Promise<void>((resolve, reject) => {
        this.#settleStart = (error) => (error === undefined ? resolve() : reject(error));
        for (const place of this.#places) this.#fill(place);
      });
    } catch (error) {
      await this.stop(0);
      throw error;
    } finally {
      this.#settleStart = undefined;
    }
  }

  stop(grace: number): Promise<void> {
    this.#stopped ??= new Promise((resolve) => {
      this.#settleStop = resolve;
    });
    for (const { worker, listening, timer } of this.#places) {
      clearTimeout(timer);
      if (worker === undefined) continue;
      // Nobody depends on a process that does not listen yet.
      if (listening && worker.isConnected()) worker.send({ grace } satisfies Stop);
      else worker.process.kill('SIGKILL');
    }
    clearTimeout(this.#deadline);
    this.#deadline = setTimeout(() => {
      for (const { worker } of this.#places) worker?.process.kill('SIGKILL');
    }, grace + STOP_SLACK);
    this.#endIfEmpty();
    return this.#stopped;
  }

  #fill(place: Place): void {
    const worker = cluster.fork({ [PORT_VARIABLE]: String(this.#portToAskFor()) });
    Object.assign(place, { worker, startedAt: performance.now(), timer: undefined });
    worker.on('listening', ({ port }) => this.#onListening(place, port));
    worker.on('message', (message: ListenFailure) => {
      place.failure = Object.assign(new Error(), message.listenFailure);
    });
    let ended = false;
    const end = (exitCode: number | null, signal: string | null): void => {
      if (!ended) this.#onEnd(place, worker, exitCode, signal);
      ended = true;
    };
    worker.on('exit', end);
    worker.on('error', () => {
      // Without a number it could not even be started; else its exit tells.
      if (worker.process.pid === undefined) end(null, null);
    });
  }

  /** Whoever asks for port 0 gets that of the others, as long as one of them has it. */
  #portToAskFor(): number {
    return this.#places.some(({ listening }) => listening) ? this.#options.port : this.#port;
  }

  #onListening(place: Place, port: number): void {
    if (this.#port === 0) this.#port = port;
    if (port !== this.#port) {
      // The last of the others ended meanwhile.
      place.worker?.process.kill('SIGKILL');
      return;
    }
    place.listening = true;
    if (this.#places.every(({ listening }) => listening)) this.#settleStart?.();
  }

  #onEnd(place: Place, worker: Worker, exitCode: number | null, signal: string | null): void {
    const { failure } = place;
    const lived = performance.now() - place.startedAt;
    place.failures = place.listening && lived > STABLE ? 0 : place.failures + 1;
    Object.assign(place, { worker: undefined, listening: false, failure: undefined });
    if (this.#stopped !== undefined) {
      this.#endIfEmpty();
    } else if (this.#settleStart !== undefined) {
      this.#settleStart(new WorkerStartError(exitCode, failure));
    } else {
      const delay =
        place.failures === 0 ? 0 : Math.min(FIRST_DELAY * 2 ** (place.failures - 1), MAX_DELAY);
      place.timer = setTimeout(() => this.#fill(place), delay);
      tell('onEnd', this.#options.onEnd, { pid: worker.process.pid, exitCode, signal, delay });
    }
  }

  #endIfEmpty(): void {
    if (this.#places.some(({ worker }) => worker !== undefined)) return;
    clearTimeout(this.#deadline);
    this.#settleStop?.();
  }
}

function isStop(message: unknown): message is Stop {
  return typeof (message as Partial<Stop> | null)?.grace === 'number';
}

const PORT_VARIABLE = 'KRB5_ACCEPTOR_WORKER_PORT';
// Milliseconds.
const STABLE = 10_000;
const FIRST_DELAY = 100;
const MAX_DELAY = 30_000;
// A worker that does not even come to its timers is not waited for.
const STOP_SLACK = 200;

export const WORKERS_OPTIONS: OptionRules<WorkersOptions> = {
  count: required(wholeNumber(1)),
  port: required(wholeNumber(0, 65_535)),
  onEnd: callback,
};
