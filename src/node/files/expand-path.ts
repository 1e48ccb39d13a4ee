/** Tokens in the paths of krb5.conf: `FILE:/var/lib/%{uid}.keytab`. */
import { tmpdir, userInfo } from 'node:os';
import process from 'node:process';
import { windowsToken } from './platform-paths.ts';

/**
 * Replaces `%{uid}` and the like (MIT krb5, krb5_conf.rst "Parameter expansion", expand_path.c).
 * Only values of krb5.conf may hold these.
 *
 * @returns undefined if there is one that nobody knows.
 */
export function expandPathTokens(text: string): string | undefined {
  let known = true;
  const expanded = text.replace(/%\{([^}]*)(\}?)/g, (_, token: string, end: string) => {
    const value = end === '' ? undefined : valueOfToken(token);
    known &&= value !== undefined;
    return value ?? '';
  });
  return known ? expanded : undefined;
}

function valueOfToken(token: string): string | undefined {
  switch (token) {
    case 'TEMP':
      return tmpdir();
    case 'uid':
    case 'USERID':
      return String(process.getuid?.() ?? 0);
    case 'euid':
      return String(process.geteuid?.() ?? 0);
    case 'username':
      return userInfo().username;
    case 'null':
      return '';
    default:
      return process.platform === 'win32' ? windowsToken(token) : undefined;
  }
}
