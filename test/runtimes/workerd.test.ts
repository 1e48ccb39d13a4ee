/** The portable script in workerd, the runtime of Cloudflare's workers: with Node's modules and without. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from 'vitest';
import { scratch } from '../support/realm.ts';
import { installed } from './installed.ts';
import { portableSteps } from './portable.ts';
import type { Outcome } from './steps.ts';
import { describeSteps, writeScript } from './suite.ts';

const command = await installed('workerd');

describe.runIf(command)('workerd', () => {
  describeSteps('the portable script', portableSteps(), () => runInWorker(BARE));
  describeSteps('the portable script, with Node’s modules', portableSteps(), () =>
    runInWorker(WITH_NODE),
  );
});

async function runInWorker(compatibilityDate: string): Promise<readonly Outcome[]> {
  const directory = scratch();
  copyFileSync(await writeScript('worker', 'within'), join(directory, 'worker.js'));
  const config = join(directory, 'config.capnp');
  writeFileSync(config, configOf(compatibilityDate));
  const [program, ...options] = command!;
  const child = spawn(program!, [...options, '--control-fd=1', config], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  try {
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    const { port } = JSON.parse(line.toString()) as { readonly port: number };
    const response = await fetch(`http://127.0.0.1:${port}/`);
    return (await response.json()) as readonly Outcome[];
  } finally {
    child.kill('SIGKILL');
    await ended;
  }
}

function configOf(compatibilityDate: string): string {
  return `
using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [ (name = "main", worker = .main) ],
  sockets = [ (name = "http", address = "127.0.0.1:0", http = (), service = "main") ],
);
const main :Workerd.Worker = (
  modules = [ (name = "worker.js", esModule = embed "worker.js") ],
  compatibilityDate = "${compatibilityDate}",
);
`;
}

// nodejs_compat is a default since 2026-08-04.
const BARE = '2026-08-01';
const WITH_NODE = '2026-11-01';
