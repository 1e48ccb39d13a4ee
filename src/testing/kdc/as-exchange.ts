/** The AS exchange (RFC 4120 §3.1): a user's password or keytab for a first ticket. */
import { decryptPartOrNothing } from '../../ap/encrypted-part.ts';
import { KeyUsage } from '../../crypto/numbers.ts';
import type { PaData } from '../../messages/kdc/pa-data.ts';
import {
  decodeEncryptedTimestamp,
  decodePacRequest,
  decodePaTimestamp,
  encodeEtypeInfo2,
  encodeMethodData,
  PaDataType,
} from '../../messages/kdc/pa-data.ts';
import { KdcReplyType } from '../../messages/kdc/reply.ts';
import type { KdcRequest, KdcRequestBody } from '../../messages/kdc/request.ts';
import { KdcOption } from '../../messages/kdc/request.ts';
import { TicketFlag } from '../../messages/ticket.ts';
import { KdcError } from './error.ts';
import type { TicketTimes } from './issue.ts';
import { issue } from './issue.ts';
import type { User } from './principals.ts';
import { findUser } from './principals.ts';
import type { KdcState } from './state.ts';
import { checkClock, findService, firstEnctype, nowOf, ticketKey } from './state.ts';

/**
 * Answers an AS-REQ.
 *
 * @returns An AS-REP.
 * @throws {@link KdcError}; {@link KerberosError} for malformed pre-authentication data.
 */
export function answerAsRequest(kdc: KdcState, { paData, body }: KdcRequest): Uint8Array {
  const user = body.clientName && findUser(kdc.users, kdc.realm, body.clientName);
  if (user === undefined) throw new KdcError('KDC_ERR_C_PRINCIPAL_UNKNOWN');
  const service = findService(kdc, body.serverName);
  checkOptions(body);
  const enctype = firstEnctype(body.enctypes, user.keys.enctypes);
  preAuthenticate(kdc, user, paData, body);
  const times = timesOf(kdc, body);
  return issue(
    kdc,
    body,
    {
      client: user.principal,
      pacOf: wantsPac(paData) ? user : undefined,
      server: { ...service.principal, ...body.serverName },
      serverKey: ticketKey(service),
      kvno: service.keys.kvno,
      sessionEnctype: firstEnctype(body.enctypes, service.keys.enctypes),
      flags: flagsOf(body, times),
      times,
      addresses: body.addresses,
    },
    {
      type: KdcReplyType.as,
      key: user.keys.find(enctype)!,
      usage: KeyUsage.asRepEncPart,
      kvno: user.keys.kvno,
      paData: [etypeInfo2(user, [enctype])],
    },
  );
}

/** Options that an AS exchange cannot have, or that this KDC does not offer. */
function checkOptions({ options }: KdcRequestBody): void {
  // RFC 4120 §3.1.3: postdated tickets are a matter of policy.
  if ((options & (KdcOption.postdated | KdcOption.allowPostdate)) !== 0) {
    throw new KdcError('KDC_ERR_CANNOT_POSTDATE');
  }
  // RFC 4120 §5.4.1: these options refer to a ticket that the client already has.
  if ((options & NEEDS_TICKET) !== 0) throw new KdcError('KDC_ERR_BADOPTION');
}

/** PA-ENC-TIMESTAMP (RFC 4120 §5.2.7.2), which is required of everyone. */
function preAuthenticate(
  kdc: KdcState,
  user: User,
  paData: readonly PaData[],
  body: KdcRequestBody,
): void {
  const proof = paData.find(({ type }) => type === PaDataType.encTimestamp);
  if (proof === undefined) throw refusal('KDC_ERR_PREAUTH_REQUIRED', user, body);
  const { enctype, cipher } = decodeEncryptedTimestamp(proof.value);
  const key = user.keys.find(enctype);
  if (key === undefined) throw new KdcError('KDC_ERR_ETYPE_NOSUPP');
  const plain = decryptPartOrNothing(key, KeyUsage.paEncTimestamp, cipher);
  // RFC 4120 §3.1.3: a timestamp in another key means a wrong password.
  if (plain === undefined) throw refusal('KDC_ERR_PREAUTH_FAILED', user, body);
  checkClock(kdc, decodePaTimestamp(plain).time);
}

/** RFC 4120 §3.1.4: the client learns which methods there are, and how its key is derived. */
function refusal(
  code: 'KDC_ERR_PREAUTH_REQUIRED' | 'KDC_ERR_PREAUTH_FAILED',
  user: User,
  { enctypes }: KdcRequestBody,
): KdcError {
  // RFC 4120 §5.2.7.5: only enctypes of the request, in the order of the client's preference.
  const known = enctypes.filter((enctype) => user.keys.enctypes.includes(enctype));
  const methods = [
    etypeInfo2(user, known),
    { type: PaDataType.encTimestamp, value: new Uint8Array() },
  ];
  return new KdcError(code, { data: encodeMethodData(methods) });
}

function etypeInfo2({ salt }: User, enctypes: readonly number[]): PaData {
  const value = encodeEtypeInfo2(enctypes.map((enctype) => ({ enctype, salt })));
  return { type: PaDataType.etypeInfo2, value };
}

/** MS-KILE §3.3.5.3: a ticket has a PAC unless the client declines it. */
function wantsPac(paData: readonly PaData[]): boolean {
  const request = paData.find(({ type }) => type === PaDataType.pacRequest);
  return request === undefined || decodePacRequest(request.value);
}

function timesOf(kdc: KdcState, body: KdcRequestBody): TicketTimes {
  const now = nowOf(kdc);
  const latest = now + kdc.ticketLifetime;
  // RFC 4120 §3.3.1: a requested end of zero asks for the longest lifetime.
  const wanted = body.till === 0 ? latest : body.till;
  if (wanted <= now) throw new KdcError('KDC_ERR_NEVER_VALID');
  const times = { authTime: now, startTime: now, endTime: Math.min(wanted, latest) };
  const renewTill = renewTillOf(body, wanted, times.endTime);
  if (renewTill === undefined) return times;
  return { ...times, renewTill: Math.min(renewTill, now + kdc.renewableLifetime) };
}

/** RFC 4120 §3.1.3: RENEWABLE-OK accepts a renewable ticket in place of one that lives long enough. */
function renewTillOf(body: KdcRequestBody, wanted: number, endTime: number): number | undefined {
  if ((body.options & KdcOption.renewable) !== 0) return body.renewTill || FAR_FUTURE;
  return (body.options & KdcOption.renewableOk) !== 0 && endTime < wanted ? wanted : undefined;
}

function flagsOf({ options }: KdcRequestBody, { renewTill }: TicketTimes): number {
  // The bits of options and flags are the same (RFC 4120 §5.3, §5.4.1).
  const wanted = options & (KdcOption.forwardable | KdcOption.proxiable);
  const renewable = renewTill === undefined ? 0 : TicketFlag.renewable;
  return (wanted | renewable | TicketFlag.initial | TicketFlag.preAuthent) >>> 0;
}

const NEEDS_TICKET =
  KdcOption.forwarded |
  KdcOption.proxy |
  KdcOption.constrainedDelegation |
  KdcOption.anonymous |
  KdcOption.encTktInSkey |
  KdcOption.renew |
  KdcOption.validate;
const FAR_FUTURE = 253_402_300_799;
