/** Combinators that give the elements of ASN.1 their names and meanings, and never refuse any. */
import { concatBytes } from '../../bytes.ts';
import { KerberosError } from '../../errors.ts';
import { mechanismName } from '../../gss/mechanism.ts';
import { decodeOid } from '../../gss/oid.ts';
import { parseGeneralizedTime, TIME_LENGTH } from '../../messages/der/time.ts';
import { formatTime } from '../../time.ts';
import type { Draft, Item } from '../item.ts';
import type { FlagNames } from '../names/flags.ts';
import { namedFlags } from '../names/flags.ts';
import type { Scope } from '../scope.ts';
import { addPart, blame, endIfFull } from '../scope.ts';
import type { Element } from './element.ts';
import { elementName, readElement } from './element.ts';

/** Makes the item of an element. @param seen - Numbers of the fields before it, by field. */
export type Type = (scope: Scope, element: Element, label: string, seen: Seen) => Draft;

/** The INTEGERs among the fields of a SEQUENCE, which decide what other fields hold. */
export type Seen = ReadonlyMap<number, number>;

/** Makes the item of the contents of an OCTET STRING. */
export type Contents = (
  scope: Scope,
  start: number,
  end: number,
  label: string,
  seen: Seen,
) => Draft;

/** The item of the element at `start`, with what follows it before `end`. */
export function asn1(scope: Scope, start: number, end: number, label: string, type: Type): Draft {
  if (start >= end) return scope.item(label, start, end, { value: 'empty' });
  const element = readElement(scope.report, scope.bytes, start, end);
  const item = type(scope, element, label, NONE);
  if (element.end >= end) return item;
  item.length = end - start;
  const { bytes } = scope;
  const rest = bytes.subarray(element.end, end).every((byte) => byte === 0) ? 'zeros' : 'bytes';
  blame(item, `${end - element.end} ${rest} after its end at byte ${element.end}`);
  addPart(item, scope.data('further bytes', element.end, end));
  return item;
}

/** Fields of a SEQUENCE by their context tag. A name that ends in `?` is that of an optional field. */
export type Fields = Readonly<Record<number, readonly [label: string, type: Type]>>;

/** A SEQUENCE of explicitly tagged fields. */
export function sequence(fields: Fields, clause?: string): Type {
  return (scope, element, label) => {
    const item = begin(scope, element, label, clause);
    if (!is(element, 'universal', SEQUENCE, true))
      return mismatch(scope, element, item, 'SEQUENCE');
    const seen = new Map<number, number>();
    const parts: Item[] = [];
    for (const child of element.children) {
      if (endIfFull(scope, parts)) break;
      parts.push(fieldItem(scope, child, fields, seen));
    }
    item.parts = parts;
    for (const [number, [name]] of Object.entries(fields)) {
      // What is cut off may have had it.
      if (element.cut || name.endsWith('?') || hasField(element, Number(number))) continue;
      blame(item, `field ${name} [${number}] is missing`);
    }
    return item;
  };
}

function fieldItem(scope: Scope, child: Element, fields: Fields, seen: Map<number, number>): Draft {
  const known = child.tagClass === 'context' ? fields[child.tagNumber] : undefined;
  if (known === undefined) {
    const item = anything(scope, child, `unknown field ${elementName(child)}`, seen);
    return item;
  }
  const [name, type] = known;
  const label = name.replace(/\?$/, '');
  const value = child.children[0];
  if (value === undefined) {
    const item = begin(scope, child, label);
    blame(item, 'holds no element');
    return item;
  }
  const number = numberOf(scope, value);
  if (number !== undefined) seen.set(child.tagNumber, number);
  const item = type(scope, value, label, seen);
  // The place of the field with its tag.
  item.offset = child.start;
  item.length = child.end - child.start;
  if (child.problem !== undefined) blame(item, child.problem);
  if (child.children.length > 1) {
    blame(item, `holds ${child.children.length} elements, expected 1`);
  }
  return item;
}

function hasField({ children }: Element, number: number): boolean {
  return children.some((child) => child.tagClass === 'context' && child.tagNumber === number);
}

/** An element with another tag around it: [APPLICATION n], or [n]. */
export function tagged(
  tagClass: 'application' | 'context',
  number: number,
  type: Type,
  clause?: string,
): Type {
  return (scope, element, label, seen) => {
    if (!is(element, tagClass, number, true)) {
      const item = begin(scope, element, label, clause);
      return mismatch(scope, element, item, `[${tagClass.toUpperCase()} ${number}]`);
    }
    const [value] = element.children;
    if (value === undefined) {
      const item = begin(scope, element, label, clause);
      blame(item, 'holds no element');
      return item;
    }
    const item = type(scope, value, label, seen);
    item.offset = element.start;
    item.length = element.end - element.start;
    if (clause !== undefined) item.clause = clause;
    if (element.problem !== undefined) blame(item, element.problem);
    return item;
  };
}

