/** Makes what krb5-forward-auth serves with, from its command line, krb5.conf and files. */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { KerberosConfig } from '../../config/settings.ts';
import { GssError } from '../../gss/status.ts';
import type { ExchangeKeeper } from '../../http/exchanges.ts';
import { proxyMatcher, TRUST_PROXY } from '../../http/forwarded.ts';
import type { SessionOptions } from '../../http/session/options.ts';
import { parseHostAddress } from '../../messages/host-address.ts';
import { cryptoFor } from '../../node/crypto.ts';
import { keytabFile } from '../../node/files/keytab-file.ts';
import { loadKerberosConfig } from '../../node/files/krb5-conf-file.ts';
import type { NodeAuthenticationRequest } from '../../node/http-request.ts';
import { kerberos } from '../../node/kerberos.ts';
import { FileReplayCache } from '../../node/replay-cache/file.ts';
import { openReplayCache } from '../../node/replay-cache/name.ts';
import { postgresExchanges } from '../../postgres/exchanges.ts';
import { redisExchanges } from '../../redis/exchanges.ts';
import { printable } from '../../text.ts';
import { systemClock } from '../../time.ts';
import { UsageError } from '../arguments.ts';
import type { EngineCache } from '../engine-cache.ts';
import { engineName, openEngineCache } from '../engine-cache.ts';
import type { EngineClient } from '../engine-client.ts';
import { namesEngine, openEngineClient } from '../engine-client.ts';
import { systemErrorText } from '../text.ts';
import type { ForwardAuthArguments } from './args.ts';
import type { ForwardAuth } from './handler.ts';
import { answerChallenge } from './handler.ts';
import { isLoopback } from './listen.ts';
import { RulesError } from './rules.ts';
import { RulesFile } from './rules-file.ts';
import { readSessionKeys } from './session-keys.ts';

/** Where lines of the log are written. */
export interface Logs {
  readonly log: (line: string) => void;
  /** For what anyone can cause. */
  readonly logRefusal: (line: string) => void;
}

/** What the program serves with. */
export interface Configured extends ForwardAuth {
  /** Closes what was opened. */
  close(): Promise<void>;
}

/** @throws {@link UsageError}, {@link GssError}, KerberosError. */
export async function configure(
  options: ForwardAuthArguments,
  { log, logRefusal }: Logs,
): Promise<Configured> {
  const trusted = trustedNetworks(options);
  const rules = options.rules === undefined ? undefined : openRules(options.rules, log);
  const sessions = sessionsOf(options, log);
  const config = loadKerberosConfig();
  for (const warning of config.warnings) log(warning);
  const { replayCache, close } = await openCache(options, config, log);
  const engine = await openExchanges(options, log);
  const { defaultKeytabName } = config;
  const signOn = kerberos({
    keytab: keytabFile(options.keytab, {
      crypto: await cryptoFor(config),
      onWarning: ({ message }) => log(message),
      ...(defaultKeytabName !== undefined && { defaultName: defaultKeytabName }),
    }),
    service: options.service,
    config,
    replayCache,
    // The handler takes requests of proxies only.
    trustProxy: true,
    exchanges: keeperOf(engine, options, sessions),
    requireTls: options.requireTls,
    passPreflight: options.preflight,
    unauthorized: answerChallenge,
    ...(sessions && { sessions }),
    ...(options.iakerb && { iakerb: options.iakerb }),
    ...(options.certificate !== undefined && { certificate: readCertificate(options.certificate) }),
    onRefused: (error, request) => logRefusal(describeRefusal(error, request)),
    onWarning: log,
  });
  return {
    signOn,
    headers: options.headers,
    original: options.original,
    isProxy: (address) =>
      // The other end of a Unix socket has no address.
      address === undefined || isLoopback(address) || trusted(parseHostAddress(address)),
    ...(rules && { rules: () => rules.current() }),
    onRefused: logRefusal,
    ...(options.verbose && { onAccepted: log }),
    close: async () => {
      await close();
      await engine?.close();
    },
  };
}

function openRules(path: string, log: Logs['log']): RulesFile {
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
  log: Logs['log'],
): SessionOptions | undefined {
  if (sessionKey === undefined) return undefined;
  return {
    keys: readSessionKeys(sessionKey, log),
    ...(sessionAge !== undefined && { maxAge: sessionAge }),
    ...(insecureCookie && { cookie: { secure: false } }),
    onWarning: ({ message }) => log(message),
  };
}

async function openCache(
  { replayCache: name }: ForwardAuthArguments,
  { defaultReplayCacheName }: KerberosConfig,
  log: Logs['log'],
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
  log: Logs['log'],
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

function describeRefusal(
  { message, hint, minor }: GssError,
  { request }: NodeAuthenticationRequest,
): string {
  const { method = '', url = '', headers } = request;
  const target = `${method} ${headers.host ?? ''}${url.replace(/\?.*$/s, '')}`;
  const why = [minor?.message ?? message, hint ?? minor?.hint].filter(Boolean).join('; ');
  return printable(`refused ${target.slice(0, MAX_TARGET)}: ${why}`);
}

/** A proxy's connections are not its clients': an exchange must never continue on one. */
const NO_EXCHANGES: ExchangeKeeper<NodeAuthenticationRequest> = {
  take: () => undefined,
  keep: ({ handshake: { foreignChoice } }) => {
    const choice = foreignChoice?.minor;
    throw new GssError('GSS_S_UNAVAILABLE', {
      reason: 'negotiate.other-connection',
      message: 'the client needs several requests to authenticate',
      hint: `set -exchanges, or let clients prefer Kerberos${choice ? `; ${choice.hint}` : ''}`,
      ...(choice && { minor: choice }),
    });
  },
};
const MAX_TARGET = 256;
