/** Parses the command line of krb5-forward-auth, and the environment variables that stand in for it. */
import { KerberosError } from '../../errors.ts';
import type { Values } from '../arguments.ts';
import { integer, readArguments, realms, recordFormat, text, UsageError } from '../arguments.ts';
import { namesEngine, refusePassword } from '../engine-client.ts';
import type { RecordFormat } from '../record.ts';
import type { IdentityHeaders } from './identity-headers.ts';
import { parseIdentityHeaders } from './identity-headers.ts';
import type { Address } from './listen.ts';
import { parseAddress } from './listen.ts';
import type { OriginalHeaders } from './original-request.ts';

/** The options of krb5-forward-auth; undefined where an option was not given. */
export interface ForwardAuthArguments {
  readonly keytab: string | undefined;
  readonly service: string;
  /** Undefined: the sockets of systemd, or the default address. */
  readonly listen: Address | undefined;
  /** Addresses and networks of proxies on other machines. */
  readonly trust: readonly string[];
  readonly sessionKey: string | undefined;
  /** Seconds. */
  readonly sessionAge: number | undefined;
  readonly rules: string | undefined;
  readonly exchanges: string | undefined;
  readonly replayCache: string | undefined;
  /** Whether to relay (IAKERB), and to which realms: those of the keytab if none are named. */
  readonly iakerb: { readonly realms?: readonly string[] } | undefined;
  /** Whether a sign-on goes on with the next mechanism where one fails. */
  readonly lateFallback: boolean;
  readonly headers: IdentityHeaders;
  readonly original: OriginalHeaders;
  /** A file with the certificate of the proxy. */
  readonly certificate: string | undefined;
  readonly requireTls: boolean;
  readonly insecureCookie: boolean;
  readonly preflight: boolean;
  readonly verbose: boolean;
  readonly logfile: string | undefined;
  readonly log: RecordFormat;
  readonly report: string | undefined;
}

/** What the command line asks for. */
export type ParsedArguments =
  | { readonly action: 'serve'; readonly arguments: ForwardAuthArguments }
  | { readonly action: 'help' | 'version' }
  | { readonly action: 'usage'; readonly message: string };

/**
 * @param argv - The arguments after the program's name.
 * @param environment - `-session-key` is also `KRB5_FORWARD_AUTH_SESSION_KEY`; the command line decides.
 */
export function parseArguments(
  argv: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): ParsedArguments {
  try {
    const values = readArguments(argv, { switches: SWITCHES, texts: TEXTS });
    if (values.switches.has('help')) return { action: 'help' };
    if (values.switches.has('version')) return { action: 'version' };
    const [extra] = values.positionals;
    if (extra !== undefined) throw new UsageError(`expected options only, got '${extra}'`);
    const exchanges = values.texts.get('exchanges');
    if (exchanges !== undefined) checkExchanges(exchanges);
    return { action: 'serve', arguments: serverArguments(withEnvironment(values, environment)) };
  } catch (error) {
    if (error instanceof UsageError) return { action: 'usage', message: error.message };
    if (error instanceof KerberosError) {
      return { action: 'usage', message: `${error.message}; ${error.hint}` };
    }
    throw error;
  }
}

