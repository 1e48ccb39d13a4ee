/** A client that logs in: password or keytab, ticket-granting ticket, service ticket. */
import { decryptPart } from '../../ap/encrypted-part.ts';
import type { StopSignal } from '../../ap/patience.ts';
import { EncryptionKey } from '../../crypto/default-crypto.ts';
import { KeyUsage } from '../../crypto/numbers.ts';
import type { CryptoProvider } from '../../crypto/provider.ts';
import { cryptoProvider } from '../../crypto/provider.ts';
import type { Keytab } from '../../keytab/keytab.ts';
import { encodeApReq, encodeAuthenticator } from '../../messages/ap-req.ts';
import type { EtypeInfo2Entry, PaData } from '../../messages/kdc/pa-data.ts';
import {
  decodeEtypeInfo2,
  decodeMethodData,
  encodeEncryptedTimestamp,
  encodePacRequest,
  encodePaTimestamp,
  PaDataType,
} from '../../messages/kdc/pa-data.ts';
import { decodeEncKdcReplyPart, decodeKdcReply, KdcReplyType } from '../../messages/kdc/reply.ts';
import type { KdcRequestBody } from '../../messages/kdc/request.ts';
import {
  encodeKdcRequest,
  encodeKdcRequestBody,
  KdcOption,
  KdcRequestType,
} from '../../messages/kdc/request.ts';
import { decodeKrbError } from '../../messages/krb-error.ts';
import type { Principal } from '../../messages/principal.ts';
import { parsePrincipal, principalEqual } from '../../messages/principal.ts';
import type { OptionRules } from '../../options.ts';
import {
  callback,
  checkOptions,
  flag,
  isPlainObject,
  kind,
  listOf,
  nonEmpty,
  objectWith,
  promptCallback,
  range,
  required,
  text,
} from '../../options.ts';
import type { RandomSource } from '../../random.ts';
import { systemRandom } from '../../random.ts';
import type { Clock } from '../../time.ts';
import { splitTime, systemClock } from '../../time.ts';
import type { MintedTicket } from '../mint.ts';
import { KdcError } from './error.ts';
import { DEFAULT_ENCTYPES, defaultSalt } from './principals.ts';
import type { Kdc } from './realm.ts';
import { ticketGranting } from './state.ts';

/** Options of a login, whatever carries its messages. */
export interface LoginOptions {
  /** `alice@EXAMPLE.TEST`. */
  readonly client: string;
  /** The client's password; `keytab` is used if absent. */
  readonly password?: string;
  /** Holds a key of the client. */
  readonly keytab?: Keytab;
  /** `HTTP/www.example.com`; without a realm, the client's realm. */
  readonly service: string;
  /** The accepted enctypes, best first; 18, 17, 20 and 19 if absent. */
  readonly enctypes?: readonly number[];
  /** False declines a PAC; true if absent. */
  readonly pac?: boolean;
  /** The default provider if absent; weak enctypes need that of `krb5-acceptor/legacy`. */
  readonly crypto?: CryptoProvider;
  /** The machine's clock if absent. */
  readonly clock?: Clock;
  /** The runtime's secure source if absent. */
  readonly random?: RandomSource;
}

/** Options of {@link requestTicket}. */
export interface RequestTicketOptions extends LoginOptions {
  /** The way to the KDC: `kdc` of a {@link TestRealm}, for example. */
  readonly kdc: Kdc;
  /** Aborts the exchange. */
  readonly signal?: StopSignal;
}

/**
 * Logs in with a password or keytab, and gets a service ticket: an AS exchange and a TGS exchange.
 *
 * @returns A ticket for `createInitiator`.
 * @throws {@link KdcError} if the KDC refuses: KDC_ERR_PREAUTH_FAILED for a wrong password.
 *   {@link KerberosError} KRB_AP_ERR_BAD_INTEGRITY or KRB_AP_ERR_MODIFIED for an answer that is not the KDC's
 *   or not to this request. RangeError if the keytab has no key of the client.
 * @throws TypeError, RangeError for invalid options.
 *
 * @example
 * ```ts
 * import { createInitiator, createRealm, requestTicket } from 'krb5-acceptor/testing';
 *
 * const { kdc } = createRealm({ services: ['host/server.example.com'] });
 * const ticket = await requestTicket({
 *   kdc,
 *   client: 'alice@EXAMPLE.TEST',
 *   password: 'alice-password',
 *   service: 'host/server.example.com',
 * });
 * const token = createInitiator({ ticket }).begin();
 * ```
 */
