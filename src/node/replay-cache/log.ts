/** One file of a replay cache, to which any number of processes append records at the same time. */
import { closeSync, fdatasync, fstatSync, readSync, writeSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { ClientShares } from '../../ap/client-shares.ts';
import { FINGERPRINT_BYTES, FingerprintSet } from '../../ap/fingerprint-set.ts';
import { bytesEqual } from '../../bytes.ts';
import type { KerberosError } from '../../errors.ts';
import type { Principal } from '../../messages/principal.ts';
import { replayCacheError } from './error.ts';
import type { RecordWriter } from './record.ts';
import { FINGERPRINT_END, isRecord, RECORD_BYTES } from './record.ts';

/** The state that the logs of a cache share. */
export interface LogContext {
  readonly writer: RecordWriter;
  /** The buffer for reading, 128 KiB. */
  readonly buffer: Uint8Array;
  /** Seed of the hash tables of fingerprints. */
  readonly seed: number;
  readonly durable: boolean;
  readonly maxEntries: number;
  readonly shares: ClientShares;
  /** The number of records of all logs in memory. */
  entries: number;
}

/**
 * The records of one group of client times.
 *
 * A record is first appended and then judged: a process whose record comes before all others with the
 * same fingerprint was the first. The kernel appends records one after the other, so all processes
 * read the same order, and none waits for a lock whose holder may have died.
 *
 * A crash can leave a part of a record, which is skipped: its writer never got an answer. More bytes
 * without a record are damage; the group is refused from then on.
 */
export class ReplayLog {
  readonly path: string;
  readonly #context: LogContext;
  readonly #view: DataView;
  readonly #open: () => number;
  readonly #known: FingerprintSet;
  #fd: number;
  /** The number of users of the descriptor: this log until it is closed, and each sync under way. */
  #users = 1;
  #closed = false;
  /** The number of bytes of the file that were read as records, and the last record of them. */
  #end = 0;
  readonly #last = new Uint8Array(RECORD_BYTES);
  /** The number of bytes at the end of these that belong to no record. */
  #skipped = 0;
  #damaged = false;
  /** The size of the file in bytes at the last append. */
  #size = 0;
  /** The sequence number of our record to be judged, and whether it was the first. */
  #asked = 0;
  #fresh: boolean | undefined;
  /** Settles when enough of the file was read to judge the next record. */
  #busy: Promise<void> | undefined;

  /** @param open - Opens the file, and creates it if it does not exist. */
  constructor(path: string, open: () => number, context: LogContext) {
    this.path = path;
    this.#open = open;
    this.#context = context;
    this.#view = new DataView(context.buffer.buffer);
    this.#known = new FingerprintSet(context.seed);
    this.#fd = open();
  }

  /** Reads the file, one part in each turn of the event loop. */
  async load(): Promise<void> {
    await this.#readOn(() => false);
  }

  /** As `checkAndStore` of a replay cache; a promise if much must be read first. */
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

  /** Only records of this process are counted, because a record does not name its client. */
  #count(fresh: boolean, client: Principal | undefined): boolean {
    const { shares, entries } = this.#context;
    // `entries` includes the new record.
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
    // If a torn record lacks just the bytes with which ours begins (for one byte, one record in 256),
    // our bytes complete it, and ours is now short.
    if (again && this.#fresh === undefined) return this.#store(ciphertext, false);
    return this.#answer();
  }

  /** Forgets all records. Requests under way are refused. */
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
        `took ${written} of the ${RECORD_BYTES} bytes of a record`,
        'nobody is let in until this works: is the disk full?',
      );
    }
    const { nlink, size } = fstatSync(this.#fd);
    this.#size = size;
    if (nlink === 0) throw this.#restore();
  }

  /**
   * Continues to read, at most one buffer.
   *
   * @returns Whether the end of the file was reached.
   */
  #read(): boolean {
    const { buffer } = this.#context;
    // The last record must still be there: a truncated or overwritten file has lost records.
    const overlap = Math.min(RECORD_BYTES, this.#end);
    const from = this.#end - overlap;
    const length = readSync(this.#fd, buffer, 0, buffer.length, from);
    const last = buffer.subarray(0, overlap);
    if (length < overlap || !bytesEqual(last, this.#last.subarray(0, overlap))) {
      // A mark of damage, so that processes which open the file later refuse too.
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

  /** Reads the record at the offset. @returns The number of bytes to the next possible record. */
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
        'does not contain the record just written to it',
        'does another program write there?',
      );
    }
    return fresh && this.#context.durable ? this.#sync() : fresh;
  }

  /** Reads to the end, or until `enough` returns true; other requests wait. */
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
      // After close, the descriptor may belong to another file.
      this.#checkUsable();
    } while (!this.#read() && !enough());
  }

  /**
   * Restores the file after its removal, with all its records, including those that other processes
   * appended before. Each process that has it open does so; duplicate records do no harm.
   *
   * @returns The reason why the present record cannot be judged.
   */
  #restore(): KerberosError {
    const fd = this.#open();
    try {
      // One write, so that records appended meanwhile do not split one of these.
      const bytes = readAll(this.#fd);
      if (writeSync(fd, bytes, 0, bytes.length, null) !== bytes.length) {
        throw replayCacheError(this.path, 'cannot be restored', 'is the disk full?');
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
      'it was restored from the open file; do not remove the files of a running server',
    );
  }

  #damage(): KerberosError {
    this.#damaged = true;
    return replayCacheError(
      this.path,
      'is damaged: records were lost',
      'requests of that minute are refused, requests of later minutes are not',
    );
  }

  #full(): KerberosError {
    return replayCacheError(
      this.path,
      'is full',
      `records expire by themselves; raise maxEntries (now ${this.#context.maxEntries})`,
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

// A file may be larger than its distinct records: replays are appended too, and restored copies.
const MAX_COPIES = 8;
