/** The realm of `krb5-acceptor/testing/node`, with stock clients: no other KDC has a part in it. */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, describe, expect, inject, it } from 'vitest';
import { withLegacyEnctypes } from '../../src/crypto/legacy/index.ts';
import { enctypeName, KeyUsage } from '../../src/crypto/numbers.ts';
import type { DelegatedTicket } from '../../src/index.ts';
import { acquireCredential, ContextFlag, createAcceptor } from '../../src/index.ts';
import { decodeEncTicketPart, decodeTicket, TicketFlag } from '../../src/messages/ticket.ts';
import { createGssServer, httpAuthenticator } from '../../src/node/index.ts';
import type { RunningRealm } from '../../src/node/testing/index.ts';
import { startRealm } from '../../src/node/testing/index.ts';
import { asideLibraries, asidePath, HEIMDAL_CLIENTS } from '../support/aside.ts';
import { Chromium } from '../support/chromium.ts';
import { examples, runModule, startsPrograms } from '../support/guide.ts';
import { runInitiator } from '../support/initiators.ts';
import type { PeerName } from '../support/peers.ts';
import { GSS_CLIENT } from '../support/peers.ts';
import { scratch } from '../support/realm.ts';
import type { RunResult } from '../support/run.ts';
import { run, runOrThrow } from '../support/run.ts';

const PASSWORD = 'alice-password';
const ENCTYPES = [18, 17, 20, 19, 26, 25, 23, 16];
const LONG = Array.from({ length: 1000 }, (_, i) => 1000 + i);

const realm = await startRealm({
  users: [
    { name: 'alice', password: PASSWORD },
    { name: 'bob', password: 'bob-password', groups: LONG },
  ],
});
afterAll(() => realm.stop());

/** Whether the peers are there; a KDC is not needed. */
function have(...peers: readonly PeerName[]): boolean {
  return !peers.some((peer) => inject('interop').missing.includes(peer));
}

/** A user's environment, with a credential cache of its own. */
class User {
  readonly env: Readonly<Record<string, string>>;

  constructor(at: RunningRealm = realm) {
    this.env = { ...at.environment, KRB5CCNAME: `FILE:${join(scratch(), 'ccache')}` };
  }

  run(command: string, ...args: readonly string[]): Promise<RunResult> {
    return run(command, args, { env: this.env });
  }

  async kinit(...flags: readonly string[]): Promise<this> {
    await runOrThrow('kinit', [...flags, 'alice'], { env: this.env, input: `${PASSWORD}\n` });
    return this;
  }

  async klist(): Promise<string> {
    return await runOrThrow('klist', ['-e', '-f'], { env: this.env });
  }
}

describe.runIf(have('kinit'))('kinit', () => {
  it('logs in with a password', async () => {
    const user = await new User().kinit();
    const list = await user.klist();
    expect(list).toContain('Default principal: alice@EXAMPLE.TEST\n');
    expect(list).toMatch(/krbtgt\/EXAMPLE.TEST@EXAMPLE.TEST\n.*Flags: F\w*IA/);
    expect(list).toContain('aes256-cts-hmac-sha1-96, aes256-cts-hmac-sha1-96');
  });

  it('logs in with a keytab', async () => {
    const user = new User();
    await user.kinit('-k', '-t', realm.userKeytabFile('alice'));
    expect(await user.klist()).toContain('Default principal: alice@EXAMPLE.TEST\n');
  });

  it('says that a password is wrong', async () => {
    const { env } = new User();
    const { code, stderr } = await run('kinit', ['alice'], { env, input: 'wrong\n' });
    expect(code).toBe(1);
    expect(stderr).toBe('kinit: Password incorrect while getting initial credentials\n');
  });

  it('says that a name is unknown', async () => {
    const { stderr } = await new User().run('kinit', 'eve');
    expect(stderr).toContain("Client 'eve@EXAMPLE.TEST' not found in Kerberos database");
  });

  it('takes an enterprise name', async () => {
    const { env } = new User();
    await runOrThrow('kinit', ['-E', 'alice@example.test'], { env, input: `${PASSWORD}\n` });
    expect(await runOrThrow('klist', [], { env })).toContain('principal: alice@EXAMPLE.TEST\n');
  });

  it('renews a ticket', async () => {
    const user = await new User().kinit('-l', '1h', '-r', '2h');
    await runOrThrow('kinit', ['-R'], { env: user.env });
    expect(await user.klist()).toMatch(/renew until .*Flags: FR/);
  });

  it('gets a long answer over TCP', async () => {
    const user = new User();
    await runOrThrow('kinit', ['bob'], { env: user.env, input: 'bob-password\n' });
    expect(await user.klist()).toContain('Default principal: bob@EXAMPLE.TEST\n');
  });

  it.each(ENCTYPES)('has enctype %i', async (enctype) => {
    const crypto = withLegacyEnctypes();
    await using single = await startRealm({ enctypes: [enctype], crypto });
    const user = await new User(single).kinit();
    await runOrThrow('kvno', ['host/localhost'], { env: user.env });
    // MIT krb5 marks weak enctypes as deprecated.
    const name = `(?:DEPRECATED:)?${enctypeName(enctype)}`;
    expect((await user.klist()).match(new RegExp(`: ${name}, ${name}`, 'g'))).toHaveLength(2);
  });
});

