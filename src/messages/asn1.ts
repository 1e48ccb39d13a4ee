/**
 * The only importer of asn1js, for the data of an error message, which is rare and loosely defined.
 * Messages go through {@link DerReader}: no entry of the package loads asn1js when it is imported.
 *
 * This walks the tree of a SEQUENCE of explicitly tagged fields; the value of each field is read by
 * the same strict functions as in the messages.
 */
import * as asn1js from 'asn1js';
import { DecodeError } from '../errors.ts';
import { checkDer } from './der/check.ts';
import type { Read } from './der/reader.ts';
import { DerReader, Tag, tagName } from './der/reader.ts';
import { Limit } from './limits.ts';

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
    const value = this.#values.get(number);
    if (value === undefined) throw new DecodeError(`${this.#label}: field [${number}] is missing`);
    return DerReader.all(value.valueBeforeDecodeView, this.#label, read);
  }

  optional<T>(number: number, read: Read<T>): T | undefined {
    return this.#values.has(number) ? this.required(number, read) : undefined;
  }
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
