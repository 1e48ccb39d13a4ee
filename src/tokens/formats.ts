/**
 * The token format of a context: the enctype of the key that protects its messages selects RFC 4121
 * or RFC 1964 (RFC 4121 §1).
 */
import { CfxProtection } from './cfx.ts';
import { CfxIov } from './cfx-iov.ts';
import type { IovProtection } from './iov.ts';
import type { MessageProtection, ProtectionState } from './protection.ts';
import { Rfc1964Protection } from './rfc1964.ts';
import { Rfc1964Iov } from './rfc1964-iov.ts';

/** Protection of messages in one buffer. @param state - Kept, and its sequence number consumed. */
export function protectionOf(state: ProtectionState): MessageProtection {
  const { rfc1964 } = state.acceptorSubkey ?? state.initiatorKey;
  return rfc1964 === undefined ? new CfxProtection(state) : new Rfc1964Protection(state, rfc1964);
}

/** Protection of messages in several buffers. @param state - Kept, as by {@link protectionOf}. */
export function iovProtectionOf(state: ProtectionState): IovProtection {
  const { rfc1964 } = state.acceptorSubkey ?? state.initiatorKey;
  return rfc1964 === undefined ? new CfxIov(state) : new Rfc1964Iov(state, rfc1964);
}
