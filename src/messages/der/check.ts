/** Checks for strict DER of unknown types: extensions that are skipped, and the input of asn1js. */
import { DerReader, Tag } from './reader.ts';

export interface TreeLimits {
  /** Levels of nested elements. */
  readonly depth: number;
  /** Elements in total; each byte of an OID counts as one. */
  readonly nodes: number;
}

/**
 * Checks that `bytes` are one DER element: definite shortest lengths, single-byte tags, universal
 * types in primitive or constructed form as DER prescribes, no trailing bytes.
 *
 * @throws {@link DecodeError}.
 */
export function checkDer(bytes: Uint8Array, label: string, limits: TreeLimits): void {
  DerReader.all(bytes, label, (reader) => skipElement(reader, limits));
}

/** Moves the reader past one element and checks it as {@link checkDer} does. */
export function skipElement(reader: DerReader, limits: TreeLimits): void {
  const outers: number[] = [];
  let nodes = 0;
  do {
    const tag = reader.nextTag;
    if (tag < 0) throw reader.error('truncated: an element expected');
    if ((tag & HIGH_TAG) === HIGH_TAG) throw reader.error('a tag number above 30');
    if ((tag & CONSTRUCTED) !== 0) {
      // X.690 §10.2: strings are primitive in DER, so only SEQUENCE and SET are constructed.
      if (tag < CLASS_APPLICATION && tag !== Tag.sequence && tag !== SET) {
        throw reader.error('a constructed string');
      }
      if (outers.length === limits.depth) throw reader.error(`more than ${limits.depth} levels`);
      outers.push(reader.enter(tag));
      nodes++;
    } else {
      nodes += skipPrimitive(reader, tag);
    }
    if (nodes > limits.nodes) throw reader.error(`more than ${limits.nodes} elements`);
    while (outers.length > 0 && reader.atEnd) reader.leave(outers.pop()!);
  } while (outers.length > 0);
}

/** @returns The number of elements to count: asn1js makes an object of each arc of an OID. */
function skipPrimitive(reader: DerReader, tag: number): number {
  switch (tag) {
    case END_OF_CONTENTS:
    case RESERVED:
    case Tag.sequence & ~CONSTRUCTED:
    case SET & ~CONSTRUCTED:
      throw reader.error('a universal tag that is not allowed in DER');
    case Tag.boolean:
      reader.boolean();
      break;
    case Tag.bitString:
      reader.flags();
      break;
    case Tag.objectIdentifier:
      return reader.objectIdentifier().length;
    case RELATIVE_OID:
      return 1 + reader.primitive(tag).length;
    case Tag.generalizedTime:
      reader.generalizedTime();
      break;
    case Tag.utf8String:
      reader.utf8String();
      break;
    case Tag.integer:
    case Tag.enumerated:
      checkNumber(reader, reader.primitive(tag));
      break;
    case Tag.null:
      if (reader.primitive(tag).length > 0) throw reader.error('a NULL with contents');
      break;
    default:
      reader.primitive(tag);
  }
  return 1;
}

// X.690 §8.3.2: at least one byte, and the first nine bits are not all equal.
function checkNumber(reader: DerReader, contents: Uint8Array): void {
  const [first, second] = contents;
  if (first === undefined) throw reader.error('an INTEGER of 0 bytes');
  if (second === undefined || (first !== 0 && first !== 0xff)) return;
  if ((first & 0x80) === (second & 0x80)) throw reader.error('an INTEGER with padding');
}

// X.690 §8.1.2.
const HIGH_TAG = 0x1f;
const CONSTRUCTED = 0x20;
const CLASS_APPLICATION = 0x40;
const END_OF_CONTENTS = 0x00;
/** X.680 §8.4: reserved for future editions. */
const RESERVED = 0x0f;
const SET = 0x31;
const RELATIVE_OID = 0x0d;
