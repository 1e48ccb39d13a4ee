/**
 * What the programs write down has no secret: logs, reports, traces, messages between processes, and what
 * gss-inspect prints. They need no KDC.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { Mechanism } from '../../src/gss/mechanism.ts';
import { encodeBase64 } from '../../src/http/base64.ts';
import { acquireCredential, createAcceptor, formatCredentialCache } from '../../src/index.ts';
import { formatKeytab } from '../../src/keytab/keytab.ts';
import { encodeNegTokenInit } from '../../src/spnego/neg-token.ts';
import type { Initiator } from '../../src/testing/index.ts';
import { testKeytab } from '../../src/testing/index.ts';
import { SampleClient } from '../node/server/sample-client.ts';
import { altered, ladenClient } from '../support/laden-client.ts';
import { freePort } from '../support/ports.ts';
import { Program } from '../support/program.ts';
import { seededRandom } from '../support/realm-kit.ts';
import type { Secrets } from '../support/secrets.ts';
import { SecretSearch } from '../support/secrets.ts';

const EMPTY = new Uint8Array();
const MESSAGE = Buffer.from('qz7Rk!2vLm#9xWtB4uYc-Hq8');
const PASSWORD = 'correct-horse-battery';
const OFFER = encodeNegTokenInit({ mechTypes: [Mechanism.ntlmssp, Mechanism.krb5] });
const SPY = pathToFileURL(resolve(import.meta.dirname, '../support/spy-messages.mjs')).href;

const directory = mkdtempSync(join(tmpdir(), 'leaks-'));
afterAll(() => rmSync(directory, { recursive: true }));

const keytab = testKeytab('host/www.example.test@EXAMPLE.TEST');
const keytabPath = file('keytab', formatKeytab(keytab));

function file(name: string, contents: string | Uint8Array): string {
  const path = join(directory, name);
  writeFileSync(path, contents, { mode: 0o600 });
  return path;
}

/** Secrets of several exchanges, each under a name of its own. */
function numbered(all: readonly Secrets[]): Secrets {
  return Object.fromEntries(
    all.flatMap((secrets, i) =>
      Object.entries(secrets).map(([name, secret]) => [`${name} ${i + 1}`, secret]),
    ),
  );
}

/** All that a program has left in its folder, by name. */
function filesIn(folder: string): Map<string, Buffer> {
  return new Map(
    readdirSync(folder).map((name) => [name, readFileSync(join(folder, name))] as const),
  );
}

async function first(port: number, token: Uint8Array) {
  const client = new SampleClient(port);
  client.send(0x11, EMPTY);
  client.send(0x02, token);
  const reply = await client.receive();
  return { client, reply };
}

/** Accepted clients, and every kind of refused ones. @returns What must not show. */
async function useServer(port: number): Promise<Secrets> {
  const laden = ladenClient(keytab);
  const secrets: Secrets[] = [];
  const accepted = async (initiator: Initiator) => {
    const token = initiator.begin();
    const { client, reply } = await first(port, token);
    const context = initiator.finish(reply!.data);
    secrets.push({ ...laden.secretsOf(token), subkey: context.sessionKey.bytes() });
    return { client, context, token };
  };
  const good = await accepted(laden.initiator());
  expect(await good.client.sign(good.context, MESSAGE)).toBe(true);
  good.client.send(0x01, EMPTY);
  await good.client.closed;
  const { client, context } = await accepted(laden.initiator());
  client.send(0xe4, altered(context.wrap(MESSAGE)));
  await client.closed;
  const unsent = laden.initiator().begin();
  secrets.push(laden.secretsOf(unsent));
  for (const token of [good.token, altered(unsent), unsent.subarray(0, 300)]) {
    const refused = await first(port, token);
    await refused.client.closed;
  }
  for (const token of [OFFER, EMPTY]) {
    const gone = await first(port, token);
    gone.client.close();
    await gone.client.closed;
  }
  return { ...numbered(secrets), message: MESSAGE };
}

