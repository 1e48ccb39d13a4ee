/** The programs with their flags of IAKERB and Late Fallback, and without them: clients over real sockets. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { Mechanism } from '../../src/index.ts';
import { parseKeytab } from '../../src/keytab/keytab.ts';
import { startRealm } from '../../src/node/testing/index.ts';
import { encodeNegTokenInit } from '../../src/spnego/neg-token.ts';
import type {
  IakerbInitiator,
  IakerbInitiatorOptions,
  InitiatorResult,
  Negotiator,
} from '../../src/testing/index.ts';
import { createNegotiator } from '../../src/testing/index.ts';
import { SampleClient } from '../node/server/sample-client.ts';
import { startRedis } from '../support/engines.ts';
import { IAKERB_CLIENTS } from '../support/gss-client.ts';
import {
  logInOverHttp,
  withCookies,
  withExpiredTicket,
  withPassword,
  withTicket,
} from '../support/logins.ts';
import { freePort } from '../support/ports.ts';
import { Program } from '../support/program.ts';
import { have, scratch } from '../support/realm.ts';
import { run } from '../support/run.ts';

const SERVICE = 'host/localhost';
const realm = await startRealm({ services: [SERVICE, 'HTTP/localhost'] });
afterAll(() => realm.stop());
const keytab = parseKeytab(readFileSync(realm.keytabFile));
const FLAGS = ['-keytab', realm.keytabFile];
const environment = { ...realm.environment, KRB5RCACHENAME: 'memory:' };

const password = (options: Partial<IakerbInitiatorOptions> = {}) =>
  withPassword(SERVICE, options).initiator;
const expiredThenPassword = (service = SERVICE) =>
  createNegotiator({
    mechanisms: [withExpiredTicket(keytab, {}, { service }), withPassword(service)],
  });

function serve(args: readonly string[], env: Readonly<Record<string, string>> = environment) {
  return Program.listen([...FLAGS, ...args, 'host@localhost'], { env });
}

/** A whole exchange with gss-server. @returns Whether the client has a context whose MICs are good. */
async function meet(initiator: IakerbInitiator | Negotiator, port: number): Promise<boolean> {
  const client = new SampleClient(port);
  onTestFinished(() => client.close());
  client.send(0x11, new Uint8Array(0));
  let step = initiator.begin();
  while (step.outputToken !== undefined) {
    client.send(0x02, step.outputToken);
    if (step.status === 'complete') break;
    const reply = await client.receive();
    const next = reply && stepOf(initiator, reply.data);
    if (next === undefined) {
      client.close();
      return false;
    }
    step = next;
  }
  return step.status === 'complete' && (await client.sign(step.context, Uint8Array.of(1, 2, 3)));
}

/** Undefined if the initiator gives up. */
function stepOf(initiator: IakerbInitiator | Negotiator, token: Uint8Array) {
  try {
    return initiator.step(token);
  } catch {
    return undefined;
  }
}

/** The tokens of a login that another server of the realm has accepted. */
async function recorded(): Promise<readonly Uint8Array[]> {
  await using server = await serve(['-iakerb']);
  const tokens: Uint8Array[] = [];
  const initiator = password();
  const keep = (step: InitiatorResult): InitiatorResult => {
    if (step.outputToken !== undefined) tokens.push(step.outputToken.slice());
    return step;
  };
  const recorder = {
    begin: () => keep(initiator.begin()),
    step: (token?: Uint8Array) => keep(initiator.step(token)),
  };
  expect(await meet(recorder as unknown as IakerbInitiator, server.port)).toBe(true);
  return tokens;
}

/** Sends tokens whatever the answers are. */
async function send(tokens: readonly Uint8Array[], port: number): Promise<void> {
  const client = new SampleClient(port);
  onTestFinished(() => client.close());
  client.send(0x11, new Uint8Array(0));
  for (const token of tokens) {
    client.send(0x02, token);
    await client.receive();
  }
}

/** What a proxy says of a request. */
const FORWARDED = [
  ['X-Forwarded-Method', 'GET'],
  ['X-Forwarded-Uri', '/'],
  ['X-Forwarded-Host', 'www.example.test'],
  ['X-Forwarded-Proto', 'https'],
] as const;

