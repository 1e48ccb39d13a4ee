/** The tests of a runtime: each step of the scripts is a test, and so is each way to run gss-server. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { unframeToken } from '../../src/gss/framing.ts';
import { formatKeytab, parseKeytab } from '../../src/keytab/keytab.ts';
import { TokenFlag } from '../../src/node/server/token-frame.ts';
import { createInitiator } from '../../src/testing/initiator.ts';
import { mintTicket } from '../../src/testing/mint.ts';
import { OWN_SERVERS, SERVERS } from '../conformance/servers.ts';
import { describeServer } from '../conformance/suite.ts';
import { SampleClient } from '../node/server/sample-client.ts';
import { exchanges, runGssClient } from '../support/gss-client.ts';
import { have, keytab as keytabPath, kinit, realm, scratch } from '../support/realm.ts';
import { makeKeytab } from '../support/realm-kit.ts';
import { runOrThrow } from '../support/run.ts';
import { startServer } from '../support/server.ts';
import type { Linking } from './bundle.ts';
import { bundleScript } from './bundle.ts';
import type { RuntimeName } from './installed.ts';
import { installed } from './installed.ts';
import { nodeSteps } from './on-node.ts';
import { portableSteps } from './portable.ts';
import type { Outcome, Steps } from './steps.ts';

/** Node.js, or a runtime with its modules. */
export async function describeServerRuntime(name: RuntimeName): Promise<void> {
  const command = await installed(name);
  describe.runIf(command)(name, () => {
    describeSteps('the portable script', portableSteps(), async () =>
      JSON.parse(await runScript(command!, 'portable')),
    );
    describeSteps(
      'the script for Node’s modules',
      nodeSteps('', JSON.parse(readFileSync(TLS, 'utf8'))),
      async () => JSON.parse(await runScript(command!, 'on-node', scratch(), TLS)),
    );
    describeReplays(command!);
    for (const program of [...SERVERS, ...(OWN_SERVERS[name] ?? [])]) {
      if (!CRASHES[name]?.includes(program.name)) describeServer(program, command!);
    }
    describeProgram(name, [...command!, GSS_SERVER]);
  });
}

/** One test for each step; `run` runs them all, once. */
export function describeSteps(
  title: string,
  steps: Steps,
  run: () => Promise<readonly Outcome[]>,
): void {
  describe(title, () => {
    const outcomes = new Map<string, Outcome>();
    beforeAll(async () => {
      for (const outcome of await run()) outcomes.set(outcome.name, outcome);
    });

    it.each(Object.keys(steps))('%s', (name) => {
      expect(outcomes.get(name)).toEqual({ name });
    });
  });
}

/** Where a bundled script of `scripts/` is. */
export async function writeScript(name: string, linking: Linking): Promise<string> {
  const path = join(BUILD, linking, `${name}.js`);
  mkdirSync(join(BUILD, linking), { recursive: true });
  const script = join(import.meta.dirname, 'scripts', `${name}.ts`);
  writeFileSync(path, await bundleScript(script, linking));
  return path;
}

async function runScript(
  [program, ...options]: readonly string[],
  name: string,
  ...args: readonly string[]
): Promise<string> {
  const script = await writeScript(name, 'beside');
  return runOrThrow(program!, [...options, script, ...args]);
}

/** The files of a replay cache are the same in all runtimes, and so are those of another one here. */
function describeReplays(command: readonly string[]): void {
  it('refuses what another process has accepted, of this runtime or of another', async () => {
    const directory = scratch();
    const keys = makeKeytab();
    const keytab = join(directory, 'keytab');
    writeFileSync(keytab, formatKeytab(keys), { mode: 0o600 });
    const present = async (by: readonly string[], token: string): Promise<string> =>
      (await runScript(by, 'present', join(directory, 'cache'), keytab, token)).trim();
    const results: string[] = [];
    for (const processes of [
      [command, command],
      [command, [process.execPath]],
      [[process.execPath], command],
    ]) {
      const token = join(directory, `token-${results.length}`);
      const ticket = mintTicket({ keytab: keys, client: 'alice' });
      writeFileSync(token, createInitiator({ ticket }).begin());
      for (const by of processes) results.push(await present(by, token));
    }
    const once = ['complete', 'KRB_AP_ERR_REPEAT'];
    expect(results).toEqual([...once, ...once, ...once]);
  });
}

/** gss-server as a command line, with MIT krb5's gss-client. */
export function describeProgram(name: string, command: readonly string[]): void {
  describe.runIf(have('gss-client', 'kinit'))(`gss-server in ${name}`, () => {
    const clients: readonly (readonly [string, readonly string[], number])[] = [
      ['gss-client', [], 1],
      ['gss-client -v1', ['-v1'], 1],
      ['gss-client -spnego', ['-spnego'], 1],
      ['gss-client -ccount 3', ['-ccount', '3'], 3],
    ];

    it.each([
      ['one process', []],
      ['two workers', ['-workers', '2']],
    ])('serves all clients with %s', async (_, flags) => {
      await using server = await startServer({ command, flags });
      const user = await (await kinit()).fetchTickets('host');
      for (const [client, options, signed] of clients) {
        const result = await runGssClient({ port: server.port, user, flags: options });
        expect({ client, ...exchanges(result) }).toEqual({ client, signed, unsigned: 0 });
      }
      await server.untilPrinted('Accepted connection: "alice@EXAMPLE.TEST"');
    });

    it('refuses in one worker what another has accepted', async () => {
      await using server = await startServer({ command, flags: ['-workers', '2'] });
      const keys = parseKeytab(readFileSync(keytabPath('service')));
      const ticket = mintTicket({
        keytab: keys,
        service: `host@${realm().hostname}`,
        client: 'alice',
      });
      const token = createInitiator({ ticket }).begin();
      const answers: string[] = [];
      for (let i = 0; i < 8; i++) answers.push(await answerTo(server.port, token));
      expect(answers).toEqual(['AP-REP', ...Array(7).fill('KRB-ERROR')]);
    });

    it('prints its version and its help', async () => {
      const [program = '', ...options] = command;
      const version = await runOrThrow(program, [...options, '-version']);
      expect(version).toMatch(/^gss-server \(krb5-acceptor\) \d+\.\d+\.\d+\n$/);
      expect(await runOrThrow(program, [...options, '-help'])).toContain('-workers number');
    });
  });
}

/** Presents a request to a server of the sample protocol. @returns What came back. */
async function answerTo(port: number, request: Uint8Array): Promise<string> {
  const client = new SampleClient(port);
  client.send(TokenFlag.noop | TokenFlag.contextNext, new Uint8Array(0));
  client.send(TokenFlag.context, request);
  const reply = await client.receive();
  client.close();
  // RFC 4121 §4.1: token identifiers.
  const tokenId = unframeToken(reply!.data).inner.subarray(0, 2).join(' ');
  return { '2 0': 'AP-REP', '3 0': 'KRB-ERROR' }[tokenId] ?? tokenId;
}

/** Servers that bring a runtime down by itself. */
const CRASHES: Partial<Record<RuntimeName, readonly string[]>> = {
  // Deno 2.9.6 ends now and then: nghttp2_session.c, assertion stream->closed_next == NULL.
  deno: ['node-http2'],
};

// In the repository, where Deno finds the packages that ours imports.
const BUILD = join(import.meta.dirname, 'build');
const ROOT = resolve(import.meta.dirname, '../..');
const TLS = join(ROOT, 'fixtures/tls/server.json');
const GSS_SERVER = join(ROOT, 'dist/cli/gss-server/main.js');
