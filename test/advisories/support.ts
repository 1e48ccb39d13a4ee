/** What the tests of advisories share. */
import { KeyUsage } from '../../src/crypto/numbers.ts';
import { frameToken, TokenId, unframeToken } from '../../src/gss/framing.ts';
import type { AcceptResult, Oid, SecurityContext } from '../../src/index.ts';
import { Mechanism } from '../../src/index.ts';
import type { ApReq, Authenticator } from '../../src/messages/ap-req.ts';
import { decodeApReq, decodeAuthenticator, encodeApReq } from '../../src/messages/ap-req.ts';
import type { makeParties } from '../support/realm-kit.ts';
import { seededRandom } from '../support/realm-kit.ts';

type Parties = Awaited<ReturnType<typeof makeParties>>;

/** @throws Error if it was not refused. */
export function failureOf(result: AcceptResult) {
  if (result.status !== 'failed') throw new Error(`not refused: ${result.status}`);
  return result;
}

/** @throws What it was refused with. */
export function contextOf(result: AcceptResult): SecurityContext {
  if (result.status === 'failed') throw result.error;
  if (result.status !== 'complete') throw new Error('not complete');
  return result.context;
}

export function apReqOf(token: Uint8Array): ApReq {
  return decodeApReq(unframeToken(token).inner.subarray(2));
}

export function tokenOf(apReq: ApReq, mechanism: Oid = Mechanism.krb5) {
  return frameToken(mechanism, TokenId.apReq, encodeApReq(apReq));
}

/** A request whose authenticator holds these bytes. */
export function withAuthenticator({ ticket }: Parties, plain: Uint8Array): Uint8Array {
  const { sessionKey } = ticket;
  const cipher = sessionKey.encrypt(KeyUsage.apReqAuthenticator, plain, seededRandom(8));
  return tokenOf({
    apOptions: 0,
    ticket: ticket.ticket,
    authenticator: { enctype: sessionKey.enctype, cipher },
  });
}

/** What a request's authenticator says. */
export function authenticatorOf({ ticket }: Parties, token: Uint8Array): Authenticator {
  const { cipher } = apReqOf(token).authenticator;
  const plain = ticket.sessionKey.decrypt(KeyUsage.apReqAuthenticator, cipher);
  return decodeAuthenticator(plain);
}
