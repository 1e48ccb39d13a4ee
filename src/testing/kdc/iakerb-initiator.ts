/** An initiator of IAKERB (draft-ietf-kitten-iakerb-03), for tests: it logs in through the acceptor. */
import type { EncryptionKey } from '../../crypto/key.ts';
import { KeyUsage } from '../../crypto/numbers.ts';
import { KerberosError, krbErrorName } from '../../errors.ts';
import { frameToken, isFramedToken, readFirstToken, TokenId } from '../../gss/framing.ts';
import { Mechanism } from '../../gss/mechanism.ts';
import { GssError } from '../../gss/status.ts';
import type { FinishedExtension } from '../../krb5/authenticator-checksum.ts';
import { FinishedType } from '../../krb5/authenticator-checksum.ts';
import { Tag } from '../../messages/der/reader.ts';
import {
  decodeProxiedMessage,
  encodeFinished,
  encodeProxiedMessage,
} from '../../messages/kdc/iakerb.ts';
import { decodeKrbError } from '../../messages/krb-error.ts';
import { parsePrincipal } from '../../messages/principal.ts';
import type { OptionRules } from '../../options.ts';
import { checkOptions, oneOf, required, text } from '../../options.ts';
import type { InitiatorOptions, InitiatorResult } from '../initiator-options.ts';
import { INITIATOR_OPTIONS } from '../initiator-options.ts';
import { KerberosExchange } from '../kerberos-exchange.ts';
import type { MintedTicket } from '../mint.ts';
import type { Login, LoginOptions } from './request-ticket.ts';
import { LOGIN_OPTIONS, logIn } from './request-ticket.ts';

/** Options of {@link createIakerbInitiator}. */
export interface IakerbInitiatorOptions
  extends LoginOptions,
    Pick<InitiatorOptions, 'flags' | 'channelBindings'> {
  /** `alice@EXAMPLE.TEST`; without a realm (`alice`) the initiator asks the acceptor for its realm. */
  readonly client: string;
  /**
   * How to write tokens: as the draft, Windows and MIT krb5 from 1.22, or as MIT krb5 before that.
   * `draft` if absent.
   */
  readonly dialect?: 'draft' | 'old-mit';
}

/**
 * Creates an initiator that reaches its KDC through the acceptor.
 *
 * @throws TypeError, RangeError for invalid options.
 *
 * @example
 * ```ts
 * import { createAcceptor, acquireCredential } from 'krb5-acceptor';
 * import { createIakerbInitiator, createRealm } from 'krb5-acceptor/testing';
 *
 * const realm = createRealm({ services: ['host/www.example.com'] });
 * const acceptor = createAcceptor({
 *   credential: await acquireCredential({ keytab: realm.keytab }),
 *   iakerb: { kdc: realm.kdc },
 * });
 * const initiator = createIakerbInitiator({
 *   client: 'alice@EXAMPLE.TEST',
 *   password: 'alice-password',
 *   service: 'host/www.example.com',
 * });
 * const handshake = acceptor.begin();
 * let step = initiator.begin();
 * while (step.status === 'continue') {
 *   step = initiator.step((await handshake.accept(step.outputToken)).outputToken);
 * }
 * ```
 */
export function createIakerbInitiator(options: IakerbInitiatorOptions): IakerbInitiator {
  return new IakerbInitiator(options);
}

/** One exchange. Created by {@link createIakerbInitiator}. */
export class IakerbInitiator {
  readonly #options: IakerbInitiatorOptions;
  readonly #transcript: Uint8Array[] = [];
  #login: Login | undefined;
  #kerberos: KerberosExchange | undefined;

  /** @internal */
  constructor(options: IakerbInitiatorOptions) {
    checkOptions('createIakerbInitiator', options, IAKERB_INITIATOR_OPTIONS);
    this.#options = options;
  }

  /** The first token: a request for a KDC, or the question for the acceptor's realm. */
  begin(): InitiatorResult {
    const { client } = this.#options;
    if (!client.includes('@')) return this.#send('', new Uint8Array());
    return this.#logIn(client);
  }