/** SEQUENCE OF. */
export function listOf(itemLabel: string, type: Type, clause?: string): Type {
  return (scope, element, label, seen) => {
    const item = begin(scope, element, label, clause);
    if (!is(element, 'universal', SEQUENCE, true))
      return mismatch(scope, element, item, 'SEQUENCE');
    const parts: Item[] = [];
    for (const child of element.children) {
      if (endIfFull(scope, parts)) break;
      parts.push(type(scope, child, itemLabel, seen));
    }
    item.parts = parts;
    if (parts.length === 0) item.value = 'empty';
    return item;
  };
}

/** INTEGER. */
export function integer(show: (value: number) => string = String, clause?: string): Type {
  return (scope, element, label) => {
    const item = begin(scope, element, label, clause);
    if (!is(element, 'universal', INTEGER)) return mismatch(scope, element, item, 'INTEGER');
    const value = numberOf(scope, element);
    if (value !== undefined) item.value = show(value);
    else Object.assign(item, scope.hex(element.contents, element.contentsEnd));
    return item;
  };
}

/** An unsigned number of 32 bits that old peers encode as negative. */
export const uint32: Type = integer((value) => `${value < 0 ? value >>> 0 : value}`);

export function enumerated(show: (value: number) => string): Type {
  return (scope, element, label) => {
    const item = begin(scope, element, label);
    if (!is(element, 'universal', ENUMERATED)) return mismatch(scope, element, item, 'ENUMERATED');
    item.value = show(signed(scope.bytes, element.contents, element.contentsEnd) ?? -1);
    return item;
  };
}

/** Text of one of the string types: which one is not checked, since peers differ. */
export const string: Type = (scope, element, label) => {
  const item = begin(scope, element, label);
  if (!STRINGS.has(element.tagNumber) || element.tagClass !== 'universal') {
    return mismatch(scope, element, item, 'GeneralString');
  }
  const { scope: inner, start, end } = contentsOf(scope, element);
  return Object.assign(item, inner.text(start, end));
};

/** GeneralizedTime, shown as ISO 8601. */
export const time: Type = (scope, element, label) => {
  const item = begin(scope, element, label);
  if (!is(element, 'universal', GENERALIZED_TIME)) {
    return mismatch(scope, element, item, 'GeneralizedTime');
  }
  const { contents, contentsEnd } = element;
  const seconds =
    contentsEnd - contents === TIME_LENGTH
      ? parseGeneralizedTime(scope.bytes, contents)
      : undefined;
  if (seconds !== undefined) item.value = formatTime(seconds);
  else {
    Object.assign(item, scope.text(contents, contentsEnd));
    blame(item, 'not of the form YYYYMMDDHHMMSSZ (RFC 4120 §5.2.3)');
  }
  return item;
};

/** BIT STRING of 32 flags (RFC 4120 §5.2.8). */
export function flags(names: FlagNames): Type {
  return (scope, element, label) => {
    const item = begin(scope, element, label);
    if (!is(element, 'universal', BIT_STRING)) return mismatch(scope, element, item, 'BIT STRING');
    let bits = 0;
    for (let i = 1; i <= 4; i++) {
      const at = element.contents + i;
      bits = (bits << 8) | (at < element.contentsEnd ? scope.bytes[at]! : 0);
    }
    item.value = namedFlags(names, bits);
    return item;
  };
}

/** OCTET STRING; `inner` lays its contents out. */
export function octets(inner?: Contents): Type {
  return (scope, element, label, seen) => {
    const item = begin(scope, element, label);
    if (!isOctets(element)) return mismatch(scope, element, item, 'OCTET STRING');
    const part = contentsOf(scope, element);
    if (inner === undefined) return Object.assign(item, part.scope.hex(part.start, part.end));
    const made = inner(part.scope, part.start, part.end, label, seen);
    if (part.scope !== scope) {
      item.space = 'the contents of its fragments';
      item.parts = [made];
      return item;
    }
    made.offset = item.offset!;
    made.length = item.length!;
    for (const problem of item.problems ?? []) blame(made, problem);
    return made;
  };
}

/** OCTET STRING that is public wherever it is. */
export const publicOctets: Type = octets((scope, start, end, label) =>
  scope.publicData(label, start, end),
);

/** OCTET STRING that is secret wherever it is. */
export const secretOctets: Type = octets((scope, start, end, label) =>
  scope.secretData(label, start, end),
);

