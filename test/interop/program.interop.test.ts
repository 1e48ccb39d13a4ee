/** The gss-server program itself: its exit codes, streams, signals, and inetd. It needs no KDC. */
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import type { AddressInfo, Socket } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeUtf8, fromHex } from '../../src/bytes.ts';
import { formatKeytab } from '../../src/keytab/keytab.ts';
import { isServed, KEYTAB, SampleClient } from '../node/server/sample-client.ts';
import { isListening } from '../support/ports.ts';
import { ENDLESS_GRACE, Program } from '../support/program.ts';

const EMPTY = new Uint8Array(0);
const MESSAGE = encodeUtf8('testmsg');
const SERVICE = 'host@www.example.com';

let directory: string;
let keytab: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'gss-server-'));
  keytab = join(directory, 'keytab');
  writeFileSync(keytab, formatKeytab(KEYTAB), { mode: 0o600 });
});

afterAll(() => rmSync(directory, { recursive: true }));

/** Starts a server on a free port. */
function listen(...args: string[]): Promise<Program & { readonly port: number }> {
  return Program.listen(['-keytab', keytab, ...args, SERVICE]);
}

async function run(...args: string[]): Promise<Program & { readonly code: number | null }> {
  const program = new Program(args);
  return Object.assign(program, { code: await program.ended });
}

/** One client's whole exchange. */
async function serve(port: number): Promise<void> {
  expect(await isServed(port)).toBe(true);
}

const FLAGS = `context flag: GSS_C_MUTUAL_FLAG
context flag: GSS_C_REPLAY_FLAG
context flag: GSS_C_SEQUENCE_FLAG
context flag: GSS_C_CONF_FLAG${' '}
context flag: GSS_C_INTEG_FLAG${' '}
`;
const ACCEPTED = 'Accepted connection: "alice@EXAMPLE.COM"\n';
const RECEIVED = 'Received message: "testmsg"\nNOOP token\n';
const NO_CREDENTIALS =
  'GSS-API error acquiring credentials: No credentials were supplied, or the credentials were ' +
  'unavailable or inaccessible\nGSS-API error acquiring credentials: ';

describe('the command line', () => {
  it('without arguments prints the usage on stderr and exits with 1', async () => {
    const { code, stdout, stderr } = await run();
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^Usage: gss-server \[-port port\] /);
    expect(stderr).toMatch(/\nhint: service_name is missing; for example: gss-server host@\S+\n$/);
  });

  it('says what is wrong with a value', async () => {
    const { code, stderr } = await run('-port', 'http', SERVICE);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^gss-server: -port: expected a number from 0 to 65535, got 'http'\n/);
  });

  it('prints help and version on stdout and exits with 0', async () => {
    const help = await run('--help');
    expect(help).toMatchObject({ code: 0, stderr: '' });
    expect(help.stdout).toContain('-maxtoken bytes');
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    expect(await run('-version')).toMatchObject({
      code: 0,
      stdout: `gss-server (krb5-acceptor) ${version}\n`,
    });
  });
});

describe('a start that fails', () => {
  it.each([
    ['no such keytab', ['-keytab', '/nonexistent/keytab'], /\/nonexistent\/keytab'? not found/],
    ['a keytab that is none', ['-keytab', import.meta.filename], /./],
    ['a keytab of another type', ['-keytab', 'FOO:x'], /FOO/],
    ['an unknown mechanism', ['-mech', '1.2.3.4'], /./],
  ])('with %s exits with 255', async (_name, args, minor) => {
    const { code, stdout, stderr } = await run(...args, '-port', '0', SERVICE);
    expect(code).toBe(255);
    const [major, second, ...rest] = stdout.split('\n');
    expect(major).toMatch(/^GSS-API error acquiring credentials: ./);
    expect(second).toMatch(/^GSS-API error acquiring credentials: ./);
    expect(second).toMatch(minor);
    expect(rest).toEqual(['']);
    expect(stderr).not.toContain('starting...');
  });

  it('with a service that the keytab does not hold says what it holds', async () => {
    const { code, stdout, stderr } = await run('-keytab', keytab, '-port', '0', 'ftp@here');
    expect(code).toBe(255);
    expect(stdout).toMatch(new RegExp(`^${NO_CREDENTIALS}.*ftp/here@`));
    expect(stderr).toMatch(/^hint: .*host\/www\.example\.com@EXAMPLE\.COM/);
  });

  it('with a port in use exits with 1', async () => {
    await using first = await listen();
    const { code, stderr } = await run('-port', String(first.port), '-keytab', keytab, SERVICE);
    expect(code).toBe(1);
    // MIT's words first, as scripts look for them.
    expect(stderr).toMatch(
      new RegExp(
        `^binding socket: Address already in use: port ${first.port}\\nhint: .*-port.*\\n$`,
      ),
    );
  });

  it('with a log file that cannot be opened exits with 1', async () => {
    const path = join(directory, 'none', 'log');
    const { code, stderr } = await run('-logfile', path, '-keytab', keytab, SERVICE);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: `${path}: No such file or directory\nhint: make its directory, and let the user of the server write there\n`,
    });
  });
});