describe('gss-server', () => {
  it.each([
    ['text', ['-workers', '2']],
    ['json', []],
  ])(
    'writes no secret into log, report, trace and messages of its processes: %s',
    async (log, args) => {
      const folder = mkdtempSync(join(directory, 'server-'));
      const env = {
        KRB5RCACHEDIR: mkdtempSync(join(directory, 'cache-')),
        KRB5_TRACE: join(folder, 'trace'),
        KRB5_TEST_MESSAGES: join(folder, 'messages'),
        NODE_OPTIONS: `--import ${SPY}`,
      };
      const all = ['-keytab', keytabPath, '-verbose', '-export', '-log', log, ...args];
      const written = ['-logfile', join(folder, 'log'), '-report', join(folder, 'report')];
      const service = 'host@www.example.test';
      const port = await freePort();
      await using program = new Program(['-port', `${port}`, ...all, ...written, service], { env });
      await program.until('stderr', /starting\.\.\./);
      const search = new SecretSearch(await useServer(port));
      if (args.length > 0) {
        // The second server's workers say why they cannot listen.
        const taken = ['-port', `${port}`, '-workers', '2', '-keytab', keytabPath, service];
        await using second = new Program(taken, { env });
        expect(await second.ended).toBe(1);
        expect(search.inText(second.stdout + second.stderr)).toEqual([]);
      }
      program.process.kill('SIGTERM');
      expect(await program.ended).toBe(0);
      const files = filesIn(folder);
      const text = (name: string): string => files.get(name)?.toString() ?? '';
      // MIT's server shows what it received, and so does ours, in a line of its own.
      const received = /Received message: \\?"[^"\\]*\\?"/g;
      expect(text('log').match(received)).toHaveLength(1);
      expect(search.inText(text('log').match(received)!.join())).toEqual(['message']);
      files.set('log', Buffer.from(text('log').replace(received, '')));
      const reports = [...files.keys()].filter((name) => name.startsWith('report'));
      expect(reports).toHaveLength(args.length > 0 ? 2 : 1);
      expect(reports.map(text).join()).toMatch(/"accepted": [12]/);
      expect(reports.map(text).join()).toContain('"ntlm": 1');
      for (const reason of [
        'replay.repeated',
        'message.altered',
        'authenticator.altered',
        'negotiate.ntlm',
      ]) {
        expect(text('log')).toContain(reason);
      }
      expect(text('log')).toContain('Exported context: ');
      expect(text('trace')).toContain('Credential delegated');
      if (args.length > 0) {
        expect(text('messages')).toContain('{"grace":');
        expect(text('messages')).toContain('"listenFailure":');
      }
      for (const [name, bytes] of files) expect(search.inFile(bytes), name).toEqual([]);
      expect(search.inText(program.stdout + program.stderr)).toEqual([]);
    },
  );
});

