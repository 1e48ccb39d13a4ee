#!/usr/bin/env node
/** krb5-forward-auth: see help.ts for what it does. */
import type { Server } from 'node:http';
import { createServer } from 'node:http';
import process from 'node:process';
import { KerberosError } from '../../errors.ts';
import { GssError, gssErrorOf } from '../../gss/status.ts';
import { describeListenError } from '../../node/server/listen-error.ts';
import { UsageError } from '../arguments.ts';
import { programArguments } from '../argv.ts';
import { keepReport } from '../report-file.ts';
import { systemErrorText } from '../text.ts';
import { VERSION } from '../version.ts';
import type { ForwardAuthArguments } from './args.ts';
import { parseArguments } from './args.ts';
import { configure } from './configure.ts';
import { forwardAuthHandler } from './handler.ts';
import { HELP, USAGE } from './help.ts';
import type { Address } from './listen.ts';
import { activatedSockets, formatAddress, isLocal, listen } from './listen.ts';
import type { Log } from './log.ts';
import { openLog } from './log.ts';

/** @returns The exit status. */
async function main(argv: readonly string[]): Promise<number> {
  const parsed = parseArguments(argv, process.env);
  switch (parsed.action) {
    case 'help':
      process.stdout.write(HELP);
      return 0;
    case 'version':
      process.stdout.write(`krb5-forward-auth (krb5-acceptor) ${VERSION}\n`);
      return 0;
    case 'usage':
      complain(parsed.message);
      process.stderr.write(USAGE);
      return FAILURE;
    case 'serve':
      return await serve(parsed.arguments);
  }
}

async function serve(options: ForwardAuthArguments): Promise<number> {
  let log: Log;
  try {
    log = openLog({
      logfile: options.logfile,
      format: options.log,
      complete: options.verbose || options.logfile !== undefined || options.log === 'json',
    });
  } catch (error) {
    complain(`${options.logfile}: ${systemErrorText(error)}`);
    return FAILURE;
  }
  const { reopen } = log;
  if (reopen !== undefined) process.on('SIGHUP', reopen);
  try {
    const sockets = activatedSockets(process.env, process.pid);
    const addresses = addressesOf(options, sockets);
    for (const address of addresses) if (!('fd' in address)) refuseRemote(address, options);
    const site = await configure(options, log);
    const report =
      options.report === undefined
        ? undefined
        : keepReport(options.report, site.acceptor, (text) => log.note(`-report ${text}`));
    const servers = addresses.map(() => createServer(LIMITS, forwardAuthHandler(site)));
    await Promise.all(addresses.map((address, i) => begin(servers[i]!, address, options, log)));
    await stopped(servers);
    report?.close();
    await site.close();
    return SUCCESS;
  } catch (error) {
    if (error instanceof GssError || error instanceof KerberosError) {
      const { minor, message, hint = minor?.hint } = gssErrorOf(error, 'GSS_S_NO_CRED');
      log.note([minor?.message ?? message, hint].filter(Boolean).join('; '));
      return NO_CREDENTIALS;
    }
    if (!(error instanceof UsageError || isSystemError(error))) throw error;
    log.note(isSystemError(error) ? systemErrorText(error) : error.message);
    return FAILURE;
  }
}

function addressesOf(
  { listen: address }: ForwardAuthArguments,
  sockets: readonly number[],
): readonly (Address | { readonly fd: number })[] {
  if (sockets.length === 0) return [address ?? DEFAULT_ADDRESS];
  if (address === undefined) return sockets.map((fd) => ({ fd }));
  throw new UsageError('-listen: systemd has opened the sockets already; omit -listen');
}

async function begin(
  server: Server,
  address: Address | { readonly fd: number },
  options: ForwardAuthArguments,
  { note }: Log,
): Promise<void> {
  server.maxConnections = MAX_CONNECTIONS;
  const bound = await listen(server, address).catch((error: unknown) => {
    throw isSystemError(error) ? new UsageError(listenFault(error, address)) : error;
  });
  refuseRemote(bound, options);
  note(`listening on ${formatAddress(bound)}`);
}

function listenFault(error: Error, address: Address | { readonly fd: number }): string {
  if ('fd' in address) return `${systemErrorText(error)}: the socket of systemd`;
  if ('path' in address) return `${systemErrorText(error)}: ${formatAddress(address)}`;
  const { text, remedies } = describeListenError(error, { ...address, option: '-listen' });
  return [text, ...remedies].join('; ');
}

/** Whoever can connect says which address a client has, and may try identities. */
function refuseRemote(address: Address, { trust }: ForwardAuthArguments): void {
  if (isLocal(address) || trust.length > 0) return;
  throw new UsageError(
    `${formatAddress(address)} can be reached from other machines: name the proxies in -trust, or ` +
      'listen on 127.0.0.1 or a Unix socket',
  );
}

/** Resolves when a signal came and the requests are answered; the second signal does not wait. */
async function stopped(servers: readonly Server[]): Promise<void> {
  await new Promise<void>((resolve) => {
    let signals = 0;
    const onSignal = (): void => {
      if (++signals > 1) {
        resolve();
        return;
      }
      setTimeout(resolve, GRACE).unref();
      const closing = servers.map(
        (server) => new Promise<void>((closed) => server.close(() => closed())),
      );
      void Promise.all(closing).then(() => resolve());
      // Connections that a proxy keeps.
      for (const server of servers) server.closeIdleConnections();
    };
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);
  });
}

function complain(message: string): void {
  process.stderr.write(`krb5-forward-auth: ${message}\n`);
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && (error as NodeJS.ErrnoException).errno !== undefined;
}

const SUCCESS = 0;
const FAILURE = 1;
const NO_CREDENTIALS = 255;
const DEFAULT_ADDRESS: Address = { host: '127.0.0.1', port: 4180 };
const MAX_CONNECTIONS = 4096;
// Milliseconds: a stop takes less than three seconds in all.
const GRACE = 2500;
const LIMITS = {
  // Windows' MaxTokenSize in base64, and space for the other headers.
  maxHeaderSize: 81_920,
  headersTimeout: 10_000,
  requestTimeout: 10_000,
  // Longer than proxies keep their connections: nginx for 60 s.
  keepAliveTimeout: 75_000,
};

// Last, because it uses the constants above.
process.exit(await main(programArguments(process.argv, false)));
