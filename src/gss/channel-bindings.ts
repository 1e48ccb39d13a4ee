/** Channel bindings: their hash in the authenticator (RFC 4121 §4.1.1.2), and what is demanded. */
import { md5 } from '@noble/hashes/legacy.js';
import { constantTimeEqual, plainBytes, Writer } from '../bytes.ts';
import { describe, isPlainObject } from '../options.ts';

/**
 * RFC 2744 §3.11. For TLS only `applicationData` is used (RFC 5929, RFC 9266). At least one of the
 * three must say something: a channel without any is no channel, and every client is bound to it.
 */
export interface ChannelBindings {
  readonly initiatorAddress?: ChannelAddress;
  readonly acceptorAddress?: ChannelAddress;
  readonly applicationData?: Uint8Array;
}

export interface ChannelAddress {
  /** GSS_C_AF_*: 2 for IPv4, 24 for IPv6 (RFC 2744 §3.11). */
  readonly type: number;
  readonly address: Uint8Array;
}

/**
 * - `off`: bindings are not looked at.
 * - `when-supported`: bindings that the client sends must be ours; a client that sends none is let
 *   in, unless it says that it would have sent some (KERB_AP_OPTIONS_CBT, MS-KILE §3.4.5).
 * - `required`: the client must have sent ours.
 */
export type ChannelBindingPolicy = 'off' | 'when-supported' | 'required';

/**
 * Bindings as a caller gives them: several where the channel may have been any of these. An empty
 * list is a channel whose bindings are not known: a client that sends any is refused.
 *
 * @returns Each of them.
 * @throws TypeError if it is something else, or one of them is empty.
 */
export function bindingsOf(
  given: ChannelBindings | readonly ChannelBindings[],
): readonly ChannelBindings[] {
  const all: readonly ChannelBindings[] = Array.isArray(given) ? given : [given];
  if (all.length > MAX_BINDINGS) {
    throw new RangeError(`channelBindings: expected at most ${MAX_BINDINGS}, got ${all.length}`);
  }
  for (const bindings of all) {
    if (!isPlainObject(bindings)) {
      throw new TypeError(
        `channelBindings: expected objects with addresses or applicationData, got ${describe(bindings)}`,
      );
    }
    const { initiatorAddress, acceptorAddress, applicationData } = bindings;
    if (initiatorAddress !== undefined) plainBytes(initiatorAddress.address, 'initiatorAddress');
    if (acceptorAddress !== undefined) plainBytes(acceptorAddress.address, 'acceptorAddress');
    if (applicationData !== undefined) plainBytes(applicationData, 'applicationData');
    if (saysNothing(initiatorAddress) && saysNothing(acceptorAddress) && !applicationData?.length) {
      throw new TypeError(
        'channelBindings: expected addresses or applicationData, got bindings without any',
      );
    }
  }
  return all;
}

function saysNothing(address: ChannelAddress | undefined): boolean {
  if (address === undefined) return true;
  return address.address.length === 0 && [UNSPECIFIED, NO_ADDRESS].includes(address.type);
}

/** The 16 bytes of RFC 4121 §4.1.1.2: MD5 over little-endian types, lengths and contents. */
export function hashChannelBindings(bindings: ChannelBindings): Uint8Array {
  return hash(bindings, UNSPECIFIED);
}

/** Whether a hash that a client sent is that of the bindings. */
export function matchesChannelBindings(sent: Uint8Array, bindings: ChannelBindings): boolean {
  return (
    constantTimeEqual(sent, hashChannelBindings(bindings)) ||
    // Java's JGSS says of an address that is not given that there is none (seen in OpenJDK 17).
    constantTimeEqual(sent, hash(bindings, NO_ADDRESS))
  );
}

function hash(bindings: ChannelBindings, typeOfAbsent: number): Uint8Array {
  const writer = new Writer();
  writeAddress(writer, bindings.initiatorAddress, typeOfAbsent);
  writeAddress(writer, bindings.acceptorAddress, typeOfAbsent);
  const data = bindings.applicationData ?? NOTHING;
  writer.u32(data.length, true).raw(data);
  return md5(writer.finish());
}

function writeAddress(
  writer: Writer,
  address: ChannelAddress | undefined,
  typeOfAbsent: number,
): void {
  const bytes = address?.address ?? NOTHING;
  writer
    .u32(address?.type ?? typeOfAbsent, true)
    .u32(bytes.length, true)
    .raw(bytes);
}

// As many certificates as `node/tls-bindings.ts` remembers, and the default one.
export const MAX_BINDINGS = 512;
// RFC 2744 §3.11, where no address is given: GSS_C_AF_UNSPEC; GSS_C_AF_NULLADDR.
const UNSPECIFIED = 0;
const NO_ADDRESS = 255;
const NOTHING = new Uint8Array();
