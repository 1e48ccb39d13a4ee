/** Clients of Redis and PostgreSQL by URL. The client's package is loaded only if a URL is given. */
import { KerberosError } from '../errors.ts';
import type { PostgresClient } from '../postgres/client.ts';
import type { NodeRedisClient } from '../redis/client.ts';
import { describeThrown } from '../text.ts';
import { systemTimer } from '../time.ts';

/** A connected client that was made for a program. */
export type EngineClient = (
  | { readonly type: 'redis'; readonly client: NodeRedisClient }
  | { readonly type: 'postgres'; readonly client: PostgresClient }
) & {
  /** Must be called when the engine has answered: the next loss of the connection is a new one. */
  readonly answered: () => void;
  /** Ends the client. */
  readonly close: () => Promise<void>;
};

/** What {@link openEngineClient} works with. */
export interface EngineClientOptions {
  /** What the engine is for, with a capital letter: `Replay cache`. */
  readonly subject: string;
  /** Called with each loss of the connection. */
  readonly warn: (message: string) => void;
  /** Loads a package; import() if absent. */
  readonly load?: (name: string) => Promise<unknown>;
}

/** Whether a name is a URL for {@link openEngineClient}. */
export function namesEngine(name: string): boolean {
  return /^(?:rediss?|unix|postgres(?:ql)?):/i.test(name);
}

/**
 * Refuses an argument of a program with a password, which `ps` shows to everyone.
 *
 * @param variable - What the user sets instead of the option.
 * @throws {@link KerberosError} `KRB5_RC_IO`
 */
export function refusePassword(
  subject: string,
  name: string,
  { option, variable }: { readonly option: string; readonly variable: string },
): void {
  const url = parse(name, subject);
  if (passwordsOf(url).length === 0) return;
  throw new KerberosError('KRB5_RC_IO', {
    reason: 'server.engine',
    message: `${subject} ${shown(url)}: every user of this machine can read its password`,
    hint: `set ${variable} to the URL with the password, and omit ${option}`,
  });
}

/**
 * Connects to Redis or Valkey (`redis://host:6379/0`, `rediss:` with TLS, `unix:/path?db=0`), or to
 * PostgreSQL (`postgres://host/database`; `postgres:` takes everything from PGHOST and the
 * related variables).
 *
 * @returns When the engine has answered.
 * @throws {@link KerberosError} `KRB5_RC_IO` if the package is not installed or the engine does not
 *   answer. No message has the password.
 */
export async function openEngineClient(
  name: string,
  options: EngineClientOptions,
): Promise<EngineClient> {
  const { subject } = options;
  const url = parse(name, subject);
  try {
    return await (/^postgres/.test(url.protocol) ? openPostgres : openRedis)(url, options);
  } catch (error) {
    if (error instanceof KerberosError) throw error;
    // The client's error may repeat the URL with its password, so it does not become the cause.
    throw new KerberosError('KRB5_RC_IO', {
      reason: 'server.engine',
      message: `${subject} ${shown(url)}: ${describe(error, url)}`,
      hint: 'start it, and check its address, its firewall and the password in the URL',
    });
  }
}

interface RedisPackage {
  createClient(options: object): NodeRedisClient & {
    on(event: 'error', listener: (error: unknown) => void): unknown;
    connect(): Promise<unknown>;
    destroy?(): void;
    /** Of node-redis 4, which has no `destroy`. */
    disconnect?(): Promise<void>;
  };
}

async function openRedis(url: URL, options: EngineClientOptions): Promise<EngineClient> {
  const { createClient } = await load<RedisPackage>('redis', url, options);
  let opened = false;
  const { socket: address, ...account } =
    url.protocol === 'unix:' ? ofSocket(url) : ofHost(url, options);
  const socket = {
    ...address,
    connectTimeout: CONNECT_TIMEOUT,
    // At the start the first failure is reported; later the engine may come back at any time.
    reconnectStrategy: (retries: number, cause: Error) =>
      opened ? Math.min(50 * 2 ** retries, MAX_DELAY) : cause,
  };
  const client = createClient({
    ...account,
    socket,
    // A command sent later is of no use: its client has been refused.
    disableOfflineQueue: true,
    // A dead connection that was not closed is detected by its silence.
    pingInterval: PING_INTERVAL,
  });
  let away = false;
  client.on('error', (error) => {
    if (!opened || away) return;
    away = true;
    options.warn(lost(options, url, error));
  });
  const close = async (): Promise<void> => (client.destroy ?? client.disconnect)?.call(client);
  try {
    await inTime(client.connect());
  } catch (error) {
    await close().catch(() => {});
    throw error;
  }
  opened = true;
  return {
    type: 'redis',
    client,
    answered: () => {
      away = false;
    },
    close,
  };
}

/** What `createClient` takes of a URL. It reads URLs itself, but fails for an address of IPv6. */
interface Place {
  readonly socket: object;
  readonly database?: number;
  readonly username?: string;
  readonly password?: string;
}

function ofSocket({ pathname, searchParams }: URL): Place {
  const [database, username, password] = ['db', 'username', 'password'].map((name) =>
    searchParams.get(name),
  );
  return {
    socket: { path: decodeURIComponent(pathname) },
    ...(database && { database: Number(database) }),
    ...(username && { username }),
    ...(password && { password }),
  };
}

