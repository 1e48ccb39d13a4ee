/** What a KDC reveals to everyone: its clock, and a ticket under a service's key. */
import { decodeKdcReply, KdcReplyType } from '../../messages/kdc/reply.ts';
import { encodeKdcRequest, KdcRequestType } from '../../messages/kdc/request.ts';
import type { KrbError } from '../../messages/krb-error.ts';
import { decodeKrbError } from '../../messages/krb-error.ts';
import type { Principal, PrincipalName } from '../../messages/principal.ts';
import { NameType } from '../../messages/principal.ts';
import type { Ticket } from '../../messages/ticket.ts';
import { systemRandom } from '../../random.ts';
import type { Clock } from '../../time.ts';
import type { KdcAnswer, KdcAsker } from './ask-kdc.ts';

/** The clock of a KDC, as it was when it answered. */
export interface KdcClock {
  /** How far this machine's clock is ahead of the KDC's, in milliseconds; negative if behind. */
  readonly ahead: number;
  /** The error of {@link ahead} in milliseconds, at most: half of the time that the answer took. */
  readonly precision: number;
  /** The KDC's time, in milliseconds since 1970. */
  readonly time: number;
  readonly answer: KdcAnswer;
}

/**
 * Reads the clock of a KDC from the `stime` of a KRB-ERROR: it refuses an AS-REQ that names no enctype
 * of use. Nothing proves that the answer is the KDC's own.
 *
 * @throws {@link KerberosError} as {@link KdcAsker}, and {@link DecodeError} for an unreadable answer.
 */
export async function readKdcClock(
  ask: KdcAsker,
  client: Principal,
  clock: Clock,
  signal: AbortSignal,
): Promise<KdcClock> {
  const kdc = { nameType: NameType.srvInst, components: ['krbtgt', client.realm] };
  const request = asReq(client, kdc, [NO_ENCTYPE]);
  const sent = clock();
  const answer = await ask(client.realm, request, signal);
  const received = clock();
  const { stime, susec } = decodeKrbError(answer.bytes);
  const time = stime * 1000 + susec / 1000;
  // susec is 0 in answers of Windows, whose stime is a whole second, rounded down.
  const precision = (received - sent) / 2 + (susec === 0 ? 1000 : 0);
  return { ahead: (sent + received) / 2 - time, precision, time, answer };
}

/**
 * A ticket of a service to itself: a KDC that asks the service for no pre-authentication issues one to
 * everybody, sealed under the service's key and so of no use to anyone else.
 *
 * @returns The ticket, or the KDC's error if it issues none.
 * @throws As {@link readKdcClock}.
 */
export async function requestOwnTicket(
  ask: KdcAsker,
  service: Principal,
  enctypes: readonly number[],
  signal: AbortSignal,
): Promise<Ticket | KrbError> {
  const request = asReq(service, service, enctypes);
  const { bytes } = await ask(service.realm, request, signal);
  if (bytes[0] === KRB_ERROR_TAG) return decodeKrbError(bytes);
  return decodeKdcReply(bytes, KdcReplyType.as).ticket;
}

/** An AS-REQ without pre-authentication, for a ticket that lasts as long as the KDC allows. */
function asReq(
  client: Principal,
  serverName: PrincipalName,
  enctypes: readonly number[],
): Uint8Array {
  const body = {
    options: 0,
    clientName: client,
    realm: client.realm,
    serverName,
    till: 0,
    nonce: randomNonce(),
    enctypes,
  };
  return encodeKdcRequest({ type: KdcRequestType.as, paData: [], body });
}

/** 0 to 2^31 - 1: MIT krb5 reads it as a signed number. */
function randomNonce(): number {
  const bytes = new Uint8Array(4);
  systemRandom(bytes);
  return new DataView(bytes.buffer).getUint32(0) >>> 1;
}

// Reserved in the IANA registry of encryption types.
const NO_ENCTYPE = 0;
const KRB_ERROR_TAG = 0x7e;
