/** Facts of an established context that are read from its public members. */
import { encodeUtf8 } from '../bytes.ts';
import { isWeakEnctype } from '../crypto/numbers.ts';
import { PacBufferType } from '../pac/pac-type.ts';
import type { SecurityContext } from './context.ts';

/**
 * What the KDC says of the initiator, all of it authenticated and complete: what did not verify is
 * not here. `urn:mspac:` is the whole PAC, `urn:mspac:logon-info` and others are its buffers, and
 * `auth-indicators` has a value for each indicator.
 *
 * @returns By attribute name: values, each in an array of its own.
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

/** A context with a weak enctype in at least one of three places. */
export interface WeakEnctypeReport {
  /** The initiator, as displayed. */
  readonly client: string;
  /** The service's principal, as in the keytab. */
  readonly server: string;
  /** Of the key that opened the ticket: weak where the service's keys are. */
  readonly ticketEnctype: number;
  /** Of the session key: weak where the client, or what the KDC knows of the service, is. */
  readonly sessionEnctype: number;
  /** Of the key that protects messages. */
  readonly contextEnctype: number;
}

/** @returns Nothing if all of the context's keys are of enctypes that are safe. */
export function reportWeakEnctypes(context: SecurityContext): WeakEnctypeReport | undefined {
  const { enctype: contextEnctype } = context;
  const { enctype: ticketEnctype, sessionEnctype, server } = context.ticket;
  if (![ticketEnctype, sessionEnctype, contextEnctype].some(isWeakEnctype)) return undefined;
  const client = context.initiator.toString();
  return { client, server, ticketEnctype, sessionEnctype, contextEnctype };
}

// MIT krb5, pac.c: the others go by their number.
const BUFFER_NAMES: ReadonlyMap<number, string> = new Map([
  [PacBufferType.logonInfo, 'logon-info'],
  [PacBufferType.credentials, 'credentials-info'],
  [PacBufferType.serverSignature, 'server-checksum'],
  [PacBufferType.kdcSignature, 'privsvr-checksum'],
  [PacBufferType.clientInfo, 'client-info'],
  [PacBufferType.delegationInfo, 'delegation-info'],
  [PacBufferType.upnDnsInfo, 'upn-dns-info'],
]);
