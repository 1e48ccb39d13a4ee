/** SPNEGO's messages (RFC 4178 §4.2, MS-SPNG §2.2.1): DER ↔ plain objects. */
import { bytesEqual } from '../bytes.ts';
import { DecodeError } from '../errors.ts';
import type { FirstToken } from '../gss/framing.ts';
import { frameMechanismToken, readFirstToken } from '../gss/framing.ts';
import { decodeMechanism, encodeMechanism, Mechanism, mechanismName } from '../gss/mechanism.ts';
import type { Oid } from '../gss/oid.ts';
import { DerReader, Tag } from '../messages/der/reader.ts';
import type { DerWriter } from '../messages/der/writer.ts';
import { encodeDer } from '../messages/der/writer.ts';
import type { Mutable } from '../messages/message.ts';

/** RFC 4178 §4.2.2. */
export const NegState = {
  acceptCompleted: 0,
  acceptIncomplete: 1,
  reject: 2,
  requestMic: 3,
} as const;

/** MS-SPNG §2.2.1: hints of a server that sends the first token; clients ignore them. */
export interface NegHints {
  /** Windows sends `not_defined_in_RFC4178@please_ignore`. */
  readonly hintName?: string;
  /** Never sent in practice. */
  readonly hintAddress?: Uint8Array;
}

/** NegTokenInit (RFC 4178 §4.2.1); with `negHints` it is NegTokenInit2 (MS-SPNG §2.2.1). */
export interface NegTokenInit {
  /** The mechanisms offered, the most preferred first. */
  readonly mechTypes: readonly Oid[];
  /** Bit 0 is the highest of 32. The flags have no meaning since RFC 4178. */
  readonly reqFlags?: number;
  /** The first token of the first mechanism. */
  readonly mechToken?: Uint8Array;
  readonly mechListMic?: Uint8Array;
  readonly negHints?: NegHints;
}

/** NegTokenResp (RFC 4178 §4.2.2). */
export interface NegTokenResp {
  /** One of {@link NegState}. */
  readonly negState?: number;
  readonly supportedMech?: Oid;
  readonly responseToken?: Uint8Array;
  readonly mechListMic?: Uint8Array;
  /** The mechanisms that the sender still has: Late Fallback (MS-SPNG §3.1.5.1). */
  readonly supportedMechs?: readonly Oid[];
}

/** A NegTokenInit as received. */
export interface ReceivedNegTokenInit extends NegTokenInit {
  readonly kind: 'init';
  /** The MechTypeList in DER as received, over which mechListMIC is computed. A view. */
  readonly mechTypeList: Uint8Array;
}

/** A NegTokenResp as received. */
export interface ReceivedNegTokenResp extends Omit<NegTokenResp, 'supportedMechs'> {
  readonly kind: 'resp';
  /** `supportedMechs` in DER as received, unread. A view. */
  readonly supportedMechList?: Uint8Array;
}

/**
 * Reads either message, with the header of RFC 2743 §3.1 or without: the first token should have
 * it and later ones should not, but implementations differ. Empty tokens and MICs count as absent.
 * Byte fields are views into `token`.
 *
 * @throws {@link DecodeError} if it is neither, or framed as another mechanism's.
 */
export function decodeNegToken(token: Uint8Array): ReceivedNegTokenInit | ReceivedNegTokenResp {
  return readNegToken(readFirstToken(token));
}

/** Like {@link decodeNegToken}, of a token whose header has been peeled off. */
export function readNegToken(first: FirstToken): ReceivedNegTokenInit | ReceivedNegTokenResp {
  if (first.framed && first.mechanism !== Mechanism.spnego) {
    throw new DecodeError(`SPNEGO token: framed as one of ${mechanismName(first.mechanism)}`);
  }
  return DerReader.all(
    first.inner,
    'SPNEGO token',
    (reader) => {
      // RFC 4178 §4.2: NegotiationToken ::= CHOICE { negTokenInit [0], negTokenResp [1] }.
      if (reader.nextTag === NEG_TOKEN_RESP) return reader.field(1, readResp);
      return reader.field(0, readInit);
    },
    'definite',
  );
}

/** Encodes a NegTokenInit with its header. */
export function encodeNegTokenInit(init: NegTokenInit): Uint8Array {
  return frameMechanismToken(
    Mechanism.spnego,
    encodeDer((writer) => writer.field(0, writeInit, init), init),
  );
}

/** Encodes a NegTokenResp; it has no header. */
export function encodeNegTokenResp(resp: NegTokenResp): Uint8Array {
  return encodeDer((writer) => writer.field(1, writeResp, resp), resp);
}

function readInit(reader: DerReader): ReceivedNegTokenInit {
  const outer = reader.enter(Tag.sequence);
  const mechTypeList = reader.field(0, (field) => field.element(Tag.sequence));
  const mechTypes = readMechTypeList(mechTypeList);
  const reqFlags = reader.optional(1, readReqFlags);
  const mechToken = readBytes(reader, 2);
  // RFC 4178 has mechListMIC as [3]; MS-SPNG has negHints there, a SEQUENCE, and the MIC as [4].
  const third = reader.optional(3, (field) =>
    field.nextTag === Tag.sequence ? readHints(field) : field.octetString(),
  );
  const negHints = third instanceof Uint8Array ? undefined : third;
  const mechListMic =
    third instanceof Uint8Array ? presence(third) : negHints && readBytes(reader, 4);
  skipExtensions(reader, negHints === undefined ? 4 : 5);
  reader.leave(outer);
  const init: Mutable<ReceivedNegTokenInit> = { kind: 'init', mechTypes, mechTypeList };
  if (reqFlags !== undefined) init.reqFlags = reqFlags;
  if (mechToken !== undefined) init.mechToken = mechToken;
  if (mechListMic !== undefined) init.mechListMic = mechListMic;
  if (negHints !== undefined) init.negHints = negHints;
  return init;
}

