/** Checks that an application's own replay cache fulfils the contract of its interface. */
import type { ReplayCache, ReplayRecord } from '../ap/replay-cache.ts';
import type { OptionRules } from '../options.ts';
import { callback, checkOptions, describe, isThenable, seconds, wholeNumber } from '../options.ts';
import { systemRandom } from '../random.ts';
import { describeThrown } from '../text.ts';
import { systemClock } from '../time.ts';

/** Options of {@link checkReplayCache}. */
export interface CheckReplayCacheOptions {
  /**
   * Returns a cache whose engine does not answer: one with a client of a closed port. If absent, the check
   * that such a cache admits no request is omitted.
   */
  readonly broken?: () => ReplayCache | Promise<ReplayCache>;
  /** The number of requests that are stored, to check that none is forgotten; 1000 if absent. */
  readonly records?: number;
  /** Seconds that one answer may take; 15 if absent. */
  readonly deadline?: number;
}

/** The faults of a cache, one sentence each; thrown by {@link checkReplayCache}. */
export class ReplayCacheFaults extends Error {
  /** `ReplayCacheFaults`. */
  override readonly name: string = 'ReplayCacheFaults';
  /** At least one. */
  readonly faults: readonly string[];

  /** @param faults - One sentence each, at least one. */
  constructor(faults: readonly string[]) {
    super(`the replay cache does not keep its promises:\n- ${faults.join('\n- ')}`);
    this.faults = faults;
  }
}

/**
 * Checks an application's own {@link ReplayCache} on its real engine: a new request is admitted and a
 * repeated one refused, whichever server asks; of fifty at once one is admitted; nothing is forgotten too
 * early; ciphertexts are compared as bytes and read during the call only; and no request is admitted when
 * the engine fails. The check takes some seconds. It cannot detect records that a crash of the engine
 * loses, or that its replicas lack.
 *
 * @param open - Returns a cache. It is called twice, as by two servers, whose caches share their records. A
 *   cache of one process may be the same object twice.
 * @returns When the cache has passed.
 * @throws {@link ReplayCacheFaults} if it has not; TypeError, RangeError for an invalid option; any
 *   exception of `open`.
 *
 * @example
 * ```ts
 * import { RedisReplayCache } from 'krb5-acceptor/redis';
 * import { checkReplayCache } from 'krb5-acceptor/testing';
 * import { createClient } from 'redis';
 *
 * const client = await createClient().connect();
 * const closed = createClient({ url: 'redis://127.0.0.1:1' });
 * await checkReplayCache(() => new RedisReplayCache(client), {
 *   broken: () => new RedisReplayCache(closed),
 * });
 * client.destroy();
 * ```
 */
export async function checkReplayCache(
  open: () => ReplayCache | Promise<ReplayCache>,
  options: CheckReplayCacheOptions = {},
): Promise<void> {
  checkOptions('checkReplayCache', options, CHECK_REPLAY_CACHE_OPTIONS);
  const { broken, records = 1000, deadline = 15 } = options;
  const one = new Subject(await open(), deadline);
  const other = new Subject(await open(), deadline);
  const faults: string[] = [];
  for (const check of [once, atTheSameMoment, asBytes, duringTheCallOnly, untilTheEnd]) {
    faults.push(...(await check(one, other)));
  }
  faults.push(...(await many(one, other, records)));
  if (broken !== undefined) faults.push(...(await fails(new Subject(await broken(), deadline))));
  if (faults.length > 0) throw new ReplayCacheFaults([...new Set(faults)]);
}

type Answer = { readonly answer: unknown } | { readonly failure: string };

/** A cache, whose answers are interpreted as an acceptor does. */
class Subject {
  readonly #cache: ReplayCache;
  readonly #deadline: number;

  constructor(cache: ReplayCache, deadline: number) {
    this.#cache = cache;
    this.#deadline = deadline;
  }

  async ask(record: ReplayRecord): Promise<Answer> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<Answer>((resolve) => {
      const failure = `gave no answer for ${this.#deadline} s`;
      timer = setTimeout(resolve, this.#deadline * 1000, { failure });
    });
    try {
      const answer: unknown = this.#cache.checkAndStore(record);
      if (!isThenable(answer)) return { answer };
      return await Promise.race([answer.then((value) => ({ answer: value })), late]);
    } catch (error) {
      return { failure: `threw ${describeThrown(error)}` };
    } finally {
      clearTimeout(timer);
    }
  }
}

/** The fault of an answer, unless it is the right one. */
function judge(what: string, given: Answer, right: boolean): string[] {
  if ('failure' in given) return [`${what}: expected ${right}, but the cache ${given.failure}`];
  return given.answer === right
    ? []
    : [`${what}: expected ${right}, got ${describe(given.answer)}`];
}

