/** Acceptor credentials (RFC 2743 §2.1.1): which keys stand for which services. */
import type { ServiceKeys } from '../ap/accept.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import { defaultCrypto } from '../crypto/provider.ts';
import { KerberosError } from '../errors.ts';
import { explainNoKey, explainNoService } from '../keytab/explain.ts';
import type { Keytab, KeytabEntry } from '../keytab/keytab.ts';
import type { TicketKeyRequest } from '../keytab/lookup.ts';
import { selectKeys } from '../keytab/lookup.ts';
import type { ServiceMatcher } from '../keytab/service-name.ts';
import { formatServiceName, matchService, parseServiceName } from '../keytab/service-name.ts';
import type { Ticket } from '../messages/ticket.ts';
import { GssError } from './status.ts';

export interface AcquireCredentialOptions {
  /**
   * The keys, or a function that gives them. The function is asked again when a ticket finds no
   * key, so that a rotated keytab needs no restart; while it fails, the last keytab serves on. While
   * it does not answer, exchanges whose ticket finds no key wait for it, and no others.
   */
  readonly keytab: Keytab | (() => Keytab | Promise<Keytab>);
  /**
   * `host@fqdn`, `HTTP/fqdn@REALM`, `host@` for any host, several of them; absent or `*` for any
   * key of the keytab.
   */
  readonly service?: string | readonly string[];
  /** What the keys compute with; that of the keytab if absent. */
  readonly crypto?: CryptoProvider;
}

/**
 * GSS_Acquire_cred for accepting (RFC 2743 §2.1.1).
 *
 * @throws {@link GssError} GSS_S_NO_CRED if the keytab cannot be had or has no key for the service;
 *   GSS_S_BAD_NAME if the service's name is malformed.
 */
export async function acquireCredential(
  options: AcquireCredentialOptions,
): Promise<AcceptorCredential> {
  let matcher: ServiceMatcher;
  try {
    matcher = parseServiceName(options.service);
  } catch (error) {
    if (error instanceof KerberosError) {
      throw new GssError('GSS_S_BAD_NAME', undefined, { minor: error });
    }
    throw error;
  }
  const { keytab: source, crypto } = options;
  const provider = typeof source === 'function' ? source : undefined;
  let keytab: Keytab;
  try {
    keytab = typeof source === 'function' ? await source() : source;
  } catch (error) {
    const minor = error instanceof KerberosError ? error : undefined;
    throw new GssError(
      'GSS_S_NO_CRED',
      undefined,
      minor === undefined ? { cause: error } : { minor },
    );
  }
  if (!keytab.entries.some((entry) => matchService(matcher, entry.principal) !== undefined)) {
    throw new GssError('GSS_S_NO_CRED', undefined, { minor: explainNoService(keytab, matcher) });
  }
  return new AcceptorCredential(keytab, matcher, provider, crypto);
}

/** Keys of a service. Made by {@link acquireCredential}; shared by all of an acceptor's contexts. */
export class AcceptorCredential implements ServiceKeys {
  readonly #matcher: ServiceMatcher;
  readonly #provider: (() => Keytab | Promise<Keytab>) | undefined;
  readonly #crypto: CryptoProvider | undefined;
  #source: Keytab;
  #keytab: Keytab;
  #refreshing: Promise<boolean> | undefined;
  #waiting = 0;

  constructor(
    keytab: Keytab,
    matcher: ServiceMatcher,
    provider?: () => Keytab | Promise<Keytab>,
    crypto?: CryptoProvider,
  ) {
    this.#matcher = matcher;
    this.#provider = provider;
    this.#crypto = crypto;
    this.#source = keytab;
    this.#keytab = this.#adopt(keytab);
  }

  /** The service as MIT krb5 shows it: `host/@` for any host, `*` for any key. */
  get service(): string {
    return formatServiceName(this.#matcher);
  }

  /** The keytab in use. */
  get keytab(): Keytab {
    return this.#keytab;
  }

  /** What its keys compute with. */
  get crypto(): CryptoProvider {
    return this.#crypto ?? this.#keytab.entries[0]?.key.crypto ?? defaultCrypto;
  }

  candidates(ticket: Ticket): Iterable<KeytabEntry> {
    return selectKeys(this.#keytab, this.#matcher, requestOf(ticket));
  }

  explain(ticket: Ticket): KerberosError {
    return explainNoKey(this.#keytab, this.#matcher, requestOf(ticket));
  }

  /**
   * Many tickets may find no key at once; the provider is asked once for all of them. While it does
   * not answer, so many may wait for it; the others are refused with the keys at hand.
   */
  refresh(): Promise<boolean> {
    if (this.#provider === undefined || this.#waiting === MAX_WAITING) return NOTHING_NEW;
    this.#waiting++;
    this.#refreshing ??= this.#reload(this.#provider).finally(() => {
      this.#refreshing = undefined;
      this.#waiting = 0;
    });
    return this.#refreshing;
  }

  async #reload(provider: () => Keytab | Promise<Keytab>): Promise<boolean> {
    try {
      const keytab = await provider();
      if (keytab === this.#source || !Array.isArray(keytab.entries)) return false;
      this.#keytab = this.#adopt(keytab);
      this.#source = keytab;
      return true;
    } catch {
      // The provider has its own way to tell its owner. The keys at hand are still good.
      return false;
    }
  }

  #adopt(keytab: Keytab): Keytab {
    const crypto = this.#crypto;
    if (crypto === undefined) return keytab;
    const entries = keytab.entries.map((entry) => ({
      ...entry,
      key: entry.key.withCrypto(crypto),
    }));
    return { ...keytab, entries };
  }
}

function requestOf({ realm, serverName, encPart }: Ticket): TicketKeyRequest {
  return { realm, serverName, enctype: encPart.enctype, kvno: encPart.kvno ?? 0 };
}

const NOTHING_NEW = Promise.resolve(false);
// A keytab is read in milliseconds. Behind one that hangs, strangers could pile up without end.
const MAX_WAITING = 256;
