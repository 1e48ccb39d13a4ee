/**
 * The only importer of asn1js, which decodes the data of error messages (they are rare and loosely
 * defined), and any BER for display. All other messages are decoded by {@link DerReader}, so importing
 * an entry of the package does not load asn1js.
 *
 * {@link Asn1Fields} walks the tree of a SEQUENCE of explicitly tagged fields. The same strict functions
 * as in other messages read the value of each field.
 */
import * as asn1js from 'asn1js';
import { DecodeError } from '../errors.ts';
import { checkDer } from './der/check.ts';
import type { Read } from './der/reader.ts';
import { DerReader, Tag, tagName } from './der/reader.ts';
import { Limit } from './limits.ts';

/** An element of the tree that asn1js builds. */
export type Asn1Node = asn1js.BaseBlock;

/**
 * The fields of a SEQUENCE: explicit context tags in ascending order, without duplicates.
 *
 * @throws {@link DecodeError} from every method that meets unexpected bytes.
 */
export class Asn1Fields {
  readonly #label: string;
  readonly #values: ReadonlyMap<number, Asn1Node>;

  private constructor(label: string, values: ReadonlyMap<number, Asn1Node>) {
    this.#label = label;
    this.#values = values;
  }

  /** @param lastField - The highest field number that is allowed. */
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

/** Decodes strict DER into a tree of asn1js. @throws {@link DecodeError}. */
export function decodeTree(bytes: Uint8Array, label: string): Asn1Node {
  if (bytes.length > Limit.treeBytes) throw new DecodeError(`${label}: ${bytes.length} bytes`);
  // asn1js accepts BER, so its input is checked to be DER first, with the same limits.
  checkDer(bytes, label, Limit);
  const { offset, result } = asn1js.fromBER(bytes, {
    maxDepth: Limit.depth,
    maxNodes: Limit.nodes,
    maxContentLength: Limit.treeBytes,
    // Octet strings hold ciphertext, which is not to be parsed even if it looks like DER.
    parseEmbedded: false,
    copyInput: false,
  });
  if (offset !== bytes.length) throw new DecodeError(`${label}: ${result.error}`);
  return result;
}

/** An element of BER with its place, for display. Offsets count from the start of the bytes read. */
export interface BerElement {
  /** The class and form bits and the number (X.690 §8.1.2); numbers above 30 are possible. */
  readonly tagClass: TagClass;
  readonly tagNumber: number;
  readonly constructed: boolean;
  /** The identifier octet. */
  readonly start: number;
  /** The first byte of the contents. */
  readonly contents: number;
  /** After the last byte of the contents. */
  readonly contentsEnd: number;
  /** After the element; two bytes further for an indefinite length. */
  readonly end: number;
  readonly children: readonly BerElement[];
}

/** The classes of tags (X.690 §8.1.2.2). */
export type TagClass = 'universal' | 'application' | 'context' | 'private';

/**
 * Decodes one element of BER: indefinite lengths, lengths and numbers with padding, and constructed
 * strings, which {@link DerReader} refuses.
 *
 * @param maxNodes - Elements that may be built.
 * @returns Undefined if the bytes do not begin with a well-formed element, or if it is too large.
 */
export function decodeBer(
  bytes: Uint8Array,
  start: number,
  end: number,
  maxNodes: number,
): BerElement | undefined {
  const view = bytes.subarray(start, end);
  try {
    const { offset, result } = asn1js.fromBER(view, {
      maxDepth: Limit.depth,
      maxNodes,
      maxContentLength: view.length,
      parseEmbedded: false,
      copyInput: false,
    });
    return offset < 0 ? undefined : berElement(result, bytes.byteOffset);
  } catch {
    // asn1js throws at times and strings that it cannot convert.
    return undefined;
  }
}

function berElement(node: Asn1Node, base: number): BerElement {
  const { idBlock, lenBlock, blockLength, valueBeforeDecodeView } = node;
  const start = valueBeforeDecodeView.byteOffset - base;
  const value: unknown = (node.valueBlock as { value?: unknown }).value;
  const children = idBlock.isConstructed && Array.isArray(value) ? (value as Asn1Node[]) : [];
  const end = start + blockLength;
  return {
    tagClass: TAG_CLASSES[idBlock.tagClass - 1] ?? 'universal',
    tagNumber: idBlock.tagNumber,
    constructed: idBlock.isConstructed,
    start,
    contents: start + idBlock.blockLength + lenBlock.blockLength,
    contentsEnd: lenBlock.isIndefiniteForm ? end - 2 : end,
    end,
    children: children.map((child) => berElement(child, base)),
  };
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

/** The identifier octet (X.690 §8.1.2); checkDer has refused numbers above 30. */
function tagOf(element: Asn1Node): number {
  const { tagClass, tagNumber, isConstructed } = element.idBlock;
  return ((tagClass - 1) << 6) | (isConstructed ? 0x20 : 0) | tagNumber;
}

const TAG_CLASSES: readonly TagClass[] = ['universal', 'application', 'context', 'private'];
