/**
 * The only importer of asn1js, for reading what is rare: errors and forwarded credentials. It
 * walks the tree of a SEQUENCE of explicitly tagged fields; what one field holds is read by the
 * same strict functions as in all other messages. Writing goes through our own writer always: an
 * error is what any stranger can make us write, and asn1js takes half a millisecond for one.
 */
import * as asn1js from 'asn1js';
import { DecodeError } from '../errors.ts';
import type { Read } from './der.ts';
import { DerReader, Tag, tagName } from './der.ts';
import { checkDer } from './der-check.ts';
import { Limit } from './limits.ts';
import { checkMessageTag, checkMessageType } from './message.ts';
import { readInt32 } from './primitives.ts';

/** An element of asn1js's tree. */
export type Asn1Node = asn1js.BaseBlock;

/**
 * The fields of a SEQUENCE: explicit context tags in ascending order, none twice.
 *
 * @throws {@link DecodeError} from everything that meets other bytes than it wants.
 */
export class Asn1Fields {
  readonly #label: string;
  readonly #values: ReadonlyMap<number, Asn1Node>;

  private constructor(label: string, values: ReadonlyMap<number, Asn1Node>) {
    this.#label = label;
    this.#values = values;
  }

  /** @param lastField - A higher number is an error. */
  static of(sequence: Asn1Node, label: string, lastField: number): Asn1Fields {
    const values = new Map<number, Asn1Node>();
    let last = -1;
    for (const field of childrenOf(sequence, Tag.sequence, label)) {
      const number = tagOf(field) - Tag.context;
      if (number <= last || number > lastField) {
        throw new DecodeError(`${label}: unexpected ${tagName(tagOf(field))} among its fields`);
      }
      values.set(number, onlyChildOf(field, tagOf(field), label));
      last = number;
    }
    return new Asn1Fields(label, values);
  }

  required<T>(number: number, read: Read<T>): T {
    return DerReader.all(this.node(number).valueBeforeDecodeView, this.#label, read);
  }

  optional<T>(number: number, read: Read<T>): T | undefined {
    return this.#values.has(number) ? this.required(number, read) : undefined;
  }

  /** The value of a required field, for what has fields itself. */
  node(number: number): Asn1Node {
    const value = this.#values.get(number);
    if (value === undefined) throw new DecodeError(`${this.#label}: field [${number}] is missing`);
    return value;
  }
}

/**
 * Reads `[APPLICATION number] SEQUENCE`. Fields above those that the caller asks for are
 * extensions and ignored (RFC 4120 §1.5.1).
 *
 * @throws {@link KerberosError} `KRB_AP_ERR_MSG_TYPE` for another message; {@link DecodeError}.
 */
export function decodeMessageFields(bytes: Uint8Array, label: string, number: number): Asn1Fields {
  checkMessageTag(bytes[0] ?? -1, label, number);
  const message = decodeTree(bytes, label);
  const sequence = onlyChildOf(message, Tag.application | number, label);
  return Asn1Fields.of(sequence, label, MAX_FIELD);
}

/** Checks `pvno [0]` and `msg-type [1]`. @throws {@link KerberosError} as their names say. */
export function checkMessageHeader(fields: Asn1Fields, label: string, messageType: number): void {
  checkMessageType(
    fields.required(0, readInt32),
    fields.required(1, readInt32),
    label,
    messageType,
  );
}

/** Strict DER as asn1js's tree. @throws {@link DecodeError}. */
export function decodeTree(bytes: Uint8Array, label: string): Asn1Node {
  if (bytes.length > Limit.treeBytes) throw new DecodeError(`${label}: ${bytes.length} bytes`);
  // asn1js takes BER. What it sees has passed our own reader, and its limits are ours.
  checkDer(bytes, label, Limit);
  const { offset, result } = asn1js.fromBER(bytes, {
    maxDepth: Limit.depth,
    maxNodes: Limit.nodes,
    maxContentLength: Limit.treeBytes,
    // Octet strings hold ciphertext: bytes that look like DER are not to be parsed.
    parseEmbedded: false,
    copyInput: false,
  });
  if (offset !== bytes.length) throw new DecodeError(`${label}: ${result.error}`);
  return result;
}

/** The elements of a SEQUENCE OF. @throws {@link DecodeError} for more than `limit`. */
export function listOf(node: Asn1Node, label: string, limit: number): readonly Asn1Node[] {
  const items = childrenOf(node, Tag.sequence, label);
  if (items.length > limit)
    throw new DecodeError(`${label}: more than ${limit} elements in a list`);
  return items;
}

function onlyChildOf(parent: Asn1Node, tag: number, label: string): Asn1Node {
  const [child, ...others] = childrenOf(parent, tag, label);
  if (child === undefined || others.length > 0) {
    throw new DecodeError(`${label}: ${tagName(tag)} does not hold one element`);
  }
  return child;
}

function childrenOf(parent: Asn1Node, tag: number, label: string): readonly Asn1Node[] {
  if (tagOf(parent) !== tag || !(parent instanceof asn1js.Constructed)) {
    throw new DecodeError(`${label}: ${tagName(tag)} expected, got ${tagName(tagOf(parent))}`);
  }
  return parent.valueBlock.value;
}

/** The identifier octet (X.690 §8.1.2); numbers above 30 do not get here. */
function tagOf(element: Asn1Node): number {
  const { tagClass, tagNumber, isConstructed } = element.idBlock;
  return ((tagClass - 1) << 6) | (isConstructed ? 0x20 : 0) | tagNumber;
}

/** The highest number that fits into one identifier octet. */
const MAX_FIELD = 30;
