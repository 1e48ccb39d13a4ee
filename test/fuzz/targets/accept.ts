/**
 * Tokens of the handshake: whatever is done to those of a genuine client, the context is that of
 * the genuine client or there is none.
 */
import { bytesEqual } from '../../../src/bytes.ts';
import { unframeToken } from '../../../src/gss/framing.ts';
import { isKrb5Mechanism } from '../../../src/gss/mechanism.ts';
import type { AcceptorOptions, AcceptResult, Handshake } from '../../../src/index.ts';
import { acquireCredential, ContextFlag, createAcceptor, Mechanism } from '../../../src/index.ts';
import { decodeApRep } from '../../../src/messages/ap-rep.ts';
import type { ApReq } from '../../../src/messages/ap-req.ts';
import { decodeApReq } from '../../../src/messages/ap-req.ts';
import {
  decodeNegToken,
  encodeNegTokenInit,
  encodeNegTokenResp,
} from '../../../src/spnego/neg-token.ts';
import type { Initiator, InitiatorOptions } from '../../../src/testing/index.ts';
import { createInitiator } from '../../../src/testing/index.ts';
import type { Case, Target } from '../case.ts';
import { Breach } from '../case.ts';
import { exercise } from './exercise.ts';
import { CLIENT, clock, ENCTYPES, keytab, mint, SERVICE, seededRandom } from './realm.ts';

/** Exchanges of genuine clients, each with all its tokens. */
export async function acceptTargets(): Promise<Target[]> {
  const framed = ENCTYPES.flatMap((enctype) => [
    [initiatorOf({ enctype }).begin()],
    [initiatorOf({ enctype }, { flags: ContextFlag.integrity, subkeyEnctype: null }).begin()],
    [initiatorOf({ enctype, pac: PAC }, { mechanism: Mechanism.msKrb5 }).begin()],
  ]);
  const dce = await Promise.all(ENCTYPES.map(dceExchange));
  const spnego = await Promise.all(ENCTYPES.flatMap((enctype) => spnegoExchanges(enctype)));
  const cuts = [[5, 0], [30, 255, 3], [99]].map((lengths) => Uint8Array.from(lengths));
  const pieces = [...framed, ...spnego].flatMap(([token]) => cuts.map((cut) => [token!, cut]));
  const exchanges = [...framed, ...dce, ...spnego];
  const genuine = new Genuine(exchanges);
  return [
    {
      name: 'accept',
      shape: 'der',
      seeds: framed,
      run: (input) => runExchange(input, genuine),
    },
    { name: 'accept-dce', shape: 'der', seeds: dce, run: (input) => runExchange(input, genuine) },
    {
      name: 'accept-spnego',
      shape: 'der',
      seeds: spnego,
      run: (input) => runExchange(input, genuine),
    },
    {
      name: 'accept-pieces',
      shape: 'binary',
      seeds: pieces,
      run: (input) => runExchange(cutUp(input), genuine, true),
    },
  ];
}

const credential = await acquireCredential({ keytab });

/** An acceptor that nobody has talked to, whose random choices repeat. */
export function freshAcceptor(options: Partial<AcceptorOptions> = {}) {
  return createAcceptor({ credential, clock, random: seededRandom(5), ...options });
}

function initiatorOf(
  ticket: Parameters<typeof mint>[0],
  options: Partial<InitiatorOptions> = {},
): Initiator {
  const random = seededRandom(7 + (ticket?.enctype ?? 0));
  return createInitiator({ ticket: mint(ticket), clock, random, ...options });
}

async function dceExchange(enctype: number): Promise<Case> {
  const initiator = initiatorOf({ enctype }, { flags: ContextFlag.dceStyle | ContextFlag.mutual });
  const first = initiator.begin();
  const result = await freshAcceptor().begin().accept(first);
  if (result.status !== 'continue') throw new Error(`DCE style: ${result.status}`);
  return [first, initiator.confirm(result.outputToken)];
}

function spnegoExchanges(enctype: number): Promise<Case>[] {
  return [optimistic(enctype), afterHint(enctype), withMic(enctype)];
}

async function optimistic(enctype: number): Promise<Case> {
  const mechTypes = [Mechanism.msKrb5, Mechanism.krb5, Mechanism.negoex, Mechanism.ntlmssp];
  return [encodeNegTokenInit({ mechTypes, mechToken: initiatorOf({ enctype }).begin() })];
}

async function afterHint(enctype: number): Promise<Case> {
  const responseToken = initiatorOf({ enctype }).begin();
  const init = encodeNegTokenInit({ mechTypes: [Mechanism.krb5], reqFlags: 0 });
  return [new Uint8Array(0), init, encodeNegTokenResp({ responseToken })];
}

/** Kerberos is the client's second choice: both sides prove that nobody made it so. */
async function withMic(enctype: number): Promise<Case> {
  const mechTypes = [Mechanism.ntlmssp, Mechanism.krb5];
  const initiator = initiatorOf({ enctype });
  const first = encodeNegTokenInit({ mechTypes, mechToken: Uint8Array.of(1) });
  const second = encodeNegTokenResp({ responseToken: initiator.begin() });
  const handshake = freshAcceptor().begin();
  await handshake.accept(first);
  const result = await handshake.accept(second);
  const resp = decodeNegToken(result.outputToken!);
  const init = decodeNegToken(first);
  if (resp.kind !== 'resp' || init.kind !== 'init') throw new Error('SPNEGO went astray');
  const context = initiator.finish(resp.responseToken);
  const third = encodeNegTokenResp({ mechListMic: context.getMic(init.mechTypeList) });
  return [first, second, third];
}

