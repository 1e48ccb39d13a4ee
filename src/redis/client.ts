/** The clients of Redis and Valkey that applications have: node-redis and ioredis. */

/** A client, pool, Sentinel or Cluster of node-redis (`redis` 4.7 and later). */
export interface NodeRedisClient {
  /** Runs a script: EVAL. */
  eval(
    script: string,
    options: { readonly keys: string[]; readonly arguments: string[] },
  ): Promise<unknown>;
}

/** A `Redis` or `Cluster` of ioredis 5 and later. */
export interface IoredisClient {
  /** Runs a script: EVAL. */
  eval(script: string, keys: number, ...keysAndArguments: string[]): Promise<unknown>;
  /** This method identifies a client of ioredis. */
  defineCommand(name: string, definition: { lua: string }): void;
}

/** A client that the application connects and closes. */
export type RedisClient = NodeRedisClient | IoredisClient;

/** @throws TypeError for a value that is not a client, such as a promise of one. */
export function checkedClient(label: string, client: RedisClient): RedisClient {
  if (typeof client?.eval === 'function') return client;
  throw new TypeError(`${label}: expected a client of node-redis or ioredis`);
}

/** Runs a script; a cluster sends it to the node of the first key. */
export type RunScript = (script: string, keys: string[], args?: string[]) => Promise<unknown>;

/** Only scripts are used: each is one atomic step, and every client sends it to the right node. */
export function scriptsOf(client: RedisClient): RunScript {
  if ('defineCommand' in client) {
    return async (script, keys, args = []) =>
      await client.eval(script, keys.length, ...keys, ...args);
  }
  return async (script, keys, args = []) => await client.eval(script, { keys, arguments: args });
}

/** Whether a script was refused, before it began, because its keys are at different nodes. */
export function isCrossSlot(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('CROSSSLOT');
}
