/** The initiator's side of the Kerberos mechanism (RFC 4121 §4.1), for tests. */
import { decryptPart } from '../ap/encrypted-part.ts';
import { SecurityContext } from '../context/context.ts';
import { EncryptionKey } from '../crypto/key.ts';
import { KeyUsage } from '../crypto/numbers.ts';
import { KerberosError, krbErrorName } from '../errors.ts';
import type { ChannelBindings } from '../gss/channel-bindings.ts';
import { hashChannelBindings } from '../gss/channel-bindings.ts';
import { frameToken, TokenId, unframeToken } from '../gss/framing.ts';
import { Mechanism } from '../gss/mechanism.ts';
import { GssName } from '../gss/name.ts';
import type { Oid } from '../gss/oid.ts';
import { ContextFlag, GssError } from '../gss/status.ts';
import { encodeInitiatorOptions } from '../krb5/authenticator-checksum.ts';
import type { EncApRepPart } from '../messages/ap-rep.ts';
import {
  decodeApRep,
  decodeEncApRepPart,
  encodeApRep,
  encodeEncApRepPart,
} from '../messages/ap-rep.ts';
import type { Authenticator } from '../messages/ap-req.ts';
import { ApOption, encodeApReq, encodeAuthenticator } from '../messages/ap-req.ts';
import { decodeKrbError } from '../messages/krb-error.ts';
import { formatPrincipal } from '../messages/principal.ts';
import type { OptionRules } from '../options.ts';
import {
  bytes,
  checkOptions,
  objectWith,
  promptCallback,
  range,
  required,
  text,
} from '../options.ts';
import type { RandomSource } from '../random.ts';
import { contextRandom } from '../random.ts';
import type { Clock } from '../time.ts';
import { splitTime, systemClock } from '../time.ts';
import { randomSequenceNumber, SequenceCounter, SequenceWindow } from '../tokens/sequence.ts';
import type { MintedTicket } from './mint.ts';

export interface InitiatorOptions {
  readonly ticket: MintedTicket;
  /** `ContextFlag` bits; mutual, replay, sequence, confidentiality and integrity if absent. */
  readonly flags?: number;
  readonly mechanism?: Oid;
  readonly channelBindings?: ChannelBindings;
  /** A KRB-CRED to send along. */
  readonly delegation?: Uint8Array;
  /** Enctype of the initiator's subkey; that of the session key if absent, no subkey if null. */
  readonly subkeyEnctype?: number | null;
  /** 0..2^32-1; random if absent. */
  readonly sequenceNumber?: number;
  /** Fields of the authenticator to replace, for the tests of refusals. */
  readonly authenticator?: Partial<Authenticator>;
  readonly clock?: Clock;
  readonly random?: RandomSource;
}

/**
 * Makes an initiator: one for each context.
 *
 * @throws TypeError, RangeError for options that make no sense.
 */
export function createInitiator(options: InitiatorOptions): Initiator {
  return new Initiator(options);
}

/** Made by {@link createInitiator}. */
export class Initiator {
  readonly #options: InitiatorOptions;
  readonly #flags: number;
  readonly #random: RandomSource;
  readonly #subkey: EncryptionKey | undefined;
  readonly #sequenceNumber: number;
  #sent: Authenticator | undefined;

  /** @internal */
  constructor(options: InitiatorOptions) {
    checkOptions('createInitiator', options, INITIATOR_OPTIONS);
    const { sessionKey } = options.ticket;
    this.#options = options;
    this.#flags = options.flags ?? DEFAULT_FLAGS;
    this.#random = options.random ?? contextRandom();
    this.#subkey =
      options.subkeyEnctype === null
        ? undefined
        : EncryptionKey.generate(
            options.subkeyEnctype ?? sessionKey.enctype,
            this.#random,
            sessionKey.crypto,
          );
    this.#sequenceNumber = options.sequenceNumber ?? randomSequenceNumber(this.#random);
  }

