import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { run } from './run.ts';

/**
 * Debian packages that cannot be installed beside the others, or that would change what the others do: unpacked into
 * a directory of their own, and used from there.
 */
export interface Aside {
  /** Name of the directory. */
  readonly name: string;
  readonly packages: readonly string[];
}

// MIT krb5's and Heimdal's libraries exclude each other.
export const HEIMDAL: Aside = {
  name: 'heimdal',
  packages: [
    'heimdal-multidev',
    'libasn1-8-heimdal',
    'libgssapi3-heimdal',
    'libhcrypto5-heimdal',
    'libheimbase1-heimdal',
    'libheimntlm0-heimdal',
    'libhx509-5-heimdal',
    'libkrb5-26-heimdal',
    'libroken19-heimdal',
    'libwind0-heimdal',
  ],
};

// Its programs want other versions of the commands of MIT krb5.
export const HEIMDAL_CLIENTS: Aside = {
  name: 'heimdal-clients',
  packages: [
    'heimdal-clients',
    'libasn1-8-heimdal',
    'libgssapi3-heimdal',
    'libhcrypto5-heimdal',
    'libheimbase1-heimdal',
    'libheimntlm0-heimdal',
    'libhx509-5-heimdal',
    'libkafs0-heimdal',
    'libkrb5-26-heimdal',
    'libroken19-heimdal',
    'libsl0-heimdal',
    'libwind0-heimdal',
  ],
};

// Installed, it would offer NTLM in every negotiation of this machine.
export const NTLMSSP: Aside = { name: 'gss-ntlmssp', packages: ['gss-ntlmssp'] };

/** Where a file of an unpacked package is; undefined if it is not unpacked. */
export function asidePath(aside: Aside, path: string): string | undefined {
  const file = join(directoryOf(aside), path);
  return existsSync(join(directoryOf(aside), MARKER)) && existsSync(file) ? file : undefined;
}

/** Where the libraries of an unpacked package are; undefined if it is not unpacked. */
export function asideLibraries(aside: Aside): string | undefined {
  const libraries = asidePath(aside, 'usr/lib');
  // Named after the machine's architecture, such as x86_64-linux-gnu.
  const triplet = libraries && readdirSync(libraries).find((name) => name.includes('-linux-'));
  return triplet && join(libraries, triplet);
}

/** The version of the first package. */
export function asideVersion(aside: Aside): string {
  const file = readdirSync(directoryOf(aside)).find((name) => name.endsWith('.deb'));
  // name_version_architecture.deb
  return file?.split('_')[1] ?? 'of unknown version';
}

/**
 * Downloads and unpacks.
 *
 * @returns What went wrong, or undefined.
 */
export async function unpackAside(aside: Aside): Promise<string | undefined> {
  const directory = directoryOf(aside);
  mkdirSync(directory, { recursive: true });
  const download = await run('apt-get', ['download', '-q', ...aside.packages], {
    cwd: directory,
    timeout: 300_000,
  });
  if (download.code !== 0) {
    return `apt-get download failed: ${download.stderr.trim().split('\n').at(-1)}`;
  }
  for (const file of readdirSync(directory).filter((name) => name.endsWith('.deb'))) {
    const unpack = await run('dpkg', ['-x', join(directory, file), directory]);
    if (unpack.code !== 0) {
      return `dpkg -x ${file} failed: ${unpack.stderr.trim()}`;
    }
  }
  writeFileSync(join(directory, MARKER), '');
  return undefined;
}

function directoryOf(aside: Aside): string {
  return resolve(import.meta.dirname, '../../node_modules/.cache/krb5-acceptor', aside.name);
}

// Written last: an unpacking that was cut short is done again.
const MARKER = '.complete';
