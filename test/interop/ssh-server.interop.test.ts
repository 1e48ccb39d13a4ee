/** ssh.mjs of examples/servers, with OpenSSH and with clients that misbehave, on ssh2 as it is and with the patch. */
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { SecurityContext } from '../../src/index.ts';
import { ContextFlag } from '../../src/index.ts';
import { startRealm } from '../../src/node/testing/index.ts';
import { createInitiator, mintTicket } from '../../src/testing/index.ts';
import type { RunningServer } from '../conformance/program.ts';
import { startServer } from '../conformance/program.ts';
import { freePort } from '../support/ports.ts';
import { run, runOrThrow } from '../support/run.ts';
import { installSsh2, SshClient } from '../support/ssh2.ts';

const folders = await installSsh2();
const realm = await startRealm({
  users: [{ name: 'alice' }, { name: 'bob' }],
  services: ['host/localhost', 'smtp/localhost'],
});
afterAll(() => realm.stop());

const [FAILURE, SUCCESS, RESPONSE, TOKEN, COMPLETE, ERROR, ERROR_TOKEN, MIC] = [
  51, 52, 60, 61, 63, 64, 65, 66,
];
const KRB5 = Buffer.from('06092a864886f712010202', 'hex');
const SPNEGO = Buffer.from('06062b0601050502', 'hex');

