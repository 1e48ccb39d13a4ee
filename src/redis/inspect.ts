/** Checks whether a Redis or Valkey may lose records. */
import type { RunScript } from './client.ts';

/** What INFO says, by name. */
export type EngineFacts = ReadonlyMap<string, string>;

/**
 * @param prefix - A cluster is queried at the node of this key; its nodes are assumed to be configured
 *   alike.
 */
export async function engineFacts(run: RunScript, prefix: string): Promise<EngineFacts> {
  const answer = await run(INFO, [`${prefix}since:`]);
  if (typeof answer !== 'string') throw new TypeError('INFO: expected text');
  return new Map(
    [...answer.matchAll(/^([a-z_]+):([^\r\n]*)/gm)].map(([, name, value]) => [name!, value!]),
  );
}

/** @returns A sentence for each way in which the engine may lose records. */
export function warningsOf(facts: EngineFacts): readonly string[] {
  const policy = facts.get('maxmemory_policy') ?? 'noeviction';
  const warnings: string[] = [];
  if (policy !== 'noeviction' && facts.get('maxmemory') !== '0') {
    warnings.push(
      `replay cache: the engine evicts keys when its memory is full (maxmemory-policy ${policy}): a ` +
        'request whose record was evicted is accepted again. Set maxmemory-policy noeviction, or ' +
        'use an engine of its own',
    );
  }
  if (facts.get('aof_enabled') === '0') {
    warnings.push(
      'replay cache: the engine does not write each record to disk (appendonly no): after a restart ' +
        'requests from before are refused, and one whose client has a clock that is ahead could ' +
        'be replayed. Set appendonly yes',
    );
  }
  if (Number(facts.get('connected_slaves') ?? 0) > 0) {
    warnings.push(
      'replay cache: replicas get records later than the primary has answered: after a failover ' +
        'requests from before are refused, and one whose client has a clock that is ahead could ' +
        'be replayed',
    );
  }
  return warnings;
}

const INFO = `
return redis.call('INFO', 'memory') .. redis.call('INFO', 'persistence')
  .. redis.call('INFO', 'replication') .. string.sub(KEYS[1], 1, 0)`;
