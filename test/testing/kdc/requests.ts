/** Requests to the KDC of a test realm, built field by field. */
import { decryptPart } from '../../../src/ap/encrypted-part.ts';
import { EncryptionKey } from '../../../src/crypto/default-crypto.ts';
import { KeyUsage } from '../../../src/crypto/numbers.ts';
import type { Authenticator } from '../../../src/messages/ap-req.ts';
import { encodeApReq, encodeAuthenticator } from '../../../src/messages/ap-req.ts';
import type { PaData } from '../../../src/messages/kdc/pa-data.ts';
import {
  encodeEncryptedTimestamp,
  encodePaTimestamp,
  PaDataType,
} from '../../../src/messages/kdc/pa-data.ts';
import type { EncKdcReplyPart, KdcReply } from '../../../src/messages/kdc/reply.ts';
import { decodeEncKdcReplyPart, decodeKdcReply } from '../../../src/messages/kdc/reply.ts';
import type { KdcRequestBody } from '../../../src/messages/kdc/request.ts';
import { encodeKdcRequest, encodeKdcRequestBody } from '../../../src/messages/kdc/request.ts';
import { decodeKrbError } from '../../../src/messages/krb-error.ts';
import type { PrincipalName } from '../../../src/messages/principal.ts';
import type { Ticket } from '../../../src/messages/ticket.ts';
import type { RealmOptions, TestRealm } from '../../../src/testing/index.ts';
import { createRealm, KdcError } from '../../../src/testing/index.ts';
import { NOW, NOW_SECONDS, seededRandom } from '../../support/realm-kit.ts';

export const REALM = 'EXAMPLE.TEST';
export const ALICE = named('alice');
export const GRANTING = named('krbtgt', REALM);
export const HOST = named('host', 'localhost');
export const random = seededRandom(9);

const BODY: KdcRequestBody = {
  options: 0,
  realm: REALM,
  serverName: GRANTING,
  till: 0,
  nonce: 42,
  enctypes: [18, 17],
};

/** A ticket as the client has it. */
export interface Granted {
  readonly ticket: Ticket;
  readonly part: EncKdcReplyPart;
  readonly reply: KdcReply;
}

export function named(...components: readonly string[]): PrincipalName {
  return { nameType: 1, components };
}

/** A realm whose clock can be set. */
export function makeRealm(options: RealmOptions = {}) {
  const time = { now: NOW };
  const realm = createRealm({ clock: () => time.now, random: seededRandom(), ...options });
  return { realm, time };
}

/** Alice's key of an enctype. */
export function keyOf(realm: TestRealm, user = 'alice', enctype = 18): EncryptionKey {
  return realm.userKeytab(user).entries.find(({ key }) => key.enctype === enctype)!.key;
}

export function timestamp(key: EncryptionKey, time = NOW_SECONDS): PaData {
  const cipher = key.encrypt(KeyUsage.paEncTimestamp, encodePaTimestamp({ time }), random);
  const value = encodeEncryptedTimestamp({ enctype: key.enctype, cipher });
  return { type: PaDataType.encTimestamp, value };
}

/** An AS-REQ for alice, with her timestamp unless `paData` says otherwise. */
export function asRequest(
  realm: TestRealm,
  body: Partial<KdcRequestBody> = {},
  paData: readonly PaData[] = [timestamp(keyOf(realm))],
): Uint8Array {
  return encodeKdcRequest({ type: 10, paData, body: { ...BODY, clientName: ALICE, ...body } });
}

/** Logs alice in. */
export function logIn(
  realm: TestRealm,
  body: Partial<KdcRequestBody> = {},
  paData?: readonly PaData[],
): Granted {
  return openReply(realm.answer(asRequest(realm, body, paData)), 11, keyOf(realm), 3);
}

export interface TgsChanges {
  readonly body?: Partial<KdcRequestBody>;
  readonly authenticator?: Partial<Authenticator>;
  readonly paData?: readonly PaData[];
}

/** A TGS-REQ for host/localhost. */
export function tgsRequest({ ticket, part, reply }: Granted, changes: TgsChanges = {}): Uint8Array {
  const body = { ...BODY, serverName: HOST, ...changes.body };
  const key = new EncryptionKey(part.key.enctype, part.key.value);
  const authenticator = encodeAuthenticator({
    clientRealm: reply.clientRealm,
    clientName: reply.clientName,
    checksum: {
      type: key.checksumType,
      checksum: key.checksum(KeyUsage.tgsReqAuthenticatorChecksum, encodeKdcRequestBody(body)),
    },
    cusec: 0,
    ctime: NOW_SECONDS,
    ...changes.authenticator,
  });
  const value = encodeApReq({
    apOptions: 0,
    ticket,
    authenticator: {
      enctype: key.enctype,
      cipher: key.encrypt(KeyUsage.tgsReqAuthenticator, authenticator, random),
    },
  });
  const paData = changes.paData ?? [{ type: PaDataType.tgsReq, value }];
  return encodeKdcRequest({ type: 12, paData, body });
}

/** Gets a ticket with another one. */
export function exchange(realm: TestRealm, granted: Granted, changes: TgsChanges = {}): Granted {
  const key = new EncryptionKey(granted.part.key.enctype, granted.part.key.value);
  return openReply(realm.answer(tgsRequest(granted, changes)), 13, key, 8);
}

export function openReply(
  answer: Uint8Array,
  type: number,
  key: EncryptionKey,
  usage: number,
): Granted {
  if (answer[0] === 0x7e) throw refusalOf(answer);
  const reply = decodeKdcReply(answer, type);
  const part = decodeEncKdcReplyPart(decryptPart(key, usage, reply.encPart.cipher));
  return { ticket: reply.ticket, part, reply };
}

/** The error in an answer. */
export function refusalOf(answer: Uint8Array): KdcError {
  const { errorCode, eData } = decodeKrbError(answer);
  return new KdcError(errorCode, eData === undefined ? {} : { data: eData });
}
