/** Channel bindings (RFC 2744 §3.11), and the policies for them. */
import { plainBytes } from '../bytes.ts';
import { describe, isPlainObject } from '../options.ts';

/**
 * RFC 2744 §3.11. For TLS only `applicationData` is used (RFC 5929, RFC 9266). At least one of the
 * three must be present and not empty: empty bindings identify no channel.
 */
export interface ChannelBindings {
  /** The initiator's address; absent for TLS. */
  readonly initiatorAddress?: ChannelAddress;
  /** The acceptor's address; absent for TLS. */
  readonly acceptorAddress?: ChannelAddress;
  /** Bytes that identify the channel; for TLS the type of the bindings, a colon and their value. */
  readonly applicationData?: Uint8Array;
}

/** A network address (RFC 2744 §3.11). */
export interface ChannelAddress {
  /** GSS_C_AF_*: 2 for IPv4, 24 for IPv6. */
  readonly type: number;
  /** In network byte order: 4 bytes for IPv4, 16 for IPv6. */
  readonly address: Uint8Array;
}

/**
 * How an acceptor treats channel bindings:
 *
 * - `off`: bindings are ignored.
 * - `when-supported`: bindings that the client sends must match; a client that sends none is accepted,
 *   unless it declares support for bindings (KERB_AP_OPTIONS_CBT, MS-KILE §3.4.5).
 * - `required`: the client must send bindings that match.
 */
export type ChannelBindingPolicy = 'off' | 'when-supported' | 'required';

/**
 * Checks a caller's bindings. A list holds the alternatives of one channel; the empty list is a
 * channel whose bindings are not known, so that a client that sends any is refused.
 *
 * @returns The list, at most {@link MAX_BINDINGS} long; not copied.
 * @throws TypeError for bindings that are not an object, hold bytes of another type, or are empty.
 * @throws RangeError for a list that is too long.
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
    if (isEmpty(initiatorAddress) && isEmpty(acceptorAddress) && !applicationData?.length) {
      throw new TypeError(
        'channelBindings: expected addresses or applicationData, got bindings without any',
      );
    }
  }
  return all;
}

function isEmpty(address: ChannelAddress | undefined): boolean {
  if (address === undefined) return true;
  return address.address.length === 0 && [UNSPECIFIED, NO_ADDRESS].includes(address.type);
}

/** The bound on alternatives: the certificates that `node/tls-bindings.ts` remembers, and the default one. */
export const MAX_BINDINGS = 512;
// RFC 2744 §3.11, types of an absent address.
/** GSS_C_AF_UNSPEC. */
export const UNSPECIFIED = 0;
/** GSS_C_AF_NULLADDR. */
export const NO_ADDRESS = 255;
