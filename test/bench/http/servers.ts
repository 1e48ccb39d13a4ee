/** The web servers that take part: ours, each in a process of its own, and Apache. */
import { chmodSync, copyFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Participant } from '../contender.ts';
import type { BenchRealm } from '../realm.ts';
import type { WorkerCommand } from '../worker-process.ts';

/** Who lets the client in: everybody may enter, each request has a ticket, or the first one has. */
export type Access = 'open' | 'tickets' | 'sessions';

/** What our servers are made of. */
export type OwnKind = 'node:http' | 'Express' | 'Fastify';

/** A web server of one page, which greets the client. */
export interface WebServer extends Participant {
  /** How to start it. */
  readonly command: (port: number, keytab: string) => WorkerCommand;
}

/** Ours with a ticket for each request, then with a session or without authentication; and Apache. */
export function findServers(realm: BenchRealm): {
  readonly servers: readonly WebServer[];
  readonly absent: readonly string[];
} {
  const apache = apacheServer(realm);
  const servers = OWN_KINDS.flatMap((kind) => [
    ownServer(kind, 'tickets'),
    ...(kind === 'node:http' ? [ownServer(kind, 'tickets', `dir:${realm.folder}`)] : []),
    ownServer(kind, 'open'),
    ownServer(kind, 'sessions'),
  ]);
  return typeof apache === 'string'
    ? { servers, absent: [apache] }
    : { servers: [apache, ...servers], absent: [] };
}

/** The server that another one is compared with. */
export function baseOf(name: string): string {
  return name.endsWith(SESSIONS) ? name.replace(SESSIONS, OPEN) : APACHE_NAME;
}

/** @param replayCache - In memory if absent, or the name of one in files. */
function ownServer(kind: OwnKind, access: Access, replayCache?: string): WebServer {
  const suffix = {
    tickets: replayCache === undefined ? '' : ', files',
    open: OPEN,
    sessions: SESSIONS,
  };
  return {
    name: kind + suffix[access],
    own: true,
    abilities: [access === 'tickets' ? 'sign-on' : 'page'],
    warmUp: WARM_UP,
    command: (port, keytab) => ({
      program: process.execPath,
      args: [
        // That credentials come over plain HTTP is known.
        '--no-warnings',
        resolve(import.meta.dirname, 'own-server.js'),
        ...[kind, access, String(port), keytab],
        ...(replayCache === undefined ? [] : [replayCache]),
      ],
      env: { NODE_ENV: 'production' },
    }),
  };
}

/** Apache as Debian has it, in one process with 25 threads. @returns Or why it cannot be had. */
function apacheServer(realm: BenchRealm): WebServer | string {
  if (![APACHE, join(MODULES, 'mod_auth_gssapi.so')].every(existsSync)) {
    return 'Apache: install apache2 and libapache2-mod-auth-gssapi';
  }
  return {
    name: APACHE_NAME,
    own: false,
    abilities: ['sign-on'],
    warmUp: WARM_UP,
    command: (port, keytab) => {
      const folder = prepareFolder(realm, port, keytab);
      writeFileSync(join(folder, 'httpd.conf'), apacheConfig(folder, port));
      return {
        program: APACHE,
        args: ['-DFOREGROUND', '-d', folder, '-f', join(folder, 'httpd.conf')],
        env: { KRB5_CONFIG: realm.krb5Conf, KRB5RCACHEDIR: join(folder, 'rcache') },
      };
    },
  };
}

/** A folder that Apache's own user can read, with a replay cache that it can write. */
function prepareFolder(realm: BenchRealm, port: number, keytab: string): string {
  const folder = join(realm.openFolder, `apache-${port}`);
  mkdirSync(join(folder, 'htdocs'), { recursive: true });
  mkdirSync(join(folder, 'rcache'));
  chmodSync(join(folder, 'rcache'), 0o777);
  copyFileSync(keytab, join(folder, 'service.keytab'));
  chmodSync(join(folder, 'service.keytab'), 0o644);
  writeFileSync(join(folder, 'htdocs/index.html'), PAGE);
  return folder;
}

function apacheConfig(folder: string, port: number): string {
  const modules = ['mpm_event', 'authn_core', 'authz_core', 'authz_user', 'dir', 'auth_gssapi'];
  return `ServerName 127.0.0.1
Listen 127.0.0.1:${port}
PidFile ${folder}/pid
DefaultRuntimeDir ${folder}
ErrorLog ${folder}/error.log
${modules.map((name) => `LoadModule ${name}_module ${MODULES}/mod_${name}.so`).join('\n')}
User www-data
Group www-data
StartServers 1
ServerLimit 1
ThreadsPerChild 25
MaxRequestWorkers 25
KeepAlive On
MaxKeepAliveRequests 0
KeepAliveTimeout 300
DocumentRoot ${folder}/htdocs
DirectoryIndex index.html
<Directory ${folder}/htdocs>
  AuthType GSSAPI
  AuthName bench
  GssapiCredStore keytab:${folder}/service.keytab
  Require valid-user
</Directory>
`;
}

/** What every server answers. */
export const PAGE = 'Hello alice.liddell@CORP.EXAMPLE.TEST\n';

const OWN_KINDS: readonly OwnKind[] = ['node:http', 'Express', 'Fastify'];
const APACHE_NAME = 'Apache';
const OPEN = ', open to all';
const SESSIONS = ', in a session';
// Of 1000 requests: JavaScript needs some 4000 to be warm.
const WARM_UP = 5;
const APACHE = '/usr/sbin/apache2';
const MODULES = '/usr/lib/apache2/modules';
