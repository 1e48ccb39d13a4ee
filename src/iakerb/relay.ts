/**
 * IAKERB (draft-ietf-kitten-iakerb-03): the acceptor relays the initiator's messages to a KDC and the
 * answers back, until the initiator has a ticket. Kerberos follows, with a checksum over all
 * tokens that came before, so that nobody in between can have changed them.
 */
import { DecodeError, KerberosError, toKrbErrorCode } from '../errors.ts';
import type { FirstToken } from '../gss/framing.ts';
import { frameToken, isFramedToken, readFirstToken, TokenId } from '../gss/framing.ts';
import { Mechanism } from '../gss/mechanism.ts';
import { GssError, gssErrorOf } from '../gss/status.ts';
import type { HandshakeState, RelayingState, Step } from '../handshake-state.ts';
import { beginKerberos, kerberos } from '../krb5/handshake.ts';
import type { Exchange } from '../krb5/settings.ts';
import type { ProxiedMessage } from '../messages/kdc/iakerb.ts';
import { decodeProxiedMessage, encodeProxiedMessage } from '../messages/kdc/iakerb.ts';
import { encodeKrbError } from '../messages/krb-error.ts';
import { describeThrown } from '../text.ts';
import { splitTime } from '../time.ts';
import { Inquiry, isWhole, MAX_MESSAGE, unknownRealm, unreachable } from './inquiry.ts';
import { checkTranscript } from './transcript.ts';

export function beginRelay(first: FirstToken, exchange: Exchange): Promise<Step> {
  const { inner } = first;
  if (!first.framed || tokenIdOf(inner) !== TokenId.iakerbProxy) {
    // The initiator has a ticket already.
    return acceptTicket(first, exchange, []);
  }
  return relay(NOTHING, first.token, inner.subarray(ID_LENGTH), exchange);
}

export function continueRelay(
  state: HandshakeState,
  token: Uint8Array,
  exchange: Exchange,
): Step | Promise<Step> {
  if (state.at === 'dce-third-leg') return kerberos.step(state, token, exchange);
  if (state.at !== 'relaying') throw new TypeError(`IAKERB has no state ${state.at}`);
  const proxied = proxiedOf(token);
  if (proxied !== undefined) return relay(state, token, proxied, exchange);
  return acceptTicket(readFirstToken(token), exchange, state.transcript);
}

/** Like MIT krb5, an AP-REQ may name Kerberos instead, which the answer repeats: scapy writes it so. */
async function acceptTicket(
  first: FirstToken,
  exchange: Exchange,
  transcript: readonly Uint8Array[],
): Promise<Step> {
  const mechanism = Mechanism.iakerb;
  const step = await beginKerberos(first, exchange, {
    mechanism,
    checkTranscript:
      transcript.length === 0
        ? undefined
        : (finished, verified) => checkTranscript(finished, verified, transcript),
  });
  if (step.status !== 'complete') return step;
  return { ...step, context: { ...step.context, mechanism } };
}

/** The contents of an IAKERB_PROXY token, with or without the header; undefined for an AP-REQ. */
function proxiedOf(token: Uint8Array): Uint8Array | undefined {
  const first = isFramedToken(token) ? readFirstToken(token) : undefined;
  const isProxy = tokenIdOf(first?.inner ?? token) === TokenId.iakerbProxy;
  if (isProxy && first?.framed === true && first.mechanism !== Mechanism.iakerb) {
    throw new DecodeError('a token of another mechanism than IAKERB', {
      reason: 'token.out-of-order',
    });
  }
  return isProxy ? (first?.inner ?? token).subarray(ID_LENGTH) : undefined;
}

/** The one asynchronous function of the mechanism that waits for a KDC: thousands of relays may wait at once. */
async function relay(
  { transcript, hops }: Pick<RelayingState, 'transcript' | 'hops'>,
  token: Uint8Array,
  contents: Uint8Array,
  exchange: Exchange,
): Promise<Step> {
  let asked: ProxiedMessage;
  try {
    asked = decodeProxiedMessage(contents);
    checkQuestion(asked, transcript, hops);
  } catch (error) {
    return { status: 'failed', error: gssErrorOf(error, 'GSS_S_DEFECTIVE_TOKEN') };
  }
  const question = token.slice();
  let outputToken: Uint8Array;
  let inquiry: Inquiry | undefined;
  try {
    if (asked.targetRealm === '') {
      outputToken = encodeAnswer({ ...asked, targetRealm: ownRealm(exchange) });
    } else {
      inquiry = new Inquiry(asked, exchange);
      outputToken = encodeAnswer({ ...asked, message: inquiry.read(await inquiry.answer()) });
    }
  } catch (thrown) {
    const error = inquiry === undefined ? thrown : await inquiry.explain(thrown);
    const failure = asFailure(error, asked.targetRealm);
    const answer = { ...asked, message: krbErrorFor(failure, exchange) };
    return { status: 'failed', error: failure, outputToken: encodeAnswer(answer) };
  } finally {
    inquiry?.end();
  }
  // The token belongs to the caller, who may wipe it.
  const next: RelayingState = {
    at: 'relaying',
    transcript: [...transcript, question, outputToken.slice()],
    hops: hops + 1,
  };
  return { status: 'continue', outputToken, next };
}

