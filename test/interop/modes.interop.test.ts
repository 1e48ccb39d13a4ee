import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { encodeFrame, Frame, RawClient } from '../support/frames.ts';
import { exchanges, runGssClient } from '../support/gss-client.ts';
import { startInetd } from '../support/inetd.ts';
import type { User } from '../support/realm.ts';
import { have, keytab, kinit, realm, scratch } from '../support/realm.ts';
import { run } from '../support/run.ts';
import { OUR_SERVER, serverCommand, startServer } from '../support/server.ts';

const SIGNED = { signed: 1, unsigned: 0 };
const ANNOUNCED = 'localname: alice\nAccepted connection: "alice@EXAMPLE.TEST"\n';
const TRANSCRIPT = [
  'context flag: GSS_C_MUTUAL_FLAG',
  'context flag: GSS_C_REPLAY_FLAG',
  'context flag: GSS_C_CONF_FLAG ',
  'context flag: GSS_C_INTEG_FLAG ',
  'Received message: "testmsg"',
  'NOOP token\n',
].join('\n');

describe.runIf(have('gss-client'))('gss-server', () => {
  let user: User;

  beforeAll(async () => {
    user = await (await kinit()).fetchTickets('host');
  });

  it.each(['-krb5', '-v1', '-na'])('-once serves one client (gss-client %s)', async (mode) => {
    const server = await startServer({ flags: ['-once'] });
    const result = await runGssClient({ port: server.port, user, flags: [mode] });
    expect(exchanges(result)).toEqual(mode === '-na' ? { signed: 0, unsigned: 1 } : SIGNED);
    expect(await server.ended()).toEqual({ code: 0, signal: null });
  });

  const withoutPac = { service: 'nopac@localhost' };

  it('-logfile takes the log, and stdout keeps the announcements', async () => {
    const log = join(scratch(), 'log');
    await using server = await startServer({ ...withoutPac, flags: ['-logfile', log] });
    for (let client = 0; client < 2; client++) {
      expect(exchanges(await runGssClient({ port: server.port, user, service: 'nopac' }))).toEqual(
        SIGNED,
      );
    }
    await server.stop();
    const records = /^\d{4}-\S+Z accepted connection=\d+ .* service=nopac\/.*\n/gm;
    const text = await readFile(log, 'utf8');
    expect(text.match(records)).toHaveLength(2);
    expect(text.replace(records, '')).toBe(TRANSCRIPT.repeat(2));
    expect(server.stdout).toBe(ANNOUNCED.repeat(2));
  });

  it('-logfile /dev/null drops the log', async () => {
    await using server = await startServer({
      ...withoutPac,
      flags: ['-logfile', '/dev/null', '-verbose'],
    });
    expect(exchanges(await runGssClient({ port: server.port, user, service: 'nopac' }))).toEqual(
      SIGNED,
    );
    await server.stop();
    expect(server.stdout).toBe(ANNOUNCED);
  });

  it('-verbose -export shows tokens and exports', async () => {
    await using server = await startServer({ flags: ['-verbose', '-export'] });
    expect(exchanges(await runGssClient({ port: server.port, user }))).toEqual(SIGNED);
    await server.untilPrinted('NOOP token\n');
    const output = server.stdout;
    expect(output).toMatch(/^Received token \(size=\d+\): \n60 82 [0-9a-f ]+\n/);
    expect(output).toMatch(/\nSending accept_sec_context token \(size=\d+\):\n60 /);
    expect(output).toContain('Accepted connection using mechanism OID { 1 2 840 113554 1 2 2 }.\n');
    expect(output.match(/Exported context: \d+ bytes, {1,2}[\d.]+ seconds\n/g)).toHaveLength(3);
    expect(output.match(/Importing context: {1,2}[\d.]+ seconds\n/g)).toHaveLength(3);
    expect(output).toContain('Message token (flags=228):\n05 04 ');
  });

  it('takes the keytab from KRB5_KTNAME', async () => {
    const env = { KRB5_KTNAME: `FILE:${keytab('host')}` };
    await using server = await startServer({ keytab: null, env });
    expect(exchanges(await runGssClient({ port: server.port, user }))).toEqual(SIGNED);
  });

  it.each(['kerberos_v5', 'krb5', '1.2.840.113554.1.2.2', '{ 1 2 840 113554 1 2 2 }'])(
    '-mech %s',
    async (name) => {
      await using server = await startServer({ flags: ['--mech', name] });
      expect(exchanges(await runGssClient({ port: server.port, user }))).toEqual(SIGNED);
    },
  );

  it('refuses to start without a key, with the text of gss_acquire_cred', async () => {
    const { command, env } = serverCommand({ service: 'absent@localhost', flags: ['-port', '0'] });
    const [program = '', ...args] = command;
    const result = await run(program, args, { env });
    expect(result.code).not.toBe(0);
    expect(result.stdout).toContain(
      'GSS-API error acquiring credentials: No credentials were supplied, or the credentials were ' +
        'unavailable or inaccessible\n',
    );
    expect(result.stderr).toContain('hint: ');
  });

  it('serves 200 clients at once', async () => {
    await using server = await startServer();
    const clients = Array.from({ length: 200 }, () =>
      runGssClient({ port: server.port, user, flags: ['-krb5', '-mcount', '2'] }),
    );
    const results = await Promise.all(clients);
    expect(results.map(exchanges)).toEqual(results.map(() => ({ signed: 2, unsigned: 0 })));
    await server.stop();
    expect(server.stdout.split('Accepted connection: "alice@EXAMPLE.TEST"\n')).toHaveLength(201);
    expect(server.stdout.split('Received message: "testmsg"\n')).toHaveLength(401);
  });

  it('-workers serves many clients with two processes', async () => {
    await using server = await startServer({ flags: ['-workers', '2'] });
    const clients = Array.from({ length: 40 }, () => runGssClient({ port: server.port, user }));
    expect((await Promise.all(clients)).map(exchanges)).toEqual(clients.map(() => SIGNED));
    expect(await server.stop()).toEqual({ code: 0, signal: null });
    // Nobody else's lines come between those of one client's context.
    const block =
      /GSS_C_MUTUAL_FLAG\n(?:(?!.*GSS_C_MUTUAL_FLAG|Received|NOOP).*\n)*localname: alice\nAccepted .*\n/g;
    expect(server.stdout.match(block)).toHaveLength(40);
  });

  it('serves on beside clients that are silent, slow, rude or gone', async () => {
    await using server = await startServer();
    const silent = new RawClient(server.port);
    const slow = new RawClient(server.port);
    const start = encodeFrame({ flags: Frame.noop | Frame.contextNext, data: new Uint8Array() });
    slow.socket.write(start.subarray(0, 3));
    const rude = new RawClient(server.port);
    rude.socket.write('GET / HTTP/1.1\r\n\r\n');
    const gone = new RawClient(server.port);
    gone.send({ flags: Frame.noop | Frame.contextNext, data: new Uint8Array() });
    gone.socket.resetAndDestroy();
    expect(exchanges(await runGssClient({ port: server.port, user }))).toEqual(SIGNED);
    await rude.untilClosed();
    silent.close();
    slow.close();
    expect(exchanges(await runGssClient({ port: server.port, user }))).toEqual(SIGNED);
  });

  it.each(['SIGTERM', 'SIGINT'] as const)(
    'does not wait for idle clients for ever after %s',
    async (signal) => {
      const server = await startServer();
      const idle = new RawClient(server.port);
      await sleep(50);
      expect(await server.stop(signal)).toEqual({ code: 0, signal: null });
      idle.close();
    },
  );
});

