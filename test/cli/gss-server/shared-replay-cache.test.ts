import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { formatKeytab } from '../../../src/keytab/keytab.ts';
import { createInitiator, mintTicket } from '../../../src/testing/index.ts';
import { KEYTAB, SampleClient } from '../../node/server/sample-client.ts';
import type { CompiledProgram } from '../../support/compile.ts';
import { compileProgram } from '../../support/compile.ts';
import { until } from '../../support/until.ts';

interface Running {
  readonly process: ChildProcess;
  readonly port: number;
  readonly output: () => string;
}

let program: CompiledProgram;
let directory: string;
let running: Running[];

beforeAll(() => {
  program = compileProgram(resolve(import.meta.dirname, '../../../src/cli/gss-server/main.ts'));
});
afterAll(() => program[Symbol.dispose]());
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'shared-replay-cache-'));
  writeFileSync(join(directory, 'keytab'), formatKeytab(KEYTAB), { mode: 0o600 });
  running = [];
});
afterEach(async () => {
  for (const server of running) await kill(server);
  rmSync(directory, { recursive: true });
});

async function start(...flags: readonly string[]): Promise<Running> {
  const options = ['-port', '0', '-keytab', join(directory, 'keytab'), ...flags];
  const child = spawn(process.execPath, [program.path, ...options, 'host@www.example.com'], {
    env: { ...process.env, KRB5_CONFIG: '/dev/null', KRB5RCACHEDIR: directory },
  });
  let output = '';
  const listen = (chunk: Buffer): void => {
    output += chunk;
  };
  child.stdout.on('data', listen);
  child.stderr.on('data', listen);
  const found = await until(
    () => /listening on port (\d+)\n/.exec(output) ?? (child.exitCode !== null && 'ended'),
    () => output,
  );
  if (found === 'ended') throw new Error(output);
  const port = Number(found[1]);
  const server = { process: child, port, output: () => output };
  running.push(server);
  return server;
}

async function kill(server: Running): Promise<void> {
  if (server.process.exitCode !== null || server.process.signalCode !== null) return;
  const ended = once(server.process, 'close');
  server.process.kill('SIGKILL');
  await ended;
}

function makeToken(): Uint8Array {
  const ticket = mintTicket({ keytab: KEYTAB, client: 'alice' });
  return createInitiator({ ticket }).begin();
}

/** Whether the server lets the bearer of the token in. */
async function isAccepted({ port }: Running, token: Uint8Array): Promise<boolean> {
  const client = new SampleClient(port);
  client.send(0x11, new Uint8Array(0));
  client.send(0x02, token);
  const reply = await client.receive();
  client.close();
  // RFC 4121 §4.1: the token identifier after the mechanism's, 02 00 for an AP-REP, 03 00 for a
  // KRB-ERROR; in the header of RFC 2743 §3.1 of a token shorter or longer than 128 bytes.
  const at = reply!.data.indexOf(0x06);
  return reply!.data[at + 2 + reply!.data[at + 1]!] === 0x02;
}

describe('gss-servers that share a replay cache', () => {
  it('refuse what one of them accepted, also after it was killed', async () => {
    const [first, second] = [await start(), await start()];
    const tokens = Array.from({ length: 20 }, makeToken);
    for (const token of tokens) expect(await isAccepted(first, token)).toBe(true);
    expect(await isAccepted(second, tokens[0]!)).toBe(false);
    // What it prints comes by another way than its answer.
    await expect.poll(second.output).toContain('Request is a replay');
    await kill(first);
    const third = await start();
    for (const token of tokens) {
      expect(await isAccepted(second, token)).toBe(false);
      expect(await isAccepted(third, token)).toBe(false);
    }
    const fresh = makeToken();
    expect(await isAccepted(third, fresh)).toBe(true);
    expect(await isAccepted(second, fresh)).toBe(false);
  });

  it('accept a token once that all of them receive at the same time', async () => {
    const servers = [await start(), await start()];
    for (let round = 0; round < 50; round++) {
      const token = makeToken();
      const answers = await Promise.all(servers.map((server) => isAccepted(server, token)));
      expect(answers.filter(Boolean)).toHaveLength(1);
    }
  });

  it('do not know what another cache holds', async () => {
    const token = makeToken();
    expect(await isAccepted(await start('-rcache', 'memory:'), token)).toBe(true);
    expect(await isAccepted(await start('-rcache', `dir:${directory}/other`), token)).toBe(true);
    const server = await start();
    expect(await isAccepted(server, token)).toBe(true);
    expect(await isAccepted(server, token)).toBe(false);
  });
});
