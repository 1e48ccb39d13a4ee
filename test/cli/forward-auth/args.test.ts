/** The command line of krb5-forward-auth, and its environment. */
import { describe, expect, it } from 'vitest';
import type { ForwardAuthArguments } from '../../../src/cli/forward-auth/args.ts';
import { parseArguments } from '../../../src/cli/forward-auth/args.ts';
import { HELP, USAGE } from '../../../src/cli/forward-auth/help.ts';
import {
  activatedSockets,
  formatAddress,
  isLocal,
  parseAddress,
} from '../../../src/cli/forward-auth/listen.ts';

function parse(argv: readonly string[], environment = {}): ForwardAuthArguments {
  const parsed = parseArguments(argv, environment);
  if (parsed.action !== 'serve') throw new Error(JSON.stringify(parsed));
  return parsed.arguments;
}

describe('parseArguments', () => {
  it('has defaults for all', () => {
    expect(parse([])).toEqual({
      service: 'HTTP@',
      trust: [],
      headers: new Map([
        ['Remote-User', 'principal'],
        ['Remote-Groups', 'groups'],
      ]),
      original: {
        method: 'x-forwarded-method',
        uri: 'x-forwarded-uri',
        host: 'x-forwarded-host',
      },
      requireTls: false,
      insecureCookie: false,
      preflight: false,
      lateFallback: false,
      verbose: false,
      log: 'text',
    });
  });

  it('takes every option', () => {
    const argv = [
      ['-keytab', 'k', '--service=HTTP@www', '-listen', 'unix:/run/a', '-trust', '10.0.0.0/8,::1'],
      ['-session-key', 's', '-session-age', '60', '-rules', 'r', '-exchanges', 'redis://h'],
      ['-rcache', 'dfl:', '-headers', 'X-User=name', '-method-header', 'X-Original-Method'],
      ['-uri-header', 'X-Original-URI', '-host-header', 'Host', '-certificate', 'c'],
      ['-require-tls', '-insecure-cookie', '-preflight', '-verbose'],
      ['-iakerb', '-realms', 'A.TEST,B.TEST', '-late-fallback'],
      ['-logfile', 'l', '-log', 'json', '-report', 'p'],
    ].flat();
    expect(parse(argv)).toEqual({
      keytab: 'k',
      service: 'HTTP@www',
      listen: { path: '/run/a' },
      trust: ['10.0.0.0/8', '::1'],
      sessionKey: 's',
      sessionAge: 60,
      rules: 'r',
      exchanges: 'redis://h',
      replayCache: 'dfl:',
      iakerb: { realms: ['A.TEST', 'B.TEST'] },
      lateFallback: true,
      headers: new Map([['X-User', 'name']]),
      original: { method: 'x-original-method', uri: 'x-original-uri', host: 'host' },
      certificate: 'c',
      requireTls: true,
      insecureCookie: true,
      preflight: true,
      verbose: true,
      logfile: 'l',
      log: 'json',
      report: 'p',
    });
    for (const option of argv.filter((word) => /^--?[a-z]/.test(word))) {
      const name = option.replace(/^--?([^=]+).*$/, '-$1');
      expect(USAGE).toContain(name);
      expect(HELP.replace(USAGE, '')).toContain(name);
    }
  });

  it('takes options from the environment, of which the command line decides', () => {
    const environment = {
      KRB5_FORWARD_AUTH_KEYTAB: 'k',
      KRB5_FORWARD_AUTH_SESSION_KEY: 's',
      KRB5_FORWARD_AUTH_REQUIRE_TLS: '1',
      KRB5_FORWARD_AUTH_VERBOSE: '0',
      PATH: '/bin',
    };
    expect(parse(['-keytab', 'other'], environment)).toMatchObject({
      keytab: 'other',
      sessionKey: 's',
      requireTls: true,
      verbose: false,
    });
  });

  it.each([
    [['x'], {}, "expected options only, got 'x'"],
    [['-rule', 'r'], {}, 'unknown option -rule'],
    [['-rules='], {}, '-rules: expected a value, got an empty text'],
    // A rules file that is not read would let everybody in.
    [[], { KRB5_FORWARD_AUTH_RULE: 'r' }, 'KRB5_FORWARD_AUTH_RULE: there is no option -rule'],
    [[], { KRB5_FORWARD_AUTH_RULES: '' }, '-rules: expected a value, got an empty text'],
    [
      [],
      { KRB5_FORWARD_AUTH_REQUIRE_TLS: 'yes' },
      'KRB5_FORWARD_AUTH_REQUIRE_TLS: expected 0 or 1',
    ],
    [[], { KRB5_FORWARD_AUTH_HELP: '1' }, 'KRB5_FORWARD_AUTH_HELP: there is no option -help'],
    [['-exchanges', 'redis://h'], {}, '-exchanges needs -session-key'],
    [['-realms', 'A.TEST'], {}, '-realms needs -iakerb'],
    [['-late-fallback'], {}, '-late-fallback needs -iakerb'],
    [['-iakerb'], {}, '-iakerb needs -exchanges: a client logs in with several requests'],
    [
      ['-iakerb', '-realms', '*', '-exchanges', 'redis://h', '-session-key', 's'],
      {},
      '-realms: expected names of realms, separated by commas',
    ],
    [
      ['-exchanges', 'redis://:p@h'],
      {},
      'Store of exchanges redis://h: every user of this machine can read its password; set KRB5_FORWARD_AUTH_EXCHANGES to the URL with the password, and omit -exchanges',
    ],
    [['-session-age', '5'], {}, '-session-age needs -session-key'],
    [['-uri-header', 'X Y'], {}, "-uri-header: expected the name of a header, got 'X Y'"],
    [
      ['-headers', 'Remote-User'],
      {},
      "-headers: expected Name=field, as Remote-User=principal, got 'Remote-User'",
    ],
    [
      ['-headers', 'Remote_User=name'],
      {},
      "-headers: expected Name=field, as Remote-User=principal, got 'Remote_User=name'",
    ],
    [
      ['-headers', 'Set-Cookie=name'],
      {},
      "-headers: expected Name=field, as Remote-User=principal, got 'Set-Cookie=name'",
    ],
    [
      ['-headers', 'X-User=password'],
      {},
      /^-headers: expected one of principal, name, .* got 'password'$/,
    ],
    [['-headers', 'X-User=name,x-user=sid'], {}, '-headers: x-user comes twice'],
    [
      ['-listen', '4180'],
      {},
      "-listen: expected 127.0.0.1:4180, [::1]:4180 or unix:/path, got '4180'",
    ],
    [
      ['-listen', '127.0.0.1:65536'],
      {},
      "-listen: expected 127.0.0.1:4180, [::1]:4180 or unix:/path, got '127.0.0.1:65536'",
    ],
    [
      ['-listen', 'unix:a'],
      {},
      "-listen: expected unix: and an absolute path of at most 107 bytes, got 'unix:a'",
    ],
  ])('refuses %j with %j', (argv, environment, message) => {
    const parsed = parseArguments(argv, environment);
    expect(parsed).toMatchObject({ action: 'usage' });
    if (parsed.action === 'usage') expect(parsed.message).toMatch(message);
  });

  it('answers -help and -version whatever else is there', () => {
    expect(parseArguments(['-help'], { KRB5_FORWARD_AUTH_X: '1' })).toEqual({ action: 'help' });
    expect(parseArguments(['--version'], {})).toEqual({ action: 'version' });
  });
});