  /**
   * Takes the acceptor's answer.
   *
   * @throws {@link KdcError} for a KRB-ERROR of the KDC, {@link GssError} for one of the acceptor, and as
   *   `Initiator.step`.
   */
  step(token?: Uint8Array): InitiatorResult {
    if (this.#kerberos !== undefined) return this.#kerberos.step(token);
    if (token === undefined)
      throw new GssError('GSS_S_DEFECTIVE_TOKEN', { reason: 'token.empty', message: MISSING });
    const { targetRealm, message } = readProxyToken(token);
    this.#transcript.push(token.slice());
    refuseRelayError(message);
    if (this.#login === undefined) return this.#logIn(`${this.#options.client}@${targetRealm}`);
    return this.#next(this.#login.next(message));
  }

  #logIn(client: string): InitiatorResult {
    const { flags, channelBindings, dialect, ...login } = this.#options;
    const service = parsePrincipal(this.#options.service, parsePrincipal(client).realm);
    this.#login = logIn({
      ...login,
      client,
      service: `${service.components.join('/')}@${service.realm}`,
    });
    return this.#next(this.#login.next());
  }

  #next(step: ReturnType<Login['next']>): InitiatorResult {
    if (step.done !== true) return this.#send(step.value.realm, step.value.message);
    return { status: 'continue', outputToken: this.#request(step.value) };
  }

  #send(realm: string, message: Uint8Array): InitiatorResult {
    const old = this.#options.dialect === 'old-mit';
    const contents = encodeProxiedMessage({
      targetRealm: realm,
      realmTag: old ? Tag.octetString : Tag.utf8String,
      message,
    });
    const framed = frameToken(Mechanism.iakerb, TokenId.iakerbProxy, contents);
    const isLater = this.#transcript.length > 0;
    const outputToken = old && isLater ? framed.slice(framed.length - contents.length - 2) : framed;
    this.#transcript.push(outputToken.slice());
    return { status: 'continue', outputToken };
  }

  #request(ticket: MintedTicket): Uint8Array {
    const { flags, channelBindings, clock, random } = this.#options;
    this.#kerberos = new KerberosExchange(
      {
        ticket,
        mechanism: Mechanism.iakerb,
        ...(flags !== undefined && { flags }),
        ...(channelBindings && { channelBindings }),
        ...(clock && { clock }),
        ...(random && { random }),
      },
      (subkey) => this.#finished(subkey),
    );
    return this.#kerberos.begin();
  }

  #finished(subkey: EncryptionKey): FinishedExtension {
    const old = this.#options.dialect === 'old-mit';
    const usage = old ? KeyUsage.iakerbFinished : KeyUsage.finished;
    const checksum = subkey.checksum(usage, ...this.#transcript);
    return {
      type: old ? FinishedType.oldMit : FinishedType.draft,
      data: encodeFinished({ type: subkey.checksumType, checksum }),
    };
  }
}

function readProxyToken(token: Uint8Array) {
  const first = isFramedToken(token) ? readFirstToken(token) : undefined;
  const inner = first?.inner ?? token;
  if ((((inner[0] ?? 0) << 8) | (inner[1] ?? 0)) !== TokenId.iakerbProxy) {
    throw new GssError('GSS_S_DEFECTIVE_TOKEN', {
      reason: 'token.malformed',
      message: 'the acceptor sent no IAKERB_PROXY token',
    });
  }
  return decodeProxiedMessage(inner.subarray(2));
}

/** The KDC's errors are for the login; those of the relay end it. */
function refuseRelayError(message: Uint8Array): void {
  if (message[0] !== KRB_ERROR) return;
  const code = krbErrorName(decodeKrbError(message).errorCode);
  if (code?.startsWith('KRB_AP_ERR_IAKERB') !== true) return;
  throw new GssError('GSS_S_FAILURE', {
    minor: new KerberosError(code, { reason: 'iakerb.kdc-unreachable' }),
  });
}

const KRB_ERROR = 0x7e;
const MISSING = 'the acceptor sent no token';

const IAKERB_INITIATOR_OPTIONS: OptionRules<IakerbInitiatorOptions> = {
  ...LOGIN_OPTIONS,
  client: required(text),
  flags: INITIATOR_OPTIONS.flags,
  channelBindings: INITIATOR_OPTIONS.channelBindings,
  dialect: oneOf('draft', 'old-mit'),
};
