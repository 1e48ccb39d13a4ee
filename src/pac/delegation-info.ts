/** S4U_DELEGATION_INFO (MS-PAC §2.9): through which services a delegated ticket came. */
import { DecodeError } from '../errors.ts';
import type { NdrReader } from './ndr.ts';
import { readNdr } from './ndr.ts';

export interface DelegationInfo {
  /** The service for which the ticket was asked by constrained delegation (S4U2proxy). */
  readonly proxyTarget: string;
  /** The services that acted for the user, first one first. */
  readonly transitedServices: readonly string[];
}

/**
 * Reads a S4U_DELEGATION_INFO buffer.
 *
 * @throws {@link DecodeError}
 */
export function parseDelegationInfo(bytes: Uint8Array): DelegationInfo {
  return readNdr(bytes, 'PAC delegation info', readDelegationInfo);
}

function readDelegationInfo(ndr: NdrReader): DelegationInfo {
  const target = ndr.unicodeString();
  const listSize = ndr.u32();
  const hasList = ndr.pointer();
  if (!hasList && listSize !== 0) throw new DecodeError('PAC delegation info lacks its services');
  const proxyTarget = ndr.unicodeText(target);
  const count = hasList ? ndr.countOf(listSize, 8) : 0;
  const headers = Array.from({ length: count }, () => ndr.unicodeString());
  return { proxyTarget, transitedServices: headers.map((header) => ndr.unicodeText(header)) };
}
