/**
 * A replay cache in Cloudflare Durable Objects. wrangler.toml binds the class:
 *
 *   [[durable_objects.bindings]]
 *   name = "REPLAYS"
 *   class_name = "Replays"
 *   [[migrations]]
 *   tag = "v1"
 *   new_sqlite_classes = ["Replays"]
 *
 * and the worker passes `replayCache: new DurableReplayCache(env.REPLAYS)` to its acceptor.
 */
import type { ReplayCache, ReplayRecord } from 'krb5-acceptor';

interface Storage {
  get(key: string): Promise<number | undefined>;
  put(key: string, value: number): Promise<void>;
  list(): Promise<Map<string, number>>;
  delete(keys: string[]): Promise<number>;
  getAlarm(): Promise<number | null>;
  setAlarm(time: number): Promise<void>;
}

interface State {
  readonly storage: Storage;
  blockConcurrencyWhile<T>(run: () => Promise<T>): Promise<T>;
}

interface Namespace {
  idFromName(name: string): unknown;
  get(id: unknown): { fetch(url: string, init: RequestInit): Promise<Response> };
}

/** The object: requests to it come one after another, and its storage lasts. */
export class Replays {
  readonly #state: State;

  constructor(state: State) {
    this.#state = state;
  }

  async fetch(request: Request): Promise<Response> {
    const { key, expiresAt } = (await request.json()) as { key: string; expiresAt: number };
    const { storage } = this.#state;
    const isNew = await this.#state.blockConcurrencyWhile(async () => {
      if ((await storage.get(key)) !== undefined) return false;
      await storage.put(key, expiresAt);
      return true;
    });
    if ((await storage.getAlarm()) === null) await storage.setAlarm(Date.now() + 60_000);
    // The answer leaves when the record is on disk.
    return Response.json(isNew);
  }

  /** Removes what has expired: 128 keys at a time are allowed. */
  async alarm(): Promise<void> {
    const { storage } = this.#state;
    const entries = [...(await storage.list())];
    const over = entries.filter(([, end]) => end * 1000 < Date.now()).map(([key]) => key);
    for (let at = 0; at < over.length; at += 128) await storage.delete(over.slice(at, at + 128));
    if (over.length < entries.length) await storage.setAlarm(Date.now() + 60_000);
  }
}

/** The cache of the workers: sixteen objects share the records. */
export class DurableReplayCache implements ReplayCache {
  readonly #objects: Namespace;

  constructor(objects: Namespace) {
    this.#objects = objects;
  }

  async checkAndStore({ ciphertext, expiresAt }: ReplayRecord): Promise<boolean> {
    // Its end is a MAC, which no two requests share. The bytes are lent, and read before the await.
    const bytes = ciphertext.slice(-16);
    const key = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
    const object = this.#objects.get(this.#objects.idFromName(key.charAt(0)));
    const body = JSON.stringify({ key, expiresAt: expiresAt + 60 });
    const response = await object.fetch('https://replays/', { method: 'POST', body });
    const answer: unknown = await response.json();
    if (typeof answer !== 'boolean') throw new TypeError('the object gave no answer');
    return answer;
  }
}
