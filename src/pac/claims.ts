/**
 * Claims (MS-ADTS §2.2.18), as PAC_CLIENT_CLAIMS_INFO and PAC_DEVICE_CLAIMS_INFO carry them
 * (MS-PAC §2.11, §2.13): attributes of a user or machine from the directory, in addition to groups.
 */
import { DecodeError } from '../errors.ts';
import { expand } from './compression/expand.ts';
import type { NdrReader } from './ndr.ts';
import { readNdr } from './ndr.ts';

/** A claim with the type of its values. */
export type Claim = ClaimOf<'int64' | 'uint64', bigint> | ClaimOf<'string', string> | BooleanClaim;

/** A claim of one type. */
export interface ClaimOf<Type extends string, Value> {
  /** The name of the claim type, such as `ad://ext/department:88d5d9085ea5c0c0`. */
  readonly id: string;
  /** The type of the values. */
  readonly type: Type;
  /** The source of the claim (MS-ADTS §2.2.18.3): 1 is the directory, 2 a certificate. */
  readonly source: number;
  /** The values, in the order of the KDC. */
  readonly values: readonly Value[];
}

/** A claim whose values are true or false. */
export type BooleanClaim = ClaimOf<'boolean', boolean>;

/**
 * Reads a claims buffer. An empty one, which Windows sends as well, contains no claims.
 *
 * @throws {@link DecodeError}
 */
export function parseClaims(bytes: Uint8Array): Claim[] {
  if (bytes.length === 0) return [];
  const set = readNdr(bytes, 'PAC claims', readMetadata);
  return set === undefined ? [] : readNdr(set, 'claims set', readSet);
}

// MS-ADTS §2.2.18.8: CLAIMS_SET_METADATA; its reserved fields are not read.
function readMetadata(ndr: NdrReader): Uint8Array | undefined {
  const size = ndr.u32();
  const present = ndr.pointer();
  const format = ndr.u16();
  const expandedSize = ndr.u32();
  ndr.u16();
  ndr.u32();
  ndr.pointer();
  if (present) return expand(format, ndr.bytes(size), expandedSize);
  if (size !== 0) throw new DecodeError('PAC claims lack their claims set');
  return undefined;
}

// MS-ADTS §2.2.18.7: CLAIMS_SET.
function readSet(ndr: NdrReader): Claim[] {
  const announced = ndr.u32();
  const present = ndr.pointer();
  ndr.u16();
  ndr.u32();
  ndr.pointer();
  const claims: Claim[] = [];
  for (const array of elements(ndr, present, announced, 12, readArrayHeader)) {
    for (const entry of elements(ndr, array.present, array.count, 16, readEntryHeader)) {
      claims.push(readEntry(ndr, entry, array.source));
    }
  }
  return claims;
}

interface ArrayHeader {
  readonly source: number;
  readonly count: number;
  readonly present: boolean;
}

interface EntryHeader {
  readonly hasId: boolean;
  readonly type: number;
  readonly count: number;
  readonly present: boolean;
}

// MS-ADTS §2.2.18.6: CLAIMS_ARRAY.
function readArrayHeader(ndr: NdrReader): ArrayHeader {
  return { source: ndr.u16(), count: ndr.u32(), present: ndr.pointer() };
}

// MS-ADTS §2.2.18.5: CLAIM_ENTRY: a union, which repeats its type.
function readEntryHeader(ndr: NdrReader): EntryHeader {
  const hasId = ndr.pointer();
  const type = ndr.u16();
  if (ndr.u16() !== type) throw new DecodeError('claim has two types');
  return { hasId, type, count: ndr.u32(), present: ndr.pointer() };
}

function readEntry(ndr: NdrReader, entry: EntryHeader, source: number): Claim {
  if (!entry.hasId) throw new DecodeError('claim has no name');
  const id = ndr.wideString();
  const { count, present } = entry;
  // MS-ADTS §2.2.18.2.
  switch (entry.type) {
    case 1: {
      const values = elements(ndr, present, count, 8, (r) => BigInt.asIntN(64, r.u64()));
      return { id, type: 'int64', source, values };
    }
    case 2:
      return { id, type: 'uint64', source, values: elements(ndr, present, count, 8, readU64) };
    case 3:
      return { id, type: 'string', source, values: readStrings(ndr, present, count) };
    case 6: {
      const values = elements(ndr, present, count, 8, (r) => r.u64() !== 0n);
      return { id, type: 'boolean', source, values };
    }
    default:
      throw new DecodeError(`claim is of type ${entry.type}, which is not known`);
  }
}

function readU64(ndr: NdrReader): bigint {
  return ndr.u64();
}

function readStrings(ndr: NdrReader, present: boolean, count: number): string[] {
  return elements(ndr, present, count, 4, (r) => r.pointer()).map((hasText) => {
    if (!hasText) throw new DecodeError('claim has a null value');
    return ndr.wideString();
  });
}

// A pointer to a conformant array: reads the fixed parts of its elements.
function elements<T>(
  ndr: NdrReader,
  present: boolean,
  announced: number,
  elementSize: number,
  read: (ndr: NdrReader) => T,
): T[] {
  if (!present) {
    if (announced !== 0) throw new DecodeError('claims lack an array that they announce');
    return [];
  }
  const count = ndr.countOf(announced, elementSize);
  const all: T[] = [];
  for (let i = 0; i < count; i++) all.push(read(ndr));
  return all;
}
