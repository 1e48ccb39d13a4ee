/** Facts of an established context that are read from its public members. */
import { encodeUtf8 } from '../bytes.ts';
import { isWeakEnctype } from '../crypto/numbers.ts';
import { PacBufferType } from '../pac/pac-type.ts';
import type { SecurityContext } from './context.ts';

/**
 * Attributes of the initiator's name (RFC 6680 §7.5) under the names of MIT krb5. All of them come from
 * the KDC and were verified: `urn:mspac:` is the whole PAC, `urn:mspac:logon-info` and others are its
 * buffers, and `auth-indicators` has a value for each authentication indicator (RFC 8129).
 *
 * @returns Attribute names with their values, which are copies; empty if the ticket has no such data,
 *   or none that verified.
 *
 * @example
 * ```ts
 * import type { SecurityContext } from 'krb5-acceptor';
 * import { nameAttributes } from 'krb5-acceptor';
 *
 * function indicators(context: SecurityContext): string[] {
 *   const values = nameAttributes(context).get('auth-indicators') ?? [];
 *   return values.map((value) => new TextDecoder().decode(value));
 * }
 * ```
 */
export function nameAttributes(
  context: SecurityContext,
): ReadonlyMap<string, readonly Uint8Array[]> {
  const attributes = new Map<string, readonly Uint8Array[]>();
  const { pac, authenticationIndicators } = context;
  if (pac !== undefined) {
    attributes.set('urn:mspac:', [pac.bytes()]);
    for (const type of pac.bufferTypes) {
      const name = BUFFER_NAMES.get(type) ?? String(type);
      attributes.set(`urn:mspac:${name}`, [pac.buffer(type)!]);
    }
  }
  if (authenticationIndicators.length > 0) {
    attributes.set('auth-indicators', authenticationIndicators.map(encodeUtf8));
  }
  return attributes;
}

/** The enctypes of a context of which at least one is weak. */
export interface WeakEnctypeReport {
  /** The initiator, as displayed. */
  readonly client: string;
  /** The service's principal, as in the keytab. */
  readonly server: string;
  /** Enctype of the key that opened the ticket: weak if the service's key is. */
  readonly ticketEnctype: number;
  /** Enctype of the session key: weak if the client or the service's account supports no other. */
  readonly sessionEnctype: number;
  /** Enctype of the key that protects messages. */
  readonly contextEnctype: number;
}

/** Reports the weak enctypes of a context. @returns Undefined if none of its keys is weak. */
export function reportWeakEnctypes(context: SecurityContext): WeakEnctypeReport | undefined {
  const { enctype: contextEnctype } = context;
  const { enctype: ticketEnctype, sessionEnctype, server } = context.ticket;
  if (![ticketEnctype, sessionEnctype, contextEnctype].some(isWeakEnctype)) return undefined;
  const client = context.initiator.toString();
  return { client, server, ticketEnctype, sessionEnctype, contextEnctype };
}

// MIT krb5, pac.c: other buffers are named by their number.
const BUFFER_NAMES: ReadonlyMap<number, string> = new Map([
  [PacBufferType.logonInfo, 'logon-info'],
  [PacBufferType.credentials, 'credentials-info'],
  [PacBufferType.serverSignature, 'server-checksum'],
  [PacBufferType.kdcSignature, 'privsvr-checksum'],
  [PacBufferType.clientInfo, 'client-info'],
  [PacBufferType.delegationInfo, 'delegation-info'],
  [PacBufferType.upnDnsInfo, 'upn-dns-info'],
]);