  /** The first token: the AP-REQ. Each call makes a new authenticator. */
  begin(): Uint8Array {
    const { ticket, mechanism } = this.#options;
    const authenticator = this.#authenticator();
    this.#sent = authenticator;
    const { sessionKey } = ticket;
    const mutual = (this.#flags & ContextFlag.mutual) !== 0;
    const apReq = encodeApReq({
      apOptions: mutual ? ApOption.mutualRequired : 0,
      ticket: ticket.ticket,
      authenticator: {
        enctype: sessionKey.enctype,
        cipher: sessionKey.encrypt(
          KeyUsage.apReqAuthenticator,
          encodeAuthenticator(authenticator),
          this.#random,
        ),
      },
    });
    return this.#dceStyle ? apReq : frameToken(mechanism ?? Mechanism.krb5, TokenId.apReq, apReq);
  }

  /**
   * DCE style: the third leg, which answers the acceptor's AP-REP (MS-KILE §3.4.5.2). Then
   * {@link finish} takes the same AP-REP.
   */
  confirm(token: Uint8Array): Uint8Array {
    const { sessionKey } = this.#options.ticket;
    const { sequenceNumber } = readReply(token, sessionKey);
    const { seconds, microseconds } = splitTime((this.#options.clock ?? systemClock)());
    const part = encodeEncApRepPart({
      ctime: seconds,
      cusec: microseconds,
      ...(sequenceNumber !== undefined && { sequenceNumber }),
    });
    const cipher = sessionKey.encrypt(KeyUsage.apRepEncPart, part, this.#random);
    return encodeApRep({ encPart: { enctype: sessionKey.enctype, cipher } });
  }

  get #dceStyle(): boolean {
    return (this.#flags & ContextFlag.dceStyle) !== 0;
  }

  /**
   * Ends the exchange with the acceptor's answer, or without one where none was asked for.
   *
   * @throws {@link GssError} GSS_S_FAILURE with the code of the KRB-ERROR that came instead;
   *   GSS_S_DEFECTIVE_TOKEN; {@link KerberosError} KRB_AP_ERR_MUT_FAIL if the acceptor is not who
   *   it should be.
   */
  finish(token?: Uint8Array): SecurityContext {
    if (this.#sent === undefined)
      throw new TypeError('initiator: expected begin() before finish()');
    const mutual = (this.#flags & ContextFlag.mutual) !== 0;
    if (token === undefined) {
      if (mutual) throw new GssError('GSS_S_DEFECTIVE_TOKEN', 'the acceptor sent no AP-REP');
      return this.#context();
    }
    const reply = readReply(token, this.#options.ticket.sessionKey);
    if (reply.ctime !== this.#sent.ctime || reply.cusec !== this.#sent.cusec) {
      throw new KerberosError('KRB_AP_ERR_MUT_FAIL');
    }
    return this.#context(reply);
  }

  #authenticator(): Authenticator {
    const { ticket, channelBindings, delegation, clock } = this.#options;
    const { seconds, microseconds } = splitTime((clock ?? systemClock)());
    const subkey = this.#subkey;
    return {
      clientRealm: ticket.client.realm,
      clientName: ticket.client,
      checksum: encodeInitiatorOptions({
        flags: this.#flags | (delegation === undefined ? 0 : ContextFlag.delegation),
        bindings: channelBindings ? hashChannelBindings(channelBindings) : new Uint8Array(16),
        ...(delegation !== undefined && { delegation }),
      }),
      cusec: microseconds,
      ctime: seconds,
      ...(subkey && { subkey: { enctype: subkey.enctype, value: subkey.bytes() } }),
      sequenceNumber: this.#sequenceNumber,
      ...this.#options.authenticator,
    };
  }

  #context(reply?: EncApRepPart): SecurityContext {
    const { ticket, mechanism } = this.#options;
    const { sessionKey, client } = ticket;
    const flags = this.#flags;
    const server = { ...ticket.ticket.serverName, realm: ticket.ticket.realm };
    const initiatorKey =
      this.#subkey ?? new EncryptionKey(sessionKey.enctype, sessionKey.bytes(), sessionKey.crypto);
    const acceptorSubkey = this.#acceptorSubkey(initiatorKey, reply);
    const old = (acceptorSubkey ?? initiatorKey).rfc1964 !== undefined;
    return new SecurityContext({
      role: 'initiator',
      initiator: GssName.ofPrincipal(client),
      acceptor: GssName.ofPrincipal(server),
      mechanism: mechanism ?? Mechanism.krb5,
      flags: flags | ContextFlag.transferable | ContextFlag.protectionReady,
      ticket: {
        server: formatPrincipal(server),
        kvno: ticket.ticket.encPart.kvno ?? 0,
        enctype: ticket.ticket.encPart.enctype,
        sessionEnctype: sessionKey.enctype,
        flags: 0,
        // What the KDC tells a client beside the ticket is not minted.
        authTime: new Date(0),
        endTime: new Date(8.64e15),
      },
      authorizationData: [],
      vouched: { authenticationIndicators: [] },
      initiatorKey,
      ...(acceptorSubkey && { acceptorSubkey }),
      sendSequence: new SequenceCounter(this.#sequenceNumber),
      window: new SequenceWindow(reply?.sequenceNumber ?? this.#sequenceNumber, {
        replay: (flags & ContextFlag.replay) !== 0,
        sequence: (flags & ContextFlag.sequence) !== 0,
        width: old ? 32 : 64,
      }),
      random: this.#random,
    });
  }

  /** What is not of RFC 4121's time has none, and gets its own back: MIT krb5, mk_rep.c. */
  #acceptorSubkey(initiatorKey: EncryptionKey, reply?: EncApRepPart): EncryptionKey | undefined {
    if (reply?.subkey === undefined) return undefined;
    const { enctype, value } = reply.subkey;
    const subkey = new EncryptionKey(enctype, value, initiatorKey.crypto);
    const echoed = !this.#dceStyle && initiatorKey.rfc1964 !== undefined;
    return echoed && enctype === initiatorKey.enctype ? undefined : subkey;
  }
}

function readReply(token: Uint8Array, sessionKey: EncryptionKey): EncApRepPart {
  if (token[0] === AP_REP_TAG) return openReply(token, sessionKey);
  const { inner } = unframeToken(token);
  const tokenId = ((inner[0] ?? 0) << 8) | (inner[1] ?? 0);
  const message = inner.subarray(2);
  if (tokenId === TokenId.krbError) {
    const { errorCode } = decodeKrbError(message);
    const code = krbErrorName(errorCode) ?? 'KRB_ERR_GENERIC';
    throw new GssError('GSS_S_FAILURE', { minor: new KerberosError(code) });
  }
  if (tokenId !== TokenId.apRep) {
    throw new GssError('GSS_S_DEFECTIVE_TOKEN', 'token holds neither AP-REP nor KRB-ERROR');
  }
  return openReply(message, sessionKey);
}

function openReply(message: Uint8Array, sessionKey: EncryptionKey): EncApRepPart {
  const { encPart } = decodeApRep(message);
  return decodeEncApRepPart(decryptPart(sessionKey, KeyUsage.apRepEncPart, encPart.cipher));
}

// RFC 4120 §5.5.2: [APPLICATION 15]; DCE style sends it unframed.
const AP_REP_TAG = 0x6f;

const DEFAULT_FLAGS =
  ContextFlag.mutual |
  ContextFlag.replay |
  ContextFlag.sequence |
  ContextFlag.confidentiality |
  ContextFlag.integrity;

const number = range('a whole number', Number.isSafeInteger);
const object = objectWith('an object');

export const INITIATOR_OPTIONS: OptionRules<InitiatorOptions> = {
  ticket: required(objectWith('what mintTicket gives')),
  flags: number,
  mechanism: text,
  // An initiator of a test may say what it likes.
  channelBindings: object,
  delegation: bytes,
  subkeyEnctype: range(
    'a whole number or null',
    (value) => value === null || Number.isSafeInteger(value),
  ),
  sequenceNumber: number,
  authenticator: object,
  clock: promptCallback,
  random: promptCallback,
};
