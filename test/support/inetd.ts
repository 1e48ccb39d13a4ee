import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { INETD } from './peers.ts';
import { freePort, untilListening } from './ports.ts';
import { scratch } from './realm.ts';
import type { ServerOptions } from './server.ts';
import { serverCommand } from './server.ts';

/** A real inetd that starts the server anew for each connection. */
export interface Inetd {
  readonly port: number;
  readonly [Symbol.asyncDispose]: () => Promise<void>;
}

/** Runs inetd on a port of its own with one service: the server with -inetd. */
export async function startInetd(options: ServerOptions = {}): Promise<Inetd> {
  const port = await freePort();
  const directory = scratch();
  const flags = ['-inetd', ...(options.flags ?? [])];
  const { command, env } = serverCommand({ ...options, flags });
  // inetd hands over its own environment only in part, and takes no spaces in arguments.
  const program = join(directory, 'server');
  const exports = Object.entries(env).map(([name, value]) => `export ${name}=${quote(value)}\n`);
  const script = `#!/bin/sh\n${exports.join('')}exec ${command.map(quote).join(' ')}\n`;
  writeFileSync(program, script);
  chmodSync(program, 0o755);
  const config = join(directory, 'inetd.conf');
  const user = userInfo().username;
  const line = `127.0.0.1:${port} stream tcp nowait.1000 ${user} ${program} server\n`;
  writeFileSync(config, line);
  // -i: in the foreground. It cannot take two instances' pid file amiss: it writes none it depends on.
  const child = spawn(INETD, ['-i', config], { stdio: 'ignore' });
  const ended = once(child, 'exit');
  await untilListening(port);
  return {
    port,
    async [Symbol.asyncDispose](): Promise<void> {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
