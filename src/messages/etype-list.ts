/** EtypeList, the enctypes that an initiator offers for the acceptor's subkey (RFC 4537 §4). */
import { DerReader } from './der.ts';
import { encodeDer } from './der-writer.ts';
import { Limit } from './limits.ts';
import { readInt32, writeInt32 } from './primitives.ts';

/** @returns Enctypes, the initiator's most preferred first. @throws {@link DecodeError}. */
export function decodeEtypeList(bytes: Uint8Array): number[] {
  return DerReader.all(bytes, 'EtypeList', (reader) => reader.list(Limit.enctypes, readInt32));
}

export function encodeEtypeList(enctypes: readonly number[]): Uint8Array {
  return encodeDer((writer, list: readonly number[]) => writer.list(list, writeInt32), enctypes);
}
