/** The acceptor that an adapter makes from its options, as soon as the keytab can be read. */
import type { Acceptor } from '../acceptor.ts';
import { createAcceptor } from '../acceptor.ts';
import type { Deadline } from '../ap/patience.ts';
import { Answerer, Patience } from '../ap/patience.ts';
import type { ReplayCache } from '../ap/replay-cache.ts';
import { MemoryReplayCache } from '../ap/replay-cache.ts';
import type { KerberosConfig } from '../config/settings.ts';
import { acceptorPolicy, parseKerberosConfig } from '../config/settings.ts';
import { explain as explainError, KerberosError } from '../errors.ts';
import { GssError } from '../gss/status.ts';
import { tell } from '../hooks.ts';
import type { KeytabProvider } from '../keytab/key-source.ts';
import type { Keytab } from '../keytab/keytab.ts';
import { parseKeytab } from '../keytab/keytab.ts';
import { acquireCredential, CREDENTIAL_OPTIONS } from '../krb5/credential.ts';
import type { AskKdc, IakerbOptions } from '../krb5/relay-settings.ts';
import { IAKERB_OPTIONS } from '../krb5/relay-settings.ts';
import type { AcceptorOptions } from '../krb5/settings.ts';
import { publishWarning } from '../observe/warnings.ts';
import type { OptionRules } from '../options.ts';
import {
  callback,
  definite,
  flag,
  isPlainObject,
  kind,
  objectWith,
  optionsOf,
} from '../options.ts';
import { describeThrown } from '../text.ts';
import type { Clock } from '../time.ts';
import { systemClock, systemTimer } from '../time.ts';
import { printWarning } from '../warning.ts';
import { decodeBase64 } from './base64.ts';
import type { AuthenticatorOptions } from './options.ts';

/** Who the server is: the options by which an adapter makes its acceptor. */
export interface ServiceOptions {
  /** An acceptor of the application's own, which replaces the other options. */
  readonly acceptor?: Acceptor;
  /**
   * The keys of the service: the name of a keytab file, whose changes are followed; the contents of one, as
   * bytes or in base64; a keytab; or a function that returns one. Under Node.js, if absent: the file of
   * `KRB5_KTNAME`, or `/etc/krb5.keytab`. Elsewhere it is required, and a name needs a runtime with files.
   */
  readonly keytab?: string | Uint8Array | Keytab | KeytabProvider;
  /** As for {@link acquireCredential}. If absent, `HTTP@`: the service HTTP of any host in the keytab. */
  readonly service?: string | readonly string[];
  /**
   * If absent, one in the memory of this process, which all adapters share. Several processes of one service need one that they share:
   * any {@link ReplayCache}, or for the adapters of Node.js' servers a name for `openReplayCache`, such as `dfl:`.
   */
  readonly replayCache?: ReplayCache | string;
  /**
   * A krb5.conf, for enctypes, clock skew, realms and local names: parsed, as text, or for the adapters
   * of Node.js' servers the name of a file. If absent, none is read.
   */
  readonly config?: KerberosConfig | string;
  /**
   * Whether clients that cannot reach a KDC log in through this server (IAKERB), which relays their messages:
   * `true`, or how. `kdc` is the way to a KDC; under Node.js, if absent: that of `krb5ConfKdc`, by the krb5.conf of
   * `config` if that is text or a name. Elsewhere it is required. If absent or false, nothing is relayed.
   */
  readonly iakerb?: boolean | ServiceIakerbOptions;
  /** As {@link AcceptorOptions.lateFallback}, beside `iakerb`; false if absent. */
  readonly lateFallback?: boolean;
}

/** {@link IakerbOptions} of an adapter, which may know the way to a KDC by itself. */
export interface ServiceIakerbOptions extends Omit<IakerbOptions, 'kdc'> {
  /** As {@link IakerbOptions.kdc}; required except under Node.js. */
  readonly kdc?: AskKdc;
}

/** The options of an authenticator that its acceptor has, too. */
type Surroundings = Pick<
  AuthenticatorOptions,
  'clock' | 'random' | 'deadline' | 'timer' | 'onWarning'
>;

/** Opens the names in {@link ServiceOptions}. */
export interface ServiceFiles {
  /** Follows a keytab file. Undefined means the default file. @throws TypeError if there are no files. */
  keytab(name: string | undefined): KeytabProvider;
  /** @throws TypeError if there are no files. */
  replayCache(name: string): ReplayCache | Promise<ReplayCache>;
  /** @throws TypeError if there are no files. */
  config(name: string): KerberosConfig;
  /**
   * The way to a KDC that a krb5.conf describes; absent if there are no files.
   *
   * @param config - A name, or text; undefined means the default files.
   */
  kdc?(config: string | undefined): Promise<AskKdc>;
}