describe('addresses', () => {
  it.each([
    ['127.0.0.1:4180', true],
    ['127.1.2.3:0', true],
    ['[::1]:4180', true],
    ['[::ffff:127.0.0.1]:1', true],
    ['localhost:1', true],
    ['unix:/run/x', true],
    ['0.0.0.0:4180', false],
    ['[::]:4180', false],
    ['10.0.0.1:4180', false],
    ['127.example.com:1', false],
    ['127.0.0.1.example.com:1', false],
  ])('%s is of this machine alone: %s', (text, local) => {
    expect(isLocal(parseAddress(text))).toBe(local);
    expect(formatAddress(parseAddress(text))).toBe(text);
  });
});

describe('activatedSockets', () => {
  it('are those that systemd opened for this process', () => {
    expect(activatedSockets({ LISTEN_PID: '7', LISTEN_FDS: '2' }, 7)).toEqual([3, 4]);
    expect(activatedSockets({ LISTEN_PID: '7', LISTEN_FDS: '2' }, 8)).toEqual([]);
    expect(activatedSockets({ LISTEN_PID: '7', LISTEN_FDS: '-1' }, 7)).toEqual([]);
    expect(activatedSockets({ LISTEN_PID: '7' }, 7)).toEqual([]);
    expect(activatedSockets({}, 7)).toEqual([]);
  });
});
