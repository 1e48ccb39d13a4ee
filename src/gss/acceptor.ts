/** Acceptors: long-lived, shared by all connections; and the exchanges that they begin. */
import { MemoryReplayCache } from '../ap/replay-cache.ts';
import { plainBytes } from '../bytes.ts';
import { DecodeError } from '../errors.ts';
import { systemRandom } from '../random.ts';
import { systemClock } from '../time.ts';
import { unframeToken } from './framing.ts';
import { isUnframedApReq, Krb5Handshake } from './krb5-handshake.ts';
import { isKrb5Mechanism, Mechanism, mechanismName } from './mechanism.ts';
import type { Oid } from './oid.ts';
import type {
  AcceptorOptions,
  AcceptorSettings,
  AcceptResult,
  HandshakeOptions,
  MechanismHandshake,
} from './settings.ts';
import { GssError } from './status.ts';

/**
 * Makes an acceptor.
 *
 * @throws TypeError, RangeError for options that make no sense.
 */
export function createAcceptor(options: AcceptorOptions): Acceptor {
  return new Acceptor(options);
}

/** Made by {@link createAcceptor}. */
export class Acceptor {
  readonly #settings: AcceptorSettings;

  constructor(options: AcceptorOptions) {
    const maxSkew = options.maxSkew ?? DEFAULT_SKEW;
    if (!Number.isSafeInteger(maxSkew) || maxSkew < 0) {
      throw new RangeError(`maxSkew: expected whole seconds, got ${maxSkew}`);
    }
    const clock = options.clock ?? systemClock;
    const random = options.random ?? systemRandom;
    this.#settings = {
      credential: options.credential,
      mechanisms: options.mechanisms ?? [Mechanism.krb5],
      clock,
      random,
      maxSkew,
      replayCache: options.replayCache ?? new MemoryReplayCache({ clock, random }),
      channelBindingPolicy: options.channelBindingPolicy ?? 'when-supported',
      permittedEnctypes: options.permittedEnctypes ?? PREFERRED_ENCTYPES,
      pacPolicy: options.pacPolicy ?? 'when-valid',
      checkAddresses: options.checkAddresses ?? false,
      checkTransited: options.checkTransited ?? refuseTransited,
    };
  }

  /** The credential in use. */
  get credential(): AcceptorOptions['credential'] {
    return this.#settings.credential;
  }

  /** Begins an exchange: one for each connection. */
  begin(options: HandshakeOptions = {}): Handshake {
    return new Handshake(this.#settings, options);
  }
}

/** One exchange. Made by {@link Acceptor.begin}. */
export class Handshake {
  readonly #settings: AcceptorSettings;
  readonly #options: HandshakeOptions;
  #mechanism: MechanismHandshake | undefined;
  #state: 'ready' | 'busy' | 'done' = 'ready';

  constructor(settings: AcceptorSettings, options: HandshakeOptions) {
    this.#settings = settings;
    this.#options = options;
  }

  /**
   * GSS_Accept_sec_context (RFC 2743 §2.2.2): takes the peer's next token. Call it until the status
   * is not `continue`, and send each `outputToken` to the peer, that of a failure too.
   *
   * @param token - As received; must not change before the promise is settled.
   * @throws TypeError if called out of turn or with no bytes. What the peer sends never throws.
   */
  async accept(token: Uint8Array): Promise<AcceptResult> {
    const bytes = plainBytes(token, 'token');
    if (this.#state !== 'ready') {
      throw new TypeError(
        this.#state === 'done'
          ? 'handshake: expected no further token, got one after the end'
          : 'handshake: expected one token at a time, got another before the answer',
      );
    }
    this.#state = 'busy';
    const result = await this.#accept(bytes);
    this.#state = result.status === 'continue' ? 'ready' : 'done';
    return result;
  }

  async #accept(token: Uint8Array): Promise<AcceptResult> {
    if (this.#mechanism === undefined) {
      try {
        this.#mechanism = this.#choose(token);
      } catch (error) {
        if (error instanceof GssError) return { status: 'failed', error };
        throw error;
      }
    }
    return this.#mechanism.accept(token);
  }

  #choose(token: Uint8Array): MechanismHandshake {
    const mechanism = isUnframedApReq(token) ? Mechanism.krb5 : mechanismOf(token);
    const { mechanisms } = this.#settings;
    if (isKrb5Mechanism(mechanism) && mechanisms.some(isKrb5Mechanism)) {
      return new Krb5Handshake(this.#settings, this.#options);
    }
    // MIT krb5: a mechanism that we have, but no credential for, is another failure than one that
    // nobody here has heard of.
    const known = Object.values<Oid>(Mechanism).includes(mechanism);
    throw new GssError(known ? 'GSS_S_NO_CRED' : 'GSS_S_BAD_MECH', undefined, {
      hint: `the client uses ${mechanismName(mechanism)}; accepted: ${mechanisms.map(mechanismName).join(', ')}`,
    });
  }
}

function mechanismOf(token: Uint8Array): Oid {
  try {
    return unframeToken(token).mechanism;
  } catch (error) {
    if (error instanceof DecodeError) {
      throw new GssError('GSS_S_DEFECTIVE_TOKEN', error.message, { cause: error });
    }
    throw error;
  }
}

/** RFC 4120 §2.7: what nobody has judged is not trusted. */
function refuseTransited(): boolean {
  return false;
}

// RFC 4120 §8.2: five minutes.
const DEFAULT_SKEW = 300;
// The order of MIT krb5's default permitted_enctypes.
const PREFERRED_ENCTYPES: readonly number[] = [18, 17, 20, 19, 26, 25];