describe.runIf(have('heimdal-clients'))('kinit of Heimdal', () => {
  /** Runs a program of Heimdal with a credential cache of the user. */
  async function heimdal(user: User, program: string, args: readonly string[], input = '') {
    const env = { ...user.env, LD_LIBRARY_PATH: asideLibraries(HEIMDAL_CLIENTS)! };
    return await run(asidePath(HEIMDAL_CLIENTS, `usr/bin/${program}`)!, args, { env, input });
  }

  const kinit = (user: User, args: readonly string[], password = PASSWORD) =>
    heimdal(user, 'kinit.heimdal', ['--password-file=STDIN', ...args], `${password}\n`);

  it.each([
    ['a password', ['alice']],
    ['an enterprise name', ['--enterprise', 'alice@example.test']],
    ['an option for a renewable ticket', ['-l', '1h', '-r', '2h', 'alice']],
  ])('logs in with %s', async (_, args) => {
    const user = new User();
    expect(await kinit(user, args)).toMatchObject({ code: 0 });
    if (args.includes('-r')) {
      expect(await heimdal(user, 'kinit.heimdal', ['-R'])).toMatchObject({ code: 0 });
    }
    expect(await heimdal(user, 'kgetcred', ['host/localhost'])).toMatchObject({ code: 0 });
  });

  it('logs in with a keytab', async () => {
    const args = ['-k', '-t', realm.userKeytabFile('alice'), 'alice'];
    expect(await heimdal(new User(), 'kinit.heimdal', args)).toMatchObject({ code: 0 });
  });

  it('gets a long answer over TCP', async () => {
    const user = new User();
    expect(await kinit(user, ['bob'], 'bob-password')).toMatchObject({ code: 0 });
    expect(await heimdal(user, 'kgetcred', ['HTTP/localhost'])).toMatchObject({ code: 0 });
  });

  it('says that a password is wrong, or a name unknown', async () => {
    expect((await kinit(new User(), ['alice'], 'wrong')).stderr).toContain('Password incorrect');
    expect((await kinit(new User(), ['eve'])).stderr).toContain('eve@EXAMPLE.TEST) unknown');
  });

  // Heimdal has no Camellia.
  it.each([18, 17, 20, 19, 23, 16])('has enctype %i', async (enctype) => {
    await using single = await startRealm({ enctypes: [enctype], crypto: withLegacyEnctypes() });
    const user = new User(single);
    expect(await kinit(user, ['alice'])).toMatchObject({ code: 0 });
    expect(await heimdal(user, 'kgetcred', ['host/localhost'])).toMatchObject({ code: 0 });
  });
});

describe.runIf(have('heimdal'))("an initiator on Heimdal's GSS-API", () => {
  it.each(['krb5', 'spnego'] as const)('establishes a context with %s', async (mechanism) => {
    const server = createGssServer({ acceptor: await makeAcceptor('host@localhost') });
    const { port } = await server.listen(0, '127.0.0.1');
    const user = await new User().kinit();
    const options = { port, user, host: 'localhost', mechanism, sizes: [5] };
    const report = await runInitiator('heimdal', options);
    await server.close(0);
    expect(report).toMatchObject({ done: true, established: { source: 'alice@EXAMPLE.TEST' } });
  });
});

describe.runIf(have('kinit'))('kvno', () => {
  it('gets the ticket of a service, and opens it with the keytab', async () => {
    const user = await new User().kinit();
    const args = ['-k', realm.keytabFile, 'HTTP/localhost'];
    const printed = await runOrThrow('kvno', args, { env: user.env });
    expect(printed).toBe('HTTP/localhost@EXAMPLE.TEST: kvno = 1, keytab entry valid\n');
  });

  it('says that a service is unknown', async () => {
    const user = await new User().kinit();
    expect((await user.run('kvno', 'host/other')).stderr).toContain(
      'Server not found in Kerberos database',
    );
  });

  it('gets a user-to-user ticket', async () => {
    const user = await new User().kinit();
    const cache = user.env.KRB5CCNAME!.slice('FILE:'.length);
    await runOrThrow('kvno', ['--u2u', cache, 'alice'], { env: user.env });
    expect((await user.run('kvno', 'alice')).stderr).toContain('valid for user2user only');
  });

  it('crosses to a realm that is trusted', async () => {
    const trusted = { services: ['host/server.other.test'], trusts: { 'HOME.TEST': 'secret' } };
    await using other = await startRealm({ realm: 'OTHER.TEST', ...trusted });
    const trusts = { 'OTHER.TEST': 'secret' };
    await using home = await startRealm({ realm: 'HOME.TEST', trusts, neighbours: [other] });
    const user = await new User(home).kinit();
    const args = ['-k', other.keytabFile, '-S', 'host', 'server.other.test'];
    expect(await runOrThrow('kvno', args, { env: user.env })).toContain('keytab entry valid');
  });
});

