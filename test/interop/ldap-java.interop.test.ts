/** examples/servers/ldap.mjs with Java's own LDAP and SASL (JNDI). */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { havePeers, protocolSite } from '../support/protocols.ts';
import { run } from '../support/run.ts';

const { realm, login, start } = await protocolSite('ldap');
const CLIENT = join(import.meta.dirname, 'clients/LdapClient.java');

describe.runIf(havePeers('kinit', 'java'))('ldap.mjs', () => {
  let alice: Readonly<Record<string, string>>;

  beforeAll(async () => {
    alice = await login('alice');
  });

  /** What Java says to each line of settings, and which layer was on the wire. */
  async function outcomes(lines: readonly string[]) {
    await using server = await start('ldap.mjs');
    const sent: Buffer[][] = [];
    const wire = createServer((client) => {
      const bytes: Buffer[] = [];
      sent.push(bytes);
      const upstream = connect(server.port, 'localhost').on('error', () => {});
      upstream.on('data', (chunk: Buffer) => bytes.push(chunk));
      client.on('error', () => {}).pipe(upstream);
      upstream.pipe(client);
    });
    await once(wire.listen(0, 'localhost'), 'listening');
    const { port } = wire.address() as AddressInfo;
    const options = [`-Djava.security.krb5.conf=${realm.krb5Config}`, '-XX:TieredStopAtLevel=1'];
    const { stdout, stderr } = await run('java', [...options, CLIENT, `ldap://localhost:${port}`], {
      env: alice,
      input: lines.map((line) => `${line}\n`).join(''),
    });
    wire.close();
    expect(stderr).toBe('');
    const said = stdout.trimEnd().split('\n');
    return {
      said,
      layers: sent.map((bytes) => layerOf(Buffer.concat(bytes))),
      log: server.log(),
    };
  }

  const KNOWN = 'u:alice@EXAMPLE.TEST 2';

  it('has the layer that Java asks for', async () => {
    const wanted = {
      'qop=auth': 'none',
      'qop=auth server.authentication=false': 'none',
      'server.authentication=true': 'none',
      'qop=auth-int': 'integrity',
      'qop=auth-conf': 'confidentiality',
      'qop=auth-conf server.authentication=true': 'confidentiality',
      'qop=auth-int,auth': 'integrity',
      'qop=auth,auth-conf,auth-int': 'none',
      'qop=auth-conf strength=high': 'confidentiality',
    };
    const { said, layers } = await outcomes(Object.keys(wanted));
    expect(said).toEqual(Object.keys(wanted).map(() => KNOWN));
    expect(layers).toEqual(Object.values(wanted));
  });

  it('speaks in frames as short and as long as Java wants', async () => {
    const sizes = [100, 128, 1000, 65_536, 0xff_ffff];
    const lines = sizes.flatMap((size) =>
      ['auth-int', 'auth-conf'].map((qop) => `qop=${qop} maxbuffer=${size} size=200000`),
    );
    const { said, layers } = await outcomes(lines);
    expect(said).toEqual(lines.map(() => KNOWN));
    expect(new Set(layers)).toEqual(new Set(['integrity', 'confidentiality']));
  });

  it('refuses buffers in which nothing fits, layers without mutual authentication, and other names', async () => {
    const INVALID = 'refused: [LDAP: error code 49 - Invalid Credentials]';
    const refusals = {
      'qop=auth-int maxbuffer=1': INVALID,
      // Java writes it in three bytes: 0.
      'qop=auth-conf maxbuffer=16777216': INVALID,
      'qop=auth-conf server.authentication=false':
        'refused: No common protection layer between client and server',
      'qop=auth authzid=bob': INVALID,
    };
    const { said, log } = await outcomes(Object.keys(refusals));
    expect(said).toEqual(Object.values(refusals));
    expect(log).toContain('sasl.client-buffer it has 1 bytes');
    expect(log).toContain('sasl.client-buffer it has 0 bytes');
    expect(log).toContain('sasl.not-authorized alice@EXAMPLE.TEST asks to be bob');
  });
});

/** By the headers of the acceptor's wrap tokens (RFC 4121 §4.2.6.2): the first is the offer of layers. */
function layerOf(sent: Buffer): string {
  const tokens = [];
  for (let at = sent.indexOf(WRAP); at >= 0; at = sent.indexOf(WRAP, at + 1)) {
    const [flags = 0, filler] = sent.subarray(at + WRAP.length);
    if (flags < 8 && filler === 0xff) tokens.push(flags);
  }
  const [, ...frames] = tokens;
  if (frames.length === 0) return 'none';
  return frames.every((flags) => (flags & SEALED) !== 0) ? 'confidentiality' : 'integrity';
}

const WRAP = Buffer.of(5, 4);
const SEALED = 2;
