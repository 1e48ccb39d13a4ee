/**
 * workerd, the runtime of Cloudflare's workers: with Node's modules and without, the portable script, and the
 * conformance suite for what a bundler makes of the adapters.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from 'vitest';
import { WORKERS } from '../conformance/servers.ts';
import { describeCommand, SERVER_PROGRAMS } from '../conformance/suite.ts';
import { scratch } from '../support/realm.ts';
import { installed } from './installed.ts';
import { portableSteps } from './portable.ts';
import type { Outcome } from './steps.ts';
import { describeSteps, writeScript } from './suite.ts';
import type { WorkerKind } from './worker.ts';
import { bundleServer, WORKER_KINDS, writeWorker } from './worker.ts';

const command = await installed('workerd');

describe.runIf(command)('workerd', () => {
  describe.each(WORKER_KINDS)('%s', (kind) => {
    describeSteps('the portable script', portableSteps(), () => runInWorker(kind));
    for (const program of WORKERS) {
      describeCommand(program, async () => {
        const script = join(SERVER_PROGRAMS, `${program.name}.mjs`);
        return commandFor(await bundleServer(script), kind);
      });
    }
  });
});

async function runInWorker(kind: WorkerKind): Promise<readonly Outcome[]> {
  const code = readFileSync(await writeScript('worker', 'within'), 'utf8');
  const [program, ...options] = commandFor(code, kind);
  const child = spawn(program!, options, { stdio: ['ignore', 'pipe', 'inherit'] });
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

/** It prints where it listens. */
function commandFor(code: string, kind: WorkerKind): readonly string[] {
  return [...command!, '--control-fd=1', writeWorker(scratch(), code, kind)];
}