describe('gss-server', () => {
  it.each(IAKERB_CLIENTS)('-iakerb -realms relays for $name', async ({ command, env }) => {
    await using server = await serve(['-iakerb', '-realms', `${realm.realm},OTHER.TEST`]);
    // Without any KDC.
    const config = join(scratch(), 'client.conf');
    writeFileSync(
      config,
      `[libdefaults]\ndns_lookup_kdc = false\ndns_canonicalize_hostname = false\nrdns = false\n[domain_realm]\nlocalhost = ${realm.realm}\n`,
    );
    const user = ['-user', `alice@${realm.realm}`, '-pass', 'alice-password'];
    const args = ['-port', String(server.port), '-iakerb', ...user, 'localhost', 'host@localhost'];
    const result = await run(command, [...args, 'hello'], {
      env: { ...env, KRB5_CONFIG: config, KRB5CCNAME: `FILE:${join(scratch(), 'ccache')}` },
    });
    expect(result.stdout, result.stderr).toContain('Signature verified.');
    await expect.poll(() => server.stdout).toContain('Accepted connection: "alice@EXAMPLE.TEST"');
  });

  it('-iakerb -latefallback goes on with IAKERB, and serves Kerberos and SPNEGO', async () => {
    await using server = await serve(['-iakerb', '-latefallback']);
    expect(await meet(expiredThenPassword(), server.port)).toBe(true);
    const elsewhere = withPassword(SERVICE, { client: 'alice@ELSEWHERE.TEST' });
    const mechanisms = [elsewhere, withTicket(keytab)];
    expect(await meet(createNegotiator({ mechanisms }), server.port)).toBe(true);
    expect(await meet(password(), server.port)).toBe(true);
    const ticket = withTicket(keytab);
    await send([ticket.initiator.begin()], server.port);
    await server.until('stdout', /(Accepted connection: "alice@EXAMPLE\.TEST"[\s\S]*){4}/);
    expect(server.stderr).not.toContain('refused');
  });

  it('says why a client is refused without -iakerb, and without -latefallback', async () => {
    await using server = await serve(['-verbose']);
    const { port } = server;
    const refused = async (reason: string, text: RegExp, remedy: RegExp) => {
      const [record] = await server.until('stderr', new RegExp(`^.* reason=${reason} .*$`, 'm'));
      expect(record).toMatch(text);
      await server.until('stderr', remedy);
    };
    expect(await meet(password(), port)).toBe(false);
    await refused(
      'iakerb.off',
      /the client uses IAKERB, in which the server relays/,
      /: -iakerb\)/,
    );
    const { iakerb, negoex, ntlmssp, lateFallback } = Mechanism;
    const mechToken = password().begin().outputToken!;
    await send(
      [encodeNegTokenInit({ mechTypes: [iakerb, negoex, ntlmssp, lateFallback], mechToken })],
      port,
    );
    await refused(
      'negotiate\\.iakerb-or-ntlm',
      /offers IAKERB, NegoEx, NTLM, Late Fallback and no Kerberos V5: it reaches no KDC/,
      /let the client be in reach of a KDC/,
    );
    expect(await meet(expiredThenPassword(), port)).toBe(false);
    await refused('ticket\\.expired', /the ticket ended 7200 s \(2 h\) ago/, /get a new ticket/);
  });

  it('says why -iakerb alone refuses a client', async () => {
    const tokens = await recorded();
    await using server = await serve(['-iakerb', '-realms', `${realm.realm},NOKDC.TEST`]);
    const { port } = server;
    const record = async (reason: string) =>
      (await server.until('stderr', new RegExp(`^.* reason=${reason} .*$`, 'm')))[0];
    expect(await meet(expiredThenPassword(), port)).toBe(false);
    expect(await record('negotiate\\.mechanism-off')).toMatch(
      /the client uses SPNEGO; accepted: IAKERB.*-latefallback beside -iakerb/,
    );
    expect(await meet(password({ client: 'eve@OTHER.TEST' }), port)).toBe(false);
    expect(await record('iakerb\\.realm-not-relayed')).toMatch(
      /realm OTHER\.TEST, which is not relayed.*gss-server, krb5-forward-auth: -realms/,
    );
    expect(await meet(password({ client: 'eve@NOKDC.TEST' }), port)).toBe(false);
    await server.until('stderr', /realm NOKDC\.TEST, of which the relay knows no KDC.*krb5\.conf/);
    expect(await meet(password({ password: 'wrong' }), port)).toBe(false);
    await server.until('stderr', /in the middle of a login that was relayed.*log of the KDC/);
    // The KDC has answered this login in other words.
    await send(tokens, port);
    expect(await record('iakerb\\.transcript')).toMatch(
      /the checksum over the relayed messages does not verify: somebody has altered them/,
    );
  });

  it('says what each KDC did that did not answer', async () => {
    const config = join(scratch(), 'krb5.conf');
    // A port that was free a moment ago may be that of the server.
    const [one, other] = [1, 2];
    writeFileSync(
      config,
      `[realms]\n${realm.realm} = {\n kdc = 127.0.0.1:${one}\n kdc = tcp/127.0.0.1:${other}\n}\n`,
    );
    await using server = await serve(['-iakerb'], { ...environment, KRB5_CONFIG: config });
    expect(await meet(password(), server.port)).toBe(false);
    const [record] = await server.until('stderr', /^.* reason=iakerb\.kdc-unreachable .*$/m);
    for (const tried of [`${one}/udp`, `${one}/tcp`, `${other}/tcp`]) {
      expect(record).toContain(`127.0.0.1 port ${tried}: ECONNREFUSED`);
    }
    expect(record).toMatch(/remedy="look at the KDC, at firewalls/);
  });
});

