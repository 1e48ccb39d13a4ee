/** Makes the acceptor of gss-server from its command line, krb5.conf and the keytab. */
import type { Acceptor } from '../../acceptor.ts';
import { createAcceptor } from '../../acceptor.ts';
import { MemoryReplayCache } from '../../ap/replay-cache.ts';
import { localName } from '../../config/local-name.ts';
import type { KerberosConfig } from '../../config/settings.ts';
import { acceptorPolicy } from '../../config/settings.ts';
import { KerberosError } from '../../errors.ts';
import { isKrb5Mechanism, Mechanism, mechanismName } from '../../gss/mechanism.ts';
import type { Oid } from '../../gss/oid.ts';
import { GssError } from '../../gss/status.ts';
import { parseServiceName } from '../../keytab/service-name.ts';
import type { AcceptorCredential } from '../../krb5/credential.ts';
import { acquireCredential } from '../../krb5/credential.ts';
import type { IakerbOptions } from '../../krb5/relay-settings.ts';
import type { Principal } from '../../messages/principal.ts';
import { cryptoFor } from '../../node/crypto.ts';
import { keytabFile } from '../../node/files/keytab-file.ts';
import { loadKerberosConfig } from '../../node/files/krb5-conf-file.ts';
import { krb5ConfKdc } from '../../node/kdc/krb5-conf-kdc.ts';
import { FileReplayCache } from '../../node/replay-cache/file.ts';
import { openReplayCache } from '../../node/replay-cache/name.ts';
import type { EngineCache } from '../engine-cache.ts';
import { engineName, openEngineCache } from '../engine-cache.ts';
import type { ServerArguments } from './args.ts';

type Warn = (message: string) => void;

/** What gss-server serves with. */
export interface Configured {
  readonly acceptor: Acceptor;
  /** Returns the local account of a client, or undefined if it has none. */
  readonly localName: (client: Principal) => string | undefined;
  /** The acceptor's replay cache, if it is in files that other processes can share. */
  readonly replayCache: FileReplayCache | undefined;
  /** Ends the use of the replay cache, whose kind does not matter. */
  readonly closeReplayCache: () => Promise<void>;
}

/**
 * Reads krb5.conf and the keytab, and opens the replay cache.
 *
 * @param warn - Called with each fault that does not stop the server.
 * @throws {@link GssError}, {@link KerberosError} if the server has no usable credential, or its
 *   replay cache cannot be opened.
 */
export async function configure(options: ServerArguments, warn: Warn): Promise<Configured> {
  const { mechanism, lateFallback = false, allowAnonymous } = options;
  const fault = mechanismFault(options);
  if (fault !== undefined) throw fault;
  const config = loadKerberosConfig();
  for (const warning of config.warnings) warn(warning);
  const credential = await acquire(options, config, warn);
  const { replayCache, close } = await openCache(options, config, warn);
  const acceptor = createAcceptor({
    credential,
    replayCache,
    ...acceptorPolicy(config),
    allowAnonymous: allowAnonymous ?? false,
    ...(mechanism !== undefined && !lateFallback && { mechanisms: [mechanism] }),
    ...(mechanism === Mechanism.iakerb && { iakerb: relayOf(options), lateFallback }),
  });
  return {
    acceptor,
    localName: (client) => localNameOrNone(client, config),
    replayCache: replayCache instanceof FileReplayCache ? replayCache : undefined,
    closeReplayCache: close,
  };
}

async function acquire(
  { service, keytab: name, maxKeytabAge }: ServerArguments,
  config: KerberosConfig,
  warn: Warn,
): Promise<AcceptorCredential> {
  const { defaultKeytabName, ignoreAcceptorHostname } = config;
  const keytab = keytabFile(name, {
    crypto: await cryptoFor(config),
    onWarning: ({ message }) => warn(message),
    ...(defaultKeytabName !== undefined && { defaultName: defaultKeytabName }),
  });
  return await acquireCredential({
    keytab,
    service: ignoreAcceptorHostname ? withoutHost(service) : service,
    onWarning: ({ message }) => warn(message),
    ...(maxKeytabAge !== undefined && { maxKeytabAge }),
  });
}

async function openCache(
  { workers, replayCache: name }: ServerArguments,
  { defaultReplayCacheName }: KerberosConfig,
  warn: Warn,
): Promise<EngineCache> {
  const engine = engineName(name, defaultReplayCacheName);
  if (engine !== undefined) return await openEngineCache(engine, { warn });
  const replayCache = await openReplayCache(name, {
    onWarning: warn,
    ...(defaultReplayCacheName !== undefined && { defaultName: defaultReplayCacheName }),
  });
  if (workers !== undefined && replayCache instanceof MemoryReplayCache) {
    throw new KerberosError('KRB5_RC_IO', {
      reason: 'server.option',
      message: 'Replay cache memory: cannot be shared by workers',
      hint: 'write -rcache dfl: or -rcache dir:/path/to/a/directory',
    });
  }
  const close = async () => {
    if (replayCache instanceof FileReplayCache) await replayCache.close();
  };
  return { replayCache, close };
}

function relayOf({ relayedRealms }: ServerArguments): IakerbOptions {
  return { kdc: krb5ConfKdc(), ...(relayedRealms !== undefined && { realms: relayedRealms }) };
}

/** Why the server does not start with its options about mechanisms. */
export function mechanismFault({
  mechanism,
  relayedRealms,
  lateFallback,
}: ServerArguments): GssError | undefined {
  if (mechanism !== undefined && !isOffered(mechanism)) {
    return badMechanism(
      `-mech may be kerberos_v5, spnego or iakerb, not ${mechanismName(mechanism)}`,
    );
  }
  if (mechanism === Mechanism.iakerb) return undefined;
  if (relayedRealms !== undefined) {
    return badMechanism('-realms is for -iakerb, without which nothing is relayed');
  }
  return lateFallback === true
    ? badMechanism('-latefallback is for -iakerb, without which there is no other mechanism')
    : undefined;
}

function badMechanism(hint: string): GssError {
  return new GssError('GSS_S_BAD_MECH', { reason: 'server.option', hint });
}

function isOffered(mechanism: Oid): boolean {
  return (
    mechanism === Mechanism.spnego || mechanism === Mechanism.iakerb || isKrb5Mechanism(mechanism)
  );
}

/**
 * ignore_acceptor_hostname: `host@www.example.org` and `host/www.example.org` mean the service on any
 * host. A principal with a realm is not changed.
 */
function withoutHost(service: string): string {
  try {
    const matcher = parseServiceName(service);
    return matcher.type === 'host' ? `${matcher.service}@` : service;
  } catch {
    // acquireCredential refuses the name, with the reason.
    return service;
  }
}

function localNameOrNone(client: Principal, config: KerberosConfig): string | undefined {
  try {
    return localName(client, config);
  } catch (error) {
    // The warning about the malformed rule was printed at the start.
    if (error instanceof KerberosError) return undefined;
    throw error;
  }
}
