/** A process that uses a replay cache together with others, for processes.test.ts. */
import { once } from 'node:events';
import { writeSync } from 'node:fs';
import { KerberosError } from '../../../src/errors.ts';
import { FileReplayCache } from '../../../src/node/replay-cache/file.ts';
import type { ChildTask } from './support.ts';
import { ciphertextOf, recordOf } from './support.ts';

const task = JSON.parse(process.argv[2]!) as ChildTask;
const cache = await FileReplayCache.open({ directory: task.directory, clock: () => task.now });
// All begin together, when they are told to, so that they really meet.
writeSync(1, 'ready\n');
await once(process.stdin, 'data');
process.stdin.destroy();

let fresh = '';
for (let n = 0; n < task.count; n++) {
  const id = task.first + ((n * task.stride) % task.count);
  if (await isFresh(id)) {
    if (task.report === 'each') writeSync(1, `${id}\n`);
    else fresh += `${id}\n`;
  }
}
if (fresh !== '') writeSync(1, fresh);

async function isFresh(id: number): Promise<boolean> {
  try {
    return await cache.checkAndStore(recordOf(ciphertextOf(id), task.ctime));
  } catch (error) {
    if (task.report === 'despite errors' && error instanceof KerberosError) return false;
    throw error;
  }
}
