/** Parses the command line of gss-server. */
import { KerberosError } from '../../errors.ts';
import { Mechanism, parseMechanism } from '../../gss/mechanism.ts';
import type { Oid } from '../../gss/oid.ts';
import type { Values } from '../arguments.ts';
import { integer, readArguments, realms, recordFormat, text, UsageError } from '../arguments.ts';

/** The options of gss-server, one property each; undefined where an option was not given. */
export interface ServerArguments {
  /** As given; `*` means any key of the keytab. */
  readonly service: string;
  /** TCP port, 0 to 65535; 4444 if not given. */
  readonly port: number;
  readonly host: string | undefined;
  readonly verbose: boolean;
  readonly inetd: boolean;
  readonly once: boolean;
  readonly exportContext: boolean;
  readonly logfile: string | undefined;
  /** The file for the report on weak and risky clients. */
  readonly report: string | undefined;
  readonly keytab: string | undefined;
  /** Seconds. */
  readonly maxKeytabAge: number | undefined;
  readonly replayCache: string | undefined;
  readonly mechanism: Oid | undefined;
  /** Realms whose KDCs clients may ask through this server; undefined: those of the keytab. */
  readonly relayedRealms: readonly string[] | undefined;
  /** Beside IAKERB: Kerberos and SPNEGO too, which goes on with the next mechanism where one fails. */
  readonly lateFallback: true | undefined;
  /** Seconds. */
  readonly idleTimeout: number | undefined;
  /** Seconds. */
  readonly handshakeTimeout: number | undefined;
  /** Bytes. */
  readonly maxTokenSize: number | undefined;
  readonly maxConnections: number | undefined;
  readonly maxConnectionsPerSource: number | undefined;
  /** Seconds. */
  readonly maxPenalty: number | undefined;
  /** Refuse clients without a context. */
  readonly requireAuthentication: true | undefined;
  /** Accept anonymous clients. */
  readonly allowAnonymous: true | undefined;
  /** Number of worker processes; undefined: this process serves. */
  readonly workers: number | undefined;
  /** The form of the lines. */
  readonly log: 'text' | 'json';
}

/** What the command line asks for. */
export type ParsedArguments =
  | { readonly action: 'serve'; readonly arguments: ServerArguments }
  | { readonly action: 'check'; readonly arguments: ServerArguments }
  | { readonly action: 'help' }
  | { readonly action: 'version' }
  /** The command line is wrong; `message` is undefined if only service_name is missing. */
  | { readonly action: 'usage'; readonly message: string | undefined };

/**
 * @param argv - The arguments after the program's name. Options start with one dash or two, and
 * take their value from the next argument or after `=`.
 */
export function parseArguments(argv: readonly string[]): ParsedArguments {
  try {
    return parse(argv);
  } catch (error) {
    if (error instanceof UsageError) return { action: 'usage', message: error.message };
    throw error;
  }
}

function parse(argv: readonly string[]): ParsedArguments {
  const values = readArguments(argv, { switches: SWITCHES, texts: TEXTS });
  const { switches, positionals } = values;
  if (switches.has('help')) return { action: 'help' };
  if (switches.has('version')) return { action: 'version' };
  const [service, ...others] = positionals;
  if (service === undefined) return { action: 'usage', message: undefined };
  if (service === '') throw new UsageError('service_name: expected a name, got an empty text');
  if (others.length > 0) {
    throw new UsageError(`expected one service_name, got ${positionals.join(' and ')}`);
  }
  const action = switches.has('check') ? 'check' : 'serve';
  return { action, arguments: serverArguments(service, values) };
}

function serverArguments(service: string, values: Values): ServerArguments {
  const { switches, texts } = values;
  if (switches.has('inetd') && texts.has('workers')) {
    throw new UsageError('-workers: inetd starts a process for each client; omit -workers');
  }
  return {
    service,
    port: integer(values, 'port', 0, 65_535) ?? DEFAULT_PORT,
    host: text(values, 'host'),
    verbose: switches.has('verbose'),
    inetd: switches.has('inetd'),
    once: switches.has('once'),
    exportContext: switches.has('export'),
    logfile: text(values, 'logfile'),
    report: text(values, 'report'),
    keytab: text(values, 'keytab'),
    maxKeytabAge: integer(values, 'keytabage', 1, MAX_SECONDS),
    replayCache: text(values, 'rcache'),
    mechanism: mechanismOf(values),
    relayedRealms: realms(values, 'realms'),
    lateFallback: switches.has('latefallback') || undefined,
    idleTimeout: integer(values, 'timeout', 1, MAX_SECONDS),
    handshakeTimeout: integer(values, 'handshake', 1, MAX_SECONDS),
    maxTokenSize: integer(values, 'maxtoken', 1, MAX_TOKEN),
    maxConnections: integer(values, 'maxconn', 1, MAX_CONNECTIONS),
    maxConnectionsPerSource: integer(values, 'maxsource', 1, MAX_CONNECTIONS),
    maxPenalty: integer(values, 'penalty', 0, MAX_SECONDS),
    requireAuthentication: switches.has('authenticated') || undefined,
    allowAnonymous: switches.has('anonymous') || undefined,
    workers: integer(values, 'workers', 1, 256),
    log: recordFormat(values),
  };
}

/** -iakerb is MIT's, and the same as -mech iakerb. */
function mechanismOf({ switches, texts }: Values): Oid | undefined {
  const named = mechanism(texts.get('mech'));
  if (!switches.has('iakerb')) return named;
  if (named !== undefined && named !== Mechanism.iakerb) {
    throw new UsageError('-iakerb: means -mech iakerb; omit -mech');
  }
  return Mechanism.iakerb;
}

function mechanism(value: string | undefined): Oid | undefined {
  if (value === undefined) return undefined;
  const oid = tryParseMechanism(value);
  if (oid === undefined) {
    throw new UsageError(
      `-mech: expected a mechanism such as kerberos_v5, 1.2.840.113554.1.2.2 or ` +
        `'{ 1 2 840 113554 1 2 2 }', got '${value}'`,
    );
  }
  return oid;
}

function tryParseMechanism(value: string): Oid | undefined {
  try {
    return parseMechanism(value);
  } catch (error) {
    if (error instanceof KerberosError) return undefined;
    throw error;
  }
}

const DEFAULT_PORT = 4444;
// The longest timer: 2^31 - 1 milliseconds.
const MAX_SECONDS = 2_147_483;
const MAX_CONNECTIONS = 1_000_000;
// The largest C int: MIT's clients send lengths from one.
const MAX_TOKEN = 2_147_483_647;

const SWITCHES: ReadonlySet<string> = new Set([
  'verbose',
  'inetd',
  'once',
  'export',
  'authenticated',
  'anonymous',
  'check',
  'iakerb',
  'latefallback',
  'help',
  'version',
]);
const TEXTS: ReadonlySet<string> = new Set([
  'port',
  'host',
  'logfile',
  'report',
  'keytab',
  'keytabage',
  'rcache',
  'mech',
  'realms',
  'timeout',
  'handshake',
  'maxtoken',
  'maxconn',
  'maxsource',
  'penalty',
  'workers',
  'log',
]);
