/** ASN.1 as far as it can be read: asn1js reads what is well-formed, element by element what is not. */
import type { BerElement, TagClass } from '../../messages/asn1.ts';
import { decodeBer } from '../../messages/asn1.ts';
import { tagName } from '../../messages/der/reader.ts';
import type { Report } from '../scope.ts';

/** An element, which may be cut off or broken inside. */
export interface Element extends BerElement {
  readonly children: readonly Element[];
  /** Why its contents are read no further. */
  readonly problem?: string;
  /** Whether it, or an element around it, announces more bytes than there are. */
  readonly cut?: true;
}

/**
 * The elements from `start` to `end`, one after the other.
 *
 * @param toMark - Whether end-of-contents octets end them, as in an indefinite length. What is behind those
 *   belongs to the element around: to read it here as well would double the work for each such element.
 */
export function readElements(
  report: Report,
  bytes: Uint8Array,
  start: number,
  end: number,
  depth = 0,
  isCut = false,
  toMark = false,
): Element[] {
  const elements: Element[] = [];
  for (let at = start; at < end && !report.full && elements.length < MAX_ELEMENTS; ) {
    const element = readElement(report, bytes, at, end, depth, isCut);
    elements.push(element);
    at = element.end;
    if (toMark && isEndOfContents(element)) break;
  }
  return elements;
}

/**
 * The element at `start`; it ends at `end` at the latest.
 *
 * @param isCut - Whether the bytes end before the element around it does. Only that one and the innermost
 *   element then have a problem, not each of those between them.
 */
export function readElement(
  report: Report,
  bytes: Uint8Array,
  start: number,
  end: number,
  depth = 0,
  isCut = false,
): Element {
  const whole = decodeWhole(report, bytes, start, end);
  if (whole !== undefined) return whole;
  const header = readHeader(bytes, start, end);
  if (typeof header === 'string') return broken(start, end, header);
  const { tagClass, tagNumber, constructed, contents, length } = header;
  const announced = length ?? end - contents;
  const left = end - contents;
  const truncated = announced > left;
  const cut = truncated || (isCut && length === undefined);
  const contentsEnd = truncated ? end : contents + announced;
  let problem: string | undefined;
  if (truncated && isCut && !constructed) problem = `cut off: ${left} of ${announced} bytes`;
  else if (truncated && !isCut) problem = `truncated: ${announced} bytes announced, ${left} left`;
  let inner: readonly Element[] = [];
  if (constructed && depth < MAX_DEPTH) {
    const toMark = length === undefined;
    inner = readElements(report, bytes, contents, contentsEnd, depth + 1, cut, toMark);
  } else if (constructed) problem ??= `more than ${MAX_DEPTH} levels`;
  // X.690 §8.1.5: end-of-contents octets end an indefinite length.
  const last = length === undefined ? inner.findIndex(isEndOfContents) : -1;
  if (length === undefined && last < 0) problem ??= 'the end of an indefinite length is missing';
  const element: Element = {
    tagClass,
    tagNumber,
    constructed,
    start,
    contents,
    contentsEnd: last < 0 ? contentsEnd : inner[last]!.start,
    end: last < 0 ? contentsEnd : inner[last]!.end,
    children: last < 0 ? inner : inner.slice(0, last),
  };
  // Spreading takes longer than all else here, and few elements need it.
  if (problem === undefined && !cut) return element;
  return { ...element, ...(problem !== undefined && { problem }), ...(cut && { cut }) };
}

/** Reads with asn1js, as long as the inspection may still build elements with it. */
function decodeWhole(
  report: Report,
  bytes: Uint8Array,
  start: number,
  end: number,
): Element | undefined {
  const nodes = Math.min(report.treeNodes, MAX_NODES);
  if (nodes <= 0) return undefined;
  const element = decodeBer(bytes, start, end, nodes);
  // A failed attempt may have built as many elements as its bytes can hold.
  report.treeNodes -= element === undefined ? Math.min(nodes, (end - start) / 2) : sizeOf(element);
  return element;
}

function sizeOf({ children }: BerElement): number {
  return children.reduce((sum, child) => sum + sizeOf(child), 1);
}

interface Header {
  readonly tagClass: TagClass;
  readonly tagNumber: number;
  readonly constructed: boolean;
  readonly contents: number;
  /** Absent for an indefinite length. */
  readonly length: number | undefined;
}

/** X.690 §8.1.2, §8.1.3. @returns The reason if there is no header. */
function readHeader(bytes: Uint8Array, start: number, end: number): Header | string {
  const first = bytes[start]!;
  let at = start + 1;
  let tagNumber = first & 0x1f;
  if (tagNumber === 0x1f) {
    tagNumber = 0;
    do {
      if (at >= end || at > start + 4) return 'a tag number that does not end';
      tagNumber = tagNumber * 128 + (bytes[at]! & 0x7f);
    } while (bytes[at++]! >= 0x80);
  }
  if (at >= end) return `truncated after ${tagName(first)}`;
  const lead = bytes[at++]!;
  let length: number | undefined = lead;
  if (lead === 0x80) length = undefined;
  else if (lead > 0x80) {
    const count = lead & 0x7f;
    if (count > 8 || count > end - at) return `a length of ${count} bytes, ${end - at} left`;
    length = 0;
    for (let i = 0; i < count; i++) length = length * 256 + bytes[at++]!;
  }
  return {
    tagClass: CLASSES[first >> 6]!,
    tagNumber,
    constructed: (first & 0x20) !== 0,
    contents: at,
    length,
  };
}

function broken(start: number, end: number, problem: string): Element {
  return {
    tagClass: 'universal',
    tagNumber: -1,
    constructed: false,
    start,
    contents: start,
    contentsEnd: end,
    end,
    children: [],
    problem,
  };
}

function isEndOfContents({ tagClass, tagNumber, contents, end }: Element): boolean {
  return tagClass === 'universal' && tagNumber === 0 && contents === end;
}

/** `SEQUENCE`, `[3]`, `[APPLICATION 14]`, `a broken element`. */
export function elementName({ tagClass, tagNumber, constructed }: BerElement): string {
  if (tagNumber < 0) return 'a broken element';
  if (tagNumber > 30) return `[${tagClass.toUpperCase()} ${tagNumber}]`;
  const bits = CLASSES.indexOf(tagClass) << 6;
  if (tagClass === 'private') return `[PRIVATE ${tagNumber}]`;
  if (tagClass === 'context') return `[${tagNumber}]`;
  if (tagClass === 'application') return `[APPLICATION ${tagNumber}]`;
  const known = tagName(bits | tagNumber | (constructed ? 0x20 : 0));
  if (!known.startsWith('0x')) return known;
  return OTHER_TYPES.get(tagNumber) ?? `[UNIVERSAL ${tagNumber}]`;
}

const CLASSES: readonly TagClass[] = ['universal', 'application', 'context', 'private'];
const OTHER_TYPES: ReadonlyMap<number, string> = new Map([
  [3, 'BIT STRING'],
  [4, 'OCTET STRING'],
  [13, 'RELATIVE-OID'],
  [17, 'SET'],
  [18, 'NumericString'],
  [19, 'PrintableString'],
  [22, 'IA5String'],
  [23, 'UTCTime'],
  [26, 'VisibleString'],
  [27, 'GeneralString'],
  [30, 'BMPString'],
]);
const MAX_DEPTH = 32;
const MAX_ELEMENTS = 2048;
// Real messages have up to a hundred elements.
const MAX_NODES = 384;
