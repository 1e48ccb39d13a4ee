/**
 * The token format of a context: the enctype of the key that protects its messages selects RFC 4121
 * or RFC 1964 (RFC 4121 §1).
 */
import type { Rfc1964Keys } from '../crypto/profile.ts';
import { CfxProtection } from './cfx.ts';
import { CfxIov } from './cfx-iov.ts';
import type { IovProtection } from './iov.ts';
import type { MessageProtection, ProtectionState } from './protection.ts';

/** The tokens of RFC 1964 and RFC 4757. */
export interface Rfc1964Format {
  /** For messages in one buffer. @param state - Kept. */
  protection(state: ProtectionState, keys: Rfc1964Keys): MessageProtection;
  /** For messages in several buffers. @param state - Kept. */
  iovProtection(state: ProtectionState, keys: Rfc1964Keys): IovProtection;
}

/**
 * Sets the older format. The entry of the weak enctypes calls it when it is loaded: no other enctype has
 * such tokens, and a bundle without weak enctypes is smaller without them.
 */
export function registerRfc1964(format: Rfc1964Format): void {
  registered = format;
}

/** Protection of messages in one buffer. @param state - Kept, and its sequence number consumed. */
export function protectionOf(state: ProtectionState): MessageProtection {
  const { rfc1964 } = state.acceptorSubkey ?? state.initiatorKey;
  return rfc1964 === undefined
    ? new CfxProtection(state)
    : rfc1964Format().protection(state, rfc1964);
}

/** Protection of messages in several buffers. @param state - Kept, as by {@link protectionOf}. */
export function iovProtectionOf(state: ProtectionState): IovProtection {
  const { rfc1964 } = state.acceptorSubkey ?? state.initiatorKey;
  return rfc1964 === undefined ? new CfxIov(state) : rfc1964Format().iovProtection(state, rfc1964);
}

function rfc1964Format(): Rfc1964Format {
  if (registered !== undefined) return registered;
  throw new TypeError('crypto: expected weak enctypes of krb5-acceptor/legacy, got others');
}

let registered: Rfc1964Format | undefined;
