/** examples/servers/socks5.mjs with a client of MIT krb5. */
import { once } from 'node:events';
import type { AddressInfo, Server } from 'node:net';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PYTHON } from '../support/peers.ts';
import { freePort } from '../support/ports.ts';
import { havePeers, protocolSite } from '../support/protocols.ts';
import { run } from '../support/run.ts';

const SOCKS5_CLIENT = join(import.meta.dirname, 'clients/socks5.py');

const { login, start } = await protocolSite('rcmd');

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

describe.runIf(havePeers('kinit', 'python3-gssapi'))('socks5.mjs', () => {
  let alice: Readonly<Record<string, string>>;
  /** Sends back all that it gets. */
  const echo = createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket));

  beforeAll(async () => {
    alice = await login('alice');
    await once(echo.listen(0, 'localhost'), 'listening');
  });
  afterAll(() => {
    echo.close();
  });

  async function send(proxy: number, level: number, target: number, input = '', env = alice) {
    const args = [SOCKS5_CLIENT, proxy, level, target].map(String);
    return await run(PYTHON, args, { env, input });
  }

  it.each([
    [0, 0, { PLAIN: '1' }],
    [1, 1, {}],
    [2, 2, {}],
    [3, 2, {}],
  ])('gives a client that asks for level %i the level %i', async (asked, given, env) => {
    await using server = await start('socks5.mjs', env);
    const input = 'A line of text.\n'.repeat(100_000);
    const result = await send(server.port, asked, portOf(echo), input);
    expect(result.stderr).toBe(`level ${given}\n`);
    expect(result.stdout === input).toBe(true);
  });

  it('refuses clients that want no protection, or an unknown one', async () => {
    await using server = await start('socks5.mjs');
    for (const level of [0, 4]) {
      const { stderr } = await send(server.port, level, portOf(echo));
      expect(stderr).toBe('refused: 01ff\n');
    }
  });

  it('refuses those who have no ticket for it', async () => {
    await using server = await start('socks5.mjs', { SERVICE: 'host@localhost' });
    expect((await send(server.port, 2, portOf(echo))).stderr).toBe('refused: 01ff\n');
    await expect.poll(() => server.log()).toContain('rcmd/localhost@EXAMPLE.TEST');
  });

  it('says that it cannot reach the target', async () => {
    await using server = await start('socks5.mjs');
    const { stderr } = await send(server.port, 2, await freePort());
    expect(stderr).toBe('level 2\nreply 4\n');
  });

  it('survives clients that hang up', async () => {
    await using server = await start('socks5.mjs');
    for (const bytes of ['', '05', '050101', '05010101010010', '050101010100016001020001ff']) {
      const socket = connect(server.port, 'localhost');
      socket.write(Buffer.from(bytes, 'hex'));
      await once(socket.end().resume(), 'close');
    }
    const { stdout } = await send(server.port, 2, portOf(echo), 'still here');
    expect(stdout).toBe('still here');
  });
});
