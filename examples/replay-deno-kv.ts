/**
 * A replay cache on Deno KV, for servers of Deno on one or many machines:
 * `deno run --allow-all --unstable-kv examples/replay-deno-kv.ts` checks it on a database of its own.
 */
import type { ReplayCache, ReplayRecord } from 'krb5-acceptor';
import { checkReplayCache } from 'krb5-acceptor/testing';

/** What is needed of `Deno.Kv`. */
interface Kv {
  atomic(): Atomic;
  close(): void;
}

interface Atomic {
  check(entry: { key: readonly string[]; versionstamp: null }): Atomic;
  set(key: readonly string[], value: unknown, options: { expireIn: number }): Atomic;
  commit(): Promise<{ ok: boolean }>;
}

export class DenoKvReplayCache implements ReplayCache {
  readonly #kv: Kv;

  constructor(kv: Kv) {
    this.#kv = kv;
  }

  async checkAndStore({ ciphertext, expiresAt }: ReplayRecord): Promise<boolean> {
    // Its end is a MAC, which no two requests share. The bytes are lent, and read before the await.
    const bytes = ciphertext.slice(-16);
    const name = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
    const key = ['krb5', 'replay', name];
    const expireIn = (expiresAt + 60) * 1000 - Date.now();
    // One transaction: of two servers only one finds the key absent.
    const unlessThere = this.#kv.atomic().check({ key, versionstamp: null });
    const { ok } = await unlessThere.set(key, 1, { expireIn }).commit();
    return ok;
  }
}

declare const Deno: { openKv(path: string): Promise<Kv> };

if ((import.meta as { main?: boolean }).main) {
  const kv = await Deno.openKv(':memory:');
  const closed = await Deno.openKv(':memory:');
  closed.close();
  await checkReplayCache(() => new DenoKvReplayCache(kv), {
    broken: () => new DenoKvReplayCache(closed),
  });
  kv.close();
  console.log('the cache keeps its promises');
}
