import { describe, expect, it } from 'vitest';
import type { CredentialWarning, KeytabProvider } from '../../src/index.ts';
import { acquireCredential, EncryptionKey } from '../../src/index.ts';
import type { Keytab } from '../../src/keytab/keytab.ts';
import { parseServiceName } from '../../src/keytab/service-name.ts';
import type { UnusableReason } from '../../src/keytab/unusable.ts';
import { explainUnusable } from '../../src/keytab/unusable.ts';
import { parsePrincipal } from '../../src/messages/principal.ts';
import { ChannelName } from '../../src/observe/channels.ts';
import { listen } from '../support/channels.ts';
import { makeKeytab } from '../support/realm-kit.ts';

const WWW = 'HTTP/www.example.test@EXAMPLE.TEST';

/** A keytab with a key of single DES for each name. */
function desOf(...names: readonly string[]): Keytab {
  return desWithKvno(1, ...names);
}

function desWithKvno(kvno: number, ...names: readonly string[]): Keytab {
  return {
    version: 2,
    entries: names.map((name) => ({
      principal: parsePrincipal(name),
      kvno,
      timestamp: 0,
      key: new EncryptionKey(3, new Uint8Array(8).fill(1)),
    })),
  };
}

/** With a key of AES of one kvno, and one of single DES of the other. */
function besideAes(aes: number, des: number, name = WWW): Keytab {
  const { entries } = makeKeytab({ principal: name, kvno: aes });
  return { version: 2, entries: [...desWithKvno(des, name).entries, ...entries] };
}

function reasonsOf(keytab: Keytab, service = 'HTTP@'): UnusableReason[] {
  const reasons = ['keytab.unusable', 'keytab.newest-unusable', 'keytab.not-used'] as const;
  const matcher = parseServiceName(service);
  return reasons.filter((reason) => explainUnusable(keytab, matcher, reason) !== undefined);
}

describe('explainUnusable', () => {
  it('names the service and its enctypes', () => {
    const error = explainUnusable(desOf(WWW), parseServiceName('HTTP@www.example.test'));
    expect(error).toMatchObject({
      code: 'KDC_ERR_ETYPE_NOSUPP',
      reason: 'keytab.unusable',
      message: `no key of ${WWW} can be used here: des-cbc-md5`,
      detail: { principals: [WWW], enctypes: ['des-cbc-md5'] },
    });
    expect(error!.hint).toContain('aes256-cts-hmac-sha1-96');
  });

  it('finds nothing where one key can be used, or where there is no key', () => {
    const mixed: Keytab = {
      version: 2,
      entries: [...desOf(WWW).entries, ...makeKeytab({ principal: WWW }).entries],
    };
    expect(explainUnusable(mixed, parseServiceName())).toBeUndefined();
    expect(explainUnusable(desOf(WWW), parseServiceName('ftp@'))).toBeUndefined();
    // Of an enctype that is loaded when it is met.
    const sha2 = makeKeytab({ principal: WWW, enctype: 20 });
    expect(explainUnusable(sha2, parseServiceName())).toBeUndefined();
  });

  it('names only those of several principals whose clients would all be refused', () => {
    const old = 'HTTP/old.example.test@EXAMPLE.TEST';
    const entries = [...desOf(old).entries, ...makeKeytab({ principal: WWW }).entries];
    const error = explainUnusable({ version: 2, entries }, parseServiceName('HTTP@'));
    expect(error!.detail).toEqual({ principals: [old], enctypes: ['des-cbc-md5'] });
    expect(
      explainUnusable({ version: 2, entries }, parseServiceName('HTTP@www.example.test')),
    ).toBeUndefined();
  });

  it('lists eight', () => {
    const names = Array.from({ length: 12 }, (_, i) => `HTTP/h${i}@R`);
    const error = explainUnusable(desOf(...names), parseServiceName());
    expect(error!.detail.principals).toHaveLength(9);
    expect(error!.message).toContain('4 more');
  });

  it('is a warning at the start', async () => {
    const warnings: CredentialWarning[] = [];
    const onWarning = (warning: CredentialWarning) => warnings.push(warning);
    await acquireCredential({ keytab: desOf(WWW), onWarning });
    expect(warnings).toMatchObject([{ kind: 'unusable', error: { reason: 'keytab.unusable' } }]);
    await acquireCredential({ keytab: makeKeytab({ principal: WWW }), onWarning });
    expect(warnings).toHaveLength(1);
  });
});

