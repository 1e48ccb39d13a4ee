/** Acceptor credentials (RFC 2743 §2.1.1): the keys of the services that an acceptor serves. */
import { baseCrypto, loadPrimitives } from '../crypto/base-crypto.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import { cryptoProvider } from '../crypto/provider.ts';
import { explain, KerberosError } from '../errors.ts';
import { GssError, gssErrorOf } from '../gss/status.ts';
import { tell } from '../hooks.ts';
import type { CurrentKeys, KeytabProvider, ServiceKeys } from '../keytab/key-source.ts';
import type { Keytab, KeytabEntry } from '../keytab/keytab.ts';
import { acceptedKeys, findPrincipal } from '../keytab/keytab-index.ts';
import type { TicketKeyRequest } from '../keytab/lookup.ts';
import { selectKeys } from '../keytab/lookup.ts';
import type { ServiceMatcher } from '../keytab/service-name.ts';
import { formatServiceName, matchService, parseServiceName } from '../keytab/service-name.ts';
import { carryOver, faultOfKeytab } from '../keytab/succession.ts';
import { unusableKeys } from '../keytab/unusable.ts';
import type { CredentialWarning } from '../keytab/warning.ts';
import { warningOfSkipped } from '../keytab/warning.ts';
import { parsePrincipal } from '../messages/principal.ts';
import type { Ticket } from '../messages/ticket.ts';
import { Tally } from '../observe/tally.ts';
import { publishWarning } from '../observe/warnings.ts';
import type { OptionRules } from '../options.ts';
import { callback, checkOptions, definite, kind, promptCallback, range } from '../options.ts';
import { describeThrown } from '../text.ts';
import type { Clock } from '../time.ts';
import { systemClock } from '../time.ts';
import { printWarning } from '../warning.ts';

/** Options of {@link acquireCredential}. */
export interface AcquireCredentialOptions {
  /**
   * The keys, or a function that returns them. The function is called again while the credential is
   * in use: every few seconds, and when a ticket finds no key. A key that it no longer returns opens
   * no ticket after 5 s. If it fails, does not answer within 2 s, or returns no keytab or an empty one,
   * `onWarning` is called, and the last keys stay in use.
   */
  readonly keytab: Keytab | KeytabProvider;
  /**
   * `host@fqdn`, `HTTP/fqdn@REALM`, `host@` for any host, several of them; absent or `*` for any
   * key of the keytab.
   */
  readonly service?: string | readonly string[];
  /** The implementation of the keys' cryptography; that of the keytab if absent. */
  readonly crypto?: CryptoProvider;
  /**
   * Seconds for which the last keys stay in use while the function fails; then all clients are
   * refused until it returns a keytab again. If absent, the last keys stay in use for any time.
   */
  readonly maxKeytabAge?: number;
  /** Called once for each fault of the keytab. If absent, the runtime prints the fault as a warning. */
  readonly onWarning?: (warning: CredentialWarning) => void;
  /** Measures the age of the keys; the machine's clock if absent. */
  readonly clock?: Clock;
}

/**
 * GSS_Acquire_cred for accepting (RFC 2743 §2.1.1).
 *
 * @throws {@link GssError} GSS_S_NO_CRED if the keytab cannot be read or has no key for the service;
 *   GSS_S_BAD_NAME if the service's name is malformed.
 * @throws TypeError, RangeError for unknown or invalid options.
 *
 * @example
 * ```ts
 * import { acquireCredential, parseKeytab } from 'krb5-acceptor';
 *
 * const bytes = new Uint8Array(await (await fetch('https://secrets.example.com/keytab')).arrayBuffer());
 * const credential = await acquireCredential({
 *   keytab: parseKeytab(bytes),
 *   service: 'HTTP@www.example.com',
 * });
 * ```
 */
