/** Relayed logins: whatever is done to their tokens, nobody enters whose transcript differs. */
import { bytesEqual } from '../../../src/bytes.ts';
import { acquireCredential, createAcceptor } from '../../../src/index.ts';
import { createIakerbInitiator, createRealm } from '../../../src/testing/index.ts';
import { NOW } from '../../support/realm-kit.ts';
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
  return [{ name: 'iakerb', shape: 'der', seeds: [tokens], run }];
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
  const initiator = createIakerbInitiator({
    client: 'alice@EXAMPLE.TEST',
    password: 'alice-password',
    service: 'host/www.example.test',
    clock,
    random,
  });
  let step = initiator.begin();
  while (step.status === 'continue') {
    tokens.push(step.outputToken.slice());
    const result = await handshake.accept(step.outputToken);
    if (result.status !== 'continue') break;
    step = initiator.step(result.outputToken);
  }
  return { tokens, answers };
}
