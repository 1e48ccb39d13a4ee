/** One file of a replay cache: records that any number of processes append at the same time. */
import { closeSync, fdatasync, fstatSync, readSync, writeSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { ClientShares } from '../../ap/client-shares.ts';
import { FINGERPRINT_BYTES, FingerprintSet } from '../../ap/fingerprint-set.ts';
import { bytesEqual } from '../../bytes.ts';
import type { Principal } from '../../messages/principal.ts';
import { replayCacheError } from './error.ts';
import type { RecordWriter } from './record.ts';
import { FINGERPRINT_END, isRecord, RECORD_BYTES } from './record.ts';

/** What the logs of a cache have in common. */
export interface LogContext {
  readonly writer: RecordWriter;
  /** What is read comes here: 128 KiB. */
  readonly buffer: Uint8Array;
  /** Where fingerprints lie in memory depends on it. */
  readonly seed: number;
  readonly durable: boolean;
  readonly maxEntries: number;
  readonly shares: ClientShares;
  /** How many records all logs hold in memory. */
  entries: number;
}

/**
 * The records of one group of client times.
 *
 * A record is appended first and judged then: whoever finds its own record before any other of the
 * same fingerprint was the first. The kernel puts appended records one behind the other, so all
 * processes read the same order, and nobody waits for a lock that its holder may have died with.
 *
 * What a crash leaves of a record is less than a record and is skipped: its writer was never told
 * that it was the first. More than that can only be damage; the group is refused from then on.
 */
export class ReplayLog {
  readonly path: string;
  readonly #context: LogContext;
  readonly #view: DataView;
  readonly #open: () => number;
  readonly #known: FingerprintSet;
  #fd: number;
  /** Who may still use the descriptor: this log until it is closed, and what is being synced. */
  #users = 1;
  #closed = false;
  /** How many bytes of the file were understood, and the last of them. */
  #end = 0;
  readonly #last = new Uint8Array(RECORD_BYTES);
  /** How many of these bytes, at the end, belong to no record. */
  #skipped = 0;
  #damaged = false;
  /** Bytes, when last looked at. */
  #size = 0;
  /** The number of our record that is to be judged, and whether it was the first. */
  #asked = 0;
  #fresh: boolean | undefined;
  /** Settles when the file was read so far that the next record can be judged. */
  #busy: Promise<void> | undefined;

  /** @param open - Opens the file, and makes it if it is not there. */
  constructor(path: string, open: () => number, context: LogContext) {
    this.path = path;
    this.#open = open;
    this.#context = context;
    this.#view = new DataView(context.buffer.buffer);
    this.#known = new FingerprintSet(context.seed);
    this.#fd = open();
  }

  /** Reads what is there, a part in each turn of the event loop. */
  async load(): Promise<void> {
    await this.#readOn(() => false);
  }

  /** As `checkAndStore` of a replay cache; a promise if there is much to read first. */
  store(ciphertext: Uint8Array, client?: Principal): boolean | Promise<boolean> {
    if (this.#busy !== undefined) {
      const copy = ciphertext.slice(-FINGERPRINT_BYTES);
      return this.#busy.then(() => this.store(copy, client));
    }
    this.#checkUsable();
    if (this.#known.lookUp(ciphertext)) return false;
    this.#context.shares.check(client, this.#context.entries);
    const answer = this.#store(ciphertext, true);
    if (typeof answer === 'boolean') return this.#count(answer, client);
    return answer.then((fresh) => this.#count(fresh, client));
  }

  /** What other processes store is not counted: a record does not name its client. */
  #count(fresh: boolean, client: Principal | undefined): boolean {
    const { shares, entries } = this.#context;
    // It is among the entries by now.
    if (fresh && !this.#closed) shares.add(client, entries - 1, this);
    return fresh;
  }

  /** @param again - Whether to write the record once more if it is not found. */
  #store(ciphertext: Uint8Array, again: boolean): boolean | Promise<boolean> {
    this.#checkUsable();
    this.#checkRoom();
    this.#append(ciphertext);
    if (this.#read() || this.#fresh !== undefined) return this.#judge(ciphertext, again);
    const copy = ciphertext.slice(-FINGERPRINT_BYTES);
    return this.#readOn(() => this.#fresh !== undefined).then(() => this.#judge(copy, again));
  }

  #judge(ciphertext: Uint8Array, again: boolean): boolean | Promise<boolean> {
    // Where a torn record lacks just the bytes that ours begins with (one byte: one record in 256),
    // ours makes it whole and is the torn one now.
    if (again && this.#fresh === undefined) return this.#store(ciphertext, false);
    return this.#answer();
  }

  /** Forgets all. What is being stored meanwhile is refused. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#context.entries -= this.#known.size;
    this.#context.shares.forget(this);
    this.#release();
  }

  #checkUsable(): void {
    if (this.#closed) {
      throw replayCacheError(this.path, 'was closed', 'the request came too late to be judged');
    }
    if (this.#damaged) throw this.#damage();
  }

  #checkRoom(): void {
    const { entries, maxEntries } = this.#context;
    if (entries >= maxEntries || this.#size > MAX_COPIES * RECORD_BYTES * maxEntries) {
      throw this.#full();
    }
  }

  #append(ciphertext: Uint8Array): void {
    const { writer } = this.#context;
    writer.write(ciphertext);
    this.#asked = writer.sequence;
    this.#fresh = undefined;
    const written = writeSync(this.#fd, writer.bytes, 0, RECORD_BYTES, null);
    if (written !== RECORD_BYTES) {
      throw replayCacheError(
        this.path,
        `took ${written} bytes of a record of ${RECORD_BYTES}`,
        'nobody is let in until this works: is the disk full?',
      );
    }
    const { nlink, size } = fstatSync(this.#fd);
    this.#size = size;
    if (nlink === 0) throw this.#restore();
  }

  /**
   * Reads on from where it stopped, at most a buffer full.
   *
   * @returns Whether that was all.
   */
  #read(): boolean {
    const { buffer } = this.#context;
    // What was last must still be there: a file that was cut or overwritten lost records.
    const overlap = Math.min(RECORD_BYTES, this.#end);
    const from = this.#end - overlap;
    const length = readSync(this.#fd, buffer, 0, buffer.length, from);
    const last = buffer.subarray(0, overlap);
    if (length < overlap || !bytesEqual(last, this.#last.subarray(0, overlap))) {
      // All see this and refuse, also those who come later and have nothing to compare with.
      writeSync(this.#fd, new Uint8Array(2 * RECORD_BYTES), 0, 2 * RECORD_BYTES, null);
      throw this.#damage();
    }
    let at = overlap;
    try {
      while (at + RECORD_BYTES <= length) at += this.#take(at);
    } finally {
      this.#end = from + at;
      const kept = Math.min(RECORD_BYTES, this.#end);
      this.#last.set(buffer.subarray(at - kept, at));
    }
    return length < buffer.length;
  }

  /** Takes note of the record there. @returns How many bytes further the next may begin. */
  #take(at: number): number {
    const context = this.#context;
    if (!isRecord(this.#view, at)) {
      if (++this.#skipped >= RECORD_BYTES) throw this.#damage();
      return 1;
    }
    const end = at + FINGERPRINT_END;
    const first = !this.#known.lookUp(context.buffer, end);
    if (first) {
      if (context.entries >= context.maxEntries) throw this.#full();
      this.#known.add(context.buffer, end);
      context.entries++;
    }
    if (context.writer.wrote(this.#view, at, this.#asked)) this.#fresh = first;
    this.#skipped = 0;
    return RECORD_BYTES;
  }

  #answer(): boolean | Promise<boolean> {
    const fresh = this.#fresh;
    this.#fresh = undefined;
    if (fresh === undefined) {
      throw replayCacheError(
        this.path,
        'does not hold what was just written to it',
        'is anything else than this library writing there?',
      );
    }
    return fresh && this.#context.durable ? this.#sync() : fresh;
  }

  /** Reads to the end, or until it is enough; others wait. */
  #readOn(enough: () => boolean): Promise<void> {
    const done = this.#readInTurns(enough);
    const idle = (): void => {
      this.#busy = undefined;
    };
    this.#busy = done.then(idle, idle);
    return done;
  }

  async #readInTurns(enough: () => boolean): Promise<void> {
    do {
      await nextTurn();
      // The descriptor may be another file's by now.
      this.#checkUsable();
    } while (!this.#read() && !enough());
  }

  /**
   * The file has no name any more: somebody removed it. This makes it again, with all that it held,
   * which includes what others appended before it was removed. Each process that has it open does
   * so; a record that is there twice is only known twice.
   *
   * @returns Why the present record cannot be judged.
   */
  #restore(): Error {
    const fd = this.#open();
    try {
      // In one piece: what others append meanwhile must not come between the halves of a record.
      const bytes = readAll(this.#fd);
      if (writeSync(fd, bytes, 0, bytes.length, null) !== bytes.length) {
        throw replayCacheError(this.path, 'cannot be made again', 'is the disk full?');
      }
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    closeSync(this.#fd);
    this.#fd = fd;
    this.#end = 0;
    this.#skipped = 0;
    return replayCacheError(
      this.path,
      'was removed',
      'it was made again from what was known; do not remove the files of a running server',
    );
  }

  #damage(): Error {
    this.#damaged = true;
    return replayCacheError(
      this.path,
      'is damaged: records were lost',
      'requests of that minute are refused, those of later minutes are not',
    );
  }

  #full(): Error {
    return replayCacheError(
      this.path,
      'is full',
      `it forgets by itself; raise maxEntries (now ${this.#context.maxEntries})`,
    );
  }

  async #sync(): Promise<boolean> {
    this.#users++;
    try {
      await promisify(fdatasync)(this.#fd);
      return true;
    } finally {
      this.#release();
    }
  }

  #release(): void {
    if (--this.#users === 0) closeSync(this.#fd);
  }
}

function readAll(fd: number): Uint8Array {
  const bytes = new Uint8Array(fstatSync(fd).size);
  let length = 0;
  while (length < bytes.length) {
    const more = readSync(fd, bytes, length, bytes.length - length, length);
    if (more === 0) break;
    length += more;
  }
  return bytes.subarray(0, length);
}

// A log may be larger than what it says: a record of each process that was second, and copies.
const MAX_COPIES = 8;
