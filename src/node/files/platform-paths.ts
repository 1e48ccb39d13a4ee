/** Where MIT krb5 keeps its files on each platform, and how lists of them are written there. */
import { win32 } from 'node:path';
import process from 'node:process';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The files of krb5.conf if nobody names others (MIT krb5, osconf.hin, init_os_ctx.c). What
 * Windows' registry may name (`Software\MIT\Kerberos5`, `config`) is not looked up.
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

/** The name of the keytab if nobody names another (MIT krb5, DEFAULT_KEYTAB_NAME). */
export function defaultKeytabName(
  environment: Environment = process.env,
  platform: string = process.platform,
): string {
  const path =
    platform === 'win32' ? win32.join(windowsFolder(environment), 'krb5kt') : '/etc/krb5.keytab';
  return `FILE:${path}`;
}

/**
 * The files of a list such as `KRB5_CONFIG`, which has `;` between them on Windows and `:` elsewhere.
 * The colon in `C:\krb5.ini` separates nothing, on any platform.
 */
export function splitFileList(list: string, platform: string = process.platform): string[] {
  return platform === 'win32' ? list.split(';') : list.split(SEPARATING_COLON);
}

/** The value of a token that only MIT krb5 for Windows knows (expand_path.c). */
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
// Not behind a drive letter that a backslash follows.
const SEPARATING_COLON = /(?<=(?:^|:)[A-Za-z]):(?!\\)|(?<!(?:^|:)[A-Za-z]):/;
