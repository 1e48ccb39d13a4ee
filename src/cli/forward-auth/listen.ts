/** Where krb5-forward-auth listens: loopback, a Unix socket, or what systemd passes on. */
import { lstatSync, unlinkSync } from 'node:fs';
import type { AddressInfo, Server } from 'node:net';
import { connect } from 'node:net';
import process from 'node:process';
import { UsageError } from '../arguments.ts';

/** An address to listen on. */
export type Address =
  | { readonly host: string; readonly port: number }
  /** A Unix socket. */
  | { readonly path: string };

/** Reads `127.0.0.1:4180`, `[::1]:4180` or `unix:/run/socket`. @throws {@link UsageError} */
export function parseAddress(text: string): Address {
  if (text.startsWith('unix:')) {
    const path = text.slice('unix:'.length);
    // sockaddr_un of Linux has space for 107 bytes.
    if (path.startsWith('/') && Buffer.byteLength(path) <= 107 && !path.includes('\0'))
      return { path };
    throw new UsageError(
      `-listen: expected unix: and an absolute path of at most 107 bytes, got '${text}'`,
    );
  }
  const [, v6, v4, digits] = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = v6 ?? v4;
  const port = Number(digits);
  if (host === undefined || port > 65_535) {
    throw new UsageError(
      `-listen: expected 127.0.0.1:4180, [::1]:4180 or unix:/path, got '${text}'`,
    );
  }
  return { host, port };
}

/** Whether only this machine can reach the address. */
export function isLocal(address: Address): boolean {
  if ('path' in address) return true;
  return address.host === 'localhost' || isLoopback(address.host);
}

/** Whether an IP address is one of this machine alone. */
export function isLoopback(address: string): boolean {
  return /^(?:(?:::ffff:)?127(?:\.\d{1,3}){3}|::1)$/i.test(address);
}

/**
 * The file descriptors of systemd's sockets (sd_listen_fds(3)).
 *
 * @returns None if the process was started otherwise.
 */
export function activatedSockets(
  { LISTEN_PID, LISTEN_FDS }: Readonly<Record<string, string | undefined>>,
  pid: number,
): number[] {
  if (LISTEN_PID !== String(pid) || !/^[1-9]\d?$/.test(LISTEN_FDS ?? '')) return [];
  return Array.from({ length: Number(LISTEN_FDS) }, (_, index) => FIRST_SOCKET + index);
}

/**
 * Listens. A socket that is left of a process that ended is replaced.
 *
 * @returns The address, with the port that was chosen for 0.
 * @throws the system's error.
 */
export async function listen(
  server: Server,
  address: Address | { readonly fd: number },
): Promise<Address> {
  if ('path' in address) await removeStale(address.path);
  // Only for its owner and its group, from the first moment.
  const mask = 'path' in address ? process.umask(0o117) : undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(address, () => {
        server.off('error', reject);
        resolve();
      });
      // The socket's file is there once listen has returned.
      if (mask !== undefined) process.umask(mask);
    });
  } catch (error) {
    if (mask !== undefined) process.umask(mask);
    throw error;
  }
  const bound = server.address() as AddressInfo | string | null;
  // Node.js does not say where a Unix socket is that it was given.
  if (bound === null || typeof bound === 'string') return { path: bound ?? '(from systemd)' };
  return { host: bound.address, port: bound.port };
}

/** For logs: as {@link parseAddress} reads it. */
export function formatAddress(address: Address): string {
  if ('path' in address) return `unix:${address.path}`;
  const { host, port } = address;
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Removes a socket on which nobody listens. */
async function removeStale(path: string): Promise<void> {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined || !stats.isSocket()) return;
  const refused = await new Promise<boolean>((resolve) => {
    const probe = connect(path);
    probe.once('connect', () => {
      probe.destroy();
      resolve(false);
    });
    probe.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code === 'ECONNREFUSED'));
  });
  if (refused) unlinkSync(path);
}

const FIRST_SOCKET = 3;
