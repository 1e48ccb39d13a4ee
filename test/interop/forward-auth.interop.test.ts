/** krb5-forward-auth behind real proxies, in front of an application that knows nothing of Kerberos. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Program } from '../support/program.ts';
import type { ProxyName } from '../support/proxies.ts';
import { startProxy } from '../support/proxies.ts';
import type { User } from '../support/realm.ts';
import { have, keytab, kinit, realm, scratch } from '../support/realm.ts';
import { run, runOrThrow } from '../support/run.ts';

const ALICE = 'alice@EXAMPLE.TEST';
/** 32 bytes that differ. */
const KEY = Buffer.from(Array.from({ length: 32 }, (_, index) => index)).toString('base64');

/** For a longer run: `KRB5_TEST_REQUESTS=10000`. */
const REQUESTS = Number(process.env.KRB5_TEST_REQUESTS ?? 300);

/** An application that answers with the headers it was given. */
async function application(): Promise<number> {
  const server = createServer((request, response) => {
    response.end(JSON.stringify({ url: request.url, headers: request.headers }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

interface SiteOptions {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly change?: (text: string) => string;
}

/** An application, krb5-forward-auth and a proxy in front of both. */
async function serve(name: ProxyName, { args = [], env, change }: SiteOptions = {}) {
  const directory = scratch();
  const socket = join(directory, 's');
  const key = join(directory, 'key');
  writeFileSync(key, `${KEY}\n`, { mode: 0o600 });
  const common = ['-keytab', keytab('http'), '-session-key', key, '-insecure-cookie', '-verbose'];
  const listen = ['-listen', `unix:${socket}`, '-rcache', 'memory:'];
  const program = new Program([...common, ...listen, ...args], {
    name: 'forward-auth',
    env: { KRB5_CONFIG: realm().krb5Config, ...env },
  });
  onTestFinished(() => program[Symbol.asyncDispose]());
  await program.until('stderr', /listening on unix:/);
  const proxy = await startProxy(name, {
    directory: join(directory, 'proxy'),
    socket,
    application: await application(),
    ...(change && { change }),
  });
  onTestFinished(() => proxy[Symbol.asyncDispose]());
  return { url: `http://localhost:${proxy.port}`, program, directory };
}

interface Answer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  /** What the application was given. */
  readonly seen: { readonly url: string; readonly headers: Readonly<Record<string, string>> };
}

/** The last response to curl. */
async function curl(env: User['env'] | undefined, ...args: readonly string[]): Promise<Answer> {
  const options = ['--silent', '--show-error', '--include', ...args];
  const out = await runOrThrow('curl', options, env && { env });
  const at = out.lastIndexOf('HTTP/1.1 ');
  const [head = '', body = ''] = out.slice(at).split('\r\n\r\n');
  const headers = head
    .split('\r\n')
    .slice(1)
    .map((line) => line.split(/: ?(.*)/s));
  return {
    status: Number(head.slice(9, 12)),
    headers: new Map(headers.map(([header, value]) => [header!.toLowerCase(), value!])),
    seen: body.startsWith('{') ? JSON.parse(body) : { url: '', headers: {} },
  };
}

/** How long each proxy's example waits for krb5-forward-auth: seconds, or for HAProxy's script thousandths of them. */
const LIMIT = /(proxy_read_timeout |response_header_timeout |timeout = )([0-9]+?)(?:s|(000))\b/;

const NEGOTIATE = ['--negotiate', '--user', ':'];

describe.each(['nginx', 'caddy', 'haproxy'] as const)('%s', (proxy) => {
  describe.runIf(have(proxy, 'curl', 'kinit'))('in front', () => {
    it('challenges, and signs curl on with a ticket and the proof of the server', async () => {
      const { url } = await serve(proxy);
      const challenged = await curl(undefined, url);
      expect(challenged.status).toBe(401);
      expect(challenged.headers.get('www-authenticate')).toBe('Negotiate');
      const { env } = await kinit();
      const { status, headers, seen } = await curl(env, ...NEGOTIATE, `${url}/wiki?a=1`);
      expect(status).toBe(200);
      expect(headers.get('www-authenticate')).toMatch(/^Negotiate o[A-Za-z0-9+/]+=*$/);
      expect(seen.url).toBe('/wiki?a=1');
      expect(seen.headers['remote-user']).toBe(ALICE);
      expect(seen.headers).not.toHaveProperty('authorization');
    });

    it('lets no header of a client reach the application', async () => {
      const { url } = await serve(proxy);
      const { env } = await kinit();
      const forged = ['Remote-User', 'remote-user', 'Remote-Groups', 'Remote_User', 'Remote.User'];
      const headers = [...forged, 'REMOTE_USER'].flatMap((name) => [
        '--header',
        `${name}: root@EXAMPLE.TEST`,
      ]);
      const { status, seen } = await curl(env, ...NEGOTIATE, ...headers, url);
      expect(status).toBe(200);
      expect(seen.headers['remote-user']).toBe(ALICE);
      expect(JSON.stringify(seen)).not.toContain('root');
      const path = ['--header', 'X-Forwarded-Uri: /public', '--header', 'X-Forwarded-Host: a.b'];
      expect((await curl(undefined, ...headers, ...path, url)).status).toBe(401);
    });

    it('lets no client take the identity from its own request, by naming it in Connection', async () => {
      const { url } = await serve(proxy);
      const { env } = await kinit();
      const names = 'keep-alive, Remote-User, Remote-Groups, X-Forwarded-Uri, Authorization';
      const args = ['--header', `Connection: ${names}`, url];
      const { status, seen } = await curl(env, ...NEGOTIATE, ...args);
      if (status === 200) expect(seen.headers['remote-user']).toBe(ALICE);
      // Or the proxy takes the ticket from it.
      else expect(status).toBe(401);
      const cut = ['--header', 'Connection: keep-alive, Remote-User', url];
      expect((await curl(env, ...NEGOTIATE, ...cut)).seen.headers['remote-user']).toBe(ALICE);
    });

    it('lets nobody in while krb5-forward-auth does not answer', { timeout: 180_000 }, async () => {
      // It is the example's own limit that ends the request, only sooner.
      const limits: number[] = [];
      const change = (text: string) =>
        text.replace(LIMIT, (_, name: string, seconds: string, milliseconds?: string) => {
          limits.push(Number(seconds));
          return `${name}1${milliseconds ?? 's'}`;
        });
      const { url, program } = await serve(proxy, { change });
      expect(limits).toEqual([proxy === 'haproxy' ? 10 : 15]);
      const { env } = await kinit();
      program.process.kill('SIGSTOP');
      const { status, seen } = await curl(env, ...NEGOTIATE, '--max-time', '60', url);
      program.process.kill('SIGCONT');
      expect(status).toBeGreaterThanOrEqual(500);
      expect(seen.url).toBe('');
    });

    it('judges paths as the client sent them, by rules that change', async () => {
      const rules = join(scratch(), 'rules');
      writeFileSync(rules, `/public any\n/admin user=bob@EXAMPLE.TEST\n`);
      const { url, program } = await serve(proxy, { args: ['-rules', rules] });
      const { env } = await kinit();
      const claims = [
        '--header',
        'X-Forwarded-Uri: /public',
        '--header',
        'X-Forwarded-Method: GET',
      ];
      const status = async (path: string) =>
        (await curl(env, ...NEGOTIATE, '--path-as-is', ...claims, url + path)).status;
      expect(await status('/public/a')).toBe(200);
      expect(await status('/admin/a')).toBe(403);
      expect(await status('/other')).toBe(403);
      expect(await status('/public/%2e%2e/admin/a')).not.toBe(200);
      expect(await status('/public/..%2fadmin/a')).not.toBe(200);
      writeFileSync(`${rules}.new`, `/ user=${ALICE}\n`);
      // A file that was just written is read a second later.
      renameSync(`${rules}.new`, rules);
      await expect.poll(() => status('/admin/a')).toBe(200);
      expect(program.stderr).toContain('has changed: the new rules are in use');
    });

    it(`serves ${REQUESTS} requests of a session with one ticket`, {
      timeout: 120_000 + REQUESTS * 50,
    }, async () => {
      const { url, program, directory } = await serve(proxy);
      const { env } = await kinit();
      const jar = join(directory, 'jar');
      await curl(env, ...NEGOTIATE, '--cookie-jar', jar, url);
      expect(readFileSync(jar, 'utf8')).toContain('krb5');
      const stdout = await runOrThrow(
        'curl',
        [
          ...['--silent', '--cookie', jar, '--output', '/dev/null'],
          ...['--write-out', '%{http_code}\n', `${url}/[1-${REQUESTS}]`],
        ],
        { timeout: 60_000 + REQUESTS * 50 },
      );
      const statuses = stdout.trim().split('\n');
      expect(statuses).toHaveLength(REQUESTS);
      expect(new Set(statuses)).toEqual(new Set(['200']));
      expect(program.stderr.match(/ via=ticket /g)).toHaveLength(1);
      expect(program.stderr.match(/ via=session /g)).toHaveLength(REQUESTS);
    });

    it('lets nobody in while krb5-forward-auth is away', async () => {
      const { url, program } = await serve(proxy);
      const { env } = await kinit();
      program.process.kill('SIGTERM');
      expect(await program.ended).toBe(0);
      const { status, seen } = await curl(env, ...NEGOTIATE, url);
      expect(status).toBeGreaterThanOrEqual(500);
      expect(seen.url).toBe('');
    });
  });
});

describe.runIf(have('nginx', 'curl', 'kinit'))('the log', () => {
  it('has a line for each decision, with client, ticket, rule, reason and remedy', async () => {
    const rules = join(scratch(), 'rules');
    const logfile = join(scratch(), 'log');
    writeFileSync(rules, `/wiki user=${ALICE}\n/admin user=bob@EXAMPLE.TEST\n`);
    const args = ['-rules', rules, '-logfile', logfile, '-log', 'json'];
    const { url, program } = await serve('nginx', { args });
    const { env } = await kinit();
    const sent = [
      [...NEGOTIATE, `${url}/wiki?secret=1`],
      [...NEGOTIATE, `${url}/admin/users`],
      [...NEGOTIATE, `${url}/other`],
      ['--header', 'Authorization: Negotiate', `${url}/wiki`],
      ['--header', 'Authorization: Negotiate YIIB', `${url}/wiki`],
      ['--user', 'alice:secret', `${url}/wiki`],
      ['--negotiate', '--delegation', 'always', '--user', ':', `${url}/wiki`],
    ];
    for (const args of sent) await curl(env, ...args);
    // A record may be written after its answer: its texts are loaded when the first one is needed.
    const written = (path: string) => (existsSync(path) ? readFileSync(path, 'utf8') : '');
    await expect.poll(() => written(logfile).match(/"event":"accepted"/g)?.length).toBe(2);
    renameSync(logfile, `${logfile}.1`);
    program.process.kill('SIGHUP');
    await expect.poll(() => existsSync(logfile)).toBe(true);
    await curl(undefined, `${url}/wiki`);
    await expect.poll(() => written(logfile)).toMatch(/\n$/);
    const lines = readFileSync(`${logfile}.1`, 'utf8').trim().split('\n');
    const records = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    const decided = records.filter(({ event, reason }) => event !== 'challenged' || reason);
    const place = { peer: '127.0.0.1', request: 'GET localhost/wiki' };
    const ticket = {
      client: ALICE,
      via: 'ticket',
      service: `HTTP/${realm().hostname}@EXAMPLE.TEST`,
      kvno: expect.any(Number),
      enctype: 'aes256-cts-hmac-sha1-96',
    };
    expect(decided).toMatchObject([
      { event: 'accepted', status: 200, ...place, ...ticket, rule: '/wiki' },
      { event: 'refused', status: 403, ...ticket, rule: '/admin', reason: 'proxy.rules' },
      { event: 'refused', status: 403, ...ticket, reason: 'proxy.rules' },
      { event: 'challenged', status: 401, ...place, reason: 'token.empty' },
      { event: 'refused', status: 401, ...place, reason: 'token.truncated' },
      { event: 'refused', status: 401, ...place, reason: 'http.other-scheme' },
      { event: 'accepted', status: 200, ...place, ...ticket },
    ]);
    for (const record of decided.slice(1, -1)) {
      expect(record).toMatchObject({ text: expect.any(String), remedies: expect.any(Array) });
      expect(record.remedies).not.toEqual([]);
    }
    expect(lines.join()).not.toMatch(/secret/);
    const [after] = readFileSync(logfile, 'utf8').trim().split('\n');
    expect(JSON.parse(after!)).toMatchObject({ event: 'challenged', status: 401, ...place });
    expect(statSync(logfile).mode & 0o777).toBe(0o600);
    // The program's own lines are JSON, too.
    for (const line of program.stderr.trim().split('\n')) {
      expect(JSON.parse(line)).toMatchObject({ event: 'line', text: expect.any(String) });
    }
  });

  it('is stderr without a file, where a trace may be added', async () => {
    const { url, program } = await serve('nginx', { env: { KRB5_TRACE: '/dev/stderr' } });
    const { env } = await kinit();
    await curl(env, ...NEGOTIATE, `${url}/wiki`);
    await program.until('stderr', / accepted status=200 .* client=alice@EXAMPLE\.TEST .*\n/);
    expect(program.stderr).toMatch(/\n\[\d+\] \d+\.\d{6}: Accepted alice@EXAMPLE\.TEST for HTTP\//);
  });
});

describe.runIf(have('nginx', 'curl', 'kinit'))('a proxy that forgets', () => {
  it.each([
    ['to remove what the client sent', /^ *proxy_set_header Remote-User "";$/m, 403],
    ['to say which path is asked for', /^ *proxy_set_header X-Forwarded-Uri .*$/m, 500],
  ])('%s: the client is refused', async (_, line, expected) => {
    const { url } = await serve('nginx', { change: (text) => text.replace(line, '') });
    const { env } = await kinit();
    const header = ['--header', 'Remote-User: root'];
    const { status, seen } = await curl(env, ...NEGOTIATE, ...header, url);
    expect([status, seen.url]).toEqual([expected, '']);
  });
});

describe.runIf(have('systemd', 'curl', 'kinit'))('systemd', () => {
  const examples = resolve(import.meta.dirname, '../../examples/forward-auth');

  it('finds nothing wrong with the units but that the program is not installed', async () => {
    const units = ['service', 'socket'].map((type) => `${examples}/krb5-forward-auth.${type}`);
    const { stderr } = await run('systemd-analyze', ['verify', ...units]);
    const lines = stderr.split('\n').filter((line) => line.includes('krb5-forward-auth'));
    expect(lines.filter((line) => !line.includes('is not executable'))).toEqual([]);
  });

  it('passes on its socket', async () => {
    const directory = scratch();
    const socket = join(directory, 's');
    const program = resolve(import.meta.dirname, '../../dist/cli/forward-auth/main.js');
    const variables = [
      `KRB5_CONFIG=${realm().krb5Config}`,
      `KRB5_FORWARD_AUTH_KEYTAB=${keytab('http')}`,
      'KRB5_FORWARD_AUTH_RCACHE=memory:',
    ].flatMap((variable) => ['-E', variable]);
    const args = ['-l', socket, ...variables, process.execPath, program];
    const activation = spawn('systemd-socket-activate', args, {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const closed = once(activation, 'close');
    onTestFinished(() => void activation.kill('SIGKILL'));
    await once(activation.stderr, 'data');
    const { env } = await kinit();
    const proxied = ['Method: GET', 'Uri: /', 'Host: localhost', 'Proto: http'];
    const headers = proxied.flatMap((header) => ['--header', `X-Forwarded-${header}`]);
    const url = `http://${realm().hostname}/auth`;
    const options = [...NEGOTIATE, '--unix-socket', socket, ...headers, url];
    const answer = await curl(env, ...options);
    expect([answer.status, answer.headers.get('remote-user')]).toEqual([200, ALICE]);
    activation.kill('SIGTERM');
    expect((await closed)[0]).toBe(0);
  });
});
