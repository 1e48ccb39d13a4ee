/**
 * `npm run demo`: gss-server and a client at work, without a KDC.
 *
 * The demo makes a keytab with a fresh key, starts the real gss-server on it, makes a ticket from the
 * same key, and plays the client three times: twice in the framing of the GSS-API programming guide
 * and once in that of MIT krb5.
 */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import type { SecurityContext } from '../../context/context.ts';
import { EncryptionKey } from '../../crypto/default-crypto.ts';
import { Enctype } from '../../crypto/numbers.ts';
import type { Keytab } from '../../keytab/keytab.ts';
import { formatKeytab } from '../../keytab/keytab.ts';
import { parsePrincipal } from '../../messages/principal.ts';
import { TicketFlag } from '../../messages/ticket.ts';
import type { Frame, Framing } from '../../node/server/token-frame.ts';
import { encodeFrame, FrameBudget, FrameParser, TokenFlag } from '../../node/server/token-frame.ts';
import { systemRandom } from '../../random.ts';
import { createInitiator } from '../../testing/initiator.ts';
import { mintTicket } from '../../testing/mint.ts';

const SERVICE = 'host@demo.example.org';
const SERVICE_PRINCIPAL = 'host/demo.example.org@EXAMPLE.ORG';
const CLIENT = 'alice@EXAMPLE.ORG';
const PROGRAM = fileURLToPath(new URL('../gss-server/main.js', import.meta.url));
const MAX_TOKEN = 1 << 20;
// Milliseconds.
const SETTLE = 100;

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'krb5-acceptor-demo-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const keytab = makeKeytab();
  const path = join(folder, 'demo.keytab');
  writeFileSync(path, formatKeytab(keytab), { mode: 0o600 });
  say('demo', 'The steps of the GSS-API programming guide’s server:');
  step(1, 'gss-server parses its arguments');
  const argv = ['-port', '0', '-host', '127.0.0.1', '-verbose', '-mech', 'kerberos_v5'];
  argv.push('-keytab', path, '-rcache', 'memory:', SERVICE);
  say('demo', `$ gss-server ${argv.join(' ')}`);
  step(2, 'it turns the mechanism’s name into an OID: { 1 2 840 113554 1 2 2 }');
  step(3, `it acquires credentials for ${SERVICE} from the keytab`);
  const { server, port } = await startServer(argv);
  try {
    step(4, `it takes connections, here on port ${port}`);
    const rounds = [
      ['v1', 'the framing of the guide: length and token', true],
      ['v2', 'the framing of MIT krb5: flags, length and token', true],
      ['v1', 'once more, and this time the client does not encrypt', false],
    ] as const;
    for (const [framing, what, confidential] of rounds) {
      say('demo', '');
      say('demo', `--- ${what}`);
      await playClient(port, keytab, framing, confidential);
      await settle();
    }
  } finally {
    step(8, 'it releases everything: SIGTERM');
    server.kill('SIGTERM');
    const [code] = (await once(server, 'exit')) as [number | null];
    say('demo', `gss-server ended with exit code ${code}`);
    if (code !== 0) process.exitCode = 1;
  }
  say('demo', 'All MICs verified: gss-server works on this machine.');
}

/** One fresh key for the service. */
function makeKeytab(): Keytab {
  const key = EncryptionKey.generate(Enctype.aes256CtsHmacSha1, systemRandom);
  const principal = parsePrincipal(SERVICE_PRINCIPAL);
  const timestamp = Math.floor(Date.now() / 1000);
  return { version: 2, entries: [{ principal, kvno: 1, timestamp, key }] };
}

