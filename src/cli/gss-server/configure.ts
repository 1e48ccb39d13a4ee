/** From command line and krb5.conf to what gss-server serves with. */
import type { Acceptor } from '../../acceptor.ts';
import { createAcceptor } from '../../acceptor.ts';
import { MemoryReplayCache } from '../../ap/replay-cache.ts';
import { localName } from '../../config/local-name.ts';
import type { KerberosConfig } from '../../config/settings.ts';
import { acceptorPolicy } from '../../config/settings.ts';
import { Enctype } from '../../crypto/numbers.ts';
import type { CryptoProvider } from '../../crypto/provider.ts';
import { KerberosError } from '../../errors.ts';
import { isKrb5Mechanism, Mechanism, mechanismName } from '../../gss/mechanism.ts';
import type { Oid } from '../../gss/oid.ts';
import { GssError } from '../../gss/status.ts';
import { parseServiceName } from '../../keytab/service-name.ts';
import { acquireCredential } from '../../krb5/credential.ts';
import type { Principal } from '../../messages/principal.ts';
import { nodeCrypto } from '../../node/crypto.ts';
import { keytabFile } from '../../node/files/keytab-file.ts';
import { loadKerberosConfig } from '../../node/files/krb5-conf-file.ts';
import { FileReplayCache } from '../../node/replay-cache/file.ts';
import { openReplayCache } from '../../node/replay-cache/name.ts';
import type { ServerArguments } from './args.ts';

export interface Configured {
  readonly acceptor: Acceptor;
  /** The local account of a client, if it has one. */
  readonly localName: (client: Principal) => string | undefined;
  /** The acceptor's, if it is one to share with other processes. */
  readonly replayCache: FileReplayCache | undefined;
}

/**
 * Reads krb5.conf and the keytab.
 *
 * @param warn - Told what an operator should know and what stops nobody.
 * @throws {@link GssError}, {@link KerberosError} if there is nothing to serve with.
 */
export async function configure(
  {
    service,
    mechanism,
    allowAnonymous,
    workers,
    keytab: keytabName,
    replayCache: replayCacheName,
  }: ServerArguments,
  warn: (message: string) => void,
): Promise<Configured> {
  if (mechanism !== undefined && !isOffered(mechanism)) {
    throw new GssError('GSS_S_BAD_MECH', {
      hint: `-mech may be kerberos_v5 or spnego, not ${mechanismName(mechanism)}`,
    });
  }
  const config = loadKerberosConfig();
  for (const warning of config.warnings) warn(warning);
  const { defaultKeytabName, defaultReplayCacheName } = config;
  const keytab = keytabFile(keytabName, {
    crypto: await cryptoFor(config),
    onWarning: ({ message }) => warn(message),
    ...(defaultKeytabName !== undefined && { defaultName: defaultKeytabName }),
  });
  const credential = await acquireCredential({
    keytab,
    service: config.ignoreAcceptorHostname ? withoutHost(service) : service,
    onWarning: ({ message }) => warn(message),
  });
  const replayCache = await openReplayCache(replayCacheName, {
    onWarning: warn,
    ...(defaultReplayCacheName !== undefined && { defaultName: defaultReplayCacheName }),
  });
  if (workers !== undefined && replayCache instanceof MemoryReplayCache) {
    throw new KerberosError('KRB5_RC_IO', {
      message: 'Replay cache memory: cannot be shared by workers',
      hint: 'write -rcache dfl: or -rcache dir:/path/of/a/directory',
    });
  }
  const acceptor = createAcceptor({
    credential,
    replayCache,
    ...acceptorPolicy(config),
    allowAnonymous: allowAnonymous ?? false,
    ...(mechanism !== undefined && { mechanisms: [mechanism] }),
  });
  return {
    acceptor,
    localName: (client) => localNameOrNone(client, config),
    replayCache: replayCache instanceof FileReplayCache ? replayCache : undefined,
  };
}

function isOffered(mechanism: Oid): boolean {
  return mechanism === Mechanism.spnego || isKrb5Mechanism(mechanism);
}

/** The weak enctypes that krb5.conf allows; their code is not even loaded without. */
async function cryptoFor(config: KerberosConfig): Promise<CryptoProvider> {
  const { rc4Hmac, des3CbcSha1 } = Enctype;
  const allowed = ([rc4Hmac, des3CbcSha1] as const).filter((enctype) =>
    config.permittedEnctypes.includes(enctype),
  );
  if (allowed.length === 0) return nodeCrypto;
  const { withLegacyEnctypes } = await import('../../crypto/legacy/index.ts');
  return withLegacyEnctypes(nodeCrypto, allowed);
}

/**
 * ignore_acceptor_hostname: `host@www.example.org` and `host/www.example.org` stand for the service on
 * any host. A principal with its realm stays exactly that one.
 */
function withoutHost(service: string): string {
  try {
    const matcher = parseServiceName(service);
    return matcher.type === 'host' ? `${matcher.service}@` : service;
  } catch {
    // Refused, with its reason, when the credential is acquired.
    return service;
  }
}

function localNameOrNone(client: Principal, config: KerberosConfig): string | undefined {
  try {
    return localName(client, config);
  } catch (error) {
    // A malformed rule was warned about at the start.
    if (error instanceof KerberosError) return undefined;
    throw error;
  }
}
