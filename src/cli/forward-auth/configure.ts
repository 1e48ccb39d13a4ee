/** Makes what krb5-forward-auth serves with, from its command line, krb5.conf and files. */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Acceptor } from '../../acceptor.ts';
import { createAcceptor } from '../../acceptor.ts';
import type { KerberosConfig } from '../../config/settings.ts';
import { acceptorPolicy } from '../../config/settings.ts';
import { GssError } from '../../gss/status.ts';
import type { ExchangeKeeper } from '../../http/exchanges.ts';
import { preferenceOf } from '../../http/exchanges.ts';
import { proxyMatcher, TRUST_PROXY } from '../../http/forwarded.ts';
import type { SessionOptions, SessionWarning } from '../../http/session/options.ts';
import type { AcceptorCredential } from '../../krb5/credential.ts';
import { acquireCredential } from '../../krb5/credential.ts';
import { parseHostAddress } from '../../messages/host-address.ts';
import { cryptoFor } from '../../node/crypto.ts';
import { keytabFile } from '../../node/files/keytab-file.ts';
import { loadKerberosConfig } from '../../node/files/krb5-conf-file.ts';
import type { NodeAuthenticationRequest } from '../../node/http-request.ts';
import { krb5ConfKdc } from '../../node/kdc/krb5-conf-kdc.ts';
import { kerberos } from '../../node/kerberos.ts';
import { FileReplayCache } from '../../node/replay-cache/file.ts';
import { openReplayCache } from '../../node/replay-cache/name.ts';
import { postgresExchanges } from '../../postgres/exchanges.ts';
import { redisExchanges } from '../../redis/exchanges.ts';
import { systemClock } from '../../time.ts';
import { UsageError } from '../arguments.ts';
import type { EngineCache } from '../engine-cache.ts';
import { engineName, openEngineCache } from '../engine-cache.ts';
import type { EngineClient } from '../engine-client.ts';
import { namesEngine, openEngineClient } from '../engine-client.ts';
import { errorRecord } from '../record.ts';
import { systemErrorText } from '../text.ts';
import type { ForwardAuthArguments } from './args.ts';
import type { ForwardAuth } from './handler.ts';
import { answerChallenge } from './handler.ts';
import { isLoopback } from './listen.ts';
import type { Log } from './log.ts';
import type { AuthRecord } from './records.ts';
import { Told } from './records.ts';
import { RulesError } from './rules.ts';
import { RulesFile } from './rules-file.ts';
import { readSessionKeys } from './session-keys.ts';

/** What the program serves with. */
export interface Configured extends ForwardAuth {
  readonly acceptor: Acceptor;
  /** Closes what was opened. */
  close(): Promise<void>;
}

/** @throws {@link UsageError}, {@link GssError}, KerberosError. */
export async function configure(
  options: ForwardAuthArguments,
  { note: log, record }: Pick<Log, 'note' | 'record'>,
): Promise<Configured> {
  const trusted = trustedNetworks(options);
  const rules = options.rules === undefined ? undefined : openRules(options.rules, log);
  const sessions = sessionsOf(options, log);
  const config = loadKerberosConfig();
  for (const warning of config.warnings) log(warning);
  const { replayCache, close } = await openCache(options, config, log);
  const engine = await openExchanges(options, log);
  const acceptor = createAcceptor({
    credential: await acquire(options, config, log),
    ...acceptorPolicy(config),
    replayCache,
    ...(options.iakerb && { iakerb: { ...options.iakerb, kdc: krb5ConfKdc() } }),
    lateFallback: options.lateFallback,
  });
  const told = new Told();
  const signOn = kerberos({
    acceptor,
    localNames: config,
    // The handler takes requests of proxies only.
    trustProxy: true,
    exchanges: keeperOf(engine, options, sessions),
    requireTls: options.requireTls,
    passPreflight: options.preflight,
    unauthorized: answerChallenge,
    ...(sessions && { sessions }),
    ...(options.certificate !== undefined && { certificate: readCertificate(options.certificate) }),
    ...told.hooks,
    onWarning: (message, error) => {
      if (error === undefined) log(message);
      else record(refusedByServer(error));
    },
  });
  return {
    signOn,
    acceptor,
    told,
    record,
    headers: options.headers,
    original: options.original,
    isProxy: (address) =>
      // The other end of a Unix socket has no address.
      address === undefined || isLoopback(address) || trusted(parseHostAddress(address)),
    ...(rules && { rules: () => rules.current() }),
    close: async () => {
      acceptor.dispose();
      await close();
      await engine?.close();
    },
  };
}

async function acquire(
  { keytab, service }: ForwardAuthArguments,
  config: KerberosConfig,
  log: Log['note'],
): Promise<AcceptorCredential> {
  const { defaultKeytabName: defaultName } = config;
  const onWarning = ({ message }: { readonly message: string }): void => log(message);
  return await acquireCredential({
    keytab: keytabFile(keytab, {
      crypto: await cryptoFor(config),
      onWarning,
      ...(defaultName !== undefined && { defaultName }),
    }),
    service,
    onWarning,
  });
}

