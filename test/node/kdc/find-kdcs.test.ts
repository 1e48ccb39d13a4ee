import { describe, expect, it, vi } from 'vitest';
import { Profile, parseProfile } from '../../../src/config/profile.ts';
import type { SrvRecord } from '../../../src/node/kdc/find-kdcs.ts';
import { findKdcs, parseKdc } from '../../../src/node/kdc/find-kdcs.ts';

function profile(text: string): Profile {
  return new Profile([parseProfile(text)]);
}

function record(name: string, priority = 0, weight = 0, port = 88): SrvRecord {
  return { name, port, priority, weight };
}

const noDns = async (): Promise<never> => {
  throw new Error('DNS was asked');
};

describe('parseKdc', () => {
  it.each([
    ['kdc.example.test', { host: 'kdc.example.test', port: 88 }],
    ['kdc.example.test:750', { host: 'kdc.example.test', port: 750 }],
    ['192.0.2.1:750', { host: '192.0.2.1', port: 750 }],
    ['[2001:db8::1]:750', { host: '2001:db8::1', port: 750 }],
    ['[2001:db8::1]', { host: '2001:db8::1', port: 88 }],
    ['2001:db8::1', { host: '2001:db8::1', port: 88 }],
    ['tcp/kdc.example.test', { host: 'kdc.example.test', port: 88, transport: 'tcp' }],
    ['udp/kdc:89', { host: 'kdc', port: 89, transport: 'udp' }],
    ['kdc.example.test # the first', { host: 'kdc.example.test', port: 88 }],
    ['https://proxy.example.test/KdcProxy', undefined],
    ['/run/kdc.sock', undefined],
    ['kdc:0', undefined],
    ['kdc:65536', undefined],
    ['\u2028', undefined],
    ['kdc\r', { host: 'kdc', port: 88 }],
    ['', undefined],
  ])('%s', (text, server) => {
    expect(parseKdc(text)).toEqual(server);
  });
});

describe('findKdcs', () => {
  it('names a server once, however often DNS does', async () => {
    const servers = await findKdcs('EXAMPLE.TEST', profile(''), async (name) =>
      name.startsWith('_kerberos._udp')
        ? [record('a.example.test'), record('A.example.test.'), record('a.example.test', 5)]
        : [],
    );
    expect(servers).toEqual([{ host: 'a.example.test', port: 88 }]);
  });

  it('takes those of krb5.conf and does not ask DNS then', async () => {
    const config = profile('[realms]\nR = {\n kdc = a\n kdc = https://b/KdcProxy\n kdc = c:1\n}\n');
    expect(await findKdcs('R', config, noDns)).toEqual([
      { host: 'a', port: 88 },
      { host: 'c', port: 1 },
    ]);
  });

  it('asks DNS for the others, and orders by priority and weight', async () => {
    const asked: string[] = [];
    const servers = await findKdcs('EXAMPLE.TEST', profile(''), async (name) => {
      asked.push(name);
      if (name.startsWith('_kerberos._tcp'))
        return [record('b.example.test'), record('t.example.test')];
      return [record('late', 9), record('a.example.test.', 1, 1), record('b.example.test', 1, 5)];
    });
    expect(asked).toEqual(['_kerberos._udp.EXAMPLE.TEST.', '_kerberos._tcp.EXAMPLE.TEST.']);
    expect(servers).toEqual([
      { host: 'b.example.test', port: 88 },
      { host: 'a.example.test', port: 88 },
      { host: 'late', port: 88 },
      { host: 't.example.test', port: 88, transport: 'tcp' },
    ]);
  });

  it('finds none where DNS has none, says that there is no service, or may not be asked', async () => {
    const none = async (): Promise<never> => {
      throw Object.assign(new Error(), { code: 'ENOTFOUND' });
    };
    expect(await findKdcs('R', profile(''), none)).toEqual([]);
    // RFC 2782: the name "." means that the service is not available.
    expect(await findKdcs('R', profile(''), async () => [record('.')])).toEqual([]);
    const off = profile('[libdefaults]\ndns_lookup_kdc = false\n');
    const asked = vi.fn(async () => [record('a.example.test')]);
    expect(await findKdcs('R', off, asked)).toEqual([]);
    expect(await findKdcs('NO DNS\nNAME', profile(''), asked)).toEqual([]);
    expect(asked).not.toHaveBeenCalled();
  });

  it('has at most eight', async () => {
    const many = Array.from({ length: 50 }, (_, i) => record(`kdc${i}`));
    expect(await findKdcs('R', profile(''), async () => many)).toHaveLength(8);
  });
});
