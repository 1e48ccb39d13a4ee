import { describe, expect, it } from 'vitest';
import type { ServerArguments } from '../../../src/cli/gss-server/args.ts';
import { parseArguments } from '../../../src/cli/gss-server/args.ts';
import { HELP, USAGE } from '../../../src/cli/gss-server/help.ts';

const DEFAULTS: ServerArguments = {
  service: 'host@www.example.com',
  port: 4444,
  host: undefined,
  verbose: false,
  inetd: false,
  once: false,
  exportContext: false,
  logfile: undefined,
  report: undefined,
  keytab: undefined,
  maxKeytabAge: undefined,
  replayCache: undefined,
  mechanism: undefined,
  relayedRealms: undefined,
  lateFallback: undefined,
  idleTimeout: undefined,
  handshakeTimeout: undefined,
  maxTokenSize: undefined,
  maxConnections: undefined,
  maxConnectionsPerSource: undefined,
  maxPenalty: undefined,
  requireAuthentication: undefined,
  allowAnonymous: undefined,
  workers: undefined,
  log: 'text',
};
const SERVICE = 'host@www.example.com';
const KRB5 = '1.2.840.113554.1.2.2';

describe('parseArguments', () => {
  it.each<[string, string[], Partial<ServerArguments>]>([
    ['the service alone', [SERVICE], {}],
    ['a service without a host', ['host'], { service: 'host' }],
    ['a service of any host', ['host@'], { service: 'host@' }],
    ['a principal', ['HTTP/a.b@R'], { service: 'HTTP/a.b@R' }],
    ['any key', ['*'], { service: '*' }],
    ['a port', ['-port', '8080', SERVICE], { port: 8080 }],
    ['IAKERB', ['-iakerb', SERVICE], { mechanism: '1.3.6.1.5.2.5' }],
    [
      'Late Fallback',
      ['-iakerb', '-latefallback', SERVICE],
      { mechanism: '1.3.6.1.5.2.5', lateFallback: true },
    ],
    ['IAKERB by name', ['-mech', 'iakerb', SERVICE], { mechanism: '1.3.6.1.5.2.5' }],
    [
      'realms to relay to',
      ['-iakerb', '-realms', 'A.TEST,B.TEST', SERVICE],
      { mechanism: '1.3.6.1.5.2.5', relayedRealms: ['A.TEST', 'B.TEST'] },
    ],
    ['a free port', ['-port', '0', SERVICE], { port: 0 }],
    ['the last port', ['-port', '65535', SERVICE], { port: 65_535 }],
    ['two dashes', ['--port', '8080', '--verbose', SERVICE], { port: 8080, verbose: true }],
    ['an equals sign', ['--port=8080', '-logfile=a=b', SERVICE], { port: 8080, logfile: 'a=b' }],
    [
      'switches',
      ['-verbose', '-inetd', '-once', '-export', SERVICE],
      { verbose: true, inetd: true, once: true, exportContext: true },
    ],
    ['a switch twice', ['-once', '-once', SERVICE], { once: true }],
    ['the last of two values', ['-port', '1', '-port', '2', SERVICE], { port: 2 }],
    ['options after the service', [SERVICE, '-once'], { once: true }],
    [
      'files',
      ['-logfile', '/l', '-keytab', 'FILE:/k', '-rcache', 'dir:/r', SERVICE],
      { logfile: '/l', keytab: 'FILE:/k', replayCache: 'dir:/r' },
    ],
    ['a report', ['-report', '/r', '-log', 'json', SERVICE], { report: '/r', log: 'json' }],
    ['a value with a dash', ['-logfile', '-verbose', SERVICE], { logfile: '-verbose' }],
    ['the end of options', ['-once', '--', '-odd'], { once: true, service: '-odd' }],
    ['kerberos_v5', ['-mech', 'kerberos_v5', SERVICE], { mechanism: KRB5 }],
    ['krb5 in any case', ['-mech', 'KRB5', SERVICE], { mechanism: KRB5 }],
    ['a dotted OID', ['-mech', KRB5, SERVICE], { mechanism: KRB5 }],
    ['an OID in braces', ['-mech', '{ 1 2 840 113554 1 2 2 }', SERVICE], { mechanism: KRB5 }],
    [
      'limits',
      ['-timeout', '9', '-handshake', '8', '-maxtoken', '7', '-maxconn', '6', SERVICE],
      { idleTimeout: 9, handshakeTimeout: 8, maxTokenSize: 7, maxConnections: 6 },
    ],
    [
      'shares',
      ['-maxsource', '5', '-penalty', '0', SERVICE],
      { maxConnectionsPerSource: 5, maxPenalty: 0 },
    ],
    ['an age of keys', ['-keytabage', '600', SERVICE], { maxKeytabAge: 600 }],
    ['who may come', ['-authenticated', SERVICE], { requireAuthentication: true }],
    ['anonymous clients', ['-anonymous', SERVICE], { allowAnonymous: true }],
    ['workers', ['-workers', '2', '-once', SERVICE], { workers: 2, once: true }],
    ['an address', ['-host', '::1', SERVICE], { host: '::1' }],
  ])('takes %s', (_name, argv, expected) => {
    expect(parseArguments(argv)).toEqual({
      action: 'serve',
      arguments: { ...DEFAULTS, ...expected },
    });
  });

  it('takes -check with the options of the server', () => {
    expect(parseArguments(['-check', '-log', 'json', '-port', '88', SERVICE])).toEqual({
      action: 'check',
      arguments: { ...DEFAULTS, port: 88, log: 'json' },
    });
    expect(parseArguments(['-check', '-log', 'xml', SERVICE])).toEqual({
      action: 'usage',
      message: "-log: expected text or json, got 'xml'",
    });
  });

  it.each([['-help'], ['--help']])('takes %s whatever else is there', (option) => {
    expect(parseArguments([option, 'a', 'b'])).toEqual({ action: 'help' });
  });

  it('takes -version without a service', () => {
    expect(parseArguments(['-version'])).toEqual({ action: 'version' });
  });

  it('reports a missing service_name without a message', () => {
    expect(parseArguments([])).toEqual({ action: 'usage', message: undefined });
    expect(parseArguments(['-once'])).toEqual({ action: 'usage', message: undefined });
  });

  it.each([
    [['-frob', SERVICE], 'unknown option -frob'],
    [['--frob=1', SERVICE], 'unknown option --frob=1'],
    [['-toString', SERVICE], 'unknown option -toString'],
    [['-port'], '-port needs a value'],
    [['-port', '', SERVICE], "-port: expected a number from 0 to 65535, got ''"],
    [['-port', '65536', SERVICE], "-port: expected a number from 0 to 65535, got '65536'"],
    [['-port', '-1', SERVICE], "-port: expected a number from 0 to 65535, got '-1'"],
    [['-port', '80x', SERVICE], "-port: expected a number from 0 to 65535, got '80x'"],
    [['-port', '1e3', SERVICE], "-port: expected a number from 0 to 65535, got '1e3'"],
    [['-port', '9'.repeat(99), SERVICE], '-port: expected a number from 0 to 65535'],
    [['-timeout', '0', SERVICE], "-timeout: expected a number from 1 to 2147483, got '0'"],
    [['-maxtoken', '16M', SERVICE], "-maxtoken: expected a number from 1 to 2147483647, got '16M'"],
    [['-maxconn', '1.5', SERVICE], "-maxconn: expected a number from 1 to 1000000, got '1.5'"],
    [['-workers', '0', SERVICE], "-workers: expected a number from 1 to 256, got '0'"],
    [['-inetd', '-workers', '2', SERVICE], '-workers: inetd starts a process for each client'],
    [['-logfile=', SERVICE], '-logfile: expected a value, got an empty text'],
    [['-verbose=yes', SERVICE], '-verbose takes no value'],
    [['host', 'ftp'], 'expected one service_name, got host and ftp'],
    [[''], 'service_name: expected a name, got an empty text'],
    [['-mech', 'frob', SERVICE], "'{ 1 2 840 113554 1 2 2 }', got 'frob'"],
    [['-mech', '1.2.', SERVICE], "got '1.2.'"],
    [['-mech', '{ 1 2', SERVICE], "got '{ 1 2'"],
  ])('refuses %j', (argv, message) => {
    const parsed = parseArguments(argv);
    expect(parsed.action).toBe('usage');
    expect(parsed).toHaveProperty('message', expect.stringContaining(message));
  });

  it('knows every option of its own usage, and the help explains each', () => {
    const options = [...USAGE.matchAll(/\[-(\w+)( \w+)?\]/g)];
    expect(options.length).toBe(24);
    for (const [, name, value] of options) {
      const argument = { mech: 'krb5', host: '::1' }[name!] ?? '1';
      const argv = value === undefined ? [`-${name}`] : [`-${name}`, argument];
      expect(parseArguments([...argv, SERVICE]).action).toBe('serve');
      expect(HELP).toMatch(new RegExp(`^  -${name}\\b.*  `, 'm'));
    }
  });
});
