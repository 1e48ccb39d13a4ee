/** `npm run demo:http`: signs browsers on, and explains. See settings.ts for the options. */
import { randomBytes } from 'node:crypto';
import type { Server } from 'node:http';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createAcceptor } from '../../acceptor.ts';
import { acceptorPolicy } from '../../config/settings.ts';
import { KerberosError } from '../../errors.ts';
import { GssError } from '../../gss/status.ts';
import type { SessionOptions } from '../../http/session/options.ts';
import { acquireCredential } from '../../krb5/credential.ts';
import { keytabFile } from '../../node/files/keytab-file.ts';
import { loadKerberosConfig } from '../../node/files/krb5-conf-file.ts';
import { UsageError } from '../arguments.ts';
import { Door } from './door.ts';
import { Practice } from './practice.ts';
import type { ServiceSettings, Settings } from './settings.ts';
import { HELP, readSettings } from './settings.ts';
import { siteHandler } from './site.ts';

async function main(argv: readonly string[]): Promise<void> {
  const settings = readSettings(argv, process.env);
  if (settings === undefined) {
    process.stdout.write(HELP);
    return;
  }
  const { service, sessions, tls } = settings;
  const handler = siteHandler({
    practice: await Practice.open(),
    sessions,
    ...(service && { real: { door: await openDoor(service, settings), service: service.name } }),
    onFault: (error) => warn(String(error)),
  });
  const options = { maxHeaderSize: MAX_HEADER };
  const server =
    tls === undefined
      ? createServer(options, handler)
      : createTlsServer({ ...options, ...tls }, handler);
  await listen(server, settings);
  printStart(settings, (server.address() as AddressInfo).port);
}

async function openDoor(
  { keytab, name }: ServiceSettings,
  { sessions, tls }: Settings,
): Promise<Door> {
  const onWarning = (warning: string | { readonly message: string }) =>
    warn(typeof warning === 'string' ? warning : warning.message);
  const config = loadKerberosConfig();
  const credential = await acquireCredential({
    keytab: keytabFile(keytab, { onWarning }),
    service: name,
    onWarning,
  });
  const acceptor = createAcceptor({ credential, ...acceptorPolicy(config) });
  return new Door({
    acceptor,
    localNames: config,
    ...(sessions && { sessions: sessionOptions(tls !== undefined, onWarning) }),
    onWarning,
  });
}

/** Sessions that end with this process, whose key nobody else has. */
function sessionOptions(secure: boolean, onWarning: SessionOptions['onWarning']): SessionOptions {
  return {
    keys: [randomBytes(32)],
    // A cookie for TLS only would never come back over plain HTTP.
    cookie: secure ? {} : { name: 'krb5-demo', secure: false },
    ...(onWarning && { onWarning }),
  };
}

function listen(server: Server, { port, host }: Settings): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
}

function printStart({ host, service, tls }: Settings, port: number): void {
  // Tickets are for names, so the address to open has one.
  const name = /^[^@/]+@([^@/]+)$/.exec(service?.name ?? '')?.[1] ?? 'localhost';
  const address = `${tls === undefined ? 'http' : 'https'}://${name}:${port}/`;
  const lines = [`Open ${address} in a browser. Ctrl-C ends the server.`];
  if (service === undefined) {
    lines.push('No realm is set up: the buttons of the page play the client. See -help.');
  } else {
    lines.push('', `To sign on as a client of ${service.name}:`);
    lines.push(...(service.login ?? ['kinit']).map((line) => `  ${line}`));
    lines.push(`  curl --negotiate -u : ${address}sign-on`);
    lines.push(`  chromium --auth-server-allowlist=${name} ${address}`);
  }
  if (host !== '127.0.0.1' && host !== '::1' && host !== 'localhost') {
    warn(
      `anyone who can reach ${host} sees why their own sign-on failed, including the names in the keytab`,
    );
  }
  process.stdout.write(`${lines.join('\n')}\n`);
}

function warn(message: string): void {
  process.stderr.write(`demo:http: ${message}\n`);
}

function describe(error: unknown): string {
  if (error instanceof UsageError) return `${error.message}\n${HELP.split('\n\n')[0]}`;
  if (error instanceof GssError || error instanceof KerberosError) {
    return [error.message, error.hint].filter(Boolean).join('; ');
  }
  return error instanceof Error ? error.message : String(error);
}

// A ticket with many groups has a header of 12 kB and more.
const MAX_HEADER = 81_920;

process.stdout.on('error', () => process.exit(0));
process.once('SIGINT', () => process.exit(0));
process.once('SIGTERM', () => process.exit(0));
await main(process.argv.slice(2)).catch((error: unknown) => {
  warn(describe(error));
  process.exit(1);
});
