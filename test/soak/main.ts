/**
 * `npm run soak`: a gss-server among good clients and hostile ones, on the loopback interface.
 *
 * The good ones must not fail, the server must stay as it was, and nobody gets in who should not.
 * Ends with 1 if that is not so. How long the good ones waited is told, and decides nothing: a slow
 * machine makes them wait, too.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { GoodClients } from './good-clients.ts';
import type { HostileOrder, HostileReport } from './hostile-process.ts';
import type { SoakOptions } from './options.ts';
import { parseOptions } from './options.ts';
import type { Sample } from './probe.ts';
import { credentialsOf, SoakRealm } from './realm.ts';
import type { SoakFigures } from './report.ts';
import { format, hasFault } from './report.ts';
import { ServerProcess } from './server-process.ts';

async function soak(options: SoakOptions, realm: SoakRealm): Promise<SoakFigures> {
  const server = await ServerProcess.start(realm.directory, realm.keytabPath, options.backend);
  const hostile = fork(fileURLToPath(new URL('./hostile-process.js', import.meta.url)));
  try {
    await sleep(SETTLE);
    const before = await server.ask('collect');
    const { idle } = options;
    const credentials = credentialsOf(readFileSync(realm.keytabPath), 'alice');
    const good = new GoodClients(server.port, credentials);
    good.start(options.rate);
    const order: HostileOrder = { port: server.port, keytabPath: realm.keytabPath, idle };
    hostile.send(order);
    await sleep(warmUp(options) * 1000);
    const warm = await collect(
      server,
      ({ descriptors }) => descriptors! - before.descriptors! >= idle,
    );
    await server.ask('reset');
    good.reset();
    const samples = await watch(server, options);
    const last = samples.at(-1)!;
    // Before the collection and before the others leave all at once: neither is what they measure.
    const goodFigures = await good.stop();
    const end = await server.ask('collect');
    const report = once(hostile, 'message');
    hostile.send('stop');
    const [hostileReport] = await report;
    const after = await collect(server, ({ descriptors }) => descriptors! <= before.descriptors!);
    return {
      seconds: options.seconds,
      backend: options.backend,
      idle,
      machine: `${cpus()[0]?.model ?? 'unknown CPU'}, ${cpus().length} cores`,
      node: process.version,
      date: new Date().toISOString(),
      load: loadavg()[0]!,
      good: goodFigures,
      hostile: hostileReport as HostileReport,
      before,
      warm,
      samples,
      delays: last,
      end,
      after,
      complaints: server.complaints.slice(0, 10),
      exit: await server.stop(),
    };
  } finally {
    hostile.kill();
    await server.stop();
  }
}

/** A sample each second. */
async function watch(server: ServerProcess, options: SoakOptions): Promise<Sample[]> {
  const samples: Sample[] = [await server.ask('sample')];
  const started = performance.now();
  for (let second = 1; second <= options.seconds; second++) {
    await sleep(Math.max(0, started + second * 1000 - performance.now()));
    samples.push(await server.ask('sample'));
  }
  return samples;
}

/** The server as soon as it has come to a state, or as it is a minute later. */
async function collect(
  server: ServerProcess,
  isReached: (sample: Sample) => boolean,
): Promise<Sample> {
  for (let left = 60; ; left--) {
    const sample = await server.ask('collect');
    if (left === 0 || isReached(sample)) return sample;
    await sleep(1000);
  }
}

/** Until the code is compiled, and slow clients and those that go away are as many as ever. */
function warmUp({ seconds }: SoakOptions): number {
  return Math.max(5, Math.min(30, seconds / 4));
}

const SETTLE = 500;

const options = parseOptions(process.argv.slice(2));
const realm = new SoakRealm();
try {
  const figures = await soak(options, realm);
  console.log(format(figures));
  if (options.json !== undefined) {
    writeFileSync(options.json, `${JSON.stringify(figures, null, 2)}\n`);
  }
  if (hasFault(figures)) process.exitCode = 1;
} finally {
  realm.remove();
}