export async function requestTicket(options: RequestTicketOptions): Promise<MintedTicket> {
  checkOptions('requestTicket', options, REQUEST_TICKET_OPTIONS);
  const { kdc, signal, ...login } = options;
  const steps = logIn(login);
  let step = steps.next();
  while (step.done !== true) {
    const { realm, message } = step.value;
    const answer = kdc(realm, message, ...(signal === undefined ? [] : [signal]));
    step = steps.next(await answer);
  }
  return step.value;
}

/** A message for a KDC of a realm. */
export interface KdcMessage {
  readonly realm: string;
  readonly message: Uint8Array;
}

/** A login: yields messages, is resumed with the answer to each, and returns the service ticket. */
export type Login = Generator<KdcMessage, MintedTicket, Uint8Array>;

/**
 * The messages of a login, for whatever carries them.
 *
 * @internal
 */
export function* logIn(options: LoginOptions): Login {
  const client = parsePrincipal(options.client);
  const service = parsePrincipal(options.service, client.realm);
  const self = new Client(options);
  let granting = yield* authenticate(self, client);
  if (service.realm !== client.realm) {
    granting = yield* exchange(self, granting, ticketGranting(service.realm, client.realm));
  }
  return yield* exchange(self, granting, service);
}

/** RFC 4120 §3.1: the first request has no proof, and the refusal says how to make one. */
function* authenticate(self: Client, client: Principal): Login {
  const server = ticketGranting(client.realm, client.realm);
  const body = { ...self.body(server), clientName: client };
  const ask = (proof: readonly PaData[]): KdcMessage => {
    const paData = [...proof, ...self.pacRequest()];
    const message = encodeKdcRequest({ type: KdcRequestType.as, paData, body });
    return { realm: client.realm, message };
  };
  const first = refusalIn(yield ask([]));
  if (first?.code !== 'KDC_ERR_PREAUTH_REQUIRED') {
    throw first ?? new KdcError('KRB_ERR_GENERIC', { text: 'no pre-authentication required' });
  }
  const key = self.clientKey(client, etypeInfoOf(first));
  const answer = yield ask([self.timestamp(key)]);
  return self.open(answer, KdcReplyType.as, { body, client }, key, KeyUsage.asRepEncPart);
}

/** RFC 4120 §3.3. */
function* exchange(
  self: Client,
  { ticket, client, sessionKey }: MintedTicket,
  service: Principal,
): Login {
  const body = self.body(service);
  const { random } = self;
  const checksum = sessionKey.checksum(
    KeyUsage.tgsReqAuthenticatorChecksum,
    encodeKdcRequestBody(body),
  );
  const { seconds, microseconds } = splitTime(self.clock());
  const authenticator = encodeAuthenticator({
    clientRealm: client.realm,
    clientName: client,
    checksum: { type: sessionKey.checksumType, checksum },
    cusec: microseconds,
    ctime: seconds,
  });
  const value = encodeApReq({
    apOptions: 0,
    ticket,
    authenticator: {
      enctype: sessionKey.enctype,
      cipher: sessionKey.encrypt(KeyUsage.tgsReqAuthenticator, authenticator, random),
    },
  });
  const paData = [{ type: PaDataType.tgsReq, value }];
  const message = encodeKdcRequest({ type: KdcRequestType.tgs, paData, body });
  const answer = yield { realm: body.realm, message };
  const usage = KeyUsage.tgsRepEncPartSessionKey;
  return self.open(answer, KdcReplyType.tgs, { body, client }, sessionKey, usage);
}

/** What both exchanges of one client have in common. */
class Client {
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly #options: LoginOptions;

  constructor(options: LoginOptions) {
    this.#options = options;
    this.clock = options.clock ?? systemClock;
    this.random = options.random ?? systemRandom;
  }

  body(server: Principal): KdcRequestBody {
    const nonce = new Uint8Array(4);
    this.random(nonce);
    return {
      options: KdcOption.forwardable,
      realm: server.realm,
      serverName: server,
      // RFC 4120 §3.3.1: as long as possible.
      till: 0,
      // Of 31 bits, since some peers take it for an Int32.
      nonce: new DataView(nonce.buffer).getUint32(0) & 0x7fffffff,
      enctypes: this.#options.enctypes ?? DEFAULT_ENCTYPES,
    };
  }