describe('krb5-forward-auth', () => {
  it.each(['text', 'json'])('writes no secret into log, report and trace: %s', async (log) => {
    const folder = mkdtempSync(join(directory, 'auth-'));
    const cookieKey = new Uint8Array(32);
    seededRandom(43)(cookieKey);
    const key = file('cookie-key', `${encodeBase64(cookieKey)}\n`);
    const port = await freePort();
    const env = { KRB5_TRACE: join(folder, 'trace') };
    const all = ['-keytab', keytabPath, '-service', 'host@www.example.test', '-verbose'];
    const session = ['-session-key', key, '-insecure-cookie', '-rcache', 'memory:'];
    const written = ['-logfile', join(folder, 'log'), '-report', join(folder, 'report')];
    const place = ['-listen', `127.0.0.1:${port}`, '-log', log];
    await using program = new Program([...all, ...session, ...written, ...place], {
      name: 'forward-auth',
      env,
    });
    await program.until('stderr', /listening on/);
    const laden = ladenClient(keytab);
    const ask = async (headers: Record<string, string>) => {
      const response = await fetch(`http://127.0.0.1:${port}/auth`, {
        headers: {
          'X-Forwarded-Method': 'GET',
          'X-Forwarded-Uri': '/wiki?token=query-secret-of-a-link',
          'X-Forwarded-Host': 'localhost',
          'X-Forwarded-Proto': 'https',
          Referer: 'http://localhost/?token=query-secret-of-a-link',
          ...headers,
        },
      });
      await response.arrayBuffer();
      return { status: response.status, headers: response.headers };
    };
    const negotiate = (token: Uint8Array) => ({
      authorization: `Negotiate ${encodeBase64(token)}`,
    });
    const token = laden.initiator().begin();
    const unsent = laden.initiator().begin();
    const good = await ask(negotiate(token));
    const cookie = good.headers.get('set-cookie')!.split(';')[0]!;
    const answers = [
      await ask({}),
      await ask({ cookie }),
      await ask({ cookie: `${cookie.slice(0, -6)}AAAAAA` }),
      await ask(negotiate(token)),
      await ask(negotiate(altered(unsent))),
      await ask(negotiate(unsent.subarray(0, 300))),
      await ask({ authorization: `Basic ${Buffer.from(`alice:${PASSWORD}`).toString('base64')}` }),
      await ask({ authorization: `Bearer ${PASSWORD}` }),
      await ask({ authorization: `Negotiate ${PASSWORD}` }),
      await ask(negotiate(OFFER)),
    ];
    expect([good.status, ...answers.map(({ status }) => status)]).toEqual([
      200, 401, 200, 401, 401, 401, 401, 401, 401, 400, 401,
    ]);
    program.process.kill('SIGTERM');
    expect(await program.ended).toBe(0);
    const search = new SecretSearch({
      ...numbered([laden.secretsOf(token), laden.secretsOf(unsent)]),
      'cookie key': cookieKey,
      'value of the cookie': Buffer.from(cookie.split('=')[1]!),
      query: Buffer.from('query-secret-of-a-link'),
      password: Buffer.from(PASSWORD),
    });
    const files = filesIn(folder);
    for (const [name, words] of [
      ['log', 'replay.repeated'],
      ['log', '/wiki'],
      ['report', '"accepted": 1'],
      ['trace', 'Credential delegated'],
    ] as const) {
      expect(files.get(name)?.toString(), name).toContain(words);
    }
    for (const [name, bytes] of files) expect(search.inFile(bytes), name).toEqual([]);
    expect(search.inText(program.stdout + program.stderr)).toEqual([]);
  });
});

describe.each(['gss-server', 'forward-auth'])('the password of an engine, of %s', (name) => {
  const search = new SecretSearch({ password: Buffer.from(PASSWORD) });
  const args = ['-keytab', keytabPath];
  const service = name === 'gss-server' ? ['host@www.example.test'] : [];

  it('is not in what is printed where the engine is not there', async () => {
    const env = { KRB5RCACHENAME: `redis://me:${PASSWORD}@127.0.0.1:1` };
    await using program = new Program([...args, ...service], { name, env });
    expect(await program.ended).not.toBe(0);
    const said = program.stdout + program.stderr;
    expect(said).toContain('redis');
    expect(search.inText(said)).toEqual([]);
  });
});

describe('gss-inspect', () => {
  it.each(['text', 'json'])('prints no secret, unless it is asked to: %s', async (form) => {
    const laden = ladenClient(keytab);
    const initiator = laden.initiator();
    const token = initiator.begin();
    const acceptor = createAcceptor({ credential: await acquireCredential({ keytab }) });
    const result = await acceptor.begin().accept(token);
    if (result.status !== 'complete') throw new Error(result.status);
    const context = initiator.finish(result.outputToken);
    const cache = formatCredentialCache(result.context.delegatedCredential!);
    const exchange = [token, result.outputToken!, context.wrap(MESSAGE)];
    const search = new SecretSearch({
      ...laden.secretsOf(token),
      subkey: context.sessionKey.bytes(),
      message: MESSAGE,
    });
    const run = async (inputs: readonly Uint8Array[], ...more: readonly string[]) => {
      const files = inputs.map((input, i) => file(`input-${i}`, input));
      const args = ['-keytab', keytabPath, ...(form === 'json' ? ['-json'] : []), ...more];
      await using program = new Program([...args, ...files], { name: 'gss-inspect' });
      await program.ended;
      expect(program.stdout.length).toBeGreaterThan(100);
      return program.stdout + program.stderr;
    };
    const broken = [altered(token), token.subarray(0, 400), cache.subarray(0, -9)];
    for (const inputs of [exchange, [formatKeytab(keytab)], [cache], broken]) {
      expect(search.inText(await run(inputs))).toEqual([]);
    }
    const open = search.inText(await run(exchange, '-secrets', '-bytes', '64'));
    expect(open).toEqual(expect.arrayContaining(['session key', 'subkey', 'delegated key']));
  });
});
