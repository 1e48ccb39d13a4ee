/** The initiator's side of the Kerberos mechanism (RFC 4121 §4.1), for tests. */
import { decryptPart } from '../ap/encrypted-part.ts';
import { SecurityContext } from '../context/context.ts';
import { EncryptionKey } from '../crypto/key.ts';
import { KeyUsage } from '../crypto/numbers.ts';
import { KerberosError, krbErrorName } from '../errors.ts';
import { hashChannelBindings } from '../gss/bindings-hash.ts';
import { frameToken, TokenId, unframeToken } from '../gss/framing.ts';
import { isKrb5Mechanism, Mechanism, mechanismName } from '../gss/mechanism.ts';
import { GssName } from '../gss/name.ts';
import { ContextFlag, GssError } from '../gss/status.ts';
import type { FinishedExtension } from '../krb5/authenticator-checksum.ts';
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
import type { RandomSource } from '../random.ts';
import { contextRandom } from '../random.ts';
import { splitTime, systemClock } from '../time.ts';
import { randomSequenceNumber, SequenceCounter, SequenceWindow } from '../tokens/sequence.ts';
import type { InitiatorOptions, InitiatorResult } from './initiator-options.ts';

/** One exchange of Kerberos tokens. Its methods are those of {@link Initiator}. */
export class KerberosExchange {
  readonly #options: InitiatorOptions;
  readonly #flags: number;
  readonly #random: RandomSource;
  readonly #subkey: EncryptionKey | undefined;
  readonly #sequenceNumber: number;
  readonly #finished: ((subkey: EncryptionKey) => FinishedExtension) | undefined;
  #sent: Authenticator | undefined;

  /** @param finished - Makes the checksum over what was relayed before (IAKERB). */
  constructor(options: InitiatorOptions, finished?: (subkey: EncryptionKey) => FinishedExtension) {
    this.#finished = finished;
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

  /** Whether the acceptor answers the AP-REQ: otherwise there is a context once it is made. */
  get expectsAnswer(): boolean {
    return (this.#flags & (ContextFlag.mutual | ContextFlag.dceStyle)) !== 0;
  }

  /** Whether its context has MICs. */
  get hasIntegrity(): boolean {
    return (this.#flags & ContextFlag.integrity) !== 0;
  }

  /** The AP-REQ, framed, or bare in DCE style; each call makes a new authenticator. */
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

  /** Takes the acceptor's answer. */
  step(token: Uint8Array | undefined): InitiatorResult {
    const context = this.finish(token);
    if (!this.#dceStyle || token === undefined) return { status: 'complete', context };
    return { status: 'complete', context, outputToken: this.confirm(token) };
  }

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

  finish(token?: Uint8Array): SecurityContext {
    if (this.#sent === undefined) {
      throw new TypeError('initiator: expected begin() before finish()');
    }
    const mutual = (this.#flags & ContextFlag.mutual) !== 0;
    if (token === undefined) {
      if (mutual)
        throw new GssError('GSS_S_DEFECTIVE_TOKEN', {
          reason: 'testing.answer',
          message: 'the acceptor sent no AP-REP',
        });
      return this.#context();
    }
    const reply = readReply(token, this.#options.ticket.sessionKey);
    if (reply.ctime !== this.#sent.ctime || reply.cusec !== this.#sent.cusec) {
      throw new KerberosError('KRB_AP_ERR_MUT_FAIL', { reason: 'testing.answer' });
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
        ...(this.#finished && subkey && { finished: this.#finished(subkey) }),
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
        // The encrypted part of a KDC's reply, which has a ticket's times and flags, is not minted.
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

  /** MIT krb5, mk_rep.c: for enctypes older than RFC 4121 the acceptor echoes the initiator's subkey. */
  #acceptorSubkey(initiatorKey: EncryptionKey, reply?: EncApRepPart): EncryptionKey | undefined {
    if (reply?.subkey === undefined) return undefined;
    const { enctype, value } = reply.subkey;
    const subkey = new EncryptionKey(enctype, value, initiatorKey.crypto);
    const echoed = !this.#dceStyle && initiatorKey.rfc1964 !== undefined;
    return echoed && enctype === initiatorKey.enctype ? undefined : subkey;
  }
}

/** @throws {@link GssError}, {@link KerberosError} as `Initiator.finish`. */
export function readReply(token: Uint8Array, sessionKey: EncryptionKey): EncApRepPart {
  if (token[0] === AP_REP_TAG) return openReply(token, sessionKey);
  const { inner, mechanism } = unframeToken(token);
  // Heimdal and MIT krb5 answer with the OID of Kerberos whichever of its OIDs the AP-REQ had.
  if (!isKrb5Mechanism(mechanism) && mechanism !== Mechanism.iakerb) {
    const message = `token is one of ${mechanismName(mechanism)}`;
    throw new GssError('GSS_S_DEFECTIVE_TOKEN', { reason: 'testing.answer', message });
  }
  const tokenId = ((inner[0] ?? 0) << 8) | (inner[1] ?? 0);
  const message = inner.subarray(2);
  if (tokenId === TokenId.krbError) {
    const { errorCode } = decodeKrbError(message);
    const code = krbErrorName(errorCode) ?? 'KRB_ERR_GENERIC';
    throw new GssError('GSS_S_FAILURE', {
      minor: new KerberosError(code, { reason: 'testing.refused', detail: { errorCode } }),
    });
  }
  if (tokenId !== TokenId.apRep) {
    throw new GssError('GSS_S_DEFECTIVE_TOKEN', {
      reason: 'testing.answer',
      message: 'token holds neither AP-REP nor KRB-ERROR',
    });
  }
  return openReply(message, sessionKey);
}

function openReply(message: Uint8Array, sessionKey: EncryptionKey): EncApRepPart {
  const { encPart } = decodeApRep(message);
  // Nothing protects the number, but an honest acceptor writes that of the key.
  if (encPart.enctype !== sessionKey.enctype) {
    throw new GssError('GSS_S_DEFECTIVE_TOKEN', {
      reason: 'testing.answer',
      message: 'the AP-REP names another enctype than its key',
    });
  }
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
