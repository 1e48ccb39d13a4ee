/** Relayed logins: whatever is done to their tokens, nobody enters whose transcript differs. */
import { bytesEqual, concatBytes } from '../../../src/bytes.ts';
import type { AcceptorCredential, AskKdc, Handshake } from '../../../src/index.ts';
import { acquireCredential, createAcceptor, Mechanism } from '../../../src/index.ts';
import { decodeNegToken } from '../../../src/spnego/neg-token.ts';
import {
  createIakerbInitiator,
  createInitiator,
  createNegotiator,
  createRealm,
  mintTicket,
} from '../../../src/testing/index.ts';
import { NOW } from '../../support/realm-kit.ts';
import { seededRandom } from '../../support/vectors.ts';
import { random } from '../../testing/kdc/requests.ts';
import type { Target } from '../case.ts';
import { Breach } from '../case.ts';

export async function iakerbTargets(): Promise<Target[]> {
  const clock = () => NOW;
  const realm = createRealm({ services: ['host/www.example.test'], clock, random });
  const credential = await acquireCredential({ keytab: realm.keytab, clock });
  const make = (answers: readonly Uint8Array[] = []) => {
    const left = [...answers];
    return createAcceptor({
      credential,
      clock,
      random,
      iakerb: {
        // The genuine answers once more: a KDC would make new ones, which no client has seen.
        kdc: async (name) => {
          if (name !== 'EXAMPLE.TEST') throw new Breach(`a message for ${name}`);
          return left.shift() ?? new Uint8Array();
        },
        ratePerSource: 1e6,
      },
    });
  };
  const { tokens, answers } = await record(realm, clock);
  const run = async (mutated: readonly Uint8Array[]): Promise<string> => {
    const handshake = make(answers).begin();
    for (const token of mutated) {
      const result = await handshake.accept(token);
      if (result.status === 'failed') return `refused ${result.error.reason}`;
      if (result.status === 'complete') {
        result.context.dispose();
        // The AP-REQ itself may have another header; that of `accept` is about it.
        // An empty first token asks for the list of mechanisms (MS-SPNG §3.2.5.2), and begins nothing.
        const sent = mutated[0]?.length === 0 ? mutated.slice(1) : mutated;
        const relayed = sent.slice(0, tokens.length - 1);
        const isWhole = sent.length >= tokens.length;
        if (isWhole && relayed.every((one, at) => bytesEqual(one, tokens[at]!))) return 'accepted';
        throw new Breach('an altered exchange was accepted');
      }
    }
    handshake.abort();
    return 'unfinished';
  };
  return [
    { name: 'iakerb', shape: 'der', seeds: [tokens], run },
    await fallbackTarget(realm, credential),
  ];
}

/** Kerberos with an expired ticket, then IAKERB: nobody enters with other lists than the genuine ones. */
async function fallbackTarget(
  realm: ReturnType<typeof createRealm>,
  credential: AcceptorCredential,
): Promise<Target> {
  const clock = () => NOW;
  const begin = (kdc: AskKdc) =>
    createAcceptor({
      credential,
      clock,
      // The same keys for each case: the MIC of the genuine initiator is under one of them.
      random: seededRandom(3),
      iakerb: { kdc, ratePerSource: 1e6 },
      lateFallback: true,
    }).begin();
  const { tokens, answers } = await recordFallback(realm, begin);
  const genuine = listsOf(tokens);
  const run = async (mutated: readonly Uint8Array[]): Promise<string> => {
    const left = [...answers];
    const handshake = begin(async () => left.shift() ?? new Uint8Array());
    for (const [index, token] of mutated.entries()) {
      const result = await handshake.accept(token);
      if (result.status === 'failed') return `refused ${result.error.reason}`;
      if (result.status === 'complete') {
        result.context.dispose();
        if (bytesEqual(listsOf(mutated.slice(0, index + 1)), genuine)) return 'accepted';
        throw new Breach('other lists of mechanisms were accepted');
      }
    }
    handshake.abort();
    return 'unfinished';
  };
  return { name: 'iakerb late fallback', shape: 'der', seeds: [tokens], run };
}

/** All lists of mechanisms in tokens of SPNEGO. */
function listsOf(tokens: readonly Uint8Array[]): Uint8Array {
  const lists = tokens.map((token) => {
    const message = decodeNegToken(token);
    return message.kind === 'init' ? message.mechTypeList : message.supportedMechList;
  });
  return concatBytes(...lists.filter((list) => list !== undefined));
}

async function recordFallback(
  realm: ReturnType<typeof createRealm>,
  begin: (kdc: AskKdc) => Handshake,
) {
  const clock = () => NOW;
  const tokens: Uint8Array[] = [];
  const answers: Uint8Array[] = [];
  const handshake = begin(async (name, message) => {
    const answer = await realm.kdc(name, message);
    answers.push(answer.slice());
    return answer;
  });
  const endTime = Math.floor(NOW / 1000) - 3600;
  const times = { authTime: endTime - 3600, endTime };
  const ticket = mintTicket({ keytab: realm.keytab, client: 'alice', random, ...times });
  const initiator = createNegotiator({
    mechanisms: [
      { mechanism: Mechanism.krb5, initiator: createInitiator({ ticket, clock, random }) },
      { mechanism: Mechanism.iakerb, initiator: createIakerbInitiator(loginOf(clock)) },
    ],
  });
  let step = initiator.begin();
  for (;;) {
    tokens.push(step.outputToken!.slice());
    const result = await handshake.accept(step.outputToken!);
    if (result.status === 'complete') return { tokens, answers };
    step = initiator.step(result.outputToken);
  }
}

function loginOf(clock: () => number) {
  const service = 'host/www.example.test';
  return { client: 'alice@EXAMPLE.TEST', password: 'alice-password', service, clock, random };
}

/** A whole exchange: the initiator's tokens, and what the KDC answered. */
async function record(realm: ReturnType<typeof createRealm>, clock: () => number) {
  const tokens: Uint8Array[] = [];
  const answers: Uint8Array[] = [];
  const acceptor = createAcceptor({
    credential: await acquireCredential({ keytab: realm.keytab, clock }),
    clock,
    random,
    iakerb: {
      kdc: async (name, message) => {
        const answer = await realm.kdc(name, message);
        answers.push(answer.slice());
        return answer;
      },
    },
  });
  const handshake = acceptor.begin();
  const initiator = createIakerbInitiator(loginOf(clock));
  let step = initiator.begin();
  while (step.status === 'continue') {
    tokens.push(step.outputToken.slice());
    const result = await handshake.accept(step.outputToken);
    if (result.status !== 'continue') break;
    step = initiator.step(result.outputToken);
  }
  return { tokens, answers };
}
