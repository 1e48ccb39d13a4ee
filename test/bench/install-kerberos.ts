/** Fetches npm's `kerberos` and builds its addon from source, against this machine's MIT krb5. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { NATIVE_FOLDER } from './contenders.ts';

export function installKerberos(): void {
  mkdirSync(NATIVE_FOLDER, { recursive: true });
  writeFileSync(join(NATIVE_FOLDER, 'package.json'), '{ "private": true }\n');
  const args = ['install', '--build-from-source', '--no-audit', '--no-fund', `kerberos@${VERSION}`];
  execFileSync('npm', args, { cwd: NATIVE_FOLDER, stdio: 'inherit' });
}

const VERSION = '7.0.0';
