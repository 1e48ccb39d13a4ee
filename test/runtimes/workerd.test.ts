/**
 * workerd, the runtime of Cloudflare's workers: with Node's modules and without, the portable script, and the
 * conformance suite for what a bundler makes of the adapters.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { encodeBase64 } from '../../src/http/base64.ts';
import { formatKeytab } from '../../src/index.ts';
import { Browser, goesOn } from '../conformance/browser.ts';
import { openHttp1 } from '../conformance/connection.ts';
import { WORKERS } from '../conformance/servers.ts';
import { describeCommand, SERVER_PROGRAMS } from '../conformance/suite.ts';
import { makeServiceKeytab, SERVICE, User } from '../conformance/user.ts';
import { scratch } from '../support/realm.ts';
import { bundleScript } from './bundle.ts';
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

  it.each(WORKER_KINDS)(
    'carries on exchanges in Durable Objects, as the example, %s',
    async (kind) => {
      const config = writeWorker(scratch(), await bundleServer(EXAMPLE), kind, {
        texts: { SERVICE, EXCHANGE_KEY: btoa('a key for exchanges of 32 bytes!') },
        objects: { EXCHANGES: 'Exchange' },
      });
      const keytab = makeServiceKeytab();
      await using worker = await startWorker(config, encodeBase64(formatKeytab(keytab)));
      const browserOf = async (name: string) =>
        new Browser(new User(keytab, name), await openHttp1(`http://127.0.0.1:${worker.port}`));
      const [alice, mallory] = [await browserOf('alice'), await browserOf('mallory')];
      const greeting = { status: 200, body: 'Hello alice@EXAMPLE.TEST\n' };
      expect(await alice.signOn()).toMatchObject(greeting);
      expect(alice.cookie).toBe('');
      // Of two takers one goes on.
      const [hers, other] = [alice.begin(), mallory.begin()];
      const first = await alice.send(hers.authorization);
      const { cookie } = alice;
      const answers = await Promise.all([
        alice.send(hers.next(first)!, cookie),
        mallory.send(other.next(first)!, cookie),
      ]);
      expect(answers.filter(goesOn)).toHaveLength(1);
      expect(await alice.signOn()).toMatchObject(greeting);
      for (const browser of [alice, mallory]) browser.close();
    },
  );

  it.each(WORKER_KINDS)('keeps replays in Durable Objects, as the example, %s', async (kind) => {
    const entry = join(import.meta.dirname, 'scripts/durable-replays.ts');
    const config = writeWorker(scratch(), await bundleScript(entry, 'within'), kind, {
      objects: { REPLAYS: 'Replays' },
    });
    await using worker = await startWorker(config);
    const response = await fetch(`http://127.0.0.1:${worker.port}/`);
    expect(await response.text()).toBe('it keeps its promises');
  });
});

async function runInWorker(kind: WorkerKind): Promise<readonly Outcome[]> {
  const code = readFileSync(await writeScript('worker', 'within'), 'utf8');
  await using worker = await startWorker(writeWorker(scratch(), code, kind));
  const response = await fetch(`http://127.0.0.1:${worker.port}/`);
  return (await response.json()) as readonly Outcome[];
}

async function startWorker(config: string, keytab = '') {
  const [program, ...options] = commandWith(config);
  const child = spawn(program!, options, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, KEYTAB_CONTENTS: keytab },
  });
  const ended = once(child, 'exit');
  const [line] = (await Promise.race([once(child.stdout, 'data'), ended])) as unknown[];
  if (!Buffer.isBuffer(line)) throw new Error(`workerd does not start with ${config}`);
  const { port } = JSON.parse(line.toString()) as { readonly port: number };
  return {
    port,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/** It prints where it listens. */
function commandFor(code: string, kind: WorkerKind): readonly string[] {
  return commandWith(writeWorker(scratch(), code, kind));
}

function commandWith(config: string): readonly string[] {
  return [...command!, '--control-fd=1', config];
}

const EXAMPLE = resolve(import.meta.dirname, '../../examples/exchanges-durable-object.mjs');