/** Of a request with headers that Node.js refuses, no more is known. */
function refusedByServer(error: GssError): AuthRecord {
  const status = error.reason === 'http.header-too-long' ? 431 : 400;
  return { event: 'refused', status, ...errorRecord(error) };
}

function openRules(path: string, log: Log['note']): RulesFile {
  try {
    return new RulesFile(path, systemClock, log);
  } catch (error) {
    if (error instanceof RulesError) throw new UsageError(`-rules: ${path}: ${error.message}`);
    throw error;
  }
}

function trustedNetworks({ trust }: ForwardAuthArguments) {
  if (trust.length === 0) return proxyMatcher(false);
  try {
    TRUST_PROXY.check(trust, '-trust');
    return proxyMatcher(trust);
  } catch (error) {
    if (error instanceof TypeError) throw new UsageError(error.message);
    throw error;
  }
}

function sessionsOf(
  { sessionKey, sessionAge, insecureCookie }: ForwardAuthArguments,
  log: Log['note'],
): SessionOptions | undefined {
  if (sessionKey === undefined) return undefined;
  return {
    keys: readSessionKeys(sessionKey, log),
    ...(sessionAge !== undefined && { maxAge: sessionAge }),
    ...(insecureCookie && { cookie: { secure: false } }),
    onWarning: sessionNotes(log),
  };
}

/** Writes the first warning of each kind: every client can cause them, with each request. */
function sessionNotes(log: Log['note']): NonNullable<SessionOptions['onWarning']> {
  const noted = new Set<string>();
  return ({ kind, error, message }) => {
    if (noted.has(kind)) return;
    noted.add(kind);
    const remedy = SESSION_REMEDIES[kind];
    log(remedy === undefined ? message : `${error.message}; ${remedy}`);
  };
}

async function openCache(
  { replayCache: name }: ForwardAuthArguments,
  { defaultReplayCacheName }: KerberosConfig,
  log: Log['note'],
): Promise<EngineCache> {
  const engine = engineName(name, defaultReplayCacheName);
  if (engine !== undefined) return await openEngineCache(engine, { warn: log });
  const replayCache = await openReplayCache(name, {
    onWarning: log,
    ...(defaultReplayCacheName !== undefined && { defaultName: defaultReplayCacheName }),
  });
  const close = async () => {
    if (replayCache instanceof FileReplayCache) await replayCache.close();
  };
  return { replayCache, close };
}

async function openExchanges(
  { exchanges: name }: ForwardAuthArguments,
  log: Log['note'],
): Promise<EngineClient | undefined> {
  if (name === undefined) return undefined;
  if (!namesEngine(name)) {
    throw new UsageError('-exchanges: expected a URL: redis:, rediss:, unix: or postgres:');
  }
  return await openEngineClient(name, { subject: 'Store of exchanges', warn: log });
}

function keeperOf(
  engine: EngineClient | undefined,
  { insecureCookie }: ForwardAuthArguments,
  sessions: SessionOptions | undefined,
): ExchangeKeeper<NodeAuthenticationRequest> {
  if (engine === undefined || sessions === undefined) return NO_EXCHANGES;
  // What is sealed says what it is for: an exchange is no session.
  const options = { keys: sessions.keys, ...(insecureCookie && { cookie: { secure: false } }) };
  const keeper =
    engine.type === 'redis'
      ? redisExchanges(engine.client, options)
      : postgresExchanges(engine.client, options);
  return {
    take: (request, acceptor) => keeper.take(request, acceptor),
    keep: async (exchange) => {
      const headers = await keeper.keep(exchange);
      engine.answered();
      return headers;
    },
  };
}

function readCertificate(path: string): string {
  try {
    const text = readFileSync(path, 'utf8');
    void new X509Certificate(text);
    return text;
  } catch (error) {
    throw new UsageError(`-certificate: ${path}: ${systemErrorText(error)}`);
  }
}

/** A proxy's connections are not its clients': an exchange must never continue on one. */
const NO_EXCHANGES: ExchangeKeeper<NodeAuthenticationRequest> = {
  take: () => undefined,
  keep: ({ handshake: { foreignChoice } }) => {
    const choice = foreignChoice?.minor;
    throw new GssError('GSS_S_UNAVAILABLE', {
      reason: 'negotiate.other-connection',
      detail: {
        problem: '-exchanges is not set',
        ...(choice && { prefers: preferenceOf(choice) }),
      },
      message: 'the client needs several requests to authenticate',
      hint: `set -exchanges, or let clients prefer Kerberos${choice ? `; ${choice.hint}` : ''}`,
      ...(choice && { minor: choice }),
    });
  },
};

// In the words of this program: it has no options for groups and stores.
const SESSION_REMEDIES: { readonly [Kind in SessionWarning['kind']]?: string } = {
  insecure:
    'serve https, and have the proxy set X-Forwarded-Proto to what the client used; for trials over plain ' +
    'HTTP there is -insecure-cookie',
  'too-large':
    'this client, and any other in that many groups, sends a ticket with each request, which works and is slower',
};