export async function acquireCredential(
  options: AcquireCredentialOptions,
): Promise<AcceptorCredential> {
  checkOptions('acquireCredential', options, CREDENTIAL_OPTIONS);
  const matcher = readService(options.service);
  const {
    keytab: source,
    crypto,
    clock = systemClock,
    onWarning = printCredentialWarning,
  } = options;
  const provider = typeof source === 'function' ? source : undefined;
  const askedAt = clock();
  const keytab = typeof source === 'function' ? await askFirst(source) : source;
  const loading = loadPrimitives();
  if (loading !== undefined) await loading;
  const useless = await explainUseless(keytab, matcher);
  if (useless !== undefined) {
    throw await explain(new GssError('GSS_S_NO_CRED', { minor: useless }));
  }
  const warned = new Tally(MAX_REASONS);
  const warn = (warning: CredentialWarning): void => {
    const { message, error } = warning;
    const { reason, remedies } = error;
    warned.add(reason);
    publishWarning({ reason, text: message, remedies, error });
    tell('onWarning', onWarning, warning);
  };
  const judge = unusableKeys(matcher, (error, reason) => {
    const { message, hint, remedies } = error;
    // RC4 beside AES is not a fault: it is published for listeners only.
    if (reason === 'keytab.not-used') return publishWarning({ reason, text: message, remedies });
    warn({ kind: 'unusable', message: `${message} (${hint})`, error });
  });
  const skipped = warningOfSkipped(keytab);
  if (skipped !== undefined) warn(skipped);
  const keys =
    provider === undefined
      ? fixedKeys(carryOver([], keytab, crypto))
      : await keySourceOf(keytab, askedAt, {
          provider,
          crypto,
          clock,
          maxKeytabAge: (options.maxKeytabAge ?? Number.POSITIVE_INFINITY) * 1000,
          explainUseless: (next) => explainUseless(next, matcher),
          judge,
          warn,
        });
  judge(keys.keytab);
  return new AcceptorCredential(keys, matcher, crypto, warned);
}

/** The keys of a service. Made by {@link acquireCredential}; all contexts of an acceptor share it. */
export class AcceptorCredential implements ServiceKeys {
  readonly #keys: CurrentKeys;
  /** The last answer of {@link acceptsService}: it holds as long as the keytab is the same. */
  #lastService:
    | { readonly name: string; readonly keytab: Keytab; readonly accepted: boolean }
    | undefined;
  readonly #matcher: ServiceMatcher;
  readonly #crypto: CryptoProvider;
  readonly #warned: Tally;

  /** @internal */
  constructor(
    keys: CurrentKeys,
    matcher: ServiceMatcher,
    crypto: CryptoProvider | undefined,
    warned: Tally,
  ) {
    this.#warned = warned;
    this.#keys = keys;
    this.#matcher = matcher;
    this.#crypto = crypto ?? keys.keytab.entries[0]?.key.crypto ?? baseCrypto;
  }

