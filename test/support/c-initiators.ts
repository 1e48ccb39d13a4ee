import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { asideLibraries, asidePath, HEIMDAL, NTLMSSP } from './aside.ts';
import type { PeerName } from './peers.ts';
import { runOrThrow } from './run.ts';

/** The libraries that initiator.c is compiled for. */
export type CLibrary = 'mit-c' | 'heimdal';

/** Compiles initiator.c once for each library that is there. */
export async function compileCInitiators(
  directory: string,
  missing: readonly PeerName[],
): Promise<void> {
  const source = resolve(import.meta.dirname, '../interop/clients/initiator.c');
  for (const library of ['mit-c', 'heimdal'] as const) {
    if (missing.includes(library)) continue;
    const flags = library === 'heimdal' ? heimdalFlags() : ['-DMIT', '-lgssapi_krb5'];
    const program = cInitiator(directory, library);
    await runOrThrow('cc', ['-Wall', '-Wextra', '-Werror', '-O1', '-o', program, source, ...flags]);
  }
}

/** Compiles the client of Cyrus SASL. */
export async function compileSaslClient(directory: string): Promise<void> {
  const source = resolve(import.meta.dirname, '../interop/clients/sasl_client.c');
  const program = saslClient(directory);
  await runOrThrow('cc', ['-Wall', '-Wextra', '-Werror', '-O1', '-o', program, source, '-lsasl2']);
}

/** The compiled client of Cyrus SASL. */
export function saslClient(directory: string): string {
  return join(directory, 'sasl-client');
}

/** The compiled program. */
export function cInitiator(directory: string, library: CLibrary): string {
  return join(directory, `initiator-${library}`);
}

/**
 * The environment in which MIT krb5 has NTLM as well, and a password for it.
 *
 * @param directory - Where the files go that say so.
 */
export function ntlmEnvironment(directory: string): Record<string, string> {
  const plugin = join(asideLibraries(NTLMSSP) ?? '', 'gssntlmssp/gssntlmssp.so');
  const mechanisms = join(directory, 'mech.conf');
  const password = join(directory, 'ntlm-user');
  writeFileSync(mechanisms, `gssntlmssp_v1 1.3.6.1.4.1.311.2.2.10 ${plugin}\n`);
  writeFileSync(password, 'EXAMPLE:alice:alice-password\n');
  return { GSS_MECH_CONFIG: mechanisms, NTLM_USER_FILE: password };
}

function heimdalFlags(): string[] {
  const headers = asidePath(HEIMDAL, 'usr/include/heimdal') ?? '';
  const libraries = asideLibraries(HEIMDAL) ?? '';
  // The old kind of run-time path also holds for the libraries that the library needs.
  const path = `-Wl,--disable-new-dtags,-rpath,${libraries}`;
  return [`-I${headers}`, join(libraries, 'libgssapi.so.3'), path];
}
