/** The bytes that are laid out, and what all parts of one inspection share. */
import { toHex } from '../bytes.ts';
import { KerberosError } from '../errors.ts';
import { GssError } from '../gss/status.ts';
import { printable, printableUtf8 } from '../text.ts';
import type { Exchange } from './exchange.ts';
import type { Draft, Item } from './item.ts';

export interface ReportOptions {
  readonly secrets?: boolean;
  readonly shownBytes?: number;
}

/** What all parts of one inspection share: its limits, and the keys that it has found. */
export class Report {
  readonly exchange: Exchange;
  /** Whether secrets are shown. */
  readonly secrets: boolean;
  /** Bytes of a value that are shown. */
  readonly shownBytes: number;
  /** Elements that asn1js may still build: it is the slowest of the readers. */
  treeNodes: number = MAX_TREE_NODES;
  #left = MAX_ITEMS;

  constructor(exchange: Exchange, { secrets = false, shownBytes = SHOWN_BYTES }: ReportOptions) {
    this.exchange = exchange;
    this.secrets = secrets;
    this.shownBytes = shownBytes;
  }

  /** Whether no more items may be made. Loops over what a sender counts end then. */
  get full(): boolean {
    return this.#left <= 0;
  }

  count(): void {
    this.#left--;
  }
}

/** Some bytes: the whole input, or what was decrypted or expanded from a part of it. */
export class Scope {
  readonly bytes: Uint8Array;
  readonly report: Report;
  /** Whether keys may be in the bytes: what is not known to be public is then hidden. */
  readonly isPrivate: boolean;
  /** Formats inside of formats; beyond {@link MAX_DEPTH} they are shown as bytes. */
  readonly depth: number;

  constructor(report: Report, bytes: Uint8Array, isPrivate: boolean, depth = 0) {
    this.report = report;
    this.bytes = bytes;
    this.isPrivate = isPrivate;
    this.depth = depth;
  }

  /** The scope of bytes that were decrypted, decoded or expanded from a part of these. */
  derived(bytes: Uint8Array, isPrivate: boolean = this.isPrivate): Scope {
    return new Scope(this.report, bytes, isPrivate || this.isPrivate, this.depth + 1);
  }

  /** The same bytes, one format deeper. */
  deeper(isPrivate = false): Scope {
    return new Scope(this.report, this.bytes, isPrivate || this.isPrivate, this.depth + 1);
  }

  get tooDeep(): boolean {
    return this.depth >= MAX_DEPTH;
  }

  /** A new item. @param end - After the last byte. */
  item(label: string, start: number, end: number, more: Partial<Draft> = {}): Draft {
    this.report.count();
    return { label, offset: start, length: end - start, ...more };
  }

  /** An item of bytes that are shown in hexadecimal, unless they may be secret. */
  data(label: string, start: number, end: number, more: Partial<Draft> = {}): Draft {
    const { value, secret } = this.hex(start, end);
    return this.item(label, start, end, { value, ...(secret && { secret }), ...more });
  }

  /** {@link data} of bytes that are public even among secrets: checksums, addresses, SIDs. */
  publicData(label: string, start: number, end: number, more: Partial<Draft> = {}): Draft {
    const value = this.#hexOf(this.bytes.subarray(start, end));
    return this.item(label, start, end, { value, ...more });
  }

  /** {@link data} of bytes that are secret wherever they are. */
  secretData(label: string, start: number, end: number, more: Partial<Draft> = {}): Draft {
    if (this.report.secrets) return this.publicData(label, start, end, more);
    return this.item(label, start, end, { value: hidden(end - start), secret: true, ...more });
  }

  /** The bytes as text; hidden where keys may be and the text is none that a person has written. */
  text(start: number, end: number): { value: string; secret?: true } {
    const bytes = this.bytes.subarray(start, Math.min(end, start + MAX_TEXT));
    const value = printableUtf8(bytes);
    const isWritten = !/\\x/.test(value);
    if (this.isPrivate && !this.report.secrets && !isWritten) {
      return { value: hidden(end - start), secret: true };
    }
    return { value: end - start > MAX_TEXT ? `${value}... (${end - start} bytes)` : value };
  }

  hex(start: number, end: number): { value: string; secret?: true } {
    if (this.isPrivate && !this.report.secrets && end > start) {
      return { value: hidden(end - start), secret: true };
    }
    return { value: this.#hexOf(this.bytes.subarray(start, end)) };
  }

  #hexOf(bytes: Uint8Array): string {
    const { shownBytes } = this.report;
    if (bytes.length === 0) return 'empty';
    const shown = toHex(bytes.subarray(0, shownBytes));
    const rest = bytes.length - shownBytes;
    return rest > 0 ? `${shown}... (${rest} bytes more)` : shown;
  }
}

/** Adds a problem to an item. */
export function blame(item: Draft, problem: string): void {
  item.problems = [...(item.problems ?? []), printable(problem.slice(0, MAX_TEXT))];
}

/** A text put together of others, for an item's value: no longer than a text that was read. */
export function summary(text: string): string {
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}...` : text;
}

/** Adds a part to an item. */
export function addPart(item: Draft, part: Item): void {
  item.parts ??= [];
  item.parts.push(part);
}

/** A list that ends where the limit of items is reached, with an item that says so. */
export function endIfFull(scope: Scope, parts: Item[]): boolean {
  if (!scope.report.full) return false;
  const last = parts[parts.length - 1];
  if (last?.label !== CUT) parts.push({ label: CUT, problems: [`more than ${MAX_ITEMS} items`] });
  return true;
}

/**
 * Runs a strict reader of the library, and adds its objection to the item.
 *
 * @returns What it read; undefined if it refuses.
 */
export function strictly<T>(item: Draft, read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof KerberosError || error instanceof GssError)) throw error;
    blame(item, `the acceptor refuses it: ${error.message}`);
    return undefined;
  }
}

function hidden(length: number): string {
  return `${length} ${length === 1 ? 'byte' : 'bytes'}, hidden`;
}

const CUT = 'not shown';
const MAX_ITEMS = 20_000;
const MAX_DEPTH = 16;
const SHOWN_BYTES = 32;
const MAX_TEXT = 1024;
// asn1js takes up to 20 µs and 4 kB for each.
const MAX_TREE_NODES = 768;
