/** Web servers of Debian as proxies, each with its configuration of examples/forward-auth. */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { CADDY, HAPROXY, NGINX } from './peers.ts';
import { freePort, untilListening } from './ports.ts';
import { HANGING } from './until.ts';

/** The proxies by the name that tests ask for. */
export type ProxyName = 'nginx' | 'caddy' | 'haproxy';

/** A proxy that runs. */
export interface Proxy extends AsyncDisposable {
  readonly port: number;
}

/** Where the example's addresses are in a test. */
export interface ProxyOptions {
  /** An empty directory. */
  readonly directory: string;
  /** The Unix socket of krb5-forward-auth. */
  readonly socket: string;
  /** The port of the application. */
  readonly application: number;
  /** Changes the text of each file of the example. */
  readonly change?: (text: string) => string;
}

/** Starts a proxy on a free port of 127.0.0.1. */
export async function startProxy(name: ProxyName, options: ProxyOptions): Promise<Proxy> {
  const port = await freePort();
  const [command, args, env] = PROXIES[name](options, port);
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
  }
  try {
    await untilListening(port);
  } catch (cause) {
    await stop(child);
    throw new Error(`${name} did not start: ${output}`, { cause });
  }
  return { port, [Symbol.asyncDispose]: () => stop(child) };
}

type Start = readonly [command: string, args: readonly string[], env?: Record<string, string>];

const PROXIES: Readonly<Record<ProxyName, (options: ProxyOptions, port: number) => Start>> = {
  nginx: (options, port) => {
    const { directory } = options;
    const site = exampleFor('nginx.conf', options, port);
    const places = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
    const file = write(
      directory,
      'nginx.conf',
      `daemon off; user root; pid ${directory}/pid; error_log stderr;
      events { worker_connections 256; }
      http { access_log off; ${places.map((place) => `${place}_temp_path ${directory};`).join(' ')}
      ${site} }`,
    );
    return [NGINX, ['-p', directory, '-e', 'stderr', '-c', file]];
  },
  caddy: (options, port) => {
    const { directory } = options;
    const site = exampleFor('Caddyfile', options, port);
    const file = write(directory, 'Caddyfile', `{\n\tadmin off\n\tauto_https off\n}\n${site}`);
    const args = ['run', '--config', file, '--adapter', 'caddyfile'];
    return [CADDY, args, { HOME: directory, XDG_DATA_HOME: directory, XDG_CONFIG_HOME: directory }];
  },
  haproxy: (options, port) => {
    const { directory } = options;
    const script = 'krb5-forward-auth.lua';
    write(directory, script, exampleFor(script, options, port));
    const site = exampleFor('haproxy.cfg', options, port).replace('/etc/haproxy', directory);
    return [HAPROXY, ['-db', '-f', write(directory, 'haproxy.cfg', site)]];
  },
};

function exampleFor(
  name: string,
  { socket, application, change = (text) => text }: ProxyOptions,
  port: number,
): string {
  return change(readFileSync(join(EXAMPLES, name), 'utf8'))
    .replaceAll('/run/krb5-forward-auth/socket', socket)
    .replaceAll('127.0.0.1:8080', `127.0.0.1:${application}`)
    .replace('listen 80;', `listen 127.0.0.1:${port};`)
    .replace('bind :80', `bind 127.0.0.1:${port}`)
    .replace('http://www.example.com', `http://localhost:${port}`);
}

function write(directory: string, name: string, text: string): string {
  mkdirSync(directory, { recursive: true });
  const file = join(directory, name);
  writeFileSync(file, text);
  return file;
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const closed = once(child, 'close');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), HANGING);
  await closed;
  clearTimeout(timer);
}

const EXAMPLES = resolve(import.meta.dirname, '../../examples/forward-auth');
