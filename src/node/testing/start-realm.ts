/// <reference lib="esnext.disposable" preserve="true" />
/** A test realm with a port and files, for programs that know nothing of this package. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatKeytab } from '../../keytab/keytab.ts';
import type { OptionRules } from '../../options.ts';
import { checkOptions, listOf, objectWith, range, wholeNumber } from '../../options.ts';
import type { RealmOptions, TestRealm } from '../../testing/kdc/realm.ts';
import { createRealm, REALM_OPTIONS } from '../../testing/kdc/realm.ts';
import { systemClock } from '../../time.ts';
import { krb5Conf } from './krb5-conf.ts';
import { listen } from './listen.ts';

/** Options of {@link startRealm}. */
export interface StartRealmOptions extends RealmOptions {
  /** A loopback address; `127.0.0.1` if absent. No other is allowed. */
  readonly address?: string;
  /** The port for both UDP and TCP; any free one if absent. */
  readonly port?: number;
  /** Realms that are running already and that clients shall know: those of `trusts`. */
  readonly neighbours?: readonly RunningRealm[];
}

/** A realm that programs can use. Created by {@link startRealm}. */
export interface RunningRealm extends TestRealm {
  /** The KDC's port, for UDP and TCP. */
  readonly port: number;
  /** `127.0.0.1:12345`: the KDC as krb5.conf has it. */
  readonly address: string;
  /** The directory of all files, which only the user of this process can read. */
  readonly directory: string;
  /** The path of krb5.conf, which MIT krb5, Heimdal and Java read. */
  readonly krb5Config: string;
  /** The path of the keytab of all services. */
  readonly keytabFile: string;
  /** For the environment of a program: KRB5_CONFIG, KRB5CCNAME and KRB5_KTNAME. */
  readonly environment: {
    readonly KRB5_CONFIG: string;
    readonly KRB5CCNAME: string;
    readonly KRB5_KTNAME: string;
  };
  /**
   * Writes the keytab of a user, for `kinit -k -t`.
   *
   * @returns Its path.
   * @throws RangeError if the realm has no such user.
   */
  readonly userKeytabFile: (name: string) => string;
  /** Closes the port and removes the directory. */
  readonly stop: () => Promise<void>;
  /** {@link stop}, at the end of an `await using` block. */
  readonly [Symbol.asyncDispose]: () => Promise<void>;
}

/**
 * Starts a realm for tests: a KDC on UDP and TCP of a loopback address, with a krb5.conf and a keytab in a
 * new directory. `kinit`, `curl --negotiate`, Java and browsers log in with it as with any other realm,
 * without Docker, root or a KDC package. It runs in this process, so programs must be awaited, not run
 * synchronously.
 *
 * For tests only: see {@link createRealm}.
 *
 * @throws as {@link createRealm}. RangeError for an address that is not a loopback address. The error of
 *   the system if a given port is in use.
 *
 * @example
 * ```ts
 * import { execFile } from 'node:child_process';
 * import { promisify } from 'node:util';
 * import { startRealm } from 'krb5-acceptor/testing/node';
 *
 * const realm = await startRealm({ services: ['HTTP/localhost'] });
 * const env = { ...process.env, ...realm.environment };
 * const run = promisify(execFile);
 * // Not execFileSync, for which this process, and the KDC in it, would stop.
 * await run('kinit', ['-k', '-t', realm.userKeytabFile('alice'), 'alice'], { env });
 * console.log((await run('klist', { env })).stdout);
 * await realm.stop();
 * ```
 */
export async function startRealm(options: StartRealmOptions = {}): Promise<RunningRealm> {
  checkOptions('startRealm', options, START_REALM_OPTIONS);
  const { address = '127.0.0.1', port: wanted = 0, neighbours = [], ...rest } = options;
  const realm = createRealm(rest);
  const { clock = systemClock } = options;
  // Readable by the user of this process only, as mkdtemp makes it.
  const directory = mkdtempSync(join(tmpdir(), 'krb5-realm-'));
  const write = (name: string, contents: string | Uint8Array): string => {
    const path = join(directory, name);
    writeFileSync(path, contents, { mode: 0o600 });
    return path;
  };
  const remove = (): void => rmSync(directory, { recursive: true, force: true });
  const keytabFile = write('service.keytab', formatKeytab(realm.keytab));
  const { port, close } = await listen({ ...realm, clock }, address, wanted).catch((error) => {
    remove();
    throw error;
  });
  const own = { ...realm, address: `${address.includes(':') ? `[${address}]` : address}:${port}` };
  const krb5Config = write('krb5.conf', krb5Conf([own, ...neighbours], options.enctypes));
  const stop = async (): Promise<void> => {
    await close();
    remove();
  };
  return {
    ...own,
    port,
    directory,
    krb5Config,
    keytabFile,
    environment: {
      KRB5_CONFIG: krb5Config,
      KRB5CCNAME: `FILE:${join(directory, 'ccache')}`,
      KRB5_KTNAME: `FILE:${keytabFile}`,
    },
    userKeytabFile: (name) => {
      const file = `${encodeURIComponent(name)}.user.keytab`;
      return write(file, formatKeytab(realm.userKeytab(name)));
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

const loopback = range(
  '127.0.0.1 or another loopback address',
  (value) =>
    typeof value === 'string' &&
    (value === '::1' || (isIP(value) === 4 && value.startsWith('127.'))),
);

/** The rules of {@link StartRealmOptions}. */
export const START_REALM_OPTIONS: OptionRules<StartRealmOptions> = {
  ...REALM_OPTIONS,
  address: loopback,
  port: wholeNumber(0, 65_535),
  neighbours: listOf(objectWith('a realm of startRealm', 'answer', 'stop')),
};
