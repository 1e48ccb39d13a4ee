/** A replay cache in files: it survives a restart, and the processes of a machine share it. */
import { ClientShares } from '../../ap/client-shares.ts';
import type { ReplayCache, ReplayRecord } from '../../ap/replay-cache.ts';
import { checkRecord } from '../../ap/replay-cache.ts';
import type { OptionRules } from '../../options.ts';
import {
  callback,
  checkOptions,
  definite,
  flag,
  promptCallback,
  text,
  wholeNumber,
} from '../../options.ts';
import { systemRandom } from '../../random.ts';
import type { Clock, KerberosTime } from '../../time.ts';
import { checkedClock, systemClock } from '../../time.ts';
import { ReplayDirectory } from './directory.ts';
import { replayCacheError, systemReplayCacheError } from './error.ts';
import type { LogContext } from './log.ts';
import { ReplayLog } from './log.ts';
import { findReplayDirectory } from './place.ts';
import { RecordWriter } from './record.ts';

/** Options of {@link FileReplayCache.open}. */
export interface FileReplayCacheOptions {
  /**
   * The directory of the cache, on a local disk. It is created if it does not exist; its parent must
   * exist. Only this user may have access to it, and no other user may be able to rename it: each
   * directory above belongs to root or to this user, and only sticky ones are writable to others.
   *
   * If absent: `krb5_<euid>.replays` in `KRB5RCACHEDIR`; else in the first usable one of
   * `STATE_DIRECTORY`, `RUNTIME_DIRECTORY` and `XDG_RUNTIME_DIR`; else in `TMPDIR` or `/var/tmp`, with
   * another name if another user has taken that one.
   */
  readonly directory?: string;
  /**
   * Called with the reason if the directory is not the preferred default. If absent, the runtime
   * prints it as a warning. Not called if `directory` is given.
   */
  readonly onWarning?: (message: string) => void;
  /** The clock by which records expire, in milliseconds; the system's if absent. */
  readonly clock?: Clock;
  /**
   * The number of records that all processes together may keep at a time, default 2^22: 130 MB of
   * disk, and up to 170 MB of memory in each process. A full cache refuses new requests and forgets
   * no record early; a cache that is half full gives each client a share of the rest.
   */
  readonly maxEntries?: number;
  /**
   * Wait until each new record is on the disk, so that it survives a power failure; default false. It
   * costs a millisecond on an SSD, ten on a rotating disk. Without it, records survive the end of the
   * process, `kill -9` included, but a power failure loses those of the last seconds.
   */
  readonly durable?: boolean;
}

/**
 * A replay cache that survives its process, shared by all processes that use the same directory.
 *
 * There is one file for each 64 s of client time, to which records of 32 bytes are appended. There is
 * no lock: the order of the records in the file decides which was first, and each process keeps in
 * memory what it has read. A new record costs three system calls (6 µs on ext4), a known one none;
 * expired files are dropped whole. One file for each record, created with O_EXCL, is as safe but costs
 * three times as much; a lock that pure JavaScript can take remains if its holder is killed.
 *
 * The cache refuses with `KRB5_RC_IO` if it cannot answer for certain: the disk is full or fails; a
 * file was truncated or overwritten; a clock went back to a time that was forgotten. It recovers by
 * itself. The processes that have a file open restore it if it is removed; records that no running
 * process has open are lost then. A new directory starts empty.
 *
 * It does not share MIT krb5's files (`krb5_<euid>.rcache2`). MIT's programs rely on fcntl(2) locks,
 * which Node does not offer: writing there without one could overwrite their records. A service
 * should not share a key with such a program.
 */
export class FileReplayCache implements ReplayCache {
  readonly #directory: ReplayDirectory;
  readonly #clock: Clock;
  readonly #context: LogContext;
  readonly #logs = new Map<number, ReplayLog>();
  /** Seconds after its ctime until a record expires; the longest that was asked for. */
  #lifetime = 0;
  /** When to look next for expired files. */
  #nextLook = Number.NEGATIVE_INFINITY;
  #closed = false;