describe.runIf(folders !== undefined).each(['published', 'patched'] as const)(
  'ssh.mjs on ssh2, %s,',
  (kind) => {
    const folder = folders?.[kind] ?? '';
    const hostKey = join(mkdtempSync(join(tmpdir(), 'ssh-host-')), 'key');
    let server: RunningServer;

    beforeAll(async () => {
      await runOrThrow('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', hostKey]);
      server = await start('host@localhost');
    });
    afterAll(() => server.stop());

    async function start(service: string, limit = '30'): Promise<RunningServer> {
      const port = await freePort();
      const settings = { KEYTAB: realm.keytabFile, SERVICE: service, HOST_KEY: hostKey };
      const command = [process.execPath, join(folder, 'ssh.mjs')];
      const env = { ...settings, PORT: `${port}`, TIME_LIMIT: limit };
      return await startServer(command, env, port);
    }

    describe.runIf(!inject('interop').missing.includes('kinit'))('with OpenSSH', () => {
      const options = {
        GSSAPIAuthentication: 'yes',
        PreferredAuthentications: 'gssapi-with-mic',
        StrictHostKeyChecking: 'no',
        UserKnownHostsFile: '/dev/null',
        BatchMode: 'yes',
      };

      beforeAll(async () => {
        const args = ['-f', '-k', '-t', realm.userKeytabFile('alice'), 'alice'];
        await runOrThrow('kinit', args, { env: realm.environment });
      });

      async function ssh(
        user: string,
        more: Readonly<Record<string, string>> = {},
        port = server.port,
      ) {
        const all = Object.entries({ ...options, ...more }).map(
          ([name, value]) => `-o${name}=${value}`,
        );
        const args = ['-F', 'none', '-p', `${port}`, ...all, `${user}@localhost`, 'whoami'];
        return await run('ssh', args, { env: realm.environment });
      }

      it.each([
        [{}, ''],
        [{ Compression: 'yes' }, ''],
        [{ GSSAPIDelegateCredentials: 'yes' }, ', with a ticket to delegate'],
        // Another method is tried before.
        [{ PreferredAuthentications: 'keyboard-interactive,gssapi-with-mic' }, ''],
      ])('lets its user in, %o', async (more, delegated) => {
        const { stdout, code } = await ssh('alice', more);
        expect([stdout, code]).toEqual([`alice@EXAMPLE.TEST${delegated}\n`, 0]);
      });

      it('refuses her as somebody else', async () => {
        const { stdout, stderr } = await ssh('bob');
        expect(stdout).toBe('');
        expect(stderr).toContain('bob@localhost: Permission denied (gssapi-with-mic).');
        await expect.poll(() => server.log()).toContain('alice@EXAMPLE.TEST may not be "bob"');
      });

      it('refuses a ticket for another service', async () => {
        const other = await start('smtp@localhost');
        const { stdout, stderr } = await ssh('alice', {}, other.port);
        await other.stop();
        expect(stdout).toBe('');
        expect(stderr).toContain('alice@localhost: Permission denied (gssapi-with-mic).');
        await expect.poll(() => other.log()).toContain('host/localhost@EXAMPLE.TEST');
      });
    });

    /** A connection, and the initiator of alice. */
    async function begin(flags = 0, spnego = false) {
      const client = await SshClient.connect(folder, server.port);
      const ticket = mintTicket({ keytab: realm.keytab, service: 'host', client: 'alice' });
      const initiator = createInitiator({ ticket, flags: ContextFlag.integrity | flags, spnego });
      return { client, initiator, [Symbol.dispose]: () => client[Symbol.dispose]() };
    }

    /** Asks to be alice, as far as a context that the server has too. */
    async function establish() {
      const { client, initiator } = await begin(ContextFlag.mutual);
      client.send(request('alice'));
      expect(await client.receive()).toEqual(message(RESPONSE, KRB5));
      client.send(message(TOKEN, initiator.begin()));
      const answer = await client.receive();
      expect(answer?.[0]).toBe(TOKEN);
      const context = initiator.finish(answer!.subarray(5));
      return { client, context, [Symbol.dispose]: () => client[Symbol.dispose]() };
    }

    /** The type of the next message, and whether a failure names the method. */
    async function outcome(client: SshClient): Promise<number | undefined> {
      const answer = await client.receive();
      if (answer?.[0] === FAILURE) expect(answer.toString()).toContain('gssapi-with-mic');
      return answer?.[0];
    }

    it('admits a client that has proved its context', async () => {
      using login = await establish();
      login.client.send(mic(login.context, login.client));
      expect(await outcome(login.client)).toBe(SUCCESS);
    });

    it('admits one without mutual authentication that does not wait', async () => {
      using login = await begin();
      const { client, initiator } = login;
      client.send(request('alice', [SPNEGO, KRB5]));
      expect(await client.receive()).toEqual(message(RESPONSE, KRB5));
      const token = message(TOKEN, initiator.begin());
      client.send(token, mic(initiator.finish(), client));
      expect(await outcome(client)).toBe(SUCCESS);
    });

    it.each([
      ['for another connection', { sessionId: Buffer.alloc(32) }],
      ['for another user', { user: 'bob' }],
      ['for another service', { service: 'ssh-userauth' }],
      ['for another method', { method: 'gssapi-keyex' }],
    ])('refuses a MIC %s', async (_, other) => {
      using login = await establish();
      login.client.send(mic(login.context, login.client, other));
      expect(await outcome(login.client)).toBe(FAILURE);
    });

    it('refuses an altered MIC, and that of another context', async () => {
      using login = await establish();
      const altered = mic(login.context, login.client);
      for (const position of [5, 7, 13, altered.length - 1]) {
        using another = await establish();
        const bytes = mic(another.context, another.client);
        bytes[position]! ^= 1;
        another.client.send(bytes);
        expect(await outcome(another.client), `${position}`).toBe(FAILURE);
      }
      // Of another context with the same client.
      using other = await establish();
      login.client.send(mic(other.context, login.client));
      expect(await outcome(login.client)).toBe(FAILURE);
    });

    it.each([
      ['nothing but the end', Buffer.of(COMPLETE)],
      ['an error', message(ERROR, Buffer.alloc(16))],
      ['an error token', message(ERROR_TOKEN, Buffer.alloc(16))],
      ['another token', message(TOKEN, Buffer.alloc(16))],
      ['an empty MIC', message(MIC, Buffer.alloc(0))],
      ['a MIC that is cut short', message(MIC, Buffer.alloc(16)).subarray(0, -1)],
      [
        'a MIC with something behind it',
        Buffer.concat([message(MIC, Buffer.alloc(16)), Buffer.of(0)]),
      ],
      ['an unknown message', Buffer.of(79)],
      ['a type alone', Buffer.of(MIC)],
    ])('refuses %s in place of the MIC', async (_, payload) => {
      using login = await establish();
      login.client.send(payload);
      expect(await outcome(login.client)).toBe(FAILURE);
      // What comes late is no proof any more.
      login.client.send(mic(login.context, login.client));
      login.client.send(request('alice', []));
      expect(await outcome(login.client)).toBe(FAILURE);
    });

    it('takes no MIC before the token', async () => {
      using login = await begin();
      const { client, initiator } = login;
      initiator.begin();
      client.send(request('alice'));
      client.send(mic(initiator.finish(), client));
      expect([await outcome(client), await outcome(client)]).toEqual([RESPONSE, FAILURE]);
    });

    it('takes nothing before a request', async () => {
      using login = await begin();
      const { client, initiator } = login;
      client.send(message(TOKEN, initiator.begin()));
      client.send(mic(initiator.finish(), client));
      client.send(Buffer.of(COMPLETE));
      client.send(request('alice', []));
      expect(await outcome(client)).toBe(FAILURE);
    });

    it('forgets a context when the client begins anew', async () => {
      using login = await establish();
      const { client, context } = login;
      client.send(request('alice'), mic(context, client));
      expect([await outcome(client), await outcome(client)]).toEqual([RESPONSE, FAILURE]);
    });

    it('refuses SPNEGO, named or not', async () => {
      using login = await begin(ContextFlag.mutual, true);
      const { client, initiator } = login;
      client.send(request('alice', [SPNEGO]));
      expect(await outcome(client)).toBe(FAILURE);
      client.send(request('alice'));
      expect(await outcome(client)).toBe(RESPONSE);
      client.send(message(TOKEN, initiator.begin()));
      expect([ERROR_TOKEN, FAILURE]).toContain(await outcome(client));
    });

    it('refuses a list of mechanisms that is cut short, and too many messages', async () => {
      using login = await begin();
      const { client } = login;
      const whole = request('alice', [SPNEGO, KRB5]);
      for (const cut of [1, 10, 15, 20]) {
        client.send(whole.subarray(0, -cut));
        expect(await outcome(client), `${cut}`).toBe(FAILURE);
      }
      using flood = await establish();
      flood.client.send(...new Array(100).fill(message(MIC, Buffer.alloc(16))));
      expect(await outcome(flood.client)).toBe(FAILURE);
    });

    it('ends a connection that tries too often', async () => {
      using login = await begin();
      const outcomes = new Set<number | undefined>();
      for (let tries = 0; tries < 7; tries++) {
        login.client.send(request('alice', []));
        outcomes.add(await outcome(login.client));
      }
      expect([...outcomes]).toEqual([FAILURE, undefined]);
    });

    it('ends connections that are silent, before their version and behind it', async () => {
      const impatient = await start('host@localhost', '1');
      try {
        for (const words of ['', 'SSH-2.0-', 'SSH-2.0-client\r\n']) {
          const socket = connect(impatient.port, 'localhost').on('error', () => {});
          socket.write(words);
          await once(socket.resume(), 'close');
        }
      } finally {
        await impatient.stop();
      }
    });

    it('outlives clients that hang up in the middle', async () => {
      for (const payload of [request('alice'), request('alice', []), Buffer.of(MIC)]) {
        using login = await begin();
        login.client.send(payload);
      }
      (await establish()).client[Symbol.dispose]();
      // The request behind the token names nobody: the connection fails before the token is refused.
      using failed = await begin();
      failed.client.send(request('alice'));
      await failed.client.receive();
      failed.client.send(message(TOKEN, Buffer.alloc(16)), Buffer.of(50));
      while ((await failed.client.receive()) !== undefined);
      using login = await establish();
      login.client.send(mic(login.context, login.client));
      expect(await outcome(login.client)).toBe(SUCCESS);
    });
  },
);

function string(bytes: Uint8Array | string): Buffer {
  const contents = Buffer.from(bytes as string);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(contents.length);
  return Buffer.concat([length, contents]);
}

function message(type: number, contents: Uint8Array): Buffer {
  return Buffer.concat([Buffer.of(type), string(contents)]);
}

function request(user: string, mechanisms: readonly Buffer[] = [KRB5]): Buffer {
  const names = [user, 'ssh-connection', 'gssapi-with-mic'].map(string);
  const list = [Buffer.of(0, 0, 0, mechanisms.length), ...mechanisms.map(string)];
  return Buffer.concat([Buffer.of(50), ...names, ...list]);
}

/** The message with the proof of RFC 4462 §3.5. */
function mic(
  context: SecurityContext,
  client: SshClient,
  {
    sessionId = client.sessionId,
    user = 'alice',
    service = 'ssh-connection',
    method = 'gssapi-with-mic',
  } = {},
): Buffer {
  const names = [user, service, method].map(string);
  const signed = Buffer.concat([string(sessionId), Buffer.of(50), ...names]);
  return message(MIC, context.getMic(signed));
}
