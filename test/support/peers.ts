import { existsSync, readdirSync } from 'node:fs';
import type { Aside } from './aside.ts';
import { asideLibraries, HEIMDAL, HEIMDAL_CLIENTS, NTLMSSP, unpackAside } from './aside.ts';
import { run } from './run.ts';

/** A program that the live tests talk to, and where Debian has it. */
interface Peer {
  readonly package: string;
  /** What is unpacked instead of installed. */
  readonly aside?: Aside;
  readonly present: () => boolean | Promise<boolean>;
}

/** The peers by the name that tests ask for. */
export type PeerName =
  | 'krb5kdc'
  | 'kinit'
  | 'gss-client'
  | 'python3-gssapi'
  | 'java'
  | 'inetd'
  | 'mit-c'
  | 'heimdal'
  | 'heimdal-clients'
  | 'curl'
  | 'ntlmssp'
  | 'samba'
  | 'chromium'
  | 'nginx'
  | 'caddy'
  | 'haproxy'
  | 'systemd'
  | 'redis'
  | 'postgresql'
  | 'jdbc'
  | 'cyrus-sasl'
  | 'gsasl'
  | 'ldapsearch'
  | 'kcat';

// Debian's own interpreter: python3-gssapi belongs to it and not to another one that may come first in PATH.
export const PYTHON = '/usr/bin/python3';
export const GSS_CLIENT = '/usr/bin/gss-client';
export const INETD = '/usr/sbin/inetd';
/** Debian's, or the same browser by its other name. */
export const CHROMIUM: string = existsSync('/usr/bin/google-chrome')
  ? '/usr/bin/google-chrome'
  : '/usr/bin/chromium';
export const NGINX = '/usr/sbin/nginx';
export const CADDY = '/usr/bin/caddy';
export const HAPROXY = '/usr/sbin/haproxy';
export const SAMBA = '/usr/sbin/samba';
export const GSASL = '/usr/bin/gsasl';
/** Debian's, or another one as Valkey: `KRB5_TEST_REDIS=/opt/valkey/bin/valkey-server`. */
export const REDIS: string = process.env.KRB5_TEST_REDIS ?? '/usr/bin/redis-server';
/** The driver of PostgreSQL for Java. */
export const JDBC = '/usr/share/java/postgresql.jar';

/** The directory of the newest PostgreSQL's programs, which Debian has for each version. */
export function postgresPrograms(): string | undefined {
  const versions = '/usr/lib/postgresql';
  if (!existsSync(versions)) return undefined;
  const [newest] = readdirSync(versions).sort((a, b) => Number(b) - Number(a));
  const programs = `${versions}/${newest}/bin`;
  return existsSync(`${programs}/postgres`) ? programs : undefined;
}

/** The peers that are not on this machine. */
export async function missingPeers(): Promise<PeerName[]> {
  const missing: PeerName[] = [];
  for (const name of Object.keys(PEERS) as PeerName[]) {
    if (!(await PEERS[name].present())) {
      missing.push(name);
    }
  }
  return missing;
}

/**
 * Installs Debian's packages of the named peers if this process may.
 *
 * @returns What went wrong, or undefined.
 */
