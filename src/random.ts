/** Sources of randomness, which are injected wherever randomness is used. */
import { KerberosError } from './errors.ts';
import { dropPromise } from './hooks.ts';
import { isThenable } from './options.ts';

/** Fills all of `target` with random bytes of cryptographic quality. */
export type RandomSource = (target: Uint8Array) => void;

/**
 * The generator of the runtime, called each time. Bytes are not fetched ahead: two clones of a
 * frozen process (a startup snapshot, a virtual machine) would both return them.
 */
export const systemRandom: RandomSource = (target) => {
  let rest = target as Uint8Array<ArrayBuffer>;
  for (; rest.length > MAX_REQUEST; rest = rest.subarray(MAX_REQUEST)) {
    globalThis.crypto.getRandomValues(rest.subarray(0, MAX_REQUEST));
  }
  globalThis.crypto.getRandomValues(rest);
};

/**
 * Makes the source for one context and its keys. It reads the runtime's generator in blocks, since
 * one call of it costs as much as an HMAC: the first block for the subkey, the sequence number and
 * the AP-REP, later ones for confounders. No block outlives its context, so that contexts of two
 * cloned processes share nothing. Bytes that were returned are wiped from the block.
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
      // The second block is reused for all later ones.
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
 * Checks an application's source: it must return synchronously and write to the array. 16 random
 * bytes are all zero with probability 2^-128, so a source that leaves them zero wrote nothing.
 * Shorter requests prove nothing, and the quality of the bytes cannot be checked.
 *
 * @returns A source that throws {@link KerberosError} KRB_ERR_GENERIC if `random` throws or fails.
 */
export function checkedRandom(random: RandomSource): RandomSource {
  return (target) => {
    let answer: unknown;
    try {
      answer = random(target);
    } catch (cause) {
      throw new KerberosError('KRB_ERR_GENERIC', {
        reason: 'fault.random',
        message: 'There is no randomness',
        cause,
        hint: 'the option random threw',
      });
    }
    const late = isThenable(answer);
    if (!late && (target.length < TELLING_LENGTH || target.some((byte) => byte !== 0))) return;
    dropPromise(answer);
    throw new KerberosError('KRB_ERR_GENERIC', {
      reason: 'fault.random',
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
