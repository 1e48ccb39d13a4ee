#!/usr/bin/env node
/** gss-server: see help.ts for what it does. */
import cluster from 'node:cluster';
import { fstatSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Acceptor } from '../../acceptor.ts';
import { explain } from '../../errors.ts';
import type { GssServerEvent } from '../../node/server/events.ts';
import type { GssServer } from '../../node/server/gss-server.ts';
import { createGssServer } from '../../node/server/gss-server.ts';
import { describeListenError } from '../../node/server/listen-error.ts';
import { serveAsWorker, startWorkers, WorkerStartError } from '../../node/server/workers.ts';
import { programArguments } from '../argv.ts';
import { logFileFault } from '../log-file.ts';
import type { ReportFile } from '../report-file.ts';
import { keepReport } from '../report-file.ts';
import { VERSION } from '../version.ts';
import type { ServerArguments } from './args.ts';
import { parseArguments } from './args.ts';
import type { Configured } from './configure.ts';
import { configure } from './configure.ts';
import { DelegationHint } from './delegation-hint.ts';
import { HELP, USAGE } from './help.ts';
import type { Block } from './lines.ts';
import {
  errorBlock,
  formatEvent,
  formatStartFailure,
  formatWorkerEnd,
  stderrLine,
} from './lines.ts';
import type { Output } from './output.ts';
import { clientOwnsStandardStreams, detachStandardStreams, openOutput } from './output.ts';
import { formatRecordOf } from './records.ts';
import { SessionMarks } from './session-marks.ts';

/** @returns The exit status. */
async function main(argv: readonly string[]): Promise<number> {
  // First of all, because under inetd the standard streams may be the client's socket.
  const clientOwnsStreams =
    argv.some((argument) => /^--?inetd$/.test(argument)) && clientOwnsStandardStreams();
  if (clientOwnsStreams) detachStandardStreams();
  const parsed = parseArguments(argv);
  switch (parsed.action) {
    case 'help':
      process.stdout.write(HELP);
      return 0;
    case 'version':
      process.stdout.write(`gss-server (krb5-acceptor) ${VERSION}\n`);
      return 0;
    case 'usage':
      if (parsed.message !== undefined) complain(parsed.message);
      process.stderr.write(USAGE);
      if (parsed.message === undefined) process.stderr.write(NAME_THE_SERVICE);
      return argv.some((argument) => /^--?check$/.test(argument)) ? CHECK_FAILED : FAILURE;
    case 'check':
      return await check(parsed.arguments);
    case 'serve':
      return await serve(parsed.arguments, clientOwnsStreams);
  }
}

async function check(options: ServerArguments): Promise<number> {
  // Loaded here, since a server does not need it.
  const { findFaults, formatFindings, statusOf } = await import('./check.ts');
  const findings = await findFaults(options);
  process.stdout.write(formatFindings(findings, options.log === 'json'));
  return statusOf(findings);
}

async function serve(options: ServerArguments, clientOwnsStreams: boolean): Promise<number> {
  if (options.inetd && !fstatSync(0).isSocket()) {
    complain('-inetd: file descriptor 0 is not a socket');
    return FAILURE;
  }
  let output: Output;
  try {
    output = openOutput({
      logfile: options.logfile,
      clientOwnsStreams,
      json: options.log === 'json',
    });
  } catch (error) {
    const { problem, remedies } = logFileFault(options.logfile ?? '', error);
    const hints = remedies.map((remedy) => `hint: ${remedy}\n`);
    process.stderr.write(`${options.logfile}: ${problem}\n${hints.join('')}`);
    return FAILURE;
  }
  if (output.reopen !== undefined) reopenOnHangup(output.reopen);
  process.on('uncaughtException', (error) => {
    output.print([errorBlock('gss-server', error, true)]);
    process.exit(FAILURE);
  });
  const configured = await tryToConfigure(options, output);
  if (configured === undefined) return NO_CREDENTIALS;
  const { acceptor, localName, closeReplayCache } = configured;
  const lineOptions = { verbose: options.verbose, localName };
  const marks = new SessionMarks(options.inetd || cluster.isWorker);
  const delegationHint = new DelegationHint();
  const accepted = options.logfile !== undefined || options.log === 'json';
  const recordOptions = { format: options.log, accepted };
  const print = (event: GssServerEvent): void =>
    output.print([
      ...formatRecordOf(event, recordOptions),
      ...marks.mark(event, formatEvent(event, lineOptions)),
      ...delegationHint.linesFor(event),
    ]);
  const report = reportOf(options, acceptor, output);
  try {
    if (options.inetd) return await serveInetd(options, acceptor, print);
    if (cluster.isWorker) return await serveInWorker(options, acceptor, print);
    // One client needs one process.
    if (options.workers === undefined || options.once) {
      return await serveTcp(options, acceptor, output, print);
    }
    // The primary has only checked the configuration; the workers open the cache themselves.
    await closeReplayCache();
    return await serveWithWorkers(options, options.workers, output);
  } finally {
    report?.close();
    acceptor.dispose();
  }
}

/** Each worker has a report of its own: the primary has no clients. */
function reportOf(
  { report: path, workers, once }: ServerArguments,
  acceptor: Acceptor,
  output: Output,
): ReportFile | undefined {
  if (path === undefined) return undefined;
  if (workers !== undefined && !once && !cluster.isWorker) return undefined;
  const own = cluster.isWorker ? `${path}.${cluster.worker?.id}` : path;
  return keepReport(own, acceptor, (message) =>
    output.print([stderrLine(`gss-server: -report ${message}`)]),
  );
}

