/**
 * `npm run timing`: how much the time of a refusal tells about what was wrong.
 *
 * For each enctype the same token is altered at different places, and refused again and again in
 * random order. What an attacker could learn is the difference of the medians, against the spread
 * of the times themselves. It is a measurement, not a test: nothing is a failure.
 */

import { nobleCrypto } from '../../src/crypto/default-crypto.ts';
import { EncryptionKey } from '../../src/crypto/key.ts';
import type { CryptoProvider } from '../../src/crypto/provider.ts';
import { createAcceptor } from '../../src/index.ts';
import { nodeCrypto } from '../../src/node/crypto.ts';
import { createInitiator } from '../../src/testing/index.ts';
import { Prng } from '../fuzz/prng.ts';
import { establish, makeKeytab, makeParties, NOW, seededRandom } from '../support/realm-kit.ts';

/** Something that refuses, by what is wrong. */
interface Refusal {
  readonly what: string;
  readonly run: () => unknown;
}

async function refusalsOf(enctype: number, crypto: CryptoProvider): Promise<Refusal[]> {
  const keytab = makeKeytab({ enctype, crypto });
  const parties = await makeParties({ keytab });
  const { ticket, initiator, credential } = parties;
  const acceptor = createAcceptor({ credential, clock: () => NOW, random: seededRandom(1) });
  const token = initiator.begin();
  const { cipher } = ticket.ticket.encPart;
  const start = Buffer.from(token).indexOf(cipher);
  const strange = EncryptionKey.generate(enctype, seededRandom(9), crypto);
  const stranger = createInitiator({
    ticket: { ...ticket, sessionKey: strange },
    clock: () => NOW,
  });
  const last = token.length - 1;
  const accepts: [string, Uint8Array][] = [
    ['ticket: first byte', flipped(token, start)],
    ['ticket: middle', flipped(token, start + (cipher.length >> 1))],
    ['ticket: last byte of the checksum', flipped(token, start + cipher.length - 1)],
    ['authenticator: first byte', flipped(token, last - 150)],
    ['authenticator: last byte', flipped(token, last)],
    ['authenticator: of another key', stranger.begin()],
  ];
  const { client, server } = await establish({ keytab });
  const message = new Uint8Array(200).fill(0x61);
  const mic = client.getMic(message);
  const sealed = client.wrap(message);
  const calls: [string, () => unknown][] = [
    ['MIC: first byte of the checksum', () => server.verifyMic(message, flipped(mic, 16))],
    [
      'MIC: last byte of the checksum',
      () => server.verifyMic(message, flipped(mic, mic.length - 1)),
    ],
    ['wrap token: first byte', () => server.unwrap(flipped(sealed, 16))],
    ['wrap token: last byte', () => server.unwrap(flipped(sealed, sealed.length - 1))],
  ];
  return [
    ...accepts.map(([what, altered]) => ({ what, run: () => acceptor.begin().accept(altered) })),
    ...calls.map(([what, call]) => ({ what, run: () => refused(call) })),
  ];
}

function refused(call: () => unknown): void {
  try {
    call();
  } catch {
    return;
  }
  throw new Error('not refused');
}

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const copy = bytes.slice();
  copy[at]! ^= 0x10;
  return copy;
}

/** Microseconds of each, in the order of time. */
async function measure(refusals: readonly Refusal[], rounds: number): Promise<number[][]> {
  const times: number[][] = refusals.map(() => []);
  const prng = new Prng(1);
  for (let round = 0; round < rounds; round++) {
    for (let left = refusals.length; left > 0; left--) {
      const at = prng.below(refusals.length);
      const started = process.hrtime.bigint();
      await refusals[at]!.run();
      const elapsed = Number(process.hrtime.bigint() - started) / 1000;
      if (round >= rounds / 4) times[at]!.push(elapsed);
    }
  }
  for (const list of times) list.sort((a, b) => a - b);
  return times;
}

function at(sorted: readonly number[], share: number): number {
  return sorted[Math.floor((sorted.length - 1) * share)]!;
}

const ROUNDS = Number(process.argv[2] ?? 3000);

for (const [name, crypto] of [
  ['noble', nobleCrypto],
  ['node', nodeCrypto],
] as const) {
  for (const enctype of [18, 20]) {
    const refusals = await refusalsOf(enctype, crypto);
    const times = await measure(refusals, ROUNDS);
    console.log(`\nenctype ${enctype}, ${name}: microseconds`);
    console.log(`  ${'altered'.padEnd(36)}   p10  median     p90`);
    refusals.forEach(({ what }, i) => {
      const figures = [0.1, 0.5, 0.9].map((share) => at(times[i]!, share).toFixed(1).padStart(8));
      console.log(`  ${what.padEnd(34)}${figures.join('')}`);
    });
  }
}