export async function installPeers(names: readonly PeerName[]): Promise<string | undefined> {
  if (process.getuid?.() !== 0) {
    return 'installing them needs root';
  }
  if (!existsSync('/usr/bin/apt-get')) {
    return 'this is no Debian to install them on';
  }
  const packages = new Set(names.flatMap((name) => PEERS[name].package.split(' ')));
  // RUNLEVEL=1 keeps the packages from starting their own KDC or inetd.
  const env = { DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  const timeout = 600_000;
  await run('apt-get', ['update', '-q'], { env, timeout });
  const args = ['install', '-q', '-y', '--no-install-recommends', ...packages];
  const install = await run('apt-get', args, { env, timeout });
  if (install.code !== 0) {
    return `apt-get install failed: ${install.stderr.trim().split('\n').at(-1)}`;
  }
  for (const { aside } of names.map((name) => PEERS[name])) {
    const failure = aside && (await unpackAside(aside));
    if (failure !== undefined) return failure;
  }
  return undefined;
}

const PEERS: Readonly<Record<PeerName, Peer>> = {
  krb5kdc: {
    package: 'krb5-kdc krb5-admin-server krb5-user',
    present: () =>
      ['/usr/sbin/krb5kdc', '/usr/sbin/kadmin.local', '/usr/bin/kinit'].every(existsSync),
  },
  kinit: {
    package: 'krb5-user',
    present: () => ['/usr/bin/kinit', '/usr/bin/kvno'].every(existsSync),
  },
  'gss-client': { package: 'krb5-gss-samples', present: () => existsSync(GSS_CLIENT) },
  'python3-gssapi': {
    package: 'python3-gssapi',
    present: async () => (await run(PYTHON, ['-c', 'import gssapi'])).code === 0,
  },
  java: {
    package: 'default-jdk-headless',
    present: async () => (await run('javac', ['-version'])).code === 0,
  },
  inetd: { package: 'openbsd-inetd', present: () => existsSync(INETD) },
  'mit-c': {
    package: 'gcc libc6-dev libkrb5-dev',
    present: async () => (await haveCompiler()) && existsSync('/usr/include/gssapi/gssapi_ext.h'),
  },
  heimdal: {
    package: 'gcc libc6-dev',
    aside: HEIMDAL,
    present: async () => (await haveCompiler()) && asideLibraries(HEIMDAL) !== undefined,
  },
  'heimdal-clients': {
    package: 'libsqlite3-0 libcom-err2',
    aside: HEIMDAL_CLIENTS,
    present: () => asideLibraries(HEIMDAL_CLIENTS) !== undefined,
  },
  curl: {
    package: 'curl',
    present: async () => (await run('curl', ['--version'])).stdout.includes('SPNEGO'),
  },
  ntlmssp: {
    package: 'libwbclient0',
    aside: NTLMSSP,
    present: () => asideLibraries(NTLMSSP) !== undefined,
  },
  samba: {
    package: 'samba samba-ad-provision samba-dsdb-modules python3-samba iproute2',
    // Its network namespace needs root.
    present: () => process.getuid?.() === 0 && [SAMBA, '/usr/sbin/ip'].every(existsSync),
  },
  chromium: { package: 'chromium', present: () => existsSync(CHROMIUM) },
  nginx: { package: 'nginx-light', present: () => existsSync(NGINX) },
  caddy: { package: 'caddy', present: () => existsSync(CADDY) },
  haproxy: { package: 'haproxy', present: () => existsSync(HAPROXY) },
  systemd: {
    package: 'systemd',
    present: () =>
      ['/usr/bin/systemd-socket-activate', '/usr/bin/systemd-analyze'].every(existsSync),
  },
  redis: { package: 'redis-server', present: () => existsSync(REDIS) },
  postgresql: { package: 'postgresql', present: () => postgresPrograms() !== undefined },
  jdbc: {
    package: 'default-jdk-headless libpostgresql-jdbc-java',
    present: async () => existsSync(JDBC) && (await run('javac', ['-version'])).code === 0,
  },
  'cyrus-sasl': {
    package: 'gcc libc6-dev libsasl2-dev libsasl2-modules-gssapi-mit',
    present: async () => (await haveCompiler()) && existsSync('/usr/include/sasl/sasl.h'),
  },
  ldapsearch: {
    package: 'ldap-utils libsasl2-modules-gssapi-mit',
    present: () => existsSync('/usr/bin/ldapsearch') && haveGssapiModule(),
  },
  gsasl: { package: 'gsasl', present: () => existsSync(GSASL) },
  kcat: {
    package: 'kcat libsasl2-modules-gssapi-mit',
    present: () => existsSync('/usr/bin/kcat') && haveGssapiModule(),
  },
};

/** Of Cyrus SASL, in a directory named after the machine's architecture. */
function haveGssapiModule(): boolean {
  const [libraries = ''] = readdirSync('/usr/lib').filter((name) => name.includes('-linux-'));
  return existsSync(`/usr/lib/${libraries}/sasl2/libgssapiv2.so`);
}

async function haveCompiler(): Promise<boolean> {
  return (await run('cc', ['--version'])).code === 0;
}
