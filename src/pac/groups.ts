/** Group memberships in KERB_VALIDATION_INFO and PAC_DEVICE_INFO. */
import { DecodeError } from '../errors.ts';
import type { NdrReader } from './ndr.ts';

/** A group of the domain named in the structure (GROUP_MEMBERSHIP, MS-PAC §2.2.2). */
export interface GroupMembership {
  /** The last sub-authority of the group's SID. */
  readonly relativeId: number;
  /** {@link GroupAttribute} bits. */
  readonly attributes: number;
}

/** A group or another security principal (KERB_SID_AND_ATTRIBUTES, MS-PAC §2.2.1). */
export interface SidAndAttributes {
  /** The SID as text, `S-1-5-…`. */
  readonly sid: string;
  /** {@link GroupAttribute} bits. */
  readonly attributes: number;
}

/**
 * Attributes of a group (MS-PAC §2.2.1). `useForDenyOnly` belongs to access tokens of Windows: a
 * PAC should not contain it, and a reader may ignore it; here such a group grants no rights.
 */
export const GroupAttribute = {
  mandatory: 0x00000001,
  enabledByDefault: 0x00000002,
  enabled: 0x00000004,
  owner: 0x00000008,
  useForDenyOnly: 0x00000010,
  resource: 0x20000000,
} as const;

/** Reads the conformant array behind a pointer to GROUP_MEMBERSHIP. */
export function readGroups(ndr: NdrReader, present: boolean, announced: number): GroupMembership[] {
  const groups: GroupMembership[] = [];
  const count = countBehind(ndr, present, announced);
  for (let i = 0; i < count; i++) {
    groups.push({ relativeId: ndr.u32(), attributes: ndr.u32() });
  }
  return groups;
}

/** Reads the conformant array behind a pointer to KERB_SID_AND_ATTRIBUTES. */
export function readSids(ndr: NdrReader, present: boolean, announced: number): SidAndAttributes[] {
  const count = countBehind(ndr, present, announced);
  const attributes: number[] = [];
  for (let i = 0; i < count; i++) {
    // Skipping it would lose a group silently, and in PAC_DEVICE_INFO shift the account's SID.
    if (!ndr.pointer()) throw new DecodeError(`${ndr.label} has a group without a SID`);
    attributes.push(ndr.u32());
  }
  return attributes.map((bits) => ({ sid: ndr.sid(), attributes: bits }));
}

// Accepting a count without its array would silently lose groups, also groups that deny access.
function countBehind(ndr: NdrReader, present: boolean, announced: number): number {
  if (present) return ndr.countOf(announced, 8);
  if (announced === 0) return 0;
  throw new DecodeError(`${ndr.label} lacks the ${announced} groups that it announces`);
}
