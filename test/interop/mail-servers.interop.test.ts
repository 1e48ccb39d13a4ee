/** examples/servers/smtp.mjs and imap.mjs with curl. */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Environment, ProtocolServer } from '../support/protocols.ts';
import { havePeers, protocolSite } from '../support/protocols.ts';
import { run } from '../support/run.ts';

const MAIL = 'Subject: x\r\n\r\nhello\r\n.a dot\r\n';
const ENVELOPE = ['--mail-from', 'a@example.com', '--mail-rcpt', 'b@example.com', '-T', '-'];
/** A server behind something that ends TLS for it. */
const WITHOUT_TLS = { TLS_CERTIFICATE: '' };

/** Curl with a login by Kerberos. @param tls - Its options for TLS. */
function curlWith(...tls: readonly string[]) {
  const login = ['--login-options', 'AUTH=GSSAPI', '--user', ':'];
  return async (url: string, args: readonly string[], env: Environment = {}, input = '') =>
    await run('curl', ['-sSv', ...tls, ...login, ...args, url], { env, input });
}

/** Reads what a server says. */
class Lines {
  readonly #socket: Socket;
  #text = '';

  constructor(socket: Socket) {
    this.#socket = socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => {
      this.#text += chunk.toString();
    });
  }

  /** All up to a line that matches. @throws Error if the connection ends before. */
  async until(line: RegExp): Promise<string> {
    for (;;) {
      const found = line.exec(this.#text);
      if (found !== null) {
        const end = found.index + found[0].length;
        const text = this.#text.slice(0, end);
        this.#text = this.#text.slice(end);
        return text;
      }
      if (this.#socket.closed) throw new Error(`the connection ended after ${this.#text}`);
      await Promise.race([once(this.#socket, 'data'), once(this.#socket, 'close')]);
    }
  }
}

describe.runIf(havePeers('kinit', 'curl'))('smtp.mjs', async () => {
  const { realm, login, start, certificate } = await protocolSite('smtp');
  const curl = curlWith('--ssl-reqd', '--cacert', certificate);
  const plainCurl = curlWith();
  let alice: Environment;

  beforeAll(async () => {
    alice = await login('alice');
  });

  it.each([
    ['after STARTTLS', curl, {}],
    ['without TLS', plainCurl, WITHOUT_TLS],
  ])('takes a mail of curl %s', async (_, client, env) => {
    await using server = await start('smtp.mjs', env);
    const url = `smtp://localhost:${server.port}`;
    const { code, stderr } = await client(url, ENVELOPE, alice, MAIL);
    expect(stderr).toContain('< 235 authenticated');
    expect(stderr).toContain('< 250 taken from alice@EXAMPLE.TEST');
    expect(code).toBe(0);
  });

  it('takes none without a login, or in the name of somebody else', async () => {
    await using server = await start('smtp.mjs', WITHOUT_TLS);
    const url = `smtp://localhost:${server.port}`;
    const { stderr } = await run('curl', ['-sSv', ...ENVELOPE, url], { input: MAIL });
    expect(stderr).toContain('< 530 Error: authentication Required');
    const other = await plainCurl(url, ['--sasl-authzid', 'bob', ...ENVELOPE], alice, MAIL);
    expect(other.stderr).toContain('< 535 not authenticated');
    expect((await plainCurl(url, ENVELOPE, realm.environment, MAIL)).code).not.toBe(0);
  });

  it('takes no login before TLS, and none of what was sent before TLS', async () => {
    await using server = await start('smtp.mjs');
    const plain = connect(server.port, 'localhost');
    const before = new Lines(plain);
    await before.until(/^220 .*\r\n/m);
    plain.write('EHLO client\r\n');
    await before.until(/^250 .*\r\n/m);
    plain.write('AUTH GSSAPI YII=\r\n');
    expect(await before.until(/^5.*\r\n/m)).toBe(
      '538 Error: Must issue a STARTTLS command first\r\n',
    );
    // As somebody on the way would, who wants the server to execute it behind the client's login.
    plain.write('STARTTLS\r\nEHLO evil\r\nMAIL FROM:<evil@example.com>\r\n');
    await before.until(/^220 .*\r\n/m);
    const after = await secured(plain);
    after.socket.write('NOOP\r\n');
    expect(await after.lines.until(/^\d+ .*\r\n/m)).toBe('250 OK\r\n');
    after.socket.destroy();
  });

  it('survives clients that give up, or talk nonsense', async () => {
    await using server = await start('smtp.mjs', WITHOUT_TLS);
    for (const words of [
      'AUTH GSSAPI',
      'AUTH GSSAPI =',
      'AUTH GSSAPI YIIF',
      'AUTH GS2-KRB5-PLUS',
    ]) {
      const socket = connect(server.port, 'localhost');
      const lines = new Lines(socket);
      await lines.until(/^220 .*\r\n/m);
      socket.write(`EHLO client\r\n${words}\r\n*\r\n`);
      await lines.until(/^5\d\d .*\r\n/m);
      socket.destroy();
    }
    await clientThatHangsUp(server, 'EHLO client\r\nAUTH GSSAPI\r\n');
    const { code } = await plainCurl(`smtp://localhost:${server.port}`, ENVELOPE, alice, MAIL);
    expect(code).toBe(0);
  });
});

describe.runIf(havePeers('kinit', 'curl'))('imap.mjs', async () => {
  const { login, start, certificate } = await protocolSite('imap');
  const curl = curlWith('--ssl-reqd', '--cacert', certificate);
  const plainCurl = curlWith();
  let alice: Environment;

  beforeAll(async () => {
    alice = await login('alice');
  });

  it.each([
    ['after STARTTLS', curl, {}],
    ['without TLS', plainCurl, WITHOUT_TLS],
  ])('lists a mailbox to curl %s', async (_, client, env) => {
    await using server = await start('imap.mjs', env);
    const { stdout } = await client(`imap://localhost:${server.port}/`, [], alice);
    expect(stdout).toBe('* LIST () "/" "alice@EXAMPLE.TEST"\r\n');
  });

  it('lists none to those who are refused', async () => {
    await using server = await start('imap.mjs');
    const url = `imap://localhost:${server.port}/`;
    const { stdout, stderr } = await curl(url, ['--sasl-authzid', 'bob'], alice);
    expect([stdout, stderr]).toEqual(['', expect.stringContaining(' NO not authenticated')]);
  });

  it('takes no login before TLS', async () => {
    await using server = await start('imap.mjs');
    const { stdout, stderr } = await plainCurl(`imap://localhost:${server.port}/`, [], alice);
    expect([stdout, stderr]).toEqual(['', expect.stringContaining('STARTTLS LOGINDISABLED')]);
    const socket = connect(server.port, 'localhost');
    const lines = new Lines(socket);
    socket.write('a AUTHENTICATE GSSAPI YII=\r\n');
    expect(await lines.until(/^a .*\r\n/m)).toContain('a BAD not now');
    socket.destroy();
  });

  it('hangs up on a client who sends commands before TLS to be executed in TLS', async () => {
    await using server = await start('imap.mjs');
    const socket = connect(server.port, 'localhost');
    const lines = new Lines(socket);
    await lines.until(/^\* OK .*\r\n/m);
    socket.write('a STARTTLS\r\nb NOOP\r\n');
    await expect(lines.until(/^a OK/m)).rejects.toThrow('the connection ended');
    await expect.poll(() => server.log()).toContain('did not wait');
  });

  it('survives clients that talk nonsense instead of TLS', async () => {
    await using server = await start('imap.mjs');
    await clientThatHangsUp(server, 'a STARTTLS\r\n');
    const socket = connect(server.port, 'localhost');
    const lines = new Lines(socket);
    await lines.until(/^\* OK .*\r\n/m);
    socket.write('a STARTTLS\r\n');
    await lines.until(/^a OK .*\r\n/m);
    socket.write('b NOOP\r\n');
    await once(socket, 'close');
    const { code } = await curl(`imap://localhost:${server.port}/`, [], alice);
    expect(code).toBe(0);
  });
});

/** The client's side of TLS on a connection. */
async function secured(plain: Socket) {
  const socket = connectTls({ socket: plain, rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  return { socket, lines: new Lines(socket) };
}

async function clientThatHangsUp(server: ProtocolServer, words: string): Promise<void> {
  const socket = connect(server.port, 'localhost');
  socket.end(words);
  await once(socket.resume(), 'close');
}