  /** The service as MIT krb5 shows it: `host/@` for any host, `*` for any key. */
  get service(): string {
    return formatServiceName(this.#matcher);
  }

  /** The keytab in use. */
  get keytab(): Keytab {
    return this.#keys.keytab;
  }

  /** The implementation of the keys' cryptography. */
  get crypto(): CryptoProvider {
    return this.#keys.keytab.entries[0]?.key.crypto ?? this.#crypto;
  }

  /** @internal Numbers of warnings by reason: a copy. */
  get warnings(): Record<string, number> {
    return this.#warned.toRecord();
  }

  /** @internal */
  current(): Promise<void> | undefined {
    return this.#keys.current();
  }

  /** @internal */
  candidates(ticket: Ticket): Iterable<KeytabEntry> {
    return selectKeys(this.#keys.keytab, this.#matcher, requestOf(ticket));
  }

  /** @internal The realm of the first principal that is accepted now. */
  get realm(): string | undefined {
    const [first] = acceptedKeys(this.keytab, this.#matcher).principals;
    return first?.principal.realm;
  }

  /** @internal */
  hasKeysOf(realm: string): boolean {
    return acceptedKeys(this.keytab, this.#matcher).realms.has(realm);
  }

  /** @internal Whether a ticket for this principal, as text, could be accepted now. */
  acceptsService(name: string): boolean {
    // Asked for every request in a session, nearly always about the same name.
    const { keytab } = this;
    const last = this.#lastService;
    if (last?.name === name && last.keytab === keytab) return last.accepted;
    const principal = parsePrincipal(name);
    const accepted =
      matchService(this.#matcher, principal) !== undefined &&
      findPrincipal(keytab, principal.realm, principal) !== undefined;
    this.#lastService = { name, keytab, accepted };
    return accepted;
  }

  /** @internal */
  explain(
    ticket: Ticket,
    hasOpened: (entry: KeytabEntry) => boolean,
  ): KerberosError | Promise<KerberosError> {
    const { keytab, expired } = this.#keys;
    if (expired !== undefined) return expired;
    const explainBy = ({ explainNoKey }: Explainer) =>
      explainNoKey(keytab, this.#matcher, requestOf(ticket), hasOpened);
    return explainer === undefined ? loadExplainer().then(explainBy) : explainBy(explainer);
  }

  /** @internal */
  refresh(): Promise<boolean> {
    return this.#keys.refresh();
  }
}

function readService(service: AcquireCredentialOptions['service']): ServiceMatcher {
  try {
    return parseServiceName(service);
  } catch (error) {
    throw gssErrorOf(error, 'GSS_S_BAD_NAME');
  }
}

async function askFirst(provider: KeytabProvider): Promise<Keytab> {
  try {
    const keytab = await provider();
    const fault = faultOfKeytab(keytab);
    if (fault !== undefined)
      throw new TypeError(`keytab: expected a function of a keytab, ${fault}`);
    return keytab;
  } catch (error) {
    await explain(error);
    if (error instanceof KerberosError) throw gssErrorOf(error, 'GSS_S_NO_CRED');
    const detail = { problem: describeThrown(error) };
    throw new GssError('GSS_S_NO_CRED', { reason: 'keytab.failed', detail, cause: error });
  }
}

/** The keys of a keytab that does not change. */
function fixedKeys(keytab: Keytab): CurrentKeys {
  return {
    keytab,
    expired: undefined,
    current: () => undefined,
    refresh: () => Promise.resolve(false),
  };
}

/** The keys of a function, for which the code that asks it again is loaded. */
async function keySourceOf(...given: ConstructorParameters<KeySourceClass>): Promise<CurrentKeys> {
  const { KeySource } = await import('../keytab/key-source.ts');
  return new KeySource(...given);
}

type KeySourceClass = typeof import('../keytab/key-source.ts').KeySource;

/** Why a keytab has no key for the service; undefined if it has one. */
function explainUseless(
  keytab: Keytab,
  matcher: ServiceMatcher,
): Promise<KerberosError> | undefined {
  if (keytab.entries.some(({ principal }) => matchService(matcher, principal) !== undefined)) {
    return undefined;
  }
  return loadExplainer().then(({ explainNoService }) => explainNoService(keytab, matcher));
}

/** Loads the explanations of keys that open no ticket, with the first such ticket or keytab. */
async function loadExplainer(): Promise<Explainer> {
  explainer ??= await import('../keytab/explain.ts');
  return explainer;
}

type Explainer = typeof import('../keytab/explain.ts');

function printCredentialWarning({ message }: CredentialWarning): void {
  printWarning(message, 'KRB5_ACCEPTOR_KEYTAB');
}

function requestOf({ realm, serverName, encPart }: Ticket): TicketKeyRequest {
  return { realm, serverName, enctype: encPart.enctype, kvno: encPart.kvno ?? 0 };
}

export const CREDENTIAL_OPTIONS: OptionRules<AcquireCredentialOptions> = {
  keytab: {
    presence: 'required',
    check: (value, name) => {
      const fault = typeof value === 'function' ? undefined : faultOfKeytab(value);
      if (fault !== undefined) {
        throw new TypeError(`${name}: expected a keytab or a function, ${fault}`);
      }
    },
  },
  // An unset variable must not mean any key of the keytab.
  service: definite(kind('a name or a list of names', isNameOrList)),
  crypto: cryptoProvider,
  maxKeytabAge: definite(range('seconds', (value) => typeof value === 'number' && value >= 0)),
  onWarning: callback,
  clock: promptCallback,
};

// Those of keytabs are a dozen.
const MAX_REASONS = 64;
let explainer: Explainer | undefined;

function isNameOrList(value: unknown): boolean {
  return typeof value === 'string' || Array.isArray(value);
}
