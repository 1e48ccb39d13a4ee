/**
 * `npm run bench`: this acceptor against others, side by side on one machine.
 *
 * Contenders are processes that live for the whole run. In each job all are warmed up and then take
 * turns, round after round, so that whatever else the machine does hits all alike. What counts is
 * the ratio of two figures of the same round: the table has its median, and the least and greatest.
 */
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import type { Runner } from './contender.ts';
import { findContenders } from './contenders.ts';
import { baseOf, findServers } from './http/servers.ts';
import { installKerberos } from './install-kerberos.ts';
import type { Job } from './job.ts';
import { acceptJobs, firstAcceptJob } from './jobs/accept.ts';
import { coldStartJobs } from './jobs/cold-start.ts';
import { flowJobs } from './jobs/flows.ts';
import { pageJob, signOnJob } from './jobs/http.ts';
import type { ContextMemory } from './jobs/memory.ts';
import { measureMemory } from './jobs/memory.ts';
import { messageJobs } from './jobs/messages.ts';
import type { RelayFigures } from './jobs/relays.ts';
import { measureRelays } from './jobs/relays.ts';
import type { ReplayCacheFigures } from './jobs/replay-caches.ts';
import { measureReplayCaches } from './jobs/replay-caches.ts';
import { saslJobs } from './jobs/sasl.ts';
import { transferJob } from './jobs/transfer.ts';
import type { BenchOptions } from './options.ts';
import { parseOptions } from './options.ts';
import { BenchRealm } from './realm.ts';
import type { JobResult } from './run-job.ts';
import { runJob } from './run-job.ts';
import { formatResult, formatShares } from './table.ts';
import { WorkerProcess } from './worker-process.ts';

// Calls of a round in a quick run, as a share of a full one.
const QUICK_EFFORT = 0.2;

const options = parseOptions(process.argv.slice(2));
if (options.installKerberos) installKerberos();
const realm = new BenchRealm();
const { contenders, absent } = findContenders(realm, options);
const { servers, absent: absentServers } = findServers(realm);
const runners: Runner[] = contenders.map((contender) => ({
  ...contender,
  worker: new WorkerProcess(contender.name, contender.command),
}));
try {
  const date = new Date().toISOString();
  const machine = `${cpus()[0]?.model ?? 'unknown CPU'}, ${cpus().length} cores, Node.js ${process.version}`;
  console.log(`${date}  ${machine}`);
  for (const line of [...absent, ...absentServers]) console.log(`absent: ${line}`);
  const results = await runJobs(options);
  const memory = matches(options, 'memory') ? measureContexts() : [];
  // A quick run starts no engines.
  const caches =
    matches(options, 'replay caches') && !options.quick ? await compareReplayCaches(options) : [];
  const relays = matches(options, 'relays') && !options.quick ? await showRelays() : undefined;
  if (options.json !== undefined) {
    const report = { date, machine, absent, results, memory, caches, relays };
    writeFileSync(options.json, `${JSON.stringify(report, null, 2)}\n`);
  }
} finally {
  await Promise.all(runners.map(({ worker }) => worker.stop()));
  realm.remove();
}

async function runJobs({ quick, rounds, against }: BenchOptions): Promise<JobResult[]> {
  const jobs: Job[] = [
    ...acceptJobs,
    firstAcceptJob,
    ...coldStartJobs,
    ...messageJobs(),
    ...saslJobs(),
    transferJob,
    ...flowJobs,
  ];
  const own = runners.filter((runner) => runner.own).map(({ name }) => name);
  const results: JobResult[] = [];
  for (const job of jobs) {
    if ((quick && !job.quick) || !matches(options, job.name)) continue;
    const result = await runJob(job, runners, realm, rounds, quick ? QUICK_EFFORT : 1);
    results.push(result);
    console.log(`\n${formatResult(result, own)}`);
  }
  for (const job of [signOnJob, pageJob]) {
    if (against !== undefined || (quick && !job.quick) || !matches(options, job.name)) continue;
    const result = await runJob(job, servers, realm, rounds, 1);
    results.push(result);
    console.log(`\n${formatShares(result, baseOf)}`);
  }
  return results;
}

function measureContexts(): ContextMemory[] {
  console.log('\nbytes of a live context         idle      keys in use');
  return runners
    .filter((runner) => runner.own)
    .map(({ name }) => {
      const memory = measureMemory(name);
      const idle = memory.idle.toFixed(0).padStart(32 - name.length);
      console.log(`  ${name}${idle} ${memory.used.toFixed(0).padStart(16)}`);
      return memory;
    });
}

async function compareReplayCaches({ rounds }: BenchOptions): Promise<ReplayCacheFigures[]> {
  const figures = await measureReplayCaches(rounds);
  console.log(
    '\nreplay caches        accept p50 µs   added   accepts/s with 64 clients   of memory',
  );
  const [memory] = figures;
  for (const { name, p50, throughput } of figures) {
    const columns = [
      p50.toFixed(0).padStart(14),
      (p50 - memory!.p50).toFixed(0).padStart(8),
      throughput.toFixed(0).padStart(28),
      (throughput / memory!.throughput).toFixed(2).padStart(12),
    ];
    console.log(`  ${name.padEnd(16)}${columns.join('')}`);
  }
  return figures;
}

async function showRelays(): Promise<RelayFigures> {
  const figures = await measureRelays();
  const { logins, done, first, answered, afterFirst, before, during, loop, held, load } = figures;
  const { cpu, asked } = figures;
  const ms = (time: number) => `${time.toFixed(time < 10 ? 2 : 0)} ms`;
  const waits = ({ p50, p95, p99, most, count }: RelayFigures['before']) =>
    `p50 ${ms(p50)}, p95 ${ms(p95)}, p99 ${ms(p99)}, most ${ms(most)} (${count})`;
  console.log(
    [
      `\nrelays: ${logins} logins at once (IAKERB) through gss-server, a KDC that answers after 2 s, load ${load.toFixed(1)}`,
      '  (KDC and clients run with a low priority, so that they leave the processors to the server)',
      `  ${done} done; first answer after ${ms(first)}`,
      `  one exchange of each, all answered: ${ms(answered)} after the first answer`,
      `  the last login: ${ms(afterFirst)} after the first answer (three answers each: 4 s of it are the KDC's)`,
      `  the KDC was asked ${asked.udp} times over UDP, ${asked.tcp} times over TCP`,
      `  ordinary clients before: ${waits(before)}`,
      `  meanwhile:               ${waits(during)}`,
      `  server's event loop late: p99 ${ms(loop.p99)}, most ${ms(loop.most)}`,
      ...Object.entries(held).map(
        ([when, { threads = 0, handles, rss }]) =>
          `  server ${when}: ${threads} threads, ${handles} handles, ${(rss / 1e6).toFixed(0)} MB`,
      ),
      `  seconds of CPU: ${Object.entries(cpu)
        .map(([name, seconds]) => `${name} ${seconds.toFixed(2)}`)
        .join(', ')}`,
      ...figures.failures.map((failure) => `  ${failure}`),
    ].join('\n'),
  );
  return figures;
}

function matches({ only }: BenchOptions, name: string): boolean {
  return only === undefined || only.test(name);
}
