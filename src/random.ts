/** Randomness, injected wherever it is used. */
import { KerberosError } from './errors.ts';
import { dropPromise } from './hooks.ts';
import { isThenable } from './options.ts';

/** Fills all of `target` with random bytes of cryptographic quality. */
export type RandomSource = (target: Uint8Array) => void;

/**
 * The runtime's own generator, asked at each call. Nothing is fetched ahead: two clones of a
 * process that was frozen (a startup snapshot, a virtual machine) would both hand out what was.
 */
export const systemRandom: RandomSource = (target) => {
  for (let at = 0; at < target.length; at += MAX_REQUEST) {
    globalThis.crypto.getRandomValues(
      target.subarray(at, at + MAX_REQUEST) as Uint8Array<ArrayBuffer>,
    );
  }
};

/**
 * A source for one context, whose keys come from it: it reads the runtime's generator in blocks,
 * since a call of that costs as much as an HMAC. The first block is for the subkey, the sequence
 * number and the AP-REP, the others are for confounders. No block outlives its context, so that the
 * contexts of two clones have nothing in common. Bytes that were handed out are wiped from it.
 */
export function contextRandom(): RandomSource {
  let block = NOTHING;
  let used = 0;
  return (target) => {
    const { length } = target;
    if (length > FIRST_BLOCK) {
      systemRandom(target);
      return;
    }
    if (used + length > block.length) {
      // The second one is kept and filled again.
      if (block.length < BLOCK) block = new Uint8Array(block === NOTHING ? FIRST_BLOCK : BLOCK);
      systemRandom(block);
      used = 0;
    }
    for (let i = 0; i < length; i++) {
      target[i] = block[used]!;
      block[used++] = 0;
    }
  };
}

/**
 * A source that the application gave, which fills what it is asked to fill or throws. That 16 bytes
 * are all zero happens by chance once in 2^128 times: such a source wrote nothing. Shorter requests
 * prove nothing, and no source can be asked for its quality.
 *
 * @returns A source that throws {@link KerberosError} KRB_ERR_GENERIC instead.
 */
export function checkedRandom(random: RandomSource): RandomSource {
  return (target) => {
    let answer: unknown;
    try {
      answer = random(target);
    } catch (cause) {
      throw new KerberosError('KRB_ERR_GENERIC', {
        message: 'There is no randomness',
        cause,
        hint: 'the option random threw',
      });
    }
    const late = isThenable(answer);
    if (!late && (target.length < TELLING_LENGTH || target.some((byte) => byte !== 0))) return;
    dropPromise(answer);
    throw new KerberosError('KRB_ERR_GENERIC', {
      message: 'There is no randomness',
      hint: 'the option random wrote nothing: it must fill the array before it returns',
    });
  };
}

// Web Crypto: getRandomValues refuses more than 65536 bytes at once.
const MAX_REQUEST = 65_536;
// A subkey of 32 bytes, a sequence number of 4, a confounder of 16.
const FIRST_BLOCK = 64;
// 16 confounders.
const BLOCK = 256;
const NOTHING = new Uint8Array();
const TELLING_LENGTH = 16;
