/** Clients of HTTP that know Negotiate, against node:http and node:https. */

import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import { describe, expect, it } from 'vitest';
import tls from '../../fixtures/tls/server.json' with { type: 'json' };
import type { AcceptorOptions, GssError } from '../../src/index.ts';
import { acquireCredential, createAcceptor, formatPrincipal } from '../../src/index.ts';
import { httpAuthenticator, loadKeytab } from '../../src/node/index.ts';
import { PYTHON } from '../support/peers.ts';
import type { User } from '../support/realm.ts';
import { have, keytab, kinit, realm } from '../support/realm.ts';
import type { RunResult } from '../support/run.ts';
import { run, runOrThrow } from '../support/run.ts';

interface SiteOptions {
  readonly tls?: boolean;
  readonly keytab?: string;
  readonly acceptor?: Partial<AcceptorOptions>;
}

/** A site that says who is there, how, and what came with the request. */
class Site {
  readonly failures: GssError[] = [];
  readonly url: string;
  readonly #server: Server;

  private constructor(server: Server, scheme: string) {
    this.#server = server;
    this.url = `${scheme}://${realm().hostname}:${(server.address() as AddressInfo).port}/`;
  }

  static async start(options: SiteOptions = {}): Promise<Site> {
    const credential = await acquireCredential({
      keytab: await loadKeytab(keytab(options.keytab ?? 'http')),
    });
    const acceptor = createAcceptor({ credential, ...options.acceptor });
    const authenticate = httpAuthenticator({
      acceptor,
      onFailure: (error) => site.failures.push(error),
    });
    const listener: RequestListener = async (request, response) => {
      const body = Buffer.concat(await request.toArray()).toString();
      using context = await authenticate(request, response);
      if (context === undefined) return;
      const { initiator, mechanism, delegatedCredential } = context;
      const delegated = delegatedCredential && formatPrincipal(delegatedCredential.client);
      response.end(JSON.stringify({ name: String(initiator), mechanism, delegated, body }));
    };
    const limit = { maxHeaderSize: 81_920 };
    const server = options.tls
      ? createTlsServer({ ...limit, cert: tls.certificate, key: tls.key }, listener)
      : createServer(limit, listener);
    server.listen(0);
    await once(server, 'listening');
    const site = new Site(server, options.tls ? 'https' : 'http');
    return site;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
  }
}

const KRB5 = '1.2.840.113554.1.2.2';
const ALICE = { name: 'alice@EXAMPLE.TEST', mechanism: KRB5, body: '' };

/** What curl prints: the status and the body of each answer that it keeps. */
function curl(user: User, ...args: readonly string[]): Promise<RunResult> {
  const common = ['--silent', '--show-error', '--insecure', '--negotiate', '--user', ':'];
  return run('curl', [...common, '--write-out', ' %{http_code}\n', ...args], { env: user.env });
}

describe.runIf(have('curl'))('curl --negotiate', () => {
  it('is let in, whatever it asks first', async () => {
    await using site = await Site.start();
    const { stdout, stderr } = await curl(await kinit(), site.url, site.url);
    expect(stderr).toBe('');
    const answer = `${JSON.stringify(ALICE)} 200\n`;
    expect(stdout).toBe(answer.repeat(2));
    expect(site.failures).toEqual([]);
  });

  it('sends a body', async () => {
    await using site = await Site.start();
    const { stdout } = await curl(await kinit(), '--data', 'a=1', site.url);
    expect(stdout).toBe(`${JSON.stringify({ ...ALICE, body: 'a=1' })} 200\n`);
  });

  it('delegates its credentials', async () => {
    await using site = await Site.start();
    const user = await kinit('alice', ['-f']);
    const { stdout } = await curl(user, '--delegation', 'always', site.url);
    expect(JSON.parse(stdout.replace(/ 200\n$/, ''))).toEqual({
      ...ALICE,
      delegated: ALICE.name,
    });
  });

  it('is let in over TLS where bindings may be absent, not where they are required', async () => {
    const user = await kinit();
    await using lenient = await Site.start({ tls: true });
    expect((await curl(user, lenient.url)).stdout).toBe(`${JSON.stringify(ALICE)} 200\n`);
    await using strict = await Site.start({
      tls: true,
      acceptor: { channelBindingPolicy: 'required' },
    });
    const { stdout } = await curl(user, strict.url);
    // Newer versions of curl send bindings.
    if (/ 200\n$/.test(stdout)) return;
    expect(stdout).toBe('Unauthorized\n 401\n');
    expect(strict.failures[0]?.code).toBe('GSS_S_BAD_BINDINGS');
  });

  it('is asked to authenticate, and told no more, if it has no ticket', async () => {
    await using site = await Site.start();
    const nobody = await kinit();
    await runOrThrow('kdestroy', ['-q'], { env: nobody.env });
    expect((await curl(nobody, site.url)).stdout).toBe('Unauthorized\n 401\n');
    expect(site.failures).toEqual([]);
  });

  it('is refused with a ticket for another key, and the operator learns why', async () => {
    await using site = await Site.start({ keytab: 'host' });
    const { stdout } = await curl(await kinit(), site.url);
    expect(stdout).toBe('Unauthorized\n 401\n');
    expect(site.failures).toHaveLength(1);
    expect(site.failures[0]?.minor?.code).toBe('KRB_AP_ERR_NOT_US');
    expect(site.failures[0]?.message).toContain('HTTP/localhost@EXAMPLE.TEST');
  });
});

describe.runIf(have('python3-gssapi'))('an HTTP client on python3-gssapi', () => {
  async function get(user: User, ...args: readonly string[]): Promise<unknown> {
    const script = 'test/interop/clients/negotiate.py';
    return JSON.parse(await runOrThrow(PYTHON, [script, ...args], { env: user.env }));
  }

  it.each(['krb5', 'spnego'])('is let in with %s, and knows the server then', async (mech) => {
    await using site = await Site.start();
    expect(await get(await kinit(), '--url', site.url, '--mech', mech)).toEqual({
      status: 200,
      body: JSON.stringify(ALICE),
      scheme: 'Negotiate',
      verified: true,
    });
  });

  it.each([
    ['the right certificate', ['--hash', 'sha384'], 200],
    ['another certificate', ['--hash', 'sha384', '--alter'], 401],
    ['another hash', ['--hash', 'sha256'], 401],
    ['nothing', [], 401],
  ])('bound to %s', async (_name, args, status) => {
    await using site = await Site.start({
      tls: true,
      acceptor: { channelBindingPolicy: 'required' },
    });
    const user = await kinit();
    for (const mech of ['krb5', 'spnego']) {
      const answer = await get(user, '--url', site.url, '--mech', mech, ...args);
      if (status === 200) expect(answer).toMatchObject({ status, verified: true });
      else expect(answer).not.toMatchObject({ status: 200 });
    }
    // After a refusal python3-gssapi sends the error token of MIT's SPNEGO, and is refused again.
    const refusals = site.failures.filter(({ code }) => code === 'GSS_S_BAD_BINDINGS');
    expect(refusals).toHaveLength(status === 200 ? 0 : 2);
    if (status === 200) expect(site.failures).toEqual([]);
  });
});
