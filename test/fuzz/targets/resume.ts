/** Exchanges that were exported between two tokens, altered, and gone on with. */
import { defaultCrypto } from '../../../src/crypto/default-crypto.ts';
import { ContextFlag, Mechanism } from '../../../src/index.ts';
import { encodeNegTokenInit, encodeNegTokenResp } from '../../../src/spnego/neg-token.ts';
import type { InitiatorOptions } from '../../../src/testing/index.ts';
import { createInitiator } from '../../../src/testing/index.ts';
import type { Case, Target } from '../case.ts';
import { Breach } from '../case.ts';
import { freshAcceptor } from './accept.ts';
import { exercise } from './exercise.ts';
import { clock, mint, seededRandom } from './realm.ts';

export async function resumeTargets(): Promise<Target[]> {
  const seeds = await exchanges();
  const genuine = new Set(seeds.map(([body]) => hex(withDigest(body!))));
  return [
    {
      name: 'resume',
      shape: 'binary',
      seeds,
      // Whoever may write the bytes can be anybody; what he writes must still not confuse us.
      run: async ([body = EMPTY, token = EMPTY]) => {
        const handshake = freshAcceptor().resume(withDigest(body));
        const result = await handshake.accept(token);
        if (result.status === 'failed') throw result.error;
        if (result.status === 'complete') exercise(result.context);
        else handshake.export();
        return result.status;
      },
    },
    {
      name: 'resume-damaged',
      shape: 'binary',
      seeds: seeds.map(([body]) => [withDigest(body!)]),
      run: ([bytes = EMPTY]) => {
        freshAcceptor().resume(bytes);
        if (!genuine.has(hex(bytes))) throw new Breach('a damaged exchange was resumed');
        return 'resumed';
      },
    },
  ];
}

/** Parts: the exported exchange without its digest; the client's next token. */
async function exchanges(): Promise<Case[]> {
  const initiator = (options: Partial<InitiatorOptions> = {}) =>
    createInitiator({ ticket: mint(), clock, random: seededRandom(51), ...options });
  const token = initiator().begin();
  const mechTypes = [Mechanism.ntlmssp, Mechanism.krb5];
  const init = encodeNegTokenInit({ mechTypes, mechToken: Uint8Array.of(1) });
  const resp = encodeNegTokenResp({ responseToken: token });
  const dce = initiator({ flags: ContextFlag.dceStyle | ContextFlag.mutual });
  const first = dce.begin();
  const plain = freshAcceptor();
  const bindings = { applicationData: Uint8Array.of(1, 2, 3) };
  const inDce = freshAcceptor().begin();
  const reply = await inDce.accept(first);
  return [
    [body(plain.begin({ channelBindings: bindings })), token],
    [body(await after(plain.begin({ reassemble: true }), token.slice(0, 40))), token.slice(40)],
    [body(await after(freshAcceptor().begin(), init)), resp],
    [body(await after(freshAcceptor().begin(), init, resp)), resp],
    [body(inDce), dce.confirm(reply.outputToken!)],
  ];
}

async function after(
  handshake: ReturnType<ReturnType<typeof freshAcceptor>['begin']>,
  ...tokens: Case
) {
  for (const token of tokens) {
    const { status } = await handshake.accept(token);
    if (status !== 'continue') throw new Error(`the exchange went astray: ${status}`);
  }
  return handshake;
}

function body(handshake: { export(): Uint8Array }): Uint8Array {
  return handshake.export().slice(0, -32);
}

function withDigest(bytes: Uint8Array): Uint8Array {
  const digest = defaultCrypto.backend.hash('sha256', bytes);
  return Uint8Array.from([...bytes, ...digest]);
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

const EMPTY = new Uint8Array(0);