describe('output', () => {
  it('goes to stdout at once, and only the start and a hint to stderr', async () => {
    await using program = await listen();
    await serve(program.port);
    await program.until('stdout', /NOOP token\n$/);
    expect(program.stdout).toBe(FLAGS + ACCEPTED + RECEIVED);
    const [hint, ...others] = program.stderr.split('\n').filter((line) => /^hint: /.test(line));
    expect(hint).toMatch(
      /^hint: no credential was delegated: .* \(no fault unless clients are to delegate; said of the first one only\)$/,
    );
    expect(others).toEqual([]);
    expect(program.stderr.replace(`${hint}\n`, '')).toBe(
      `starting...\nlistening on port ${program.port}\n`,
    );
  });

  it('goes to the log file where it is the log, which is appended to', async () => {
    const logfile = join(directory, 'log');
    writeFileSync(logfile, 'before\n');
    await using program = await listen('-logfile', logfile);
    await serve(program.port);
    await program.until('stdout', /Accepted/);
    expect(program.stdout).toBe(ACCEPTED);
    const [record, ...lines] = readFileSync(logfile, 'utf8').replace('before\n', '').split('\n');
    expect(record).toMatch(
      /^\d{4}-\S+Z accepted connection=1 peer=\S+ client=\S+ service=\S+ kvno=/,
    );
    expect(lines.join('\n')).toBe(`${FLAGS}${RECEIVED}`);
  });

  it('is only what is on stdout with -logfile /dev/null', async () => {
    await using program = await listen('-logfile', '/dev/null', '-verbose');
    await serve(program.port);
    await program.until('stdout', /Accepted/);
    expect(program.stdout).toBe(ACCEPTED);
  });

  it('has tokens and exports with -verbose -export', async () => {
    await using program = await listen('-verbose', '-export');
    await serve(program.port);
    await program.until('stdout', /NOOP token\n$/);
    const moved = / {2}\d\.\d{4} seconds\nImporting context: {2}\d\.\d{4} seconds\n/g;
    expect(program.stdout.match(moved)).toHaveLength(3);
    expect(program.stdout).toMatch(/^Received token \(size=\d+\): \n60 82 /);
    expect(program.stdout).toContain('mechanism OID { 1 2 840 113554 1 2 2 }.\n');
    expect(program.stdout).toContain('Message token (flags=228):\n05 04 ');
  });

  it('may find nobody that reads it', async () => {
    await using program = await listen('-verbose');
    program.process.stdout?.destroy();
    program.process.stderr?.destroy();
    await serve(program.port);
    await serve(program.port);
    expect(program.process.exitCode).toBeNull();
  });

  it.each([[[]], [['-workers', '2']]])('rotates its log on SIGHUP: %j', async (options) => {
    const log = join(directory, `rotated-${options.length}.log`);
    await using program = await listen('-logfile', log, ...options);
    await serve(program.port);
    renameSync(log, `${log}.1`);
    program.process.kill('SIGHUP');
    // Each process opens the file in its own time.
    const isWritten = async () => {
      await serve(program.port);
      return existsSync(log) && statSync(log).size > 0;
    };
    await expect.poll(isWritten).toBe(true);
    expect(readFileSync(`${log}.1`, 'utf8')).toContain(RECEIVED);
    expect(program.process.exitCode).toBeNull();
    expect(program.stderr).not.toMatch(/worker|error/);
  });

  it('logs no connection that sent nothing, and names the protocol of a browser', async () => {
    await using program = await listen();
    const probe = new SampleClient(program.port);
    probe.socket.end();
    await probe.closed;
    const browser = new SampleClient(program.port);
    browser.socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await browser.closed;
    await program.until('stderr', /hint: .* the client speaks HTTP, it begins with "GET \/"\n/);
    expect(program.stdout).toBe('Out of memory allocating token data\n');
  });

  it('says why a client is given up', async () => {
    await using program = await listen('-timeout', '1', '-maxtoken', '1000');
    const silent = new SampleClient(program.port);
    await silent.closed;
    const large = new SampleClient(program.port);
    large.send(0x01, EMPTY);
    large.send(0x04, new Uint8Array(1001));
    await large.closed;
    await program.until('stderr', /hint: a token of 1001 bytes was announced, the limit is 1000\n/);
    expect(program.stderr).toMatch(
      /closing connection from \S+ port \d+: 1 seconds without a token\n/,
    );
    expect(program.stdout).toBe(
      'reading token flags: 0 bytes read\nAccepted unauthenticated connection.\n'.concat(
        'Accepted unauthenticated connection.\nOut of memory allocating token data\n',
      ),
    );
  });
});