describe('keys beside others of the same principal that can be used', () => {
  it.each([
    ['as new', besideAes(3, 3), ['keytab.not-used']],
    ['older', besideAes(3, 2), ['keytab.not-used']],
    ['newer', besideAes(3, 4), ['keytab.newest-unusable']],
    ['one of 255, beside what an old tool wrote of 258', besideAes(2, 255), ['keytab.not-used']],
    ['newer, but the others are for every ticket', besideAes(0, 4), ['keytab.not-used']],
    ['of another service', desOf('ftp/www.example.test@EXAMPLE.TEST'), []],
    ['none', makeKeytab({ principal: WWW }), []],
  ])('are told by their age: %s', (_, keytab, reasons) => {
    expect(reasonsOf(keytab)).toEqual(reasons);
  });

  it('are named with their enctypes, and only those that are meant', () => {
    const other = 'HTTP/other.example.test@EXAMPLE.TEST';
    const entries = [
      ...besideAes(3, 4).entries,
      ...besideAes(2, 2, other).entries,
      // Older than the key of AES.
      { ...desOf(WWW).entries[0]!, key: new EncryptionKey(99, Uint8Array.of(1)) },
    ];
    const keytab: Keytab = { version: 2, entries };
    const explain = (reason: UnusableReason) =>
      explainUnusable(keytab, parseServiceName(), reason)?.message;
    expect(explain('keytab.newest-unusable')).toBe(
      `the newest keys of ${WWW} cannot be used here (des-cbc-md5), and older ones open no new ticket`,
    );
    expect(explain('keytab.not-used')).toBe(`keys of ${other} are not used: des-cbc-md5`);
  });

  it('are published, and no fault, unless they are the newest', async () => {
    using published = listen(ChannelName.warning);
    const warnings: CredentialWarning[] = [];
    const onWarning = (warning: CredentialWarning) => warnings.push(warning);
    const quiet = await acquireCredential({ keytab: besideAes(3, 3), onWarning });
    expect(warnings).toEqual([]);
    expect(quiet.warnings).toEqual({});
    expect(published.messages).toEqual([
      {
        attributes: {
          'error.type': 'keytab.not-used',
          'error.message': `keys of ${WWW} are not used: des-cbc-md5`,
        },
        remedies: [expect.stringMatching(/^nothing needs to be done/)],
      },
    ]);
    const loud = await acquireCredential({ keytab: besideAes(3, 4), onWarning });
    expect(warnings).toMatchObject([{ kind: 'unusable' }]);
    expect(warnings[0]!.message).toMatch(
      /newest keys of HTTP.*\(export the newest keys with aes256/,
    );
    expect(loud.warnings).toEqual({ 'keytab.newest-unusable': 1 });
    expect(published.messages).toHaveLength(2);
  });

  it('are looked for in each new keytab, and told once while they are there', async () => {
    const warnings: string[] = [];
    const onWarning = ({ error }: CredentialWarning) => warnings.push(error.reason);
    let keytab = makeKeytab({ principal: WWW, kvno: 3 });
    const provider: KeytabProvider = () => keytab;
    const credential = await acquireCredential({ keytab: provider, onWarning });
    const change = async (next: Keytab) => {
      keytab = next;
      expect(await credential.refresh()).toBe(true);
    };
    await change(besideAes(3, 4));
    await change(besideAes(2, 4));
    expect(warnings).toEqual(['keytab.newest-unusable']);
    await change(besideAes(4, 4));
    await change(besideAes(4, 5));
    expect(warnings).toEqual(['keytab.newest-unusable', 'keytab.newest-unusable']);
    await change(desOf(WWW));
    expect(warnings.at(-1)).toBe('keytab.unusable');
  });
});