/** A service that opens its keytab once, and tries again later if that fails. */
export class Service {
  /** A proxy for the acceptor, usable once {@link open} has resolved. */
  readonly acceptor: Acceptor;
  /** The configuration; undefined if there is none. */
  readonly config: KerberosConfig | undefined;
  readonly #open: () => Promise<Acceptor>;
  readonly #clock: Clock;
  readonly #patience: Deadline;
  readonly #answerer = new Answerer('keytab', 'KRB5_KT_IOERR', 'keytab.silent');
  #opened: Acceptor | undefined;
  #opening: Promise<void> | undefined;
  /** When the last attempt has failed, or is late; undefined while one is under way. */
  #failedAt: number | undefined;

  /**
   * @throws TypeError for options that contradict each other, and for names where there are no files.
   * @throws {@link KerberosError} for a malformed configuration.
   */
  constructor(options: ServiceOptions & Surroundings, files: ServiceFiles) {
    const { acceptor, config, clock = systemClock } = options;
    const { timer = systemTimer, deadline = DEFAULT_DEADLINE } = options;
    this.#clock = clock;
    this.#patience = { timer, deadline };
    if (acceptor !== undefined) {
      refuseBeside(options);
      this.#opened = acceptor;
      this.#open = async () => acceptor;
      this.acceptor = acceptor;
      return;
    }
    this.config =
      typeof config === 'string' ? readConfig(config, files, options.onWarning) : config;
    const keytab = readKeytab(options.keytab, files);
    checkRelay(options, files);
    this.#open = () => openAcceptor({ ...options, keytab }, this.config, files);
    const current = (): Acceptor => {
      if (this.#opened === undefined) {
        throw new GssError('GSS_S_NO_CRED', { reason: 'keytab.unreadable' });
      }
      return this.#opened;
    };
    const opened = (): Acceptor | undefined => this.#opened;
    this.acceptor = {
      get credential() {
        return current().credential;
      },
      get statistics() {
        return current().statistics;
      },
      get observer() {
        // Needed for refusals, too, of which one reason is that there is no acceptor yet.
        return opened()?.observer as Acceptor['observer'];
      },
      report: () => current().report(),
      begin: (exchange) => current().begin(exchange),
      resume: (bytes, exchange) => current().resume(bytes, exchange),
    } satisfies Pick<
      Acceptor,
      'credential' | 'statistics' | 'observer' | 'report' | 'begin' | 'resume'
    > as Acceptor;
  }

  /** Whether the acceptor can be used now. */
  get opened(): boolean {
    return this.#opened !== undefined;
  }

  /**
   * Opens the service, once: all callers share the attempt and its failure. Some seconds after a failure the
   * next call makes another attempt.
   *
   * @throws {@link GssError} with the reason. The operator is warned of each failed attempt.
   */
  open(): Promise<void> {
    if (this.#opening === undefined || this.#isLongAgo(this.#failedAt)) {
      this.#failedAt = undefined;
      this.#opening = this.#try();
      // Callers that await the promise get the failure; an unawaited rejection must not end the process.
      this.#opening.catch(() => {});
    }
    return this.#opening;
  }

  /**
   * As {@link open}, but waits no longer than a request may. An attempt that takes longer is used when it ends;
   * some seconds later the next call makes another one.
   */
  async openInTime(): Promise<void> {
    try {
      this.#answerer.checkRoom();
      await new Patience(this.#patience).wait(this.open(), this.#answerer);
    } catch (cause) {
      this.#failedAt ??= this.#clock();
      throw await explainError(faultOf(cause));
    }
  }

  /** A clock that was set back must not keep the service closed. */
  #isLongAgo(failedAt: number | undefined): boolean {
    return failedAt !== undefined && Math.abs(this.#clock() - failedAt) > RETRY_AFTER;
  }

  async #try(): Promise<void> {
    try {
      const opened = await this.#open();
      // A later attempt may have been faster.
      this.#opened ??= opened;
    } catch (cause) {
      this.#failedAt = this.#clock();
      const error = faultOf(cause);
      printWarning(explain(error), 'KRB5_ACCEPTOR_START');
      throw error;
    }
  }
}

async function openAcceptor(
  options: ServiceOptions & Surroundings & { readonly keytab: Keytab | KeytabProvider },
  config: KerberosConfig | undefined,
  files: ServiceFiles,
): Promise<Acceptor> {
  const { keytab, service = ANY_HOST, replayCache, clock, random, deadline, timer } = options;
  const surroundings = {
    ...(clock !== undefined && { clock }),
    ...(random !== undefined && { random }),
    ...(deadline !== undefined && { deadline }),
    ...(timer !== undefined && { timer }),
  };
  const credential = await acquireCredential({ keytab, service, ...(clock && { clock }) });
  const opened =
    typeof replayCache === 'string' ? await files.replayCache(replayCache) : replayCache;
  return createAcceptor({
    credential,
    ...(config !== undefined && acceptorPolicy(config)),
    ...surroundings,
    replayCache:
      opened ?? (clock === undefined ? sharedReplayCache() : new MemoryReplayCache({ clock })),
    ...(await relayOf(options, files)),
  });
}

async function relayOf(
  { iakerb, lateFallback = false, config }: ServiceOptions,
  files: ServiceFiles,
): Promise<Pick<AcceptorOptions, 'iakerb' | 'lateFallback'>> {
  if (iakerb === undefined || iakerb === false) return {};
  const options = iakerb === true ? {} : iakerb;
  const named = typeof config === 'string' ? config : undefined;
  const kdc = options.kdc ?? (await files.kdc!(named));
  return { iakerb: { ...options, kdc }, lateFallback };
}

