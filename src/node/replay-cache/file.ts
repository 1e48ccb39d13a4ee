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

export interface FileReplayCacheOptions {
  /**
   * Made if it is not there; its parent must exist. It must be this user's alone, on a local disk.
   * No other user may be able to rename it: of the directories above, each belongs to root or to this
   * user, and only sticky ones are writable to others.
   *
   * If absent: `krb5_<euid>.replays` in `KRB5RCACHEDIR`; else in the first of `STATE_DIRECTORY`,
   * `RUNTIME_DIRECTORY` and `XDG_RUNTIME_DIR` that is there; else in `TMPDIR` or `/var/tmp`, under
   * another name if somebody else has taken that one.
   */
  readonly directory?: string;
  /**
   * Told why the directory is not the default one; a warning of the process if absent. Not called
   * where `directory` is given.
   */
  readonly onWarning?: (message: string) => void;
  readonly clock?: Clock;
  /**
   * How many records all processes together may leave within the time that requests are accepted,
   * default 2^22: 130 MB of disk, and up to 170 MB of memory in each process. A full cache refuses
   * what is new rather than forget; one that is half full gives each client a share of the rest.
   */
  readonly maxEntries?: number;
  /**
   * Wait for the disk with each new record, so that it survives a loss of power too. Otherwise it
   * survives the end of the process, `kill -9` included, but a machine that loses power forgets
   * the last seconds. A millisecond on an SSD, ten on a disk that turns.
   */
  readonly durable?: boolean;
}

/**
 * A replay cache that outlives its process and is shared by all that use the same directory.
 *
 * For each 64 s of client time there is one file, to which records of 32 bytes are appended. There
 * is no lock: the order in the file decides who was first (see `replay-cache/log.ts`), and what a
 * process has read it keeps in memory. A new record costs three system calls (6 µs on ext4), a known
 * one none; files that are over are dropped whole. A file for each record, made with O_EXCL, would be
 * as safe and cost three times as much; a lock that pure JavaScript can take stays behind when its
 * holder is killed.
 *
 * What it cannot answer for certain it refuses, with `KRB5_RC_IO`: a disk that is full or fails; a
 * file that was cut or overwritten; a time that it has forgotten, to which a clock went back. It
 * goes on as soon as that is over. A file that was removed is made again from those processes that
 * have it open; what only the file knew is lost then, and so it is in a new directory.
 *
 * It does not share MIT krb5's own files (`krb5_<euid>.rcache2`). MIT's programs rely on fcntl(2)
 * locks, which Node does not offer: what we wrote there without one could overwrite a record of
 * theirs. Services that share a key with such a program are better given keys of their own.
 */
export class FileReplayCache implements ReplayCache {
  readonly #directory: ReplayDirectory;
  readonly #clock: Clock;
  readonly #context: LogContext;
  readonly #logs = new Map<number, ReplayLog>();
  /** Seconds: how long after its ctime a record may still be of use. */
  #lifetime = 0;
  /** When to look next for what is over. */
  #nextLook = Number.NEGATIVE_INFINITY;
  #closed = false;

  /**
   * Opens the cache, and reads what the latest file holds; the others are read when asked about.
   *
   * @throws {@link KerberosError} `KRB5_RC_IO` if the directory cannot be used, or is not safe.
   * @throws TypeError, RangeError for options that make no sense.
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
    // Where it is damaged, or full, each request is told so.
    await log?.load().catch(() => {});
    return cache;
  }

  private constructor(options: FileReplayCacheOptions) {
    this.#directory = new ReplayDirectory(
      options.directory ?? findReplayDirectory(process.env, options.onWarning),
    );
    this.#clock = options.clock === undefined ? systemClock : checkedClock(options.clock);
    // Not injected: two caches with the same identity would take each other's records for theirs.
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

  /** Its absolute path. */
  get directory(): string {
    return this.#directory.path;
  }

  /** How many records are held in memory. */
  get size(): number {
    return this.#context.entries;
  }

  /**
   * A promise only where there is much to read first, or where it is durable.
   *
   * @throws {@link KerberosError} `KRB5_RC_IO`, or rejects with it, when it cannot tell.
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

  /** Closes the files; whatever is asked afterwards is refused. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const log of this.#logs.values()) log.close();
    this.#logs.clear();
    this.#directory.close();
  }

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
    // Also when the clock was far ahead for a moment: otherwise nothing were forgotten for so long.
    if (now < this.#nextLook && now >= this.#nextLook - GROUP_SECONDS) return;
    this.#nextLook = (groupOf(now) + 1) * GROUP_SECONDS;
    // Groups below this one hold only records of which the last has expired.
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

// The same in all processes that share a directory: it is part of the format.
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