/** OBJECT IDENTIFIER, with the name of a mechanism. */
export const objectIdentifier: Type = (scope, element, label) => {
  const item = begin(scope, element, label);
  if (!is(element, 'universal', OID)) return mismatch(scope, element, item, 'OBJECT IDENTIFIER');
  try {
    const oid = decodeOid(scope.bytes.subarray(element.contents, element.contentsEnd));
    const name = mechanismName(oid);
    item.value = name === oid ? oid : `${name} (${oid})`;
  } catch (error) {
    if (!(error instanceof KerberosError)) throw error;
    blame(item, error.message);
  }
  return item;
};

export const boolean: Type = (scope, element, label) => {
  const item = begin(scope, element, label);
  if (!is(element, 'universal', BOOLEAN)) return mismatch(scope, element, item, 'BOOLEAN');
  item.value = scope.bytes[element.contents] === 0 ? 'false' : 'true';
  return item;
};

/** Any element, by its own tag. */
export const anything: Type = (scope, element, label, seen) => {
  const { tagClass, tagNumber } = element;
  const type = tagClass === 'universal' ? UNIVERSAL.get(tagNumber) : undefined;
  if (type !== undefined && !element.constructed) return type(scope, element, label, seen);
  const item = begin(scope, element, label);
  if (!element.constructed) {
    return Object.assign(item, scope.hex(element.contents, element.contentsEnd));
  }
  const parts: Item[] = [];
  for (const child of element.children) {
    if (endIfFull(scope, parts)) break;
    parts.push(anything(scope, child, elementName(child), NONE));
  }
  item.parts = parts;
  return item;
};

/** An item for the element; its clause, and why its contents are read no further. */
export function begin(scope: Scope, element: Element, label: string, clause?: string): Draft {
  const more = clause === undefined ? {} : { clause };
  const item = scope.item(label, element.start, element.end, more);
  if (element.problem !== undefined) blame(item, element.problem);
  return item;
}

/** The item of an element that is of another type than expected. */
function mismatch(scope: Scope, element: Element, item: Draft, expected: string): Draft {
  blame(item, `${expected} expected at byte ${element.start}, got ${elementName(element)}`);
  const shown = anything(scope, element, elementName(element), NONE);
  if (shown.value !== undefined) item.value = shown.value;
  if (shown.secret !== undefined) item.secret = shown.secret;
  if (shown.parts !== undefined) item.parts = shown.parts;
  return item;
}

/** The number of an INTEGER of up to 8 bytes; undefined for any other element. */
function numberOf({ bytes }: Scope, element: Element): number | undefined {
  if (!is(element, 'universal', INTEGER)) return undefined;
  return signed(bytes, element.contents, element.contentsEnd);
}

/** A number in two's complement; undefined if it has no or more than 8 bytes. */
export function signed(bytes: Uint8Array, start: number, end: number): number | undefined {
  if (end <= start || end - start > 8) return undefined;
  let value = bytes[start]! < 0x80 ? bytes[start]! : bytes[start]! - 256;
  for (let at = start + 1; at < end; at++) value = value * 256 + bytes[at]!;
  return value;
}

export function isOctets(element: Element | undefined): boolean {
  return element?.tagClass === 'universal' && element.tagNumber === OCTET_STRING;
}

/** The contents of a string: those of all fragments if it is constructed (X.690 §8.7.3). */
function contentsOf(
  scope: Scope,
  element: Element,
): { readonly scope: Scope; readonly start: number; readonly end: number } {
  if (!element.constructed) {
    return { scope, start: element.contents, end: element.contentsEnd };
  }
  const fragments = element.children.map(({ contents, contentsEnd }) =>
    scope.bytes.subarray(contents, contentsEnd),
  );
  const whole = scope.derived(concatBytes(...fragments));
  return { scope: whole, start: 0, end: whole.bytes.length };
}

function is(element: Element, tagClass: string, number: number, constructed = false): boolean {
  return (
    element.tagClass === tagClass &&
    element.tagNumber === number &&
    element.constructed === constructed
  );
}

const BOOLEAN = 1;
const INTEGER = 2;
const BIT_STRING = 3;
const OCTET_STRING = 4;
const OID = 6;
const ENUMERATED = 10;
const SEQUENCE = 16;
const GENERALIZED_TIME = 24;
const STRINGS: ReadonlySet<number> = new Set([12, 18, 19, 20, 22, 26, 27]);
const NONE: Seen = new Map();
const UNIVERSAL: ReadonlyMap<number, Type> = new Map([
  [BOOLEAN, boolean],
  [INTEGER, integer()],
  [OID, objectIdentifier],
  [ENUMERATED, enumerated(String)],
  [GENERALIZED_TIME, time],
  ...[...STRINGS].map((number): [number, Type] => [number, string]),
]);