function serverArguments(values: Values): ForwardAuthArguments {
  const { switches } = values;
  const listen = text(values, 'listen');
  const sessionKey = text(values, 'session-key');
  const sessionAge = integer(values, 'session-age', 1, MAX_SECONDS);
  const exchanges = text(values, 'exchanges');
  for (const [name, value] of Object.entries({ 'session-age': sessionAge, exchanges })) {
    if (value !== undefined && sessionKey === undefined) {
      throw new UsageError(`-${name} needs -session-key`);
    }
  }
  return {
    keytab: text(values, 'keytab'),
    service: text(values, 'service') ?? 'HTTP@',
    listen: listen === undefined ? undefined : parseAddress(listen),
    trust: text(values, 'trust')?.split(',') ?? [],
    sessionKey,
    sessionAge,
    rules: text(values, 'rules'),
    exchanges,
    replayCache: text(values, 'rcache'),
    iakerb: relayOf(values),
    lateFallback: switches.has('late-fallback'),
    headers: parseIdentityHeaders(text(values, 'headers') ?? DEFAULT_HEADERS),
    original: {
      method: headerName(values, 'method-header') ?? 'x-forwarded-method',
      uri: headerName(values, 'uri-header') ?? 'x-forwarded-uri',
      host: headerName(values, 'host-header') ?? 'x-forwarded-host',
    },
    certificate: text(values, 'certificate'),
    requireTls: switches.has('require-tls'),
    insecureCookie: switches.has('insecure-cookie'),
    preflight: switches.has('preflight'),
    verbose: switches.has('verbose'),
    logfile: text(values, 'logfile'),
    log: recordFormat(values),
    report: text(values, 'report'),
  };
}

function relayOf(values: Values): ForwardAuthArguments['iakerb'] {
  const list = realms(values, 'realms');
  if (!values.switches.has('iakerb')) {
    if (list !== undefined) throw new UsageError('-realms needs -iakerb');
    if (values.switches.has('late-fallback')) throw new UsageError('-late-fallback needs -iakerb');
    return undefined;
  }
  if (!values.texts.has('exchanges')) {
    throw new UsageError('-iakerb needs -exchanges: a client logs in with several requests');
  }
  return list === undefined ? {} : { realms: list };
}

function checkExchanges(name: string): void {
  const instead = { option: '-exchanges', variable: `${PREFIX}EXCHANGES` };
  if (namesEngine(name)) refusePassword('Store of exchanges', name, instead);
}

function headerName(values: Values, option: string): string | undefined {
  const name = text(values, option);
  if (name === undefined || /^[A-Za-z][A-Za-z0-9-]{0,63}$/.test(name)) return name?.toLowerCase();
  throw new UsageError(`-${option}: expected the name of a header, got '${name}'`);
}

/** A variable that is no option could be one that was misspelt, and that keeps somebody out. */
function withEnvironment(
  { switches, texts, positionals }: Values,
  environment: Readonly<Record<string, string | undefined>>,
): Values {
  const allSwitches = new Set(switches);
  const allTexts = new Map(texts);
  for (const [variable, value] of Object.entries(environment)) {
    if (!variable.startsWith(PREFIX) || value === undefined) continue;
    const name = variable.slice(PREFIX.length).toLowerCase().replaceAll('_', '-');
    if (TEXTS.has(name)) {
      if (!allTexts.has(name)) allTexts.set(name, value);
    } else if (SWITCHES.has(name) && !COMMANDS.has(name)) {
      if (!['0', '1'].includes(value)) throw new UsageError(`${variable}: expected 0 or 1`);
      if (value === '1') allSwitches.add(name);
    } else {
      throw new UsageError(`${variable}: there is no option -${name}`);
    }
  }
  return { switches: allSwitches, texts: allTexts, positionals };
}

const PREFIX = 'KRB5_FORWARD_AUTH_';
const DEFAULT_HEADERS = 'Remote-User=principal,Remote-Groups=groups';
// The longest timer: 2^31 - 1 milliseconds.
const MAX_SECONDS = 2_147_483;
const COMMANDS: ReadonlySet<string> = new Set(['help', 'version']);
const SWITCHES: ReadonlySet<string> = new Set([
  'require-tls',
  'insecure-cookie',
  'preflight',
  'iakerb',
  'late-fallback',
  'verbose',
  ...COMMANDS,
]);
const TEXTS: ReadonlySet<string> = new Set([
  'keytab',
  'service',
  'listen',
  'trust',
  'session-key',
  'session-age',
  'rules',
  'exchanges',
  'rcache',
  'realms',
  'headers',
  'method-header',
  'uri-header',
  'host-header',
  'certificate',
  'logfile',
  'log',
  'report',
]);
