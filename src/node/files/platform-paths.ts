/** The paths of MIT krb5 on each platform: defaults, lists of files, and tokens in paths. */
import { tmpdir, userInfo } from 'node:os';
import { win32 } from 'node:path';
import process from 'node:process';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The default files of krb5.conf (MIT krb5, osconf.hin, init_os_ctx.c). The value `config` of
 * `Software\MIT\Kerberos5` in Windows' registry is not read.
 */
export function defaultConfigFiles(
  environment: Environment = process.env,
  platform: string = process.platform,
): string[] {
  switch (platform) {
    case 'win32':
      return [
        win32.join(commonAppData(environment), 'MIT', 'Kerberos5', 'krb5.ini'),
        win32.join(windowsFolder(environment), 'krb5.ini'),
      ];
    case 'darwin':
      return [`~/${APPLE_PREFERENCES}`, `/${APPLE_PREFERENCES}`, ETC_CONFIG];
    default:
      return [ETC_CONFIG];
  }
}

/** The name of the default keytab (MIT krb5, DEFAULT_KEYTAB_NAME). */
export function defaultKeytabName(
  environment: Environment = process.env,
  platform: string = process.platform,
): string {
  const path =
    platform === 'win32' ? win32.join(windowsFolder(environment), 'krb5kt') : '/etc/krb5.keytab';
  return `FILE:${path}`;
}

/**
 * The files of a list such as `KRB5_CONFIG`, separated by `;` on Windows and by `:` elsewhere. The colon of
 * a drive letter, `C:\krb5.ini`, is not a separator on any platform.
 */
export function splitFileList(list: string, platform: string = process.platform): string[] {
  return platform === 'win32' ? list.split(';') : list.split(SEPARATING_COLON);
}

/**
 * Replaces `%{uid}` and the other tokens of paths in krb5.conf, such as `FILE:/var/lib/%{uid}.keytab`
 * (MIT krb5, krb5_conf.rst "Parameter expansion", expand_path.c).
 *
 * @returns Undefined if the text has an unknown token.
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

/** The value of a token that MIT krb5 has on Windows only (expand_path.c). */
export function windowsToken(
  token: string,
  environment: Environment = process.env,
): string | undefined {
  switch (token) {
    case 'WINDOWS':
      return windowsFolder(environment);
    case 'SYSTEM':
      return win32.join(windowsFolder(environment), 'System32');
    case 'APPDATA':
      return environment.APPDATA;
    case 'LOCAL_APPDATA':
      return environment.LOCALAPPDATA;
    case 'COMMON_APPDATA':
      return commonAppData(environment);
    default:
      return undefined;
  }
}

function windowsFolder({ SystemRoot, WINDIR }: Environment): string {
  return SystemRoot || WINDIR || 'C:\\Windows';
}

function commonAppData({ ProgramData }: Environment): string {
  return ProgramData || 'C:\\ProgramData';
}

const ETC_CONFIG = '/etc/krb5.conf';
const APPLE_PREFERENCES = 'Library/Preferences/edu.mit.Kerberos';
// A colon, unless it is between a drive letter and a backslash.
const SEPARATING_COLON = /(?<=(?:^|:)[A-Za-z]):(?!\\)|(?<!(?:^|:)[A-Za-z]):/;
