/**
 * Several processes that serve one port, and a primary process that starts them, replaces those that
 * end, and stops them. Built on node:cluster: a program calls {@link startWorkers} if
 * `cluster.isPrimary`, else {@link serveAsWorker}.
 *
 * The processes share the listening socket, and the kernel gives each connection to a free one. A
 * primary that accepts for them costs a quarter more CPU for a short connection, all of it in one
 * process (100 µs of 465, measured).
 */
import type { Worker } from 'node:cluster';
import cluster from 'node:cluster';
import process from 'node:process';
import { tell } from '../../hooks.ts';
import type { OptionRules } from '../../options.ts';
import { callback, checkOptions, required, wholeNumber } from '../../options.ts';
import type { GssServer } from './gss-server.ts';

/** Options of {@link startWorkers}. */
export interface WorkersOptions {
  /** The number of processes, at least 1. */
  readonly count: number;
  /** TCP port, 0 to 65535; 0 chooses a free one, the same for all. */
  readonly port: number;
  /**
   * Called for each process that ended by itself. An exception of the callback, or a rejection,
   * becomes a warning of the process.
   */
  readonly onEnd?: (end: WorkerEnd) => void;
}

/** The end of a worker process. */
export interface WorkerEnd {
  /** Undefined if the process could not be started. */
  readonly pid: number | undefined;
  /** Null if a signal ended the process, or it could not be started. */
  readonly exitCode: number | null;
  /** The name of the signal that ended the process, such as `SIGKILL`; else null. */
  readonly signal: string | null;
  /** Milliseconds until another process takes its place. */
  readonly delay: number;
}

/** Running workers; see {@link startWorkers}. */
export interface Workers {
  /** The TCP port that they listen on. */
  readonly port: number;
  /**
   * Stops listening at once, and ends each process when its last connection is closed.
   *
   * @param grace - Milliseconds until the remaining connections are dropped. Of several calls the
   *   shortest time applies.
   * @returns When all processes have ended.
   */
  stop(grace: number): Promise<void>;
}

/** One of the first processes ended before it could listen; `cause` is the system's error, if known. */
export class WorkerStartError extends Error {
  /** `WorkerStartError`. */
  override readonly name: string = 'WorkerStartError';
  /** Null if a signal ended the process. */
  readonly exitCode: number | null;

  /** See {@link startWorkers}. */
  constructor(exitCode: number | null, cause: Error | undefined) {
    super(cause?.message ?? 'a worker ended before it could listen', { cause });
    this.exitCode = exitCode;
  }
}

/**
 * Starts the processes. A process that ends is replaced: at once if it listened for at least 10 s, else
 * after 0.1 s, doubled for each further failure up to 30 s. The processes end with the primary.
 *
 * @returns When all of them listen.
 * @throws TypeError in a worker; TypeError, RangeError for an invalid option.
 * @throws {@link WorkerStartError} if one ends first, with the system's error as its cause if the port
 *   cannot be opened.
 *
 * @example
 * ```ts
 * import { startWorkers } from 'krb5-acceptor/node';
 *
 * const workers = await startWorkers({ count: 4, port: 4444 });
 * console.log(workers.port);
 * ```
 */
export async function startWorkers(options: WorkersOptions): Promise<Workers> {
  if (!cluster.isPrimary) throw new TypeError('startWorkers: expected the primary, got a worker');
  checkOptions('startWorkers', options, WORKERS_OPTIONS);
  const pool = new WorkerPool(options);
  await pool.start();
  return pool;
}

/**
 * Serves in a worker: listens on the primary's port until the primary says stop or has ended. SIGINT
 * and SIGTERM are ignored, because a terminal or a service manager sends them to the primary too.
 *
 * @param host - The address to listen on; all addresses if absent.
 * @returns When the last connection is closed; the caller must end the process then.
 * @throws The system's error if it cannot listen; the primary gets it too.
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

/** The properties of an error that are sent to the primary. */
interface ListenFailure {
  readonly listenFailure: Pick<NodeJS.ErrnoException, 'message' | 'errno' | 'code'>;
}

/** One place in the pool, with its present process. */
interface Place {
  worker: Worker | undefined;
  listening: boolean;
  /** When its process was started, and the number of short-lived processes before it. */
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
      // A process that does not listen yet has no clients.
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
      // Without a pid it could not be started; otherwise 'exit' follows.
      if (worker.process.pid === undefined) end(null, null);
    });
  }

  /** A worker that asks for port 0 gets the port of the others, while one of them listens. */
  #portToAskFor(): number {
    return this.#places.some(({ listening }) => listening) ? this.#options.port : this.#port;
  }

  #onListening(place: Place, port: number): void {
    if (this.#port === 0) this.#port = port;
    if (port !== this.#port) {
      // All other workers had ended, so this one got another port.
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
// Time for a worker whose own timer is late, after which it is killed.
const STOP_SLACK = 200;

export const WORKERS_OPTIONS: OptionRules<WorkersOptions> = {
  count: required(wholeNumber(1)),
  port: required(wholeNumber(0, 65_535)),
  onEnd: callback,
};