async function tryToConfigure(
  options: ServerArguments,
  output: Output,
): Promise<Configured | undefined> {
  // The primary has already printed the warnings of the start.
  let quiet = cluster.isWorker;
  try {
    return await configure(options, (message) => {
      if (!quiet) output.print([stderrLine(`gss-server: ${message}`)]);
    });
  } catch (error) {
    output.print(formatStartFailure(await explain(error)));
    return undefined;
  } finally {
    quiet = false;
  }
}

type PrintEvent = (event: GssServerEvent) => void;

async function serveInetd(
  options: ServerArguments,
  acceptor: Acceptor,
  print: PrintEvent,
): Promise<number> {
  const server = createServer(options, acceptor, print);
  stopOnSignals((grace) => void server.close(grace));
  await server.serve(new Socket({ fd: 0, allowHalfOpen: true }));
  return SUCCESS;
}

async function serveTcp(
  options: ServerArguments,
  acceptor: Acceptor,
  output: Output,
  print: PrintEvent,
): Promise<number> {
  return await new Promise((resolve) => {
    const stopped = (): void => resolve(SUCCESS);
    const server = createServer(options, acceptor, (event) => {
      print(event);
      if (options.once && event.type === 'open') void server.close().then(stopped);
    });
    server.listen(options.port, options.host).then(
      ({ port }) => {
        stopOnSignals((grace) => void server.close(grace).then(stopped));
        printStart(output, options, port);
      },
      (error: unknown) => {
        output.print(bindingFailed(error, options));
        resolve(FAILURE);
      },
    );
  });
}

async function serveWithWorkers(
  options: ServerArguments,
  count: number,
  output: Output,
): Promise<number> {
  try {
    const workers = await startWorkers({
      count,
      port: options.port,
      onEnd: (end) => output.print(formatWorkerEnd(end)),
    });
    const stopped = new Promise<void>((resolve) =>
      stopOnSignals((grace) => void workers.stop(grace).then(resolve)),
    );
    printStart(output, options, workers.port);
    await stopped;
    return SUCCESS;
  } catch (error) {
    if (!(error instanceof WorkerStartError)) throw error;
    output.print(
      error.cause === undefined
        ? [stderrLine(`gss-server: ${error.message}`)]
        : bindingFailed(error.cause, options),
    );
    return error.exitCode ?? FAILURE;
  }
}

async function serveInWorker(
  options: ServerArguments,
  acceptor: Acceptor,
  print: PrintEvent,
): Promise<number> {
  try {
    await serveAsWorker(createServer(options, acceptor, print), options.host);
    return SUCCESS;
  } catch {
    // The primary prints the reason.
    return FAILURE;
  }
}

function createServer(
  options: ServerArguments,
  acceptor: Acceptor,
  onEvent: PrintEvent,
): GssServer {
  const { idleTimeout, handshakeTimeout, maxTokenSize } = options;
  const { maxConnections, maxConnectionsPerSource, maxPenalty } = options;
  return createGssServer({
    acceptor,
    onEvent,
    exportContext: options.exportContext,
    requireAuthentication: options.requireAuthentication ?? false,
    limits: {
      ...(idleTimeout !== undefined && { idleTimeout }),
      ...(handshakeTimeout !== undefined && { handshakeTimeout }),
      ...(maxTokenSize !== undefined && { maxTokenSize }),
      ...(maxConnections !== undefined && { maxConnections }),
      ...(maxConnectionsPerSource !== undefined && { maxConnectionsPerSource }),
      ...(maxPenalty !== undefined && { maxPenalty }),
    },
  });
}

/** The first signal lets clients finish; the second one does not wait for them. */
function stopOnSignals(stop: (grace: number) => void): void {
  let grace = GRACE;
  const onSignal = (): void => {
    stop(grace);
    grace = 0;
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
}

/** Rotates the log: SIGHUP opens its path again, in this process and in its workers. */
function reopenOnHangup(reopen: () => void): void {
  process.on('SIGHUP', () => {
    reopen();
    for (const worker of Object.values(cluster.workers ?? {})) worker?.process.kill('SIGHUP');
  });
}

function printStart(output: Output, options: ServerArguments, port: number): void {
  output.print([stderrLine('starting...')]);
  if (options.port === 0) output.print([stderrLine(`listening on port ${port}`)]);
  if (output.warning !== undefined) output.print([stderrLine(`gss-server: ${output.warning}`)]);
}

/** MIT's line, with the port and the address, and what to do. */
function bindingFailed(error: unknown, { port, host }: ServerArguments): Block[] {
  const { text, remedies } = describeListenError(error, { port, host, option: '-port' });
  return [
    stderrLine(`binding socket: ${text}`),
    ...remedies.map((remedy) => stderrLine(`hint: ${remedy}`)),
  ];
}

function complain(message: string): void {
  process.stderr.write(`gss-server: ${message}\n`);
}
const NAME_THE_SERVICE = `hint: service_name is missing; for example: gss-server host@server.example.com
`;

const SUCCESS = 0;
const FAILURE = 1;
// With -check, where 1 means that there are warnings only.
const CHECK_FAILED = 2;
// The exit status of MIT's program, -1.
const NO_CREDENTIALS = 255;
// Milliseconds: a stop takes less than three seconds in all.
const GRACE = 2500;

// Last, because it uses the constants above.
process.exit(await main(programArguments(process.argv, cluster.isWorker)));
