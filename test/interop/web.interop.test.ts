/** Web clients at work: Java's HttpURLConnection, curl over HTTP/2, and sessions in curl's cookie jar. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Acceptor, AcceptorOptions, GssError } from '../../src/index.ts';
import { acquireCredential, createAcceptor } from '../../src/index.ts';
import { httpAuthenticator, kerberos, loadKeytab } from '../../src/node/index.ts';
import type { User } from '../support/realm.ts';
import { have, keytab, kinit, realm, scratch } from '../support/realm.ts';
import { run, runOrThrow } from '../support/run.ts';
import type { WebSite } from '../support/web-site.ts';
import { serveSite } from '../support/web-site.ts';

const ALICE = 'alice@EXAMPLE.TEST';

async function makeAcceptor(options: Partial<AcceptorOptions> = {}): Promise<Acceptor> {
  const credential = await acquireCredential({
    keytab: await loadKeytab(keytab('http')),
    service: 'HTTP@',
  });
  return createAcceptor({ credential, ...options });
}

interface Greeter extends WebSite {
  readonly failures: GssError[];
}

/** Answers with the client's name, the HTTP version and the body. */
async function greeter(
  protocol: 'http' | 'https' | 'http2',
  options: Partial<AcceptorOptions> = {},
): Promise<Greeter> {
  const failures: GssError[] = [];
  const authenticate = httpAuthenticator({
    acceptor: await makeAcceptor(options),
    onFailure: (error) => failures.push(error),
  });
  const site = await serveSite(protocol, async (request, response) => {
    const body = Buffer.concat(await request.toArray()).toString();
    using context = await authenticate(request, response);
    if (context === undefined) return;
    response.end(`${context.initiator} HTTP/${request.httpVersion} ${body}`);
  });
  return Object.assign(site, { failures });
}

function curl(user: Pick<User, 'env'>, ...args: readonly string[]) {
  const common = ['--silent', '--show-error', '--insecure', '--write-out', ' %{http_code}\n'];
  return runOrThrow('curl', [...common, ...args], { env: user.env });
}

describe.runIf(have('java'))("Java's HttpURLConnection", () => {
  async function java(user: User, url: string, ...properties: readonly string[]) {
    const config = `-Djava.security.krb5.conf=${realm().krb5Config}`;
    const tuning = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC'];
    const args = [
      ...tuning,
      config,
      ...properties,
      'test/interop/clients/WebClient.java',
      url,
      url,
    ];
    const { stdout } = await run('java', args, { env: user.env });
    return stdout.trim().split('\n');
  }

  it('signs on over HTTP, request by request, and checks the proof', async () => {
    await using site = await greeter('http');
    const answer = `200 Negotiate ${ALICE} HTTP/1.1`;
    expect(await java(await kinit(), site.url)).toEqual([answer, answer]);
    expect(site.failures).toEqual([]);
  });

  it('posts a body', async () => {
    await using site = await greeter('http');
    const body = 'x'.repeat(100_000);
    const [first] = await java(await kinit(), site.url, `-Dbody=${body}`);
    expect(first).toBe(`200 Negotiate ${ALICE} HTTP/1.1 ${body}`);
  });

  it('signs on over HTTPS, bound to the channel where that is required', async () => {
    await using site = await greeter('https', { channelBindingPolicy: 'required' });
    const user = await kinit();
    const answer = `200 Negotiate ${ALICE} HTTP/1.1`;
    expect(await java(user, site.url, '-Djdk.https.negotiate.cbt=always')).toEqual([
      answer,
      answer,
    ]);
    expect(site.failures).toEqual([]);
    const [unbound] = await java(user, site.url);
    expect(unbound).toBe('failed Authentication failure');
    expect(site.failures[0]?.code).toBe('GSS_S_BAD_BINDINGS');
  });
});

describe.runIf(have('curl'))('curl --negotiate over HTTP/2', () => {
  it('is let in, with a body, and over HTTP/1.1 at the same port', async () => {
    await using site = await greeter('http2');
    const negotiate = ['--negotiate', '--user', ':'];
    const user = await kinit();
    expect(await curl(user, ...negotiate, '--http2', site.url, site.url)).toBe(
      `${ALICE} HTTP/2.0  200\n`.repeat(2),
    );
    expect(await curl(user, ...negotiate, '--http2', '--data', 'a=1', site.url)).toBe(
      `${ALICE} HTTP/2.0 a=1 200\n`,
    );
    expect(await curl(user, ...negotiate, '--http1.1', site.url)).toBe(`${ALICE} HTTP/1.1  200\n`);
    expect(await curl(user, '--http2', site.url)).toBe('Unauthorized\n 401\n');
    expect(site.failures).toEqual([]);
  });
});