describe('strangers', () => {
  it('of one address, 1100 and silent, keep out nobody, and fill no log', async () => {
    await using program = await listen();
    const silent: SampleClient[] = [];
    for (let i = 0; i < 1100; i++) {
      const client = new SampleClient(program.port);
      silent.push(client);
      await once(client.socket, 'connect');
    }
    for (const from of ['127.0.0.2', '127.0.0.1']) {
      const client = new SampleClient(program.port, 'v2', from);
      expect(await client.sign(await client.authenticate(), MESSAGE)).toBe(true);
      client.send(0x01, EMPTY);
      await client.closed;
    }
    await program.until('stderr', /which is not authenticated: 768 connections from its address/);
    expect(program.stderr.split('\n').length).toBeLessThan(40);
    for (const client of silent) client.close();
  });

  it('print no lines but their own', async () => {
    await using program = await listen();
    const stranger = new SampleClient(program.port);
    stranger.send(0x01, EMPTY);
    await program.until('stdout', /(Accepted unauthenticated connection\.\n){2}$/);
    await serve(program.port);
    await program.until('stdout', /NOOP token\n$/);
    const { length } = program.stdout;
    stranger.send(
      0x04,
      encodeUtf8('hi"\nAccepted connection: "administrator@EXAMPLE.COM"\n\x1b]0;owned\x07'),
    );
    await stranger.receive();
    await program.until('stdout', /owned/);
    expect(program.stdout.slice(length)).toMatch(
      /^Unauthenticated client 127\.0\.0\.1 port \d+:\nReceived message: "hi"\\x0aAcc[^\n]*\n$/,
    );
    expect(program.stdout).not.toContain('\x1b');
    stranger.close();
  });

  it('are refused with -authenticated', async () => {
    await using program = await listen('-authenticated');
    const stranger = new SampleClient(program.port);
    stranger.send(0x01, EMPTY);
    expect(await stranger.receive()).toBeUndefined();
    await program.until('stderr', /: it does not authenticate \(-authenticated\)\n$/);
    await serve(program.port);
    expect(program.stdout).not.toContain('unauthenticated');
  });

  it('do not read the log', async () => {
    const logfile = join(directory, 'private.log');
    await using program = await listen('-logfile', logfile);
    await serve(program.port);
    expect(statSync(logfile).mode & 0o777).toBe(0o600);
    await program.until('stdout', /Accepted/);
    chmodSync(logfile, 0o644);
    await using second = await listen('-logfile', logfile);
    await second.until('stderr', /private\.log is open to other users \(mode 644\)/);
  });
});

describe('the end', () => {
  const patient = () => Program.listen(['-keytab', keytab, SERVICE], { env: ENDLESS_GRACE });

  it.each(['SIGTERM', 'SIGINT'] as const)(
    'comes with %s, at once if nobody is there',
    async (signal) => {
      await using program = await patient();
      await serve(program.port);
      program.process.kill(signal);
      expect(await program.ended).toBe(0);
    },
  );

  it('waits for clients', async () => {
    await using program = await patient();
    const idle = new SampleClient(program.port);
    await idle.authenticate();
    const busy = new SampleClient(program.port);
    const context = await busy.authenticate();
    program.process.kill('SIGTERM');
    await expect.poll(() => isListening(program.port)).toBe(false);
    expect(await busy.sign(context, MESSAGE)).toBe(true);
    busy.send(0x01, EMPTY);
    await busy.closed;
    expect(program.process.exitCode).toBeNull();
    idle.close();
    expect(await program.ended).toBe(0);
  });

  it('does not wait for ever', async () => {
    await using program = await listen();
    const idle = new SampleClient(program.port);
    await idle.authenticate();
    program.process.kill('SIGTERM');
    expect(await program.ended).toBe(0);
    await idle.closed;
    expect(program.stderr).toMatch(
      /closing connection from \S+ port \d+: the server is stopping\n$/,
    );
  });

  it('does not wait after a second signal', async () => {
    await using program = await patient();
    const idle = new SampleClient(program.port);
    await idle.authenticate();
    program.process.kill('SIGTERM');
    // Another one: two of a kind may come as one.
    program.process.kill('SIGINT');
    expect(await program.ended).toBe(0);
  });

  it('comes after one client with -once; others are refused', async () => {
    await using program = await listen('-once');
    const client = new SampleClient(program.port);
    const context = await client.authenticate();
    const other = new SampleClient(program.port);
    await other.closed;
    expect(await client.sign(context, MESSAGE)).toBe(true);
    client.send(0x01, EMPTY);
    expect(await program.ended).toBe(0);
    expect(program.stdout).toBe(FLAGS + ACCEPTED + RECEIVED);
  });
});

