import { describe, expect, it } from 'vitest';
import type { CredentialWarning } from '../../src/index.ts';
import { acquireCredential, EncryptionKey } from '../../src/index.ts';
import type { Keytab } from '../../src/keytab/keytab.ts';
import { parseServiceName } from '../../src/keytab/service-name.ts';
import { explainUnusable } from '../../src/keytab/unusable.ts';
import { parsePrincipal } from '../../src/messages/principal.ts';
import { makeKeytab } from '../support/realm-kit.ts';

const WWW = 'HTTP/www.example.test@EXAMPLE.TEST';

/** A keytab with a key of single DES for each name. */
function desOf(...names: readonly string[]): Keytab {
  return {
    version: 2,
    entries: names.map((name) => ({
      principal: parsePrincipal(name),
      kvno: 1,
      timestamp: 0,
      key: new EncryptionKey(3, new Uint8Array(8).fill(1)),
    })),
  };
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
