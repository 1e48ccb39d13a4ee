import { describe, expect, it } from 'vitest';
import { parseKerberosConfig } from '../../../src/config/settings.ts';
import { parsePrincipal } from '../../../src/messages/principal.ts';
import type { Finding } from '../../../src/node/check/finding.ts';
import { judgeNames, serviceHosts } from '../../../src/node/check/names.ts';
import type { FakeNames } from '../../support/fake-system.ts';
import { fakeSystem } from '../../support/fake-system.ts';

const WWW = 'HTTP/www.example.test@EXAMPLE.TEST';

interface Situation extends FakeNames {
  readonly principals?: readonly string[];
  readonly config?: string;
  readonly rdns?: boolean;
}

function judge({ principals = [WWW], config = '', rdns = true, ...names }: Situation) {
  return judgeNames(serviceHosts(principals.map((name) => parsePrincipal(name))), {
    config: parseKerberosConfig(config),
    system: fakeSystem(names),
    rdns,
  });
}

async function faults(situation: Situation): Promise<string[]> {
  return (await judge(situation)).filter(isFault).map(({ reason }) => reason!);
}

function isFault({ status }: Finding): boolean {
  return status !== 'ok';
}

const ADDRESSES = { 'www.example.test': ['192.0.2.1'] };

describe('judgeNames', () => {
  it('is content where forward and reverse agree', async () => {
    const names = { '192.0.2.1': ['WWW.example.test.'] };
    expect(await judge({ addresses: ADDRESSES, names, own: ['192.0.2.1'] })).toEqual([
      {
        check: 'dns',
        status: 'ok',
        text: 'www.example.test is 192.0.2.1, this machine',
        remedies: [],
      },
    ]);
  });

  it('says where the name leads if that is not here', async () => {
    const [finding] = await judge({ addresses: ADDRESSES });
    expect(finding!.text).toContain('not an address of this machine (web1)');
    expect(finding!.status).toBe('ok');
  });

  it('finds a name without an address', async () => {
    const [finding] = await judge({});
    expect(finding).toMatchObject({
      status: 'warning',
      reason: 'dns.no-address',
      text: 'www.example.test has no address (ENOTFOUND): clients that use this name cannot connect',
    });
  });

  it('finds an alias whose target has no key', async () => {
    const aliases = { 'www.example.test': 'web1.example.test' };
    const [, finding] = await judge({ addresses: ADDRESSES, aliases });
    expect(finding).toMatchObject({ status: 'warning', reason: 'dns.alias' });
    expect(finding!.remedies[0]).toContain('setspn -S HTTP/web1.example.test account');
    const both = [WWW, 'HTTP/web1.example.test@EXAMPLE.TEST'];
    const addresses = { ...ADDRESSES, 'web1.example.test': ['192.0.2.1'] };
    expect(await faults({ addresses, aliases, principals: both })).toEqual([]);
  });

  it('finds a reverse name that has no key, unless krb5.conf has rdns = false', async () => {
    const names = { '192.0.2.1': ['web1.example.test'] };
    const [, finding] = await judge({ addresses: ADDRESSES, names });
    expect(finding).toMatchObject({ status: 'warning', reason: 'dns.reverse' });
    expect(finding!.text).toContain('ask for HTTP/web1.example.test, for which there is no key');
    expect(await faults({ addresses: ADDRESSES, names, rdns: false })).toEqual([]);
  });

  it('does not look at the reverse name of a loopback address', async () => {
    const situation = {
      principals: ['host/localhost@R'],
      addresses: { localhost: ['127.0.0.1', '::1'] },
      names: { '127.0.0.1': ['web1'], '::1': ['web1'] },
    };
    expect(await faults(situation)).toEqual([]);
  });

  it('finds short names and addresses', async () => {
    expect(await faults({ principals: ['HTTP/www@R'], addresses: { www: ['192.0.2.1'] } })).toEqual(
      ['spn.short-name'],
    );
    expect(await faults({ principals: ['HTTP/192.0.2.1@R'] })).toEqual(['dns.address-as-name']);
  });

  it('finds a realm other than that of [domain_realm]', async () => {
    const of = (realm: string) => `[domain_realm]\n .example.test = ${realm}\n`;
    expect(await faults({ addresses: ADDRESSES, config: of('OTHER.TEST') })).toEqual([
      'spn.other-realm',
    ]);
    expect(await faults({ addresses: ADDRESSES, config: of('example.test') })).toEqual([
      'spn.realm-case',
    ]);
    expect(await faults({ addresses: ADDRESSES, config: of('EXAMPLE.TEST') })).toEqual([]);
  });

  it('looks at four hosts, and at none of a name that is no service on a host', async () => {
    const principals = Array.from({ length: 9 }, (_, i) => `HTTP/h${i}.example.test@R`);
    expect(await judge({ principals })).toHaveLength(4);
    expect(await judge({ principals: ['alice@R', 'a/b/c@R'] })).toEqual([]);
  });

  it('escapes what keytabs and DNS contain', async () => {
    const hostile = { ...ADDRESSES, 'www.example.test': ['192.0.2.1'] };
    const aliases = { 'www.example.test': 'evil\x1b[2J.example.test' };
    const [, finding] = await judge({ addresses: hostile, aliases });
    expect(finding!.text).toContain('evil\\x1b[2j.example.test');
  });
});