async function once(one: Subject, other: Subject): Promise<string[]> {
  const record = newRecord();
  return [
    ...judge('a new request', await one.ask(record), true),
    ...judge('the same request again', await one.ask(copyOf(record)), false),
    ...judge('the same request at another server', await other.ask(copyOf(record)), false),
    ...judge('another request of that second', await other.ask(newRecord()), true),
    ...judge(
      'a repetition that another server forgets later',
      await other.ask({ ...copyOf(record), expiresAt: record.expiresAt + 300 }),
      false,
    ),
    ...judge('a request of 64 KiB', await one.ask(newRecord({ length: 65_536 })), true),
    ...judge('a request of 16 bytes', await one.ask(newRecord({ length: 16 })), true),
  ];
}

async function atTheSameMoment(one: Subject, other: Subject): Promise<string[]> {
  const record = newRecord();
  const same = await Promise.all(
    Array.from({ length: 50 }, (_, i) => (i % 2 === 0 ? one : other).ask(copyOf(record))),
  );
  const admitted = same.filter((given) => 'answer' in given && given.answer === true).length;
  const faults =
    admitted === 1 ? [] : [`of 50 equal requests at once one is new: ${admitted} were admitted`];
  const different = await Promise.all(
    Array.from({ length: 50 }, (_, i) => (i % 2 === 0 ? one : other).ask(newRecord())),
  );
  return [
    ...faults,
    ...different.flatMap((given) => judge('each of 50 different requests at once', given, true)),
  ];
}

async function asBytes(one: Subject): Promise<string[]> {
  // As UTF-8, each of these bytes is one and the same replacement character.
  const noText = () => random(40).map((byte) => 0x80 | (byte & 0x3f));
  const buffer = random(4096);
  const parts = [buffer.subarray(64, 128), buffer.subarray(128, 192)];
  const given: string[] = [];
  for (const ciphertext of [noText(), noText()]) {
    const answer = await one.ask({ ...newRecord(), ciphertext });
    given.push(...judge('ciphertexts are bytes and no text: a new one', answer, true));
  }
  for (const ciphertext of parts) {
    const answer = await one.ask({ ...newRecord(), ciphertext });
    given.push(...judge('a ciphertext is a part of a buffer: another part of it', answer, true));
  }
  return given;
}

async function duringTheCallOnly(one: Subject): Promise<string[]> {
  const record = newRecord();
  const original = copyOf(record);
  const following = random(record.ciphertext.length);
  const answer = one.ask(record);
  // The buffer of a message is reused as soon as the call has returned.
  record.ciphertext.set(following);
  const what = 'the ciphertext is valid during the call only';
  return [
    ...judge(`${what}: a new request`, await answer, true),
    ...judge(`${what}: the same request again`, await one.ask(original), false),
    ...judge(
      `${what}: a request whose bytes came to the same place later`,
      await one.ask({ ...original, ciphertext: following }),
      true,
    ),
  ];
}

async function untilTheEnd(one: Subject, other: Subject): Promise<string[]> {
  const now = Math.floor(systemClock() / 1000);
  const record = { ...newRecord(), expiresAt: now + 3 };
  const first = await one.ask(record);
  await new Promise((resolve) => setTimeout(resolve, 1500));
  const again = await other.ask(copyOf(record));
  const what = 'a request that is young enough for three seconds more';
  const faults = judge(what, first, true);
  // On such a slow machine the answer proves nothing.
  if (systemClock() / 1000 >= record.expiresAt) return faults;
  return [...faults, ...judge(`${what}, repeated before that`, again, false)];
}

async function many(one: Subject, other: Subject, count: number): Promise<string[]> {
  const records = Array.from({ length: count }, () => newRecord());
  const faults: string[] = [];
  for (const [server, right] of [[one, true] as const, [other, false] as const]) {
    for (let at = 0; at < count; at += AT_ONCE) {
      const some = records.slice(at, at + AT_ONCE).map((record) => server.ask(copyOf(record)));
      for (const given of await Promise.all(some)) {
        faults.push(
          ...judge(`each of ${count} requests, ${right ? 'new' : 'again'}`, given, right),
        );
      }
    }
  }
  return faults;
}

async function fails(broken: Subject): Promise<string[]> {
  const given = await broken.ask(newRecord());
  if ('failure' in given) return [];
  const what = 'when the engine does not answer';
  return [`${what}: expected an exception or a rejection, got ${describe(given.answer)}`];
}

/** Its client's clock is ahead, as it may be, so that no cache can have forgotten it. */
function newRecord({ length = 100 }: { readonly length?: number } = {}): ReplayRecord {
  const ctime = Math.floor(systemClock() / 1000) + AHEAD;
  return { ciphertext: random(length), ctime, expiresAt: ctime + 301 };
}

function copyOf(record: ReplayRecord): ReplayRecord {
  return { ...record, ciphertext: record.ciphertext.slice() };
}

function random(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  systemRandom(bytes);
  return bytes;
}

const AHEAD = 30;
const AT_ONCE = 50;

/** The rules of {@link CheckReplayCacheOptions}. */
export const CHECK_REPLAY_CACHE_OPTIONS: OptionRules<CheckReplayCacheOptions> = {
  broken: callback,
  records: wholeNumber(1),
  deadline: seconds(),
};
