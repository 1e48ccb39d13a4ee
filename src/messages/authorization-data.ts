/** AuthorizationData (RFC 4120 §5.2.6): a list of typed octet strings. */
import { DerReader, Tag } from './der/reader.ts';
import type { DerWriter } from './der/writer.ts';
import { encodeDer } from './der/writer.ts';
import { Limit } from './limits.ts';
import { readInt32, readOctets, writeInt32, writeOctets } from './primitives.ts';

/** An element of {@link AuthorizationData}. */
export interface AuthorizationDataElement {
  /** See `AuthorizationDataType`; may be any number. */
  readonly type: number;
  /** Contents, whose format depends on the type. */
  readonly data: Uint8Array;
}

/** AuthorizationData (RFC 4120 §5.2.6), in the order of the message. */
export type AuthorizationData = readonly AuthorizationDataElement[];

/** RFC 4120 §7.5.4, RFC 6113 (71), RFC 7751 (96), RFC 8129 (97), RFC 4537 (129), MS-KILE (143). */
export const AuthorizationDataType = {
  ifRelevant: 1,
  kdcIssued: 4,
  andOr: 5,
  mandatoryForKdc: 8,
  fxArmor: 71,
  cammac: 96,
  authenticationIndicator: 97,
  win2kPac: 128,
  etypeNegotiation: 129,
  apOptions: 143,
} as const;

/** The depth to which nested AD-IF-RELEVANT are decoded. KDCs and clients send one level. */
export const MAX_IF_RELEVANT_DEPTH = 10;

/**
 * Decodes AuthorizationData, which the contents of AD-IF-RELEVANT are as well (RFC 4120 §5.2.6.1).
 *
 * @throws {@link DecodeError}.
 */
export function decodeAuthorizationData(bytes: Uint8Array): AuthorizationData {
  return DerReader.all(bytes, 'AuthorizationData', readAuthorizationData);
}

/**
 * The elements outside and inside of AD-IF-RELEVANT, up to {@link MAX_IF_RELEVANT_DEPTH} levels, in
 * one list. Deeper elements are omitted: RFC 4120 §5.2.6.1 lets a server ignore elements in an
 * AD-IF-RELEVANT that it does not understand.
 *
 * @throws {@link DecodeError} if an AD-IF-RELEVANT cannot be read.
 */
export function relevantElements(data: AuthorizationData | undefined): AuthorizationDataElement[] {
  const elements: AuthorizationDataElement[] = [];
  collect(data ?? [], elements, 0);
  return elements;
}

function collect(data: AuthorizationData, into: AuthorizationDataElement[], depth: number): void {
  for (const element of data) {
    if (element.type !== AuthorizationDataType.ifRelevant) into.push(element);
    else if (depth < MAX_IF_RELEVANT_DEPTH) {
      collect(decodeAuthorizationData(element.data), into, depth + 1);
    }
  }
}

export function encodeAuthorizationData(elements: AuthorizationData): Uint8Array {
  return encodeDer(writeAuthorizationData, elements);
}

/**
 * EtypeList, the contents of AD-ETYPE-NEGOTIATION (RFC 4537 §3).
 *
 * @returns The enctypes that the client accepts for the acceptor's subkey, best first.
 * @throws {@link DecodeError}.
 */
export function decodeEtypeList(bytes: Uint8Array): readonly number[] {
  return DerReader.all(bytes, 'EtypeList', readEtypes);
}

export function readAuthorizationData(reader: DerReader): AuthorizationData {
  return reader.list(Limit.authorizationDataElements, readElement);
}

export function writeAuthorizationData(writer: DerWriter, elements: AuthorizationData): void {
  writer.list(elements, writeElement);
}

function readElement(reader: DerReader): AuthorizationDataElement {
  const outer = reader.enter(Tag.sequence);
  const type = reader.field(0, readInt32);
  const data = reader.field(1, readOctets);
  reader.leave(outer);
  return { type, data };
}

function writeElement(writer: DerWriter, element: AuthorizationDataElement): void {
  const begun = writer.begin(Tag.sequence);
  writer.field(0, writeInt32, element.type);
  writer.field(1, writeOctets, element.data);
  writer.end(begun);
}

function readEtypes(reader: DerReader): readonly number[] {
  return reader.list(Limit.enctypes, readInt32);
}
