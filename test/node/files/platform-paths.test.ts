import process from 'node:process';
import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  defaultConfigFiles,
  defaultKeytabName,
  expandPathTokens,
  splitFileList,
  windowsToken,
} from '../../../src/node/files/platform-paths.ts';

const WINDOWS = { SystemRoot: 'D:\\Win', ProgramData: 'D:\\Data' };

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

describe('the default places', () => {
  it('are those of MIT krb5 on each platform', () => {
    expect(defaultConfigFiles({}, 'linux')).toEqual(['/etc/krb5.conf']);
    expect(defaultConfigFiles({}, 'darwin')).toEqual([
      '~/Library/Preferences/edu.mit.Kerberos',
      '/Library/Preferences/edu.mit.Kerberos',
      '/etc/krb5.conf',
    ]);
    expect(defaultConfigFiles(WINDOWS, 'win32')).toEqual([
      'D:\\Data\\MIT\\Kerberos5\\krb5.ini',
      'D:\\Win\\krb5.ini',
    ]);
    expect(defaultConfigFiles({ WINDIR: 'E:\\W' }, 'win32')).toEqual([
      'C:\\ProgramData\\MIT\\Kerberos5\\krb5.ini',
      'E:\\W\\krb5.ini',
    ]);
    expect(defaultKeytabName({}, 'linux')).toBe('FILE:/etc/krb5.keytab');
    expect(defaultKeytabName({}, 'darwin')).toBe('FILE:/etc/krb5.keytab');
    expect(defaultKeytabName({}, 'win32')).toBe('FILE:C:\\Windows\\krb5kt');
  });
});

describe('a list of files', () => {
  it.each([
    ['/etc/krb5.conf', ['/etc/krb5.conf']],
    ['/a:/b', ['/a', '/b']],
    ['a:/b:c', ['a', '/b', 'c']],
    ['C:\\krb5.ini', ['C:\\krb5.ini']],
    ['/a:C:\\krb5.ini:/b', ['/a', 'C:\\krb5.ini', '/b']],
    ['ab:\\c', ['ab', '\\c']],
    ['', ['']],
  ])('is between colons: %j', (list, files) => {
    expect(splitFileList(list, 'linux')).toEqual(files);
  });

  it('is between semicolons on Windows', () => {
    expect(splitFileList('C:\\krb5.ini', 'win32')).toEqual(['C:\\krb5.ini']);
    expect(splitFileList('c:/a.ini;D:\\b.ini', 'win32')).toEqual(['c:/a.ini', 'D:\\b.ini']);
  });
});

describe('the tokens of Windows', () => {
  it('are replaced by its folders', () => {
    const environment = { ...WINDOWS, APPDATA: 'R', LOCALAPPDATA: 'L' };
    const tokens = ['WINDOWS', 'SYSTEM', 'APPDATA', 'LOCAL_APPDATA', 'COMMON_APPDATA', 'LIBDIR'];
    expect(tokens.map((token) => windowsToken(token, environment))).toEqual([
      'D:\\Win',
      'D:\\Win\\System32',
      'R',
      'L',
      'D:\\Data',
      undefined,
    ]);
  });

  it('exist there only', () => {
    expect(expandPathTokens('%{WINDOWS}\\krb5kt')).toBeUndefined();
    vi.spyOn(process, 'platform', 'get').mockReturnValue('win32');
    vi.stubEnv('SystemRoot', 'D:\\Win');
    expect(expandPathTokens('%{WINDOWS}\\krb5kt')).toBe('D:\\Win\\krb5kt');
  });
});
