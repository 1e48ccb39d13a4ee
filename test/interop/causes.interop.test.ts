/** What the operator of gss-server reads about clients that it refuses. It needs no KDC. */
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { formatKeytab } from '../../src/keytab/keytab.ts';
import type { RefusedClient } from '../explain/refused-clients.ts';
import {
  clientOf,
  goodClientOf,
  keytabOf,
  REFUSED_CLIENTS,
  serviceOf,
} from '../explain/refused-clients.ts';
import { SampleClient } from '../node/server/sample-client.ts';
import { freePort } from '../support/ports.ts';
import { Program } from '../support/program.ts';

const folder = mkdtempSync(join(tmpdir(), 'causes-'));
let running: { readonly server: Server; readonly setting: string } | undefined;
afterAll(async () => {
  await running?.server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

const CAUSES = REFUSED_CLIENTS.filter(({ program, header }) => program !== false && !header)
  // Those of the same server after one another.
  .sort((one, other) => settingOf(one).localeCompare(settingOf(other)));

describe('gss-server', () => {
  it.each(CAUSES)('$name: one line has reason, text and remedy', async (cause) => {
    const server = await serverOf(cause);
    const port = await meet(server.port, cause);
    const [, line = ''] = await server.until(
      'stderr',
      new RegExp(`^(\\S+Z .* peer=127.0.0.1:${port} .*reason=${cause.reason} .*)\n`, 'm'),
    );
    expect(fieldOf(line, 'text')).toMatch(cause.text);
    expect(fieldOf(line, 'remedy')).toMatch(cause.remedy);
    // There is no second reason for the same client.
    const records = server.stderr
      .split('\n')
      .filter((one) => one.includes(` peer=127.0.0.1:${port} `));
    expect(records).toEqual([line]);
  });

  it('has all remedies as JSON', async () => {
    const [cause] = CAUSES;
    const port = await freePort();
    const options = optionsOf(cause!);
    await using server = new Program(
      ['-port', String(port), '-log', 'json', ...options.args],
      options,
    );
    await server.until('stderr', /"starting\.\.\."/);
    await meet(port, cause!);
    const [line] = await server.until('stderr', /^.*"reason".*$/m);
    const { reason, text, remedies } = JSON.parse(line);
    expect(reason).toBe(cause!.reason);
    expect(text).toMatch(cause!.text);
    expect(remedies[0]).toMatch(cause!.remedy);
    expect(remedies.length).toBeGreaterThan(1);
  });

  it('has the other remedies as hints with -verbose', async () => {
    const cause = CAUSES.find(({ reason }) => reason === 'clock.client-behind')!;
    const { args, env } = optionsOf(cause);
    await using server = await Program.listen(['-verbose', ...args], { env });
    await meet(server.port, cause);
    await server.until('stderr', /^hint: the client's clock is .*; set the client's clock.*\n/m);
    await server.until('stderr', /^hint: if clients of all machines are refused.*\n/m);
  });
});

type Server = Program & { readonly port: number };

/** What distinguishes the server of a cause. A key that has opened tickets is judged differently. */
function settingOf({ keytab, service, config, clocks, reason, name }: RefusedClient): string {
  const specs = (keytab ?? []).map(({ crypto: _, ...spec }) => spec);
  const fresh = reason === 'key.wrong' ? name : '';
  return JSON.stringify([specs, service, config, clocks?.server, fresh]);
}

async function serverOf(cause: RefusedClient): Promise<Server> {
  const setting = settingOf(cause);
  if (running?.setting === setting) return running.server;
  await running?.server[Symbol.asyncDispose]();
  const { args, env } = optionsOf(cause);
  const server = await Program.listen(args, { env });
  running = { server, setting };
  return server;
}

function optionsOf(cause: RefusedClient) {
  const keytab = join(folder, 'keytab');
  writeFileSync(keytab, formatKeytab(keytabOf(cause.keytab)), { mode: 0o600 });
  const config = join(folder, 'krb5.conf');
  writeFileSync(config, `[libdefaults]\n${cause.config ?? ''}\n`);
  const shift = resolve(import.meta.dirname, '../support/shift-clock.mjs');
  const { server: offset } = cause.clocks ?? {};
  const env = {
    KRB5_CONFIG: config,
    ...(offset !== undefined && {
      NODE_OPTIONS: `--import=${shift}`,
      TEST_CLOCK_OFFSET: String(offset),
    }),
  };
  return { args: ['-rcache', 'memory:', '-keytab', keytab, serviceOf(cause)], env };
}

/** Does what the client of a cause does. @returns The port from which it does so. */
async function meet(port: number, cause: RefusedClient): Promise<number> {
  const { change = (same: Uint8Array) => same, before, leaves, messages } = cause;
  const client = clientOf(cause);
  const token = change(client.begin());
  if (before === 'same') await begin(port, token);
  if (before === 'another') await begin(port, goodClientOf(cause).begin());
  const { connection, answer, localPort } = await begin(port, token);
  if (messages !== undefined) {
    const context = client.finish(answer);
    const other = goodClientOf(cause);
    const another = other.finish((await begin(port, other.begin())).answer);
    for (const message of messages(context, another)) connection.send(WRAPPED, message);
    await connection.closed;
  } else if (leaves) connection.close();
  else await connection.closed;
  return localPort!;
}

/** Sends a first token. */
async function begin(port: number, token: Uint8Array) {
  const connection = new SampleClient(port);
  await once(connection.socket, 'connect');
  const { localPort } = connection.socket;
  connection.send(NOOP | CONTEXT_NEXT, new Uint8Array());
  connection.send(CONTEXT, token);
  const answer = await connection.receive();
  return { connection, answer: answer?.data, localPort };
}

/** The text of a field that is written as JSON. */
function fieldOf(line: string, name: string): string {
  return JSON.parse(new RegExp(` ${name}=("(?:[^"\\\\]|\\\\.)*")`).exec(line)?.[1] ?? '""');
}

// Flags of the gss-sample protocol; WRAPPED asks for a MIC too.
const NOOP = 0x01;
const CONTEXT = 0x02;
const CONTEXT_NEXT = 0x10;
const WRAPPED = 0xe4;