/** Parts: a token; the lengths of its pieces less one, the last of them again and again. */
function cutUp([token = EMPTY, cuts = EMPTY]: Case): Case {
  const pieces: Uint8Array[] = [];
  for (let at = 0, i = 0; at < token.length; i++) {
    const length = 1 + (cuts.length === 0 ? token.length : cuts[Math.min(i, cuts.length - 1)]!);
    pieces.push(token.subarray(at, at + length));
    at += length;
  }
  return pieces;
}

async function runExchange(input: Case, genuine: Genuine, reassemble = false): Promise<string> {
  const handshake = freshAcceptor().begin({ reassemble });
  const seen: Uint8Array[] = [];
  const outcomes: string[] = [];
  for (const token of input) {
    seen.push(token);
    const result = await handshake.accept(token);
    outcomes.push(describe(result));
    if (result.status === 'continue') continue;
    if (result.status === 'failed') throw result.error;
    genuine.check(reassemble ? [join(seen)] : seen, result);
    const { context } = result;
    if (`${context.initiator} ${context.acceptor}` !== `${CLIENT} ${SERVICE}`) {
      throw new Breach(`accepted ${context.initiator} as a client of ${context.acceptor}`);
    }
    exercise(context);
    break;
  }
  await expectNoMore(handshake, outcomes.at(-1));
  return outcomes.join(', ');
}

/** After its end a handshake takes nothing more, not even from its own client. */
async function expectNoMore(handshake: Handshake, last: string | undefined): Promise<void> {
  if (last !== 'complete') return;
  try {
    await handshake.accept(new Uint8Array(1));
  } catch (error) {
    if (error instanceof TypeError) return;
    throw error;
  }
  throw new Breach('a token was taken after the end of the handshake');
}

function describe(result: AcceptResult): string {
  return result.status === 'failed' ? `${result.error.code}` : result.status;
}

/** What genuine clients have encrypted and signed: nobody else can have. */
class Genuine {
  readonly #pairs = new Set<string>();
  readonly #replies = new Set<string>();
  readonly #mics = new Set<string>();
  readonly #lists: Uint8Array[] = [];

  constructor(exchanges: readonly Case[]) {
    for (const exchange of exchanges) {
      for (const token of exchange) this.#note(token);
    }
  }

  /** @throws Breach if what was accepted holds anything protected that is not genuine. */
  check(tokens: Case, result: AcceptResult & { readonly status: 'complete' }): void {
    const apReqs = tokens.map(apReqOf).filter((apReq) => apReq !== undefined);
    if (!apReqs.some((apReq) => this.#pairs.has(pairOf(apReq)))) {
      throw new Breach('an AP-REQ that no client has made was accepted');
    }
    if ((result.context.flags & ContextFlag.dceStyle) !== 0) this.#checkReply(tokens.at(-1)!);
    this.#checkMic(tokens);
  }

  #checkReply(token: Uint8Array): void {
    if (this.#replies.has(hex(decodeApRep(token).encPart.cipher))) return;
    throw new Breach('a third leg that no client has made was accepted');
  }

  /**
   * The last MIC that came must be a genuine one, over the list that came. An earlier one came before there was
   * a context, which MIT krb5 does not look at either.
   */
  #checkMic(tokens: Case): void {
    const negTokens = tokens.map(negTokenOf);
    const list = negTokens.find((neg) => neg?.kind === 'init')?.mechTypeList;
    const mic = negTokens.findLast((neg) => neg?.mechListMic !== undefined)?.mechListMic;
    if (mic === undefined || list === undefined) return;
    const known = this.#lists.some((own) => bytesEqual(own, list));
    if (known && this.#mics.has(hex(mic.slice(-28)))) return;
    throw new Breach('a mechListMIC that no client has made was accepted');
  }

  #note(token: Uint8Array): void {
    const apReq = apReqOf(token);
    if (apReq !== undefined) this.#pairs.add(pairOf(apReq));
    if (token[0] === 0x6f) this.#replies.add(hex(decodeApRep(token).encPart.cipher));
    const neg = negTokenOf(token);
    if (neg?.kind === 'init') this.#lists.push(neg.mechTypeList.slice());
    // What stands before is an unprotected header, which may be framed or not.
    if (neg?.mechListMic !== undefined) this.#mics.add(hex(neg.mechListMic.slice(-28)));
  }
}

function pairOf({ ticket, authenticator }: ApReq): string {
  return `${hex(ticket.encPart.cipher)} ${hex(authenticator.cipher)}`;
}

/** The AP-REQ in a token, in SPNEGO or not. */
function apReqOf(token: Uint8Array): ApReq | undefined {
  try {
    if (token[0] === 0x6e) return decodeApReq(token);
    const neg = negTokenOf(token);
    const inner = neg?.kind === 'init' ? neg.mechToken : neg?.responseToken;
    if (inner !== undefined) return apReqOf(inner);
    const unframed = unframeToken(token);
    return isKrb5Mechanism(unframed.mechanism)
      ? decodeApReq(unframed.inner.subarray(2))
      : undefined;
  } catch {
    return undefined;
  }
}

function negTokenOf(token: Uint8Array): ReturnType<typeof decodeNegToken> | undefined {
  try {
    return decodeNegToken(token);
  } catch {
    return undefined;
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

const EMPTY = new Uint8Array(0);
const PAC = { logonInfo: { groupIds: [{ relativeId: 512, attributes: 7 }] } };