function ofHost(url: URL, { subject }: EngineClientOptions): Place {
  const { hostname, port, pathname, username, password } = url;
  const [, database] = /^\/?(\d{0,9})$/.exec(pathname) ?? [];
  if (database === undefined) throw unreadable(`${url.protocol}//${url.host}`, subject);
  return {
    socket: {
      host: hostname.replace(/^\[(.*)\]$/, '$1') || 'localhost',
      port: Number(port || REDIS_PORT),
      ...(url.protocol === 'rediss:' && { tls: true }),
    },
    ...(database && { database: Number(database) }),
    ...(username && { username: decodeURIComponent(username) }),
    ...(password && { password: decodeURIComponent(password) }),
  };
}

interface PostgresPackage {
  Pool: new (
    options: object,
  ) => PostgresClient & {
    on(event: 'error', listener: (error: unknown) => void): unknown;
    end(): Promise<void>;
  };
}

async function openPostgres(url: URL, options: EngineClientOptions): Promise<EngineClient> {
  const loaded = await load<PostgresPackage & { default?: PostgresPackage }>('pg', url, options);
  const { Pool } = loaded.default ?? loaded;
  const pool = new Pool({
    ...(url.href.includes('//') && { connectionString: url.href }),
    connectionTimeoutMillis: CONNECT_TIMEOUT,
    keepAlive: true,
  });
  // An error of an idle connection in the pool would end the process without a listener.
  pool.on('error', () => {});
  // The pool waits for each statement that runs, and a database that is away ends none.
  const close = (): Promise<void> => inTime(pool.end(), END_TIMEOUT).catch(() => {});
  try {
    await inTime(pool.query('SELECT 1', []));
  } catch (error) {
    await close();
    throw error;
  }
  return { type: 'postgres', client: pool, answered: () => {}, close };
}

/** Waits for an engine that may never answer. */
async function inTime<T>(work: Promise<T>, timeout: number = ANSWER_TIMEOUT): Promise<T> {
  let cancel = (): void => {};
  const late = new Promise<never>((_, reject) => {
    const fault = new Error(`no answer for ${timeout / 1000} s`);
    cancel = systemTimer(() => reject(fault), timeout);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    cancel();
  }
}

async function load<Package>(
  name: string,
  url: URL,
  { subject, load: from = (specifier) => import(specifier) }: EngineClientOptions,
): Promise<Package> {
  try {
    return (await from(name)) as Package;
  } catch (error) {
    if ((error as NodeJS.ErrnoException | null)?.code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new KerberosError('KRB5_RC_IO', {
      reason: 'server.engine',
      message: `${subject} ${shown(url)}: package ${name} is not installed`,
      hint: `npm install ${name}, where krb5-acceptor is installed (with -g if that is)`,
    });
  }
}

function parse(name: string, subject: string): URL {
  const scheme = name.slice(0, name.indexOf(':') + 1);
  let url: URL;
  try {
    url = new URL(name);
  } catch {
    throw unreadable(scheme, subject);
  }
  if (!isWhole(url)) throw unreadable(scheme, subject);
  return url;
}

/**
 * False if a part of a password is probably in a part of the URL that is printed: after a slip, or with a
 * character that is not encoded.
 */
function isWhole({ protocol, host, pathname, search, hash }: URL): boolean {
  // Names of settings have no @: it follows a password, whose first part is then taken for the port.
  if (hash !== '' || /^[^=]*@/.test(search)) return false;
  if (protocol === 'unix:') return pathname.startsWith('/');
  if (host === '' && !protocol.startsWith('postgres')) return false;
  return !pathname.includes('@');
}

function unreadable(shown: string, subject: string): KerberosError {
  return new KerberosError('KRB5_RC_IO', {
    reason: 'server.engine',
    message: `${subject} ${shown} has a URL that cannot be read`,
    hint:
      'write redis://host:6379/0, unix:/path/of/socket or postgres://host/database; a password in ' +
      'it must be percent-encoded',
  });
}

/** The URL without the password and other parts that may be secret. */
function shown(url: URL): string {
  return `${url.protocol}${url.host === '' ? '' : '//'}${url.host}${url.pathname}`;
}

/** The forms in which an error may repeat the password: as in the URL, and decoded; the longest first. */
function passwordsOf({ password, search, searchParams }: URL): string[] {
  const inQuery = [...search.matchAll(/[?&]password=([^&]*)/g)].map(([, value]) => value!);
  return [password, decoded(password), ...inQuery, ...searchParams.getAll('password')]
    .filter((form) => form !== '')
    .sort((a, b) => b.length - a.length);
}

function describe(error: unknown, url: URL): string {
  return describeThrown(error, (text) =>
    passwordsOf(url).reduce((rest, password) => rest.replaceAll(password, '***'), text),
  );
}

function decoded(password: string): string {
  try {
    return decodeURIComponent(password);
  } catch {
    return password;
  }
}

function lost({ subject }: EngineClientOptions, url: URL, error: unknown): string {
  const what = subject.charAt(0).toLowerCase() + subject.slice(1);
  return `${what} ${shown(url)} is away: ${describe(error, url)}; clients are refused until it is back`;
}

const REDIS_PORT = '6379';
// Milliseconds.
const CONNECT_TIMEOUT = 5000;
// Connecting, and the first answer.
const ANSWER_TIMEOUT = 10_000;
const END_TIMEOUT = 250;
const MAX_DELAY = 500;
const PING_INTERVAL = 2000;