/**
 * Frames an answer. MIT krb5 before 1.22 frames only the first token of an exchange, but reads tokens of
 * both forms; all others frame every token.
 */
function encodeAnswer({ targetRealm, realmTag, message }: ProxiedMessage): Uint8Array {
  const contents = encodeProxiedMessage({ targetRealm, realmTag, message });
  return frameToken(Mechanism.iakerb, TokenId.iakerbProxy, contents);
}

/** @throws {@link DecodeError} */
function checkQuestion(
  { targetRealm, message }: ProxiedMessage,
  transcript: readonly Uint8Array[],
  hops: number,
): void {
  if (hops >= MAX_HOPS) {
    throw new DecodeError(`more than ${MAX_HOPS} messages for a KDC`, {
      reason: 'iakerb.too-many',
    });
  }
  if (transcript.reduce((sum, { length }) => sum + length, 0) > MAX_TRANSCRIPT) {
    throw new DecodeError(`more than ${MAX_TRANSCRIPT} bytes for a KDC and from it`, {
      reason: 'iakerb.too-many',
    });
  }
  // MIT krb5, iakerb.c: neither asks for the acceptor's realm.
  if ((targetRealm === '') !== (message.length === 0)) {
    throw new DecodeError('an IAKERB_PROXY token without a realm, or without a message');
  }
  if (message.length > MAX_MESSAGE) {
    throw new DecodeError(`a message of ${message.length} bytes for a KDC`, {
      reason: 'token.too-long',
    });
  }
  if (message.length > 0 && !isWhole(message, REQUESTS)) {
    throw new DecodeError('an IAKERB_PROXY token without a KRB-KDC-REQ');
  }
}

/** The realm of our service; of the first one, if there are several. */
function ownRealm({ settings: { credential } }: Exchange): string {
  const { realm } = credential;
  if (realm !== undefined) return realm;
  throw unknownRealm('');
}

/** A KRB-ERROR with the code, which tells the initiator that it has to reach its KDC in another way. */
function krbErrorFor({ minor }: GssError, { settings }: Exchange): Uint8Array {
  const { seconds, microseconds } = splitTime(settings.clock());
  return encodeKrbError({
    stime: seconds,
    susec: microseconds,
    errorCode: toKrbErrorCode(minor?.code ?? 'KRB_ERR_GENERIC'),
    realm: settings.credential.realm ?? '',
    // MIT krb5 sends its own name, or this one.
    serverName: { nameType: NT_WELLKNOWN, components: ['WELLKNOWN', 'ANONYMOUS'] },
  });
}

function asFailure(error: unknown, realm: string): GssError {
  if (error instanceof GssError || error instanceof KerberosError) {
    return gssErrorOf(error, 'GSS_S_FAILURE');
  }
  const minor = unreachable(realm, describeThrown(error), error);
  return new GssError('GSS_S_FAILURE', { minor });
}

function tokenIdOf(inner: Uint8Array): number {
  return ((inner[0] ?? 0) << 8) | (inner[1] ?? 0);
}

const NOTHING = { transcript: [], hops: 0 } as const;
// RFC 4121 §4.1: TOK_ID.
const ID_LENGTH = 2;
// RFC 4120 §5.10: [APPLICATION n] of AS-REQ and TGS-REQ.
const REQUESTS: readonly number[] = [0x6a, 0x6c];
// MIT krb5, iakerb.c: IAKERB_MAX_HOPS, 16 for an AS exchange and 10 referrals.
const MAX_HOPS = 26;
// Bytes that an exchange keeps until the AP-REQ. A login needs some ten thousand.
const MAX_TRANSCRIPT = 1_048_576;
// RFC 6111 §3: KRB_NT_WELLKNOWN.
const NT_WELLKNOWN = 11;
