/**
 * Loaded by `--import` into a program: appends all that its processes send each other, and what it starts
 * them with, to the file KRB5_TEST_MESSAGES.
 */

import cluster from 'node:cluster';
import { appendFileSync } from 'node:fs';
import process from 'node:process';

const note = (to) => (message) =>
  appendFileSync(process.env.KRB5_TEST_MESSAGES, `${JSON.stringify({ to, message })}\n`);

// Messages of node:cluster itself have another event.
for (const event of ['message', 'internalMessage']) {
  if (cluster.isWorker) process.on(event, note('worker'));
  else cluster.on('fork', (worker) => worker.process.on(event, note('primary')));
}
cluster.on('fork', (worker) => note('arguments')(worker.process.spawnargs));
