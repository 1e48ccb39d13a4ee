/**
 * `npm run soak`: a gss-server among good clients and hostile ones, on the loopback interface.
 *
 * The good ones must not notice the others, the server must stay as it was, and nobody gets in who
 * should not. Ends with 1 if that is not so. Where the machine was too busy with other things to
 * say, it says that.
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
import { format, judge } from './report.ts';
import { ServerProcess } from './server-process.ts';

async function soak(options: SoakOptions, realm: SoakRealm): Promise<SoakFigures> {
  const server = await ServerProcess.start(realm.directory, realm.keytabPath, options.backend);
  const hostile = fork(fileURLToPath(new URL('./hostile-process.js', import.meta.url)));
  try {
    await sleep(SETTLE);
    const before = await server.ask('collect');
    const credentials = credentialsOf(readFileSync(realm.keytabPath), 'alice');
    const good = new GoodClients(server.port, credentials);
    good.start(options.rate);
    const { idle } = options;
    const order: HostileOrder = { port: server.port, keytabPath: realm.keytabPath, idle };
    hostile.send(order);
    await sleep(warmUp(options) * 1000);
    const warm = await server.ask('collect');
    await server.ask('reset');
    good.reset();
    const samples = await watch(server, options);
    const last = samples.at(-1)!;
    const end = await server.ask('collect');
    const report = once(hostile, 'message');
    hostile.send('stop');
    const [goodFigures, [hostileReport]] = await Promise.all([good.stop(), report]);
    const after = await untilQuiet(server, before);
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

/** The server when all clients are gone: as soon as its descriptors are as few as before. */
async function untilQuiet(server: ServerProcess, before: Sample): Promise<Sample> {
  for (let left = 50; left > 0; left--) {
    const sample = await server.ask('collect');
    if (sample.descriptors! <= before.descriptors!) return sample;
    await sleep(200);
  }
  return await server.ask('collect');
}

/** Until the idle ones are connected and the code is compiled. */
function warmUp({ seconds, idle }: SoakOptions): number {
  return Math.max(5, Math.min(30, seconds / 4), idle / 500);
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
  if (judge(figures).some(({ verdict }) => verdict === 'missed')) process.exitCode = 1;
} finally {
  realm.remove();
}