describe.runIf(have('redis'))('krb5-forward-auth', () => {
  async function start(...args: readonly string[]) {
    const redis = await startRedis();
    onTestFinished(() => redis[Symbol.asyncDispose]());
    const port = await freePort();
    const key = join(scratch(), 'key');
    const text = Buffer.from(Array.from({ length: 32 }, (_, i) => i)).toString('base64');
    writeFileSync(key, `${text}\n`, { mode: 0o600 });
    const common = [...FLAGS, '-listen', `127.0.0.1:${port}`, '-exchanges', redis.url];
    const program = new Program([...common, '-session-key', key, ...args], {
      name: 'forward-auth',
      env: environment,
    });
    onTestFinished(() => program[Symbol.asyncDispose]());
    await program.until('stderr', /listening on/);
    const logIn = (initiator: IakerbInitiator | Negotiator) =>
      logInOverHttp(
        initiator,
        withCookies((headers) => {
          for (const [name, value] of FORWARDED) headers.set(name, value);
          return fetch(`http://127.0.0.1:${port}/auth`, { headers });
        }),
      );
    return { program, logIn };
  }

  it('-iakerb -realms -late-fallback goes on with IAKERB', async () => {
    const { program, logIn } = await start('-iakerb', '-realms', realm.realm, '-late-fallback');
    expect((await logIn(withPassword('HTTP/localhost').initiator)).status).toBe(200);
    const answer = await logIn(expiredThenPassword('HTTP/localhost'));
    expect(answer.status, program.stderr).toBe(200);
  });

  it('refuses the same client without the flags, and says why', async () => {
    const { program, logIn } = await start();
    expect((await logIn(withPassword('HTTP/localhost').initiator)).status).toBe(401);
    const [off] = await program.until('stderr', /^.* reason=iakerb\.off .*$/m);
    expect(off).toMatch(/the client uses IAKERB/);
  });

  it('-iakerb refuses an expired ticket without -late-fallback', async () => {
    const { program, logIn } = await start('-iakerb');
    await expect(logIn(expiredThenPassword('HTTP/localhost'))).rejects.toMatchObject({
      minor: { code: 'SPNEGO_REJECTED' },
    });
    const [record] = await program.until('stderr', /^.* reason=ticket\.expired .*$/m);
    expect(record).toMatch(/get a new ticket/);
  });
});
