/**
 * `npm run bench`: this acceptor against others, side by side on one machine.
 *
 * Contenders are processes that live for the whole run. In each job all are warmed up, and then
 * take turns, round after round, so that whatever else the machine does hits all alike. What counts
 * is the ratio of two figures of the same round.
 */
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { findContenders } from './contenders.ts';
import type { Job } from './job.ts';
import { acceptJobs } from './jobs/accept.ts';
import { messageJobs } from './jobs/messages.ts';
import { transferJob } from './jobs/transfer.ts';
import { parseOptions } from './options.ts';
import { BenchRealm } from './realm.ts';
import type { JobResult, Runner } from './run-job.ts';
import { runJob } from './run-job.ts';
import { formatResults } from './table.ts';
import { WorkerProcess } from './worker-process.ts';

const options = parseOptions(process.argv.slice(2));
const realm = new BenchRealm();
const { contenders, absent } = findContenders(realm);
const runners: Runner[] = contenders.map(({ name, command, warmUp }) => ({
  name,
  worker: new WorkerProcess(name, command),
  warmUp,
}));
try {
  const machine = `${cpus()[0]?.model ?? 'unknown CPU'}, ${cpus().length} cores, Node.js ${process.version}`;
  console.log(`${new Date().toISOString()}  ${machine}`);
  for (const line of absent) console.log(`absent: ${line}`);
  const results: JobResult[] = [];
  for (const job of chooseJobs()) {
    const result = await runJob(job, runners, realm, options.rounds, options.quick ? 0.25 : 1);
    results.push(result);
    console.log(`\n${formatResults([result])}`);
  }
  if (options.json !== undefined) {
    const report = { date: new Date().toISOString(), machine, absent, results };
    writeFileSync(options.json, `${JSON.stringify(report, null, 2)}\n`);
  }
} finally {
  await Promise.all(runners.map(({ worker }) => worker.stop()));
  realm.remove();
}

function chooseJobs(): readonly Job[] {
  const jobs = [...acceptJobs, ...messageJobs(), transferJob];
  const { only } = options;
  return only === undefined ? jobs : jobs.filter(({ name }) => only.test(name));
}
