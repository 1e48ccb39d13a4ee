/** Reads formats that are not ASN.1 field by field, and lists what it reads. */
import { KerberosError } from '../errors.ts';
import type { Draft, Item } from './item.ts';
import type { Scope } from './scope.ts';
import { blame, endIfFull } from './scope.ts';

/** The end of what can be read. */
class Stop extends Error {}

/** A cursor over the bytes of a scope; each read adds an item to {@link parts}. */
export class Cursor {
  readonly scope: Scope;
  readonly parts: Item[] = [];
  readonly littleEndian: boolean;
  readonly end: number;
  at: number;

  constructor(scope: Scope, start: number, end: number, littleEndian: boolean) {
    this.scope = scope;
    this.at = start;
    this.end = end;
    this.littleEndian = littleEndian;
  }

  get left(): number {
    return this.end - this.at;
  }

  u8(label: string, show: Show = shownNumber, clause?: string): number {
    return this.#number(label, 1, show, clause);
  }

  u16(label: string, show: Show = shownNumber, clause?: string): number {
    return this.#number(label, 2, show, clause);
  }

  u32(label: string, show: Show = shownNumber, clause?: string): number {
    return this.#number(label, 4, show, clause);
  }

  /** Takes bytes; `make` makes the item of them. */
  take(label: string, length: number, make: Make): void {
    const start = this.at;
    const left = this.left;
    if (length > left) {
      const item = make(this.scope, start, this.end, label) as Draft;
      if (left > 0) this.add(item);
      this.at = this.end;
      throw new Stop(`${label} is cut off: ${length} bytes wanted, ${left} left`);
    }
    this.at = start + length;
    this.add(make(this.scope, start, this.at, label));
  }

  /** The rest, if there is any. */
  rest(label: string, make: Make = data): void {
    if (this.left > 0) this.take(label, this.left, make);
  }

  add(item: Item): void {
    if (!endIfFull(this.scope, this.parts)) this.parts.push(item);
  }

  /** Ends the reading here. */
  stop(reason: string): never {
    throw new Stop(reason);
  }

  /** The next bytes as a number, without an item. */
  peek(length: number, at: number = this.at): number {
    let value = 0;
    for (let i = 0; i < length; i++) {
      const index = this.littleEndian ? length - 1 - i : i;
      value = value * 256 + (at + index < this.end ? this.scope.bytes[at + index]! : 0);
    }
    return value;
  }

  #number(label: string, length: number, show: Show, clause: string | undefined): number {
    const value = this.peek(length);
    const more = clause === undefined ? {} : { clause };
    this.take(label, length, (scope, start, end) =>
      scope.item(label, start, end, { value: show(value), ...more }),
    );
    return value;
  }
}

/** How a number is shown. */
export type Show = (value: number) => string;

/** Makes the item of some bytes. */
export type Make = (scope: Scope, start: number, end: number, label: string) => Item;

const shownNumber: Show = (value) => `${value}`;

/** Bytes in hexadecimal, unless they may be secret. */
export const data: Make = (scope, start, end, label) => scope.data(label, start, end);

/** Bytes that are always secret. */
export const secretData: Make = (scope, start, end, label) => scope.secretData(label, start, end);

/** Bytes that are never secret. */
export const publicData: Make = (scope, start, end, label) => scope.publicData(label, start, end);

/** UTF-8. */
export const text: Make = (scope, start, end, label) =>
  scope.item(label, start, end, scope.text(start, end));

/** What a {@link structure} is called and where it is. */
export interface Place {
  readonly label: string;
  readonly start: number;
  readonly end: number;
  readonly clause?: string;
  readonly littleEndian?: boolean;
}

/**
 * The item of a structure. `read` reads as far as it can: where it stops, the item says why, and what is
 * left is shown as bytes.
 */
export function structure(scope: Scope, place: Place, read: (cursor: Cursor) => void): Draft {
  const { label, start, end, clause, littleEndian = false } = place;
  const cursor = new Cursor(scope, start, end, littleEndian);
  const item = scope.item(label, start, end, { ...(clause !== undefined && { clause }) });
  try {
    read(cursor);
  } catch (error) {
    if (!(error instanceof Stop || error instanceof KerberosError)) throw error;
    blame(item, `stops at byte ${cursor.at}: ${error.message}`);
  }
  cursor.rest('further bytes');
  if (cursor.parts.length > 0) item.parts = cursor.parts;
  return item;
}