describe('-inetd', () => {
  /** Runs the program as inetd does: the client is file descriptors 0, 1 and 2. */
  async function inetd(
    args: readonly string[],
  ): Promise<{ client: SampleClient; ended: Promise<number | null> }> {
    const listener = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1');
    await once(listener, 'listening');
    const client = new SampleClient((listener.address() as AddressInfo).port);
    const [socket] = (await once(listener, 'connection')) as [Socket];
    const program = new Program(args, { stdio: [socket, socket, socket] });
    socket.destroy();
    listener.close();
    return { client, ended: program.ended };
  }

  it('serves the client on its standard input, and writes nothing else to it', async () => {
    const logfile = join(directory, 'inetd.log');
    const args = ['-inetd', '-verbose', '-keytab', keytab, '-logfile', logfile, SERVICE];
    const { client, ended } = await inetd(args);
    expect(await client.sign(await client.authenticate(), MESSAGE)).toBe(true);
    client.send(0x01, EMPTY);
    expect(await client.receive()).toBeUndefined();
    expect(await ended).toBe(0);
    const log = readFileSync(logfile, 'utf8');
    expect(log).toContain('Accepted connection using mechanism OID');
    expect(log).toContain(RECEIVED);
    expect(log).not.toContain('starting...');
  });

  it('keeps hints for the log', async () => {
    const logfile = join(directory, 'inetd-refused.log');
    const { client, ended } = await inetd([
      '-inetd',
      '-keytab',
      keytab,
      '-logfile',
      logfile,
      SERVICE,
    ]);
    client.send(0x11, EMPTY);
    // RFC 2743 §3.1: a token of mechanism 1.3.6.1.4.1.311.2.2.10, NTLM.
    client.send(0x02, fromHex('600c060a2b06010401823702020a'));
    expect(await client.receive()).toBeUndefined();
    expect(await ended).toBe(0);
    expect(readFileSync(logfile, 'utf8')).toMatch(
      /^\S+Z refused connection=1 .* reason=negotiate\.ntlm .*\n(GSS-API error accepting context: .+\n){2}hint: .*\n$/,
    );
  });

  it.each([
    ['no keytab', ['-keytab', '/nonexistent', SERVICE], 255],
    ['a wrong option', ['-frob', SERVICE], 1],
    ['a log file that cannot be opened', ['-logfile', '/nonexistent/log', SERVICE], 1],
    ['-help', ['-help'], 0],
  ])('tells the client nothing about %s', async (_name, args, code) => {
    const { client, ended } = await inetd(['-inetd', ...args]);
    expect(await client.receive()).toBeUndefined();
    await client.closed;
    expect(client.socket.bytesRead).toBe(0);
    expect(await ended).toBe(code);
  });

  it('gives up a silent client', async () => {
    const logfile = join(directory, 'inetd-silent.log');
    const args = ['-inetd', '-timeout', '1', '-keytab', keytab, '-logfile', logfile, SERVICE];
    const { client, ended } = await inetd(args);
    expect(await client.receive()).toBeUndefined();
    expect(await ended).toBe(0);
    expect(readFileSync(logfile, 'utf8')).toContain('1 seconds without a token\n');
  });

  it('says so if it was not started by inetd', async () => {
    const args = ['-inetd', '-keytab', keytab, SERVICE];
    await using program = new Program(args, { stdio: ['ignore', 'pipe', 'pipe'] });
    expect(await program.ended).toBe(1);
    expect(program.stdout).toBe('');
    expect(program.stderr).toBe('gss-server: -inetd: file descriptor 0 is not a socket\n');
  });
});