describe.runIf(have('gss-client', 'inetd'))('gss-server -inetd', () => {
  it.each(['-krb5', '-v1', '-na'])('serves gss-client %s through a real inetd', async (mode) => {
    const user = await kinit();
    await using inetd = await startInetd();
    for (let client = 0; client < 3; client++) {
      const result = await runGssClient({ port: inetd.port, user, flags: [mode] });
      expect(exchanges(result)).toEqual(mode === '-na' ? { signed: 0, unsigned: 1 } : SIGNED);
    }
  });

  it('writes nothing to the client but tokens, and logs to its file', async () => {
    const user = await kinit();
    const log = join(scratch(), 'log');
    await using inetd = await startInetd({ flags: ['-logfile', log] });
    const flags = ['-krb5', '-nx', '-mcount', '3'];
    const result = await runGssClient({ port: inetd.port, user, flags });
    expect(exchanges(result)).toEqual({ signed: 3, unsigned: 0 });
    // The probe whether inetd listens was a client too, and its server writes to the same log.
    const received = (await readFile(log, 'utf8')).match(/^Received message: "testmsg"$/gm);
    expect(received).toHaveLength(3);
  });
});

describe.runIf(have())('the command line', () => {
  it('says which port is in use, with the remedy', async () => {
    await using server = await startServer();
    const [node = '', script = ''] = OUR_SERVER;
    const args = [script, '-port', String(server.port), '-keytab', keytab('host'), 'host'];
    const result = await run(node, args, { env: { KRB5_CONFIG: realm().krb5Config } });
    expect(result.code).not.toBe(0);
    const where = `port ${server.port}`;
    expect(result.stderr).toMatch(
      new RegExp(`^binding socket: Address already in use: ${where}\\nhint: choose another port`),
    );
  });
});
