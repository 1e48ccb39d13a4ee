import { mkdtempSync } from 'node:fs';
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inject } from 'vitest';
import type { CLibrary } from './c-initiators.ts';
import { cInitiator, saslClient } from './c-initiators.ts';
import type { Realm } from './kdc.ts';
import type { PeerName } from './peers.ts';
import { runOrThrow } from './run.ts';

const { realm: found, missing, directory } = inject('interop');

/** True if a KDC and all the named peers are there; for `describe.runIf`. */
export function have(...peers: readonly PeerName[]): boolean {
  return found !== null && peers.every((peer) => !missing.includes(peer));
}

/** The realm of this run; only for tests under `describe.runIf(have(...))`. */
export function realm(): Realm {
  if (found === null) {
    throw new Error('no KDC in this run');
  }
  return found;
}

/** Path of a keytab that realm.sh made. */
export function keytab(name: string): string {
  return join(realm().keytabs, `${name}.keytab`);
}

/** A new directory of this run, removed at its end. */
export function scratch(): string {
  return mkdtempSync(join(directory, 'test-'));
}

/** Where the C initiator of a library is. */
export function cProgram(library: CLibrary): string {
  return cInitiator(directory, library);
}

/** Where the client of Cyrus SASL is. */
export function saslProgram(): string {
  return saslClient(directory);
}

/** Where the compiled Initiator.java is. */
export function javaClasses(): string {
  return join(directory, 'java');
}

/** A user's credentials: the environment that a Kerberos program needs to act as that user. */
export class User {
  readonly ccache: string;
  readonly env: Readonly<Record<string, string>>;

  constructor(ccache: string) {
    this.ccache = ccache;
    this.env = { KRB5_CONFIG: realm().krb5Config, KRB5CCNAME: `FILE:${ccache}` };
  }

  /** Gets a service ticket now, so that the programs started later need not ask the KDC. */
  async fetchTickets(...services: readonly string[]): Promise<this> {
    const names = services.map((service) => `${service}/${realm().hostname}`);
    await runOrThrow('kvno', ['-q', ...names], { env: this.env });
    return this;
  }

  /** The same credentials in another cache, for a program that runs beside others. */
  async copy(): Promise<User> {
    const ccache = join(scratch(), 'ccache');
    await copyFile(this.ccache, ccache);
    return new User(ccache);
  }
}

/**
 * Authenticates to the KDC with the user's password.
 *
 * @param name - One of realm().users.
 * @param flags - More options of kinit.
 */
export async function kinit(name = 'alice', flags: readonly string[] = []): Promise<User> {
  const user = new User(join(scratch(), 'ccache'));
  const input = `${realm().users[name]?.password}\n`;
  await runOrThrow('kinit', [...flags, name], { env: user.env, input });
  return user;
}

/**
 * The same credentials for a client that knows no other enctype, and so cannot ask for it (RFC 4537).
 *
 * @param user - Has its tickets already.
 */
export async function onlyPermitting(enctype: string, user: User): Promise<User> {
  const path = join(scratch(), 'krb5.conf');
  const config = await readFile(realm().krb5Config, 'utf8');
  // MIT krb5's and Java's settings, and Heimdal's, which has its own name for RC4.
  const heimdal = `default_etypes = ${enctype.replace(/^arcfour-hmac$/, 'arcfour-hmac-md5')}`;
  await writeFile(
    path,
    config
      .replace(/(\w+_enctypes) = .*/g, `$1 = ${enctype}`)
      .replace('[libdefaults]', `[libdefaults]\n  ${heimdal}`),
  );
  return Object.assign(await user.copy(), { env: { ...user.env, KRB5_CONFIG: path } });
}
