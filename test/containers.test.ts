import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const LIBRARY = resolve(import.meta.dirname, '../fixtures/containers/buildah.sh');
// A command in the foreground that has begun another one, and both write for as long as they run.
const BUSY =
  'write() { while mkdir -p "$WORK/storage" && date >"$WORK/storage/$1"; do sleep 0.02; done; }; ' +
  'busy() { echo "$BASHPID" >"$WORK/group"; write a & write b; }';

describe.skipIf(process.platform !== 'linux')('a script that proves a Dockerfile', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'containers-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  function start(command: string) {
    return spawn('bash', ['-c', `set -euo pipefail; . "${LIBRARY}"; ${BUSY}; in_work ${command}`], {
      env: { PATH: process.env.PATH, TMPDIR: directory },
      stdio: 'ignore',
    });
  }

  async function startBusy() {
    const script = start('busy');
    const isBusy = () =>
      readdirSync(directory, { recursive: true }).some((name) => `${name}`.endsWith('/b'));
    while (!isBusy()) await sleep(10);
    return script;
  }

  it('leaves nothing, and ends as its command does', async () => {
    expect(await once(start('true'), 'exit')).toEqual([0, null]);
    expect(await once(start('bash -c "exit 7"'), 'exit')).toEqual([7, null]);
    expect(readdirSync(directory)).toEqual([]);
  });

  it.each([
    ['SIGHUP', 129],
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('leaves nothing after %s', async (signal, code) => {
    const script = await startBusy();
    script.kill(signal);
    expect(await once(script, 'exit')).toEqual([code, null]);
    expect(readdirSync(directory)).toEqual([]);
    // Whoever still ran would make it again.
    await sleep(200);
    expect(readdirSync(directory)).toEqual([]);
  });

  it('removes what one has left that was killed, and not what belongs to one that runs', async () => {
    const script = await startBusy();
    const [work] = readdirSync(directory);
    const group = Number(readFileSync(join(directory, work!, 'group'), 'utf8'));
    expect(await once(start('true'), 'exit')).toEqual([0, null]);
    expect(readdirSync(directory)).toHaveLength(1);
    script.kill('SIGKILL');
    await once(script, 'exit');
    // Its command still runs.
    expect(await once(start('true'), 'exit')).toEqual([0, null]);
    expect(readdirSync(directory)).toHaveLength(1);
    process.kill(-group, 'SIGKILL');
    expect(await once(start('true'), 'exit')).toEqual([0, null]);
    expect(readdirSync(directory)).toEqual([]);
  });
});
