/**
 * The hash of channel bindings in the authenticator (RFC 4121 §4.1.1.2). An acceptor loads it, with MD5,
 * for the first exchange over a channel with bindings.
 */
import { _MD5 } from '@noble/hashes/legacy.js';
import { constantTimeEqual, Writer } from '../bytes.ts';
import type { ChannelAddress, ChannelBindings } from './channel-bindings.ts';
import { NO_ADDRESS, UNSPECIFIED } from './channel-bindings.ts';

/** The 16 bytes of RFC 4121 §4.1.1.2: MD5 over little-endian types, lengths and contents. */
export function hashChannelBindings(bindings: ChannelBindings): Uint8Array {
  return hash(bindings, UNSPECIFIED);
}

/** Whether a client's hash is that of the bindings; compared in constant time. @param sent - 16 bytes. */
export function matchesChannelBindings(sent: Uint8Array, bindings: ChannelBindings): boolean {
  return (
    constantTimeEqual(sent, hashChannelBindings(bindings)) ||
    // Java's JGSS gives an absent address the type GSS_C_AF_NULLADDR (seen in OpenJDK 17).
    constantTimeEqual(sent, hash(bindings, NO_ADDRESS))
  );
}

function hash(bindings: ChannelBindings, typeOfAbsent: number): Uint8Array {
  const writer = new Writer();
  writeAddress(writer, bindings.initiatorAddress, typeOfAbsent);
  writeAddress(writer, bindings.acceptorAddress, typeOfAbsent);
  const data = bindings.applicationData ?? NOTHING;
  writer.u32(data.length, true).raw(data);
  return new _MD5().update(writer.finish()).digest();
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

const NOTHING = new Uint8Array();