  /**
   * Opens the cache and reads the latest file; other files are read when a request needs them.
   *
   * @returns The cache, which the caller closes.
   * @throws {@link KerberosError} `KRB5_RC_IO` if the directory cannot be used, or is not safe.
   * @throws TypeError, RangeError for an invalid option.
   */
  static async open(options: FileReplayCacheOptions = {}): Promise<FileReplayCache> {
    checkOptions('FileReplayCache', options, FILE_REPLAY_CACHE_OPTIONS);
    const cache = new FileReplayCache(options);
    const now = groupOf(cache.#clock() / 1000);
    let log: ReplayLog | undefined;
    try {
      cache.#directory.prepare();
      if (!cache.#directory.forgot(now)) log = cache.#log(now);
    } catch (error) {
      throw systemReplayCacheError(cache.directory, error);
    }
    // If the file is damaged or full, each request is refused with the reason.
    await log?.load().catch(() => {});
    return cache;
  }

  private constructor(options: FileReplayCacheOptions) {
    this.#directory = new ReplayDirectory(
      options.directory ?? findReplayDirectory(process.env, options.onWarning),
    );
    this.#clock = options.clock === undefined ? systemClock : checkedClock(options.clock);
    // Not injected: two caches with one identity would mistake each other's records for their own.
    const random = new Uint8Array(WRITER_ID_BYTES + 4);
    systemRandom(random);
    const seed = new DataView(random.buffer).getUint32(WRITER_ID_BYTES);
    const maxEntries = options.maxEntries ?? 4_194_304;
    this.#context = {
      writer: new RecordWriter(random.subarray(0, WRITER_ID_BYTES)),
      buffer: new Uint8Array(BUFFER_BYTES),
      seed,
      durable: options.durable ?? false,
      maxEntries,
      shares: new ClientShares(maxEntries, seed),
      entries: 0,
    };
  }

  /** The absolute path of the directory. */
  get directory(): string {
    return this.#directory.path;
  }

  /** The number of records in memory. */
  get size(): number {
    return this.#context.entries;
  }

  /**
   * Stores the record unless it is known. Returns a promise only if much must be read first, or if
   * the cache is durable.
   *
   * @returns True if the record is new, false if it is a replay.
   * @throws {@link KerberosError} `KRB5_RC_IO`, or rejects with it, if the cache cannot answer for
   *   certain.
   */
  checkAndStore(record: ReplayRecord): boolean | Promise<boolean> {
    checkRecord(record);
    const { ciphertext, ctime, expiresAt, client } = record;
    this.#lifetime = Math.max(this.#lifetime, expiresAt - ctime);
    try {
      this.#forget(this.#clock() / 1000);
      const answer = this.#log(groupOf(ctime)).store(ciphertext, client);
      return typeof answer === 'boolean' ? answer : answer.catch((error) => this.#fail(error));
    } catch (error) {
      return this.#fail(error);
    }
  }

  #fail(error: unknown): never {
    throw systemReplayCacheError(this.directory, error);
  }

  /** Closes the files; later requests are refused. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const log of this.#logs.values()) log.close();
    this.#logs.clear();
    this.#directory.close();
  }

  /** {@link close}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #log(group: number): ReplayLog {
    const present = this.#logs.get(group);
    if (present !== undefined) return present;
    if (this.#closed) throw replayCacheError(this.directory, 'is closed', 'the server is stopping');
    if (this.#logs.size >= MAX_LOGS) {
      throw replayCacheError(
        this.directory,
        `is asked about more than ${MAX_LOGS} minutes`,
        'allow less clock skew',
      );
    }
    const directory = this.#directory;
    const log = new ReplayLog(
      directory.logPath(group),
      () => directory.openLog(group),
      this.#context,
    );
    this.#logs.set(group, log);
    if (this.#context.durable) directory.sync();
    return log;
  }

  #forget(now: KerberosTime): void {
    // Also if the clock was far ahead for a moment: otherwise nothing would expire until then.
    if (now < this.#nextLook && now >= this.#nextLook - GROUP_SECONDS) return;
    this.#nextLook = (groupOf(now) + 1) * GROUP_SECONDS;
    // All records of the groups below this one have expired.
    const over = groupOf(now - this.#lifetime);
    for (const [group, log] of this.#logs) {
      if (group >= over) continue;
      log.close();
      this.#logs.delete(group);
    }
    this.#directory.forgetBelow(over);
  }
}

function groupOf(time: KerberosTime): number {
  return Math.floor(time / GROUP_SECONDS);
}

// Part of the format: the same in all processes that share a directory.
const GROUP_SECONDS = 64;
const MAX_LOGS = 128;
const BUFFER_BYTES = 131_072;
const WRITER_ID_BYTES = 8;

export const FILE_REPLAY_CACHE_OPTIONS: OptionRules<FileReplayCacheOptions> = {
  directory: definite(text),
  clock: promptCallback,
  maxEntries: wholeNumber(1),
  durable: definite(flag),
  onWarning: callback,
};
