/**
 * EtypeList, the contents of AD-ETYPE-NEGOTIATION (RFC 4537 §3). Most authenticators carry one, so
 * it does not go through asn1js.
 */
import { DerReader } from './der/reader.ts';
import type { DerWriter } from './der/writer.ts';
import { encodeDer } from './der/writer.ts';
import { Limit } from './limits.ts';
import { readInt32, writeInt32 } from './primitives.ts';

/**
 * @returns The enctypes that the client would take for the acceptor's subkey, best first.
 * @throws {@link DecodeError}.
 */
export function decodeEtypeList(bytes: Uint8Array): readonly number[] {
  return DerReader.all(bytes, 'EtypeList', readEtypes);
}

export function encodeEtypeList(enctypes: readonly number[]): Uint8Array {
  return encodeDer(writeEtypes, enctypes);
}

function readEtypes(reader: DerReader): readonly number[] {
  return reader.list(Limit.enctypes, readInt32);
}

function writeEtypes(writer: DerWriter, enctypes: readonly number[]): void {
  writer.list(enctypes, writeInt32);
}