describe.runIf(have('curl'))('a session in the cookie jar of curl', () => {
  const KEY = Uint8Array.from({ length: 32 }, (_, i) => 7 * i + 1);

  /** A site with sessions, which says how the client is known. */
  async function sessionSite(store?: Map<string, string>) {
    const told: string[] = [];
    const authenticate = kerberos({
      keytab: keytab('http'),
      requireTls: true,
      sessions: { keys: [KEY], ...(store && { store }) },
      onAccepted: ({ via }) => told.push(via),
      onChallenged: () => told.push('challenged'),
      onRefused: ({ message }) => told.push(message),
    });
    const site = await serveSite('https', async (request, response) => {
      if (request.url === '/logout') {
        await authenticate.logout(request, response);
        response.end('bye');
        return;
      }
      const client = await authenticate(request, response);
      if (client?.outcome !== 'authenticated') return;
      response.end(`${client.identity.principal} by ${client.via}`);
    });
    return Object.assign(site, { told });
  }

  async function signOn(site: WebSite): Promise<{ readonly user: User; readonly jar: string }> {
    const jar = join(scratch(), 'cookies');
    const user = await kinit();
    const login = ['--negotiate', '--user', ':', '--cookie-jar', jar, site.url];
    expect(await curl(user, ...login)).toBe(`${ALICE} by ticket 200\n`);
    await runOrThrow('kdestroy', ['-q'], { env: user.env });
    return { user, jar };
  }

  it('spares the second request its ticket, and Kerberos altogether', async () => {
    await using site = await sessionSite();
    const { user, jar } = await signOn(site);
    // The user has no ticket now, and curl is not asked to negotiate.
    expect(await curl(user, '--cookie', jar, site.url, site.url)).toBe(
      `${ALICE} by session 200\n`.repeat(2),
    );
    // With --negotiate alone, curl sends its ticket before it is asked.
    expect(site.told).toEqual(['ticket', 'session', 'session']);
    const line = (await readFile(jar, 'utf8')).split('\n').find((text) => text.includes('__Host-'));
    // HttpOnly, of this host alone, path /, secure, until curl exits.
    expect(line).toMatch(/^#HttpOnly_\S+\tFALSE\t\/\tTRUE\t0\t__Host-krb5\t/);
    expect(line).not.toMatch(/alice|EXAMPLE/);
  });

  it('of which a character was changed is none', async () => {
    await using site = await sessionSite();
    const { user, jar } = await signOn(site);
    const text = await readFile(jar, 'utf8');
    const at = text.indexOf('__Host-krb5\t') + 100;
    const altered = text.slice(0, at) + (text[at] === 'A' ? 'B' : 'A') + text.slice(at + 1);
    await writeFile(jar, altered);
    expect(await curl(user, '--cookie', jar, site.url)).toBe('Unauthorized\n 401\n');
  });

  it('that another site set with the same key is none', async () => {
    await using site = await sessionSite();
    await using other = await sessionSite();
    const { user, jar } = await signOn(site);
    // Cookies do not know ports, and so curl sends it to the other one.
    expect(await curl(user, '--cookie', jar, other.url)).toBe('Unauthorized\n 401\n');
    expect(await curl(user, '--cookie', jar, site.url)).toBe(`${ALICE} by session 200\n`);
  });

  it('ends with a logout; in a store also for those who copied the cookie', async () => {
    const store = new Map<string, string>();
    await using site = await sessionSite(store);
    const { user, jar } = await signOn(site);
    const stolen = `${jar}.copy`;
    await writeFile(stolen, await readFile(jar));
    expect(await curl(user, '--cookie', stolen, site.url)).toBe(`${ALICE} by session 200\n`);
    const leave = ['--cookie', jar, '--cookie-jar', jar, `${site.url}logout`];
    expect(await curl(user, ...leave)).toBe('bye 200\n');
    expect(await readFile(jar, 'utf8')).not.toContain('__Host-krb5');
    expect(await curl(user, '--cookie', stolen, site.url)).toBe('Unauthorized\n 401\n');
    expect(store.size).toBe(0);
  });
});