describe.runIf(have('kinit', 'gss-client'))('gss-client', () => {
  it('establishes a context and delegates its ticket', async () => {
    const flags: number[] = [];
    const server = createGssServer({
      acceptor: await makeAcceptor('host@localhost'),
      onEvent: (event) => {
        if (event.type === 'accepted') flags.push(event.context.flags);
      },
    });
    const { port } = await server.listen(0, '127.0.0.1');
    const user = await new User().kinit();
    const args = ['-port', `${port}`, '-krb5', '-d', 'localhost', 'host@localhost', 'hello'];
    const { stdout } = await user.run(GSS_CLIENT, ...args);
    await server.close(0);
    expect(stdout).toContain('Signature verified.');
    expect(flags.map((all) => all & ContextFlag.delegation)).toEqual([ContextFlag.delegation]);
  });

  it('logs in by itself with a keytab', async () => {
    await using site = await serve();
    const { env } = new User();
    const keytab = { KRB5_CLIENT_KTNAME: `FILE:${realm.userKeytabFile('alice')}` };
    expect(await curl(site.url, { ...env, ...keytab })).toBe('Hello alice@EXAMPLE.TEST');
  });
});

describe.runIf(have('kinit', 'curl'))('the example of docs/test-realm.md', async () => {
  for (const example of examples.filter(startsPrograms)) await runModule(example);
});

describe.runIf(have('kinit', 'curl'))('curl', () => {
  it('signs on', async () => {
    await using site = await serve();
    const user = await new User().kinit();
    expect(await curl(site.url, user.env)).toBe('Hello alice@EXAMPLE.TEST');
  });

  it('delegates a forwarded ticket', async () => {
    await using site = await serve();
    const user = await new User().kinit('-f');
    await curl(site.url, user.env, '--delegation', 'always');
    const { encPart, serverName } = decodeTicket(site.delegated[0]!.ticket);
    expect(serverName.components).toEqual(['krbtgt', 'EXAMPLE.TEST']);
    const { flags } = decodeEncTicketPart(realm.kdcKey.decrypt(KeyUsage.ticket, encPart.cipher));
    expect(flags & TicketFlag.forwarded).not.toBe(0);
  });
});

describe.runIf(have('java', 'kinit'))('Java', () => {
  function java(url: string, env: Readonly<Record<string, string>>, ...options: string[]) {
    const config = `-Djava.security.krb5.conf=${realm.krb5Config}`;
    const tuning = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC'];
    const program = 'test/interop/clients/WebClient.java';
    return run('java', [...tuning, config, ...options, program, url], { env });
  }

  it('signs on with the tickets of kinit', async () => {
    await using site = await serve();
    const user = await new User().kinit();
    const { stdout } = await java(site.url, user.env);
    expect(stdout).toBe('200 Negotiate Hello alice@EXAMPLE.TEST\n');
  });

  it('logs in with a keytab of its own accord', async () => {
    await using site = await serve();
    const login = join(scratch(), 'login.conf');
    const options = `useKeyTab=true keyTab="${realm.userKeytabFile('alice')}" principal=alice`;
    const module = `com.sun.security.auth.module.Krb5LoginModule required ${options};`;
    writeFileSync(login, `com.sun.security.jgss.krb5.initiate { ${module} };\n`);
    const { stdout } = await java(site.url, {}, `-Djava.security.auth.login.config=${login}`);
    expect(stdout).toBe('200 Negotiate Hello alice@EXAMPLE.TEST\n');
  });
});

describe.runIf(have('chromium', 'kinit'))('Chromium', () => {
  it('signs on', async () => {
    await using site = await serve();
    const { env } = await new User().kinit();
    const switches = ['--auth-server-allowlist=localhost'];
    await using browser = await Chromium.launch({ switches, env });
    // A new profile leaves its first challenge unanswered on Linux.
    await browser.visit(site.url);
    expect(await browser.visit(site.url)).toEqual({
      status: 200,
      text: 'Hello alice@EXAMPLE.TEST',
    });
  });
});

async function makeAcceptor(service: string) {
  const credential = await acquireCredential({ keytab: realm.keytab, service });
  return createAcceptor({ credential });
}

/** A site that greets its clients and keeps what they delegate. */
async function serve() {
  const delegated: DelegatedTicket[] = [];
  const authenticate = httpAuthenticator({ acceptor: await makeAcceptor('HTTP@localhost') });
  const server = createServer({ maxHeaderSize: 81_920 }, async (request, response) => {
    using context = await authenticate(request, response);
    if (context === undefined) return;
    delegated.push(...(context.delegatedCredential?.tickets ?? []));
    response.end(`Hello ${context.initiator}`);
  });
  server.listen(0, 'localhost');
  await once(server, 'listening');
  return {
    url: `http://localhost:${(server.address() as AddressInfo).port}/`,
    delegated,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function curl(
  url: string,
  env: Readonly<Record<string, string>>,
  ...args: readonly string[]
): Promise<string> {
  const all = ['--silent', '--show-error', '--negotiate', '--user', ':', ...args, url];
  return await runOrThrow('curl', all, { env });
}