  pacRequest(): PaData[] {
    const { pac } = this.#options;
    if (pac === undefined) return [];
    return [{ type: PaDataType.pacRequest, value: encodePacRequest(pac) }];
  }

  /** The key of the first enctype that client and KDC have in common. */
  clientKey(client: Principal, entries: readonly EtypeInfo2Entry[]): EncryptionKey {
    const { password, keytab, crypto } = this.#options;
    for (const { enctype, salt } of entries) {
      if (password !== undefined) {
        const bytes = salt ?? defaultSalt(client);
        return EncryptionKey.fromPassword(enctype, password, bytes, crypto && { crypto });
      }
      const entry = keytab?.entries.find(
        ({ principal, key }) => key.enctype === enctype && principalEqual(principal, client),
      );
      if (entry !== undefined) return entry.key;
    }
    if (password !== undefined) throw new KdcError('KDC_ERR_ETYPE_NOSUPP');
    throw new RangeError(`keytab: expected a key of ${this.#options.client}, got none`);
  }

  /** PA-ENC-TIMESTAMP (RFC 4120 §5.2.7.2). */
  timestamp(key: EncryptionKey): PaData {
    const { seconds, microseconds } = splitTime(this.clock());
    const plain = encodePaTimestamp({ time: seconds, microseconds });
    const cipher = key.encrypt(KeyUsage.paEncTimestamp, plain, this.random);
    const value = encodeEncryptedTimestamp({ enctype: key.enctype, cipher });
    return { type: PaDataType.encTimestamp, value };
  }

  /** Opens an answer and checks that it answers the request (RFC 4120 §3.1.5, §3.3.4). */
  open(
    answer: Uint8Array,
    type: number,
    { body, client }: { readonly body: KdcRequestBody; readonly client: Principal },
    key: EncryptionKey,
    usage: number,
  ): MintedTicket {
    const refusal = refusalIn(answer);
    if (refusal !== undefined) throw refusal;
    const { clientName, clientRealm, ticket, encPart } = decodeKdcReply(answer, type);
    const part = decodeEncKdcReplyPart(decryptPart(key, usage, encPart.cipher));
    const wanted = { ...body.serverName!, realm: body.realm };
    const issued = { ...part.serverName, realm: part.realm };
    // Outside of what is encrypted, but the client's all the same.
    const named = { ...clientName, realm: clientRealm };
    if (
      part.nonce !== body.nonce ||
      !principalEqual(wanted, issued) ||
      !principalEqual(named, client)
    ) {
      throw new KdcError('KRB_AP_ERR_MODIFIED');
    }
    const { enctype, value } = part.key;
    return {
      ticket,
      client: named,
      sessionKey: new EncryptionKey(enctype, value, this.#options.crypto),
    };
  }
}

/** The error that an answer is; undefined for any other message. */
function refusalIn(answer: Uint8Array): KdcError | undefined {
  if (answer[0] !== KRB_ERROR_TAG) return undefined;
  const { errorCode, eText, eData } = decodeKrbError(answer);
  return new KdcError(errorCode, {
    ...(eText !== undefined && { text: eText }),
    ...(eData !== undefined && { data: eData }),
  });
}

function etypeInfoOf({ data }: KdcError): readonly EtypeInfo2Entry[] {
  const methods = data === undefined ? [] : decodeMethodData(data);
  const info = methods.find(({ type }) => type === PaDataType.etypeInfo2);
  if (info === undefined) throw new KdcError('KDC_ERR_PADATA_TYPE_NOSUPP');
  return decodeEtypeInfo2(info.value);
}

// RFC 4120 §5.9.1: [APPLICATION 30].
const KRB_ERROR_TAG = 0x7e;

/** The rules of {@link LoginOptions}. */
export const LOGIN_OPTIONS: OptionRules<LoginOptions> = {
  client: required(text),
  password: text,
  keytab: kind(
    'a keytab',
    (value) => isPlainObject(value) && Array.isArray(Reflect.get(value, 'entries')),
  ),
  service: required(text),
  enctypes: nonEmpty(listOf(range('an enctype', Number.isSafeInteger))),
  pac: flag,
  crypto: cryptoProvider,
  clock: promptCallback,
  random: promptCallback,
};

/** The rules of {@link RequestTicketOptions}. */
export const REQUEST_TICKET_OPTIONS: OptionRules<RequestTicketOptions> = {
  ...LOGIN_OPTIONS,
  kdc: required(callback),
  signal: objectWith('an AbortSignal', 'addEventListener', 'removeEventListener'),
};
