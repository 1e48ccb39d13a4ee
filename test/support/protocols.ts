/** What the tests of examples/servers share: a realm of this process, its users, and the servers as programs. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, inject } from 'vitest';
import tls from '../../fixtures/tls/server.json' with { type: 'json' };
import type { RunningRealm } from '../../src/node/testing/index.ts';
import { startRealm } from '../../src/node/testing/index.ts';
import type { RunningServer } from '../conformance/program.ts';
import { startServer } from '../conformance/program.ts';
import type { PeerName } from './peers.ts';
import { freePort } from './ports.ts';
import { runOrThrow } from './run.ts';

export type Environment = Readonly<Record<string, string>>;

/** The name of the realm. */
export const REALM = 'EXAMPLE.TEST';
/** A server of the folder that runs. */
export type ProtocolServer = RunningServer & AsyncDisposable;

export interface Site {
  readonly realm: RunningRealm;
  /** The environment of a user who has logged in. */
  readonly login: (user: string) => Promise<Environment>;
  /** The file of the certificate that the servers have. */
  readonly certificate: string;
  /** Starts a server of the folder as a program. */
  readonly start: (name: string, env?: Environment) => Promise<ProtocolServer>;
}

/** A realm with a service, whose host is `localhost`. It ends with the test file. */
export async function protocolSite(service: string): Promise<Site> {
  const realm = await startRealm({
    users: [{ name: 'alice' }, { name: 'bob' }],
    services: [`${service}/localhost`, 'host/localhost'],
  });
  const directory = mkdtempSync(join(tmpdir(), 'protocols-'));
  const certificate = join(directory, 'certificate.pem');
  writeFileSync(certificate, tls.certificate);
  afterAll(async () => {
    await realm.stop();
    rmSync(directory, { recursive: true });
  });
  return {
    realm,
    certificate,
    login: async (user) => {
      const env = { ...realm.environment, KRB5CCNAME: `FILE:${join(directory, user)}` };
      await runOrThrow('kinit', ['-k', '-t', realm.userKeytabFile(user), user], { env });
      return env;
    },
    start: async (name, env = {}) => {
      const port = await freePort();
      const settings = { KEYTAB: realm.keytabFile, SERVICE: `${service}@localhost`, ...env };
      const server = await startServer(
        [process.execPath, join(SERVERS, name)],
        { PORT: `${port}`, ...settings },
        port,
      );
      return { ...server, [Symbol.asyncDispose]: server.stop };
    },
  };
}

/** Whether the peers are there; a KDC is not needed. */
export function havePeers(...peers: readonly PeerName[]): boolean {
  return !peers.some((peer) => inject('interop').missing.includes(peer));
}

const SERVERS = resolve(import.meta.dirname, '../../examples/servers');
