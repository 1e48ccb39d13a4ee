/** Starts a server of the suite, or an example, as a program of its own. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { encodeBase64 } from '../../src/http/base64.ts';
import type { Keytab } from '../../src/index.ts';
import { formatKeytab } from '../../src/index.ts';
import { untilListening } from '../support/ports.ts';
import { HANGING } from '../support/until.ts';
import { makeServiceKeytab } from './user.ts';

/** A server that runs. */
export interface RunningServer {
  readonly port: number;
  readonly keytab: Keytab;
  /** What it has printed on standard error. */
  readonly log: () => string;
  readonly stop: () => Promise<void>;
}

/**
 * Starts a server, and waits for its line `listening PORT` (or for that of workerd), or until it listens on
 * a given port.
 *
 * @param command - The runtime and its arguments: `[process.execPath, 'servers/express.mjs']`.
 * @param environment - Beside `KEYTAB`, the name of a file with a fresh key, and `KEYTAB_CONTENTS`, that file
 *   in base64.
 * @throws Error with all that it printed, if it ends or prints nothing for 30 seconds.
 */
export async function startServer(
  [command = '', ...args]: readonly string[],
  environment: Readonly<Record<string, string>> = {},
  expectedPort?: number,
): Promise<RunningServer> {
  const directory = mkdtempSync(join(tmpdir(), 'conformance-'));
  const keytab = makeServiceKeytab();
  const path = join(directory, 'http.keytab');
  const contents = formatKeytab(keytab);
  writeFileSync(path, contents, { mode: 0o600 });
  const { certificate, key } = JSON.parse(readFileSync(TLS, 'utf8')) as Record<string, string>;
  const pem = { TLS_CERTIFICATE: join(directory, 'cert.pem'), TLS_KEY: join(directory, 'key.pem') };
  writeFileSync(pem.TLS_CERTIFICATE, certificate!);
  writeFileSync(pem.TLS_KEY, key!, { mode: 0o600 });
  const child = spawn(command, args, {
    env: {
      ...process.env,
      KEYTAB: path,
      KEYTAB_CONTENTS: encodeBase64(contents),
      PORT: '0',
      ...pem,
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const ended = new Promise<void>((resolve) => {
    child.once('close', () => resolve());
    child.once('error', (error) => {
      stderr += error.message;
      resolve();
    });
  });
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended;
    rmSync(directory, { recursive: true });
  };
  const port = await new Promise<number | undefined>((resolve) => {
    const timer = setTimeout(() => resolve(undefined), HANGING);
    const done = (value: number | undefined): void => {
      clearTimeout(timer);
      resolve(value);
    };
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString();
      const found = LISTENING.exec(stdout);
      if (found !== null) done(Number(found[1]));
    });
    void ended.then(() => done(undefined));
    if (expectedPort !== undefined) {
      untilListening(expectedPort).then(
        () => done(expectedPort),
        () => done(undefined),
      );
    }
  });
  if (port === undefined) {
    await stop();
    throw new Error(`${command} ${args.join(' ')} does not listen:\n${stdout}${stderr}`);
  }
  return { port, keytab, log: () => stderr, stop };
}

const TLS = resolve(import.meta.dirname, '../../fixtures/tls/server.json');
const LISTENING = /^(?:listening |\{"event":"listen","socket":"http","port":)(\d+)\}?$/m;