async function startServer(argv: string[]): Promise<{ server: ChildProcess; port: number }> {
  const server = spawn(process.execPath, [PROGRAM, ...argv], { stdio: ['ignore', 'pipe', 'pipe'] });
  // However the demo ends, no server is left behind.
  process.on('exit', () => server.kill());
  let hexLines = 0;
  createInterface({ input: server.stdout }).on('line', (line) => {
    // The first line of a token's dump is enough to recognise it.
    hexLines = /^([0-9a-f]{2} )+$/.test(line) ? hexLines + 1 : 0;
    if (hexLines < 2) say('server', line);
    else if (hexLines === 2) say('server', '...');
  });
  const errors = createInterface({ input: server.stderr });
  const port = new Promise<number>((resolve, reject) => {
    errors.on('line', (line) => {
      say('server (stderr)', line);
      const listening = /^listening on port (\d+)$/.exec(line);
      if (listening !== null) resolve(Number(listening[1]));
    });
    server.once('exit', (code) => reject(new Error(`gss-server ended with exit code ${code}`)));
  });
  return { server, port: await port };
}

async function playClient(
  port: number,
  keytab: Keytab,
  framing: Framing,
  confidential: boolean,
): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  const channel = new ClientChannel(socket, framing);
  const context = await authenticate(channel, keytab, framing);

  step(6, 'the server unwraps the message, and warns if it was not encrypted');
  const text = `Hello from a ${framing} client`;
  const message = new TextEncoder().encode(text);
  say('client', `wraps ${JSON.stringify(text)}${confidential ? '' : ' without encrypting it'}`);
  const flags = TokenFlag.data | TokenFlag.wrapped | TokenFlag.encrypted | TokenFlag.sendMic;
  channel.send(flags, context.wrap(message, { confidential }));
  const mic = await channel.receive();

  step(7, 'it signs the message and returns the MIC');
  const { sequence } = context.verifyMic(message, mic.data);
  say('client', `verifies the MIC of ${mic.data.length} bytes, sequence ${sequence}`);
  if (framing === 'v2') channel.send(TokenFlag.noop, new Uint8Array());
  context.dispose();
  socket.end();
  await once(socket, 'close');
}

async function authenticate(
  channel: ClientChannel,
  keytab: Keytab,
  framing: Framing,
): Promise<SecurityContext> {
  const { forwardable, initial, preAuthent } = TicketFlag;
  const flags = (forwardable | initial | preAuthent) >>> 0;
  const ticket = mintTicket({ keytab, service: SERVICE, client: CLIENT, flags });
  const initiator = createInitiator({ ticket });
  if (framing === 'v2') channel.send(TokenFlag.noop | TokenFlag.contextNext, new Uint8Array());
  const request = initiator.begin();
  say('client', `sends an AP-REQ of ${request.length} bytes for ${CLIENT}`);
  channel.send(TokenFlag.context, request);
  step(5, 'the server accepts a context in a loop, exports and imports it (v1 framing)');
  const reply = await channel.receive();
  const context = initiator.finish(reply.data);
  say('client', `the AP-REP of ${reply.data.length} bytes proves that the server is who it says`);
  return context;
}

/** The client's end of the connection, with the framing code of the server. */
class ClientChannel {
  readonly #socket: Socket;
  readonly #framing: Framing;
  readonly #parser = new FrameParser(MAX_TOKEN, new FrameBudget(MAX_TOKEN));

  constructor(socket: Socket, framing: Framing) {
    this.#socket = socket;
    this.#framing = framing;
  }

  send(flags: number, data: Uint8Array): void {
    this.#socket.write(encodeFrame(this.#framing, flags, data));
  }

  async receive(): Promise<Frame> {
    for (;;) {
      const frame = this.#parser.next();
      if (frame !== undefined) {
        await settle();
        return frame;
      }
      const [chunk] = (await Promise.race([
        once(this.#socket, 'data'),
        once(this.#socket, 'end').then(() => [undefined]),
      ])) as [Uint8Array | undefined];
      if (chunk === undefined) throw new Error('gss-server closed the connection');
      this.#parser.push(chunk);
    }
  }
}

function step(number: number, text: string): void {
  say('demo', `${number}. ${text}`);
}

function say(who: string, line: string): void {
  process.stdout.write(`${`${who}`.padEnd(15)} | ${line}\n`);
}

/** Waits a moment, so that the server's lines appear before the client's next one. */
async function settle(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, SETTLE));
}

process.once('SIGTERM', () => process.exit(143));
process.once('SIGINT', () => process.exit(130));
// The reader has gone: `npm run demo | head`.
process.stdout.on('error', () => process.exit(0));
await main();