/**
 * Reads a MechTypeList in DER.
 *
 * @throws {@link DecodeError}
 */
export function readMechTypeList(bytes: Uint8Array): Oid[] {
  return DerReader.all(
    bytes,
    'MechTypeList',
    (list) => list.list(MAX_MECHANISMS, (item) => decodeMechanism(item.objectIdentifier())),
    'definite',
  );
}

/** The inverse of {@link readMechTypeList}. */
export function encodeMechTypeList(mechTypes: readonly Oid[]): Uint8Array {
  return encodeDer(writeMechTypes, mechTypes);
}

/** Any bits are valid, as in MIT krb5: the flags have no meaning since RFC 4178. */
function readReqFlags(reader: DerReader): number {
  const [unused = 0, flags = 0] = reader.primitive(Tag.bitString);
  return unused < 8 ? (flags << 24) >>> 0 : 0;
}

function readHints(reader: DerReader): NegHints {
  const outer = reader.enter(Tag.sequence);
  const hintName = reader.optional(0, (field) => field.generalString());
  const hintAddress = reader.optional(1, (field) => field.octetString());
  reader.leave(outer);
  return { ...(hintName !== undefined && { hintName }), ...(hintAddress && { hintAddress }) };
}

function readResp(reader: DerReader): ReceivedNegTokenResp {
  const outer = reader.enter(Tag.sequence);
  const negState = reader.optional(0, (field) => field.enumerated(NegState.requestMic));
  const supportedMech = reader.optional(1, (field) => decodeMechanism(field.objectIdentifier()));
  const responseToken = readBytes(reader, 2);
  const mechListMic = readBytes(reader, 3);
  const fourth = reader.optional(4, (field) => ({
    isList: field.nextTag === Tag.sequence,
    bytes: field.element(field.nextTag),
  }));
  skipExtensions(reader, 5);
  reader.leave(outer);
  // Windows 2000 repeats the responseToken as mechListMIC (MIT krb5 and Heimdal know it too).
  const repeated = responseToken && mechListMic && bytesEqual(responseToken, mechListMic);
  return {
    kind: 'resp',
    ...(negState !== undefined && { negState }),
    ...(supportedMech && { supportedMech }),
    ...(responseToken && { responseToken }),
    ...(mechListMic && !repeated && { mechListMic }),
    ...(fourth?.isList === true && { supportedMechList: fourth.bytes }),
  };
}

function readBytes(reader: DerReader, number: number): Uint8Array | undefined {
  return presence(reader.optional(number, (field) => field.octetString()));
}

function presence(bytes: Uint8Array | undefined): Uint8Array | undefined {
  return bytes === undefined || bytes.length === 0 ? undefined : bytes;
}

// RFC 4178 §4.2.1 and §4.2.2 end in an extension marker: fields of later versions are skipped.
function skipExtensions(reader: DerReader, first: number): void {
  for (let number = first; !reader.atEnd; number++) {
    if (number > MAX_TAG_NUMBER) throw reader.error('unexpected bytes');
    reader.optional(number, (field) => field.primitive(field.nextTag));
  }
}

function writeInit(writer: DerWriter, init: NegTokenInit): void {
  const begun = writer.begin(Tag.sequence);
  writer.field(0, writeMechTypes, init.mechTypes);
  writer.optional(1, writeReqFlags, init.reqFlags);
  writer.optional(2, writeBytes, init.mechToken);
  writer.optional(3, writeHints, init.negHints);
  writer.optional(init.negHints === undefined ? 3 : 4, writeBytes, init.mechListMic);
  writer.end(begun);
}

function writeHints(writer: DerWriter, hints: NegHints): void {
  const begun = writer.begin(Tag.sequence);
  writer.optional(0, (field, text) => field.generalString(text), hints.hintName);
  writer.optional(1, writeBytes, hints.hintAddress);
  writer.end(begun);
}

function writeResp(writer: DerWriter, resp: NegTokenResp): void {
  const begun = writer.begin(Tag.sequence);
  writer.optional(0, (field, state) => field.enumerated(state), resp.negState);
  writer.optional(1, writeOid, resp.supportedMech);
  writer.optional(2, writeBytes, resp.responseToken);
  writer.optional(3, writeBytes, resp.mechListMic);
  writer.optional(4, writeMechTypes, resp.supportedMechs);
  writer.end(begun);
}

function writeMechTypes(writer: DerWriter, mechTypes: readonly Oid[]): void {
  writer.list(mechTypes, writeOid);
}

function writeOid(writer: DerWriter, oid: Oid): void {
  writer.objectIdentifier(encodeMechanism(oid));
}

function writeBytes(writer: DerWriter, bytes: Uint8Array): void {
  writer.octetString(bytes);
}

// RFC 4178 §4.2.1: ContextFlags has seven bits; MIT krb5 reads no other length than one byte.
function writeReqFlags(writer: DerWriter, flags: number): void {
  writer.primitive(Tag.bitString, Uint8Array.of(1, (flags >>> 24) & 0xfe));
}

// Windows offers five.
const MAX_MECHANISMS = 64;
const MAX_TAG_NUMBER = 30;
// RFC 4178 §4.2: the two of NegotiationToken, as context tags.
export const NEG_TOKEN_INIT: number = Tag.context;
export const NEG_TOKEN_RESP: number = Tag.context | 1;
