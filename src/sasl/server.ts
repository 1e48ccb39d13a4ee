/** The server's half of SASL with Kerberos: mechanisms, and the exchanges of clients. */
import type { Acceptor } from '../acceptor.ts';
import { bindingsOf } from '../gss/channel-bindings.ts';
import { isKrb5Mechanism, Mechanism } from '../gss/mechanism.ts';
import { checkOptions, describe } from '../options.ts';
import { Authorization } from './authorization.ts';
import { SaslExchange } from './exchange.ts';
import { typeOfBindings } from './gs2.ts';
import type { SaslLayer } from './layer.ts';
import type { SaslExchangeOptions, SaslMechanism, SaslServerOptions } from './options.ts';
import { MECHANISMS, SASL_EXCHANGE_OPTIONS, SASL_SERVER_OPTIONS } from './options.ts';

/**
 * Makes a SASL server, which authenticates the clients of any protocol that has SASL.
 *
 * @throws TypeError, RangeError for unknown or invalid options.
 *
 * @example
 * ```ts
 * import type { Acceptor } from 'krb5-acceptor';
 * import { createSaslServer } from 'krb5-acceptor/sasl';
 *
 * export function mailServer(acceptor: Acceptor) {
 *   return createSaslServer({ acceptor, service: 'smtp', layers: ['none'] });
 * }
 * ```
 */
export function createSaslServer(options: SaslServerOptions): SaslServer {
  return new SaslServer(options);
}

/** Made by {@link createSaslServer}, for all connections. */
export class SaslServer {
  /** The mechanisms that clients may choose. */
  readonly mechanisms: readonly SaslMechanism[];
  readonly #options: SaslServerOptions;
  readonly #authorization: Authorization;

  /** @internal */
  constructor(options: SaslServerOptions) {
    checkOptions('createSaslServer', options, SASL_SERVER_OPTIONS);
    const { acceptor } = options;
    this.mechanisms = mechanismsOf(options);
    this.#options = options;
    this.#authorization = new Authorization(options.authorize, acceptor.settings.waits);
  }

  /**
   * The mechanisms to advertise on a connection: without channel bindings of TLS no GS2-KRB5-PLUS, where
   * the acceptor requires them no GS2-KRB5, and where a layer is required neither of the two, since they
   * have none. The list must be the same that {@link begin} has, which refuses clients that saw less
   * (RFC 5801 §5).
   *
   * @param options - Those for {@link begin}.
   */
  mechanismsFor(
    options: Pick<SaslExchangeOptions, 'channelBindings' | 'layers'> = {},
  ): readonly SaslMechanism[] {
    const { channelBindings = [] } = options;
    const bound = bindingsOf(channelBindings).some((one) => typeOfBindings(one) !== undefined);
    const withoutLayer = this.#layersFor(options).includes('none');
    return this.mechanisms.filter((mechanism) => {
      if (mechanism === 'GS2-KRB5-PLUS') return bound && withoutLayer;
      return mechanism !== 'GS2-KRB5' || (withoutLayer && !this.#bindingsRequired);
    });
  }

  /**
   * Begins the exchange of one client.
   *
   * @param mechanism - The name as the client sent it, case ignored. The first step refuses a client
   *   that chose a mechanism which is not offered.
   * @throws TypeError, RangeError for unknown or invalid options.
   *
   * @example
   * ```ts
   * import type { SaslServer, SaslSession } from 'krb5-acceptor/sasl';
   *
   * // `ask` sends a challenge and resolves with the client's response.
   * export async function authenticate(
   *   server: SaslServer,
   *   mechanism: string,
   *   initial: Uint8Array | undefined,
   *   ask: (challenge: Uint8Array) => Promise<Uint8Array>,
   * ): Promise<SaslSession> {
   *   using exchange = server.begin(mechanism);
   *   let result = await exchange.step(initial);
   *   while (result.status === 'continue') result = await exchange.step(await ask(result.challenge));
   *   if (result.status === 'failed') throw result.error;
   *   return result.session;
   * }
   * ```
   */
  begin(mechanism: string, options: SaslExchangeOptions = {}): SaslExchange {
    if (typeof mechanism !== 'string') {
      throw new TypeError(`mechanism: expected text, got ${describe(mechanism)}`);
    }
    checkOptions('begin', options, SASL_EXCHANGE_OPTIONS);
    const name = mechanism.toUpperCase();
    const offered = this.mechanismsFor(options);
    const { acceptor, service, maxBuffer = DEFAULT_BUFFER } = this.#options;
    return new SaslExchange({
      acceptor,
      service,
      maxBuffer,
      authorization: this.#authorization,
      mechanism: offered.find((one) => one === name),
      plusOffered: offered.includes('GS2-KRB5-PLUS'),
      bindingsRequired: this.#bindingsRequired,
      layers: this.#layersFor(options),
      options,
    });
  }

  #layersFor({
    layers = this.#options.layers,
  }: Pick<SaslExchangeOptions, 'layers'>): readonly SaslLayer[] {
    return layers ?? ALL_LAYERS;
  }

  get #bindingsRequired(): boolean {
    return this.#options.acceptor.settings.channelBindingPolicy === 'required';
  }
}

function mechanismsOf({ acceptor, mechanisms }: SaslServerOptions): readonly SaslMechanism[] {
  const possible = MECHANISMS.filter((mechanism) => canServe(acceptor, mechanism));
  if (mechanisms === undefined) return possible;
  for (const mechanism of mechanisms) {
    if (possible.includes(mechanism)) continue;
    throw new RangeError(
      `mechanisms: expected those that the acceptor can serve (${possible.join(', ')}), got ${mechanism}`,
    );
  }
  return [...mechanisms];
}

function canServe(acceptor: Acceptor, mechanism: SaslMechanism): boolean {
  const { mechanisms, channelBindingPolicy } = acceptor.settings;
  if (mechanism === 'GSS-SPNEGO') return mechanisms.includes(Mechanism.spnego);
  // The header of GS2 is verified as part of the bindings, and so an acceptor that ignores them cannot.
  const ignoresHeader = mechanism !== 'GSSAPI' && channelBindingPolicy === 'off';
  return mechanisms.some(isKrb5Mechanism) && !ignoresHeader;
}

const ALL_LAYERS = ['none', 'integrity', 'confidentiality'] as const;
// That of Cyrus SASL, and what its clients accept.
const DEFAULT_BUFFER = 65_536;
