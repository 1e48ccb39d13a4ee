/** examples/servers/ldap.mjs with the programs of OpenLDAP. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { beforeAll, describe, expect, it } from 'vitest';
import { havePeers, protocolSite } from '../support/protocols.ts';
import { run } from '../support/run.ts';

const { login, start } = await protocolSite('ldap');

describe.runIf(havePeers('kinit', 'ldapsearch'))('ldap.mjs', () => {
  let alice: Readonly<Record<string, string>>;

  beforeAll(async () => {
    alice = await login('alice');
  });

  /** Runs a program of OpenLDAP, which without -N would ask tickets for the machine's own name. */
  async function ldap(program: string, port: number, args: readonly string[], env = alice) {
    return await run(program, ['-H', `ldap://localhost:${port}`, '-N', ...args], { env });
  }

  it.each([
    ['-Y GSSAPI', 256],
    ['-Y GSSAPI -O maxssf=0', 0],
    ['-Y GSSAPI -O minssf=1,maxssf=1', 1],
    ['-Y GSSAPI -O minssf=56,maxbufsize=2048', 256],
    ['-Y GSS-SPNEGO', 256],
    ['-Y GSS-SPNEGO -O maxssf=0', 0],
  ])('knows the client of ldapwhoami %s', async (options, strength) => {
    await using server = await start('ldap.mjs');
    const { stdout, stderr } = await ldap('ldapwhoami', server.port, options.split(' '));
    expect(stdout).toBe('u:alice@EXAMPLE.TEST\n');
    expect(stderr).toContain(`SASL SSF: ${strength}\n`);
  });

  it('says in its root entry what it offers, in the layer and to anybody', async () => {
    await using server = await start('ldap.mjs');
    for (const options of ['-x', '-Y GSSAPI']) {
      const search = [...options.split(' '), '-LLL', '-b', '', '-s', 'base'];
      const { stdout } = await ldap('ldapsearch', server.port, search);
      expect(stdout).toContain('supportedSASLMechanisms: GSSAPI\n');
      expect(stdout).toContain('supportedSASLMechanisms: GSS-SPNEGO\n');
    }
  });

  it('refuses passwords and other identities', async () => {
    await using server = await start('ldap.mjs');
    const refusals = [
      ['-x -D cn=alice -w secret', 'Authentication method not supported (7)'],
      ['-Y GSSAPI -X u:bob', 'Invalid credentials (49)'],
    ] as const;
    for (const [options, reason] of refusals) {
      const { stderr } = await ldap('ldapwhoami', server.port, options.split(' '));
      expect(stderr).toContain(reason);
    }
    await expect
      .poll(() => server.log())
      .toContain('sasl.not-authorized alice@EXAMPLE.TEST asks to be u:bob');
  });

  describe('after StartTLS', () => {
    /** OpenLDAP calls this machine by its own name, which is not that of the certificate. */
    const unnamed = { LDAPTLS_REQCERT: 'never' };

    /** With the layer of SASL inside that of TLS. */
    it.each([
      ['-x', 'anonymous'],
      ['-Y GSSAPI', 'SASL SSF: 256\n'],
      ['-Y GSSAPI -O maxssf=0', 'SASL SSF: 0\n'],
      ['-Y GSS-SPNEGO', 'SASL SSF: 256\n'],
    ])('knows the client of ldapwhoami -ZZ %s', async (options, said) => {
      await using server = await start('ldap.mjs');
      const args = ['-ZZ', ...options.split(' ')];
      const env = { ...alice, ...unnamed };
      const { stdout, stderr } = await ldap('ldapwhoami', server.port, args, env);
      expect(stdout).toBe(options === '-x' ? 'anonymous\n' : 'u:alice@EXAMPLE.TEST\n');
      expect(stdout + stderr).toContain(said);
    });

    it.each(['GSSAPI', 'GSS-SPNEGO'])('wants %s bound to the connection', async (mechanism) => {
      await using server = await start('ldap.mjs', { CHANNEL_BINDINGS: 'required' });
      const whoami = async (binding: string) => {
        const env = { ...alice, ...unnamed, LDAPSASL_CBINDING: binding };
        return await ldap('ldapwhoami', server.port, ['-ZZ', '-Y', mechanism], env);
      };
      expect((await whoami('tls-endpoint')).stdout).toBe('u:alice@EXAMPLE.TEST\n');
      expect((await whoami('none')).stderr).toContain('Invalid credentials (49)');
      await expect.poll(() => server.log()).toContain('bindings.missing');
    });

    it('offers no TLS without a certificate', async () => {
      await using server = await start('ldap.mjs', { TLS_CERTIFICATE: '' });
      const { stderr } = await ldap('ldapwhoami', server.port, ['-ZZ', '-x']);
      expect(stderr).toContain('ldap_start_tls: Operations error (1)');
    });

    it('is refused to a client who did not wait', async () => {
      await using server = await start('ldap.mjs');
      const socket = connect(server.port, 'localhost').resume();
      socket.write(Buffer.concat([START_TLS, WHO_AM_I]));
      await once(socket, 'close');
      expect(socket.bytesRead).toBe(0);
      await expect.poll(() => server.log()).toContain('did not wait');
    });
  });

  it('survives messages that are cut short, altered or none', async () => {
    await using server = await start('ldap.mjs');
    const messages = [START_TLS, WHO_AM_I, ROOT_SEARCH, SASL_BIND];
    for (const message of messages) {
      const altered = Array.from(message, (_, at) => {
        const copy = Buffer.from(message);
        copy[at]! ^= 0x81;
        return copy;
      });
      for (const bytes of [...altered, message.subarray(0, -1)]) {
        const socket = connect(server.port, 'localhost').on('error', () => {});
        socket.end(bytes);
        await once(socket.resume(), 'close');
      }
    }
    const { stdout } = await ldap('ldapwhoami', server.port, ['-Y', 'GSSAPI']);
    expect(stdout).toBe('u:alice@EXAMPLE.TEST\n');
  });
});

function message(...parts: readonly Buffer[]): Buffer {
  const contents = Buffer.concat([Buffer.of(2, 1, 1), ...parts]);
  return Buffer.concat([Buffer.of(0x30, contents.length), contents]);
}

function extended(name: string): Buffer {
  return message(Buffer.of(0x77, name.length + 2, 0x80, name.length), Buffer.from(name));
}

const START_TLS = extended('1.3.6.1.4.1.1466.20037');
const WHO_AM_I = extended('1.3.6.1.4.1.4203.1.11.3');
/** Of the root alone, with the filter (objectClass=*). */
const ROOT_SEARCH = message(
  Buffer.from('632004000a01000a0100020100020100010100870b6f626a656374436c6173733000', 'hex'),
);
const SASL_BIND = message(Buffer.from('60120201030400a30b0406475353415049040178', 'hex'));