/**
 * @throws TypeError if messages are to be relayed, and the way is not known. RangeError if there is nothing to
 *   fall back to.
 */
function checkRelay({ iakerb, lateFallback }: ServiceOptions, { kdc }: ServiceFiles): void {
  if (iakerb === undefined || iakerb === false) {
    if (lateFallback !== true) return;
    throw new RangeError('lateFallback: expected the option iakerb beside it, got none');
  }
  if (kdc !== undefined) return;
  if (iakerb === true || iakerb.kdc === undefined) {
    throw new TypeError('iakerb: expected { kdc }, the way to a KDC, such as kdcProxy(url)');
  }
}

/** A token that one adapter of the process has accepted is a replay for all others. */
function sharedReplayCache(): ReplayCache {
  SHARED.replayCache ??= new MemoryReplayCache();
  return SHARED.replayCache;
}

function refuseBeside(options: ServiceOptions): void {
  for (const name of OF_ITS_OWN) {
    if (options[name] === undefined) continue;
    throw new TypeError(`${name}: expected no such option beside acceptor, which has its own`);
  }
}

function readKeytab(
  keytab: ServiceOptions['keytab'],
  files: ServiceFiles,
): Keytab | KeytabProvider {
  if (keytab instanceof Uint8Array) return parseKeytab(keytab);
  if (typeof keytab !== 'string') return keytab ?? files.keytab(undefined);
  const contents = BASE64_KEYTAB.test(keytab)
    ? decodeBase64(keytab.replace(/\s+/g, ''))
    : undefined;
  return contents === undefined ? files.keytab(keytab) : parseKeytab(contents);
}

function readConfig(
  text: string,
  files: ServiceFiles,
  onWarning: Surroundings['onWarning'],
): KerberosConfig {
  const isText = text.includes('\n');
  const config = isText ? parseKerberosConfig(text) : files.config(text);
  for (const problem of config.problems) {
    if (isText) publishWarning(problem);
    const message = [problem.text, ...problem.remedies].join('; ');
    if (onWarning === undefined) printWarning(message, 'KRB5_ACCEPTOR_CONFIG');
    else tell('onWarning', onWarning, message);
  }
  return config;
}

function faultOf(cause: unknown): GssError {
  if (cause instanceof GssError) return cause;
  const minor =
    cause instanceof KerberosError
      ? cause
      : new KerberosError('KRB_ERR_GENERIC', {
          reason: 'fault.program',
          message: 'The acceptor could not be made',
          hint: describeThrown(cause),
          cause,
        });
  return new GssError('GSS_S_NO_CRED', { minor });
}

function explain({ message, minor, hint = minor?.hint }: GssError): string {
  const advice = hint === undefined ? '' : `; ${hint}`;
  return `Kerberos cannot start: ${minor?.message ?? message}${advice}`;
}

/** Made with the first service: not every runtime has randomness while modules are loaded. */
const SHARED: { replayCache?: ReplayCache } = {};
// The version of a keytab file, 0x0501 or 0x0502, in base64.
const BASE64_KEYTAB = /^BQ[EI][A-Za-z0-9+/=\s]{40,}$/;
// Milliseconds.
const RETRY_AFTER = 5000;
// Seconds, as that of an authenticator.
const DEFAULT_DEADLINE = 5;
const ANY_HOST = 'HTTP@';
const OF_ITS_OWN = [
  'keytab',
  'service',
  'replayCache',
  'config',
  'iakerb',
  'lateFallback',
] as const;

const RELAY_OPTIONS = optionsOf<ServiceIakerbOptions>({
  ...IAKERB_OPTIONS,
  kdc: definite(callback),
});

/** The rules of {@link ServiceOptions}. */
export const SERVICE_OPTIONS: OptionRules<ServiceOptions> = {
  acceptor: definite(objectWith('the result of createAcceptor', 'begin')),
  keytab: definite(
    kind(
      'the name, contents or function of a keytab',
      (value) =>
        (typeof value === 'string' && value !== '') ||
        value instanceof Uint8Array ||
        typeof value === 'function' ||
        (isPlainObject(value) && Array.isArray(Reflect.get(value, 'entries'))),
    ),
  ),
  service: definite(CREDENTIAL_OPTIONS.service),
  replayCache: definite(
    kind(
      'a replay cache, or the name of one',
      (value) =>
        (typeof value === 'string' && value !== '') ||
        (isPlainObject(value) && typeof Reflect.get(value, 'checkAndStore') === 'function'),
    ),
  ),
  config: definite(
    kind(
      'the result of parseKerberosConfig, or a krb5.conf',
      (value) => (typeof value === 'string' && value !== '') || isPlainObject(value),
    ),
  ),
  iakerb: definite({
    presence: 'optional',
    check: (value, name) => (typeof value === 'boolean' ? flag : RELAY_OPTIONS).check(value, name),
  }),
  lateFallback: definite(flag),
};
