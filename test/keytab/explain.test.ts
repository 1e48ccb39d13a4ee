import { beforeAll, describe, expect, it } from 'vitest';
import { toHex } from '../../src/bytes.ts';
import { Enctype } from '../../src/crypto/numbers.ts';
import type { KerberosError } from '../../src/errors.ts';
import { explain as loadTexts } from '../../src/errors.ts';
import { explainNoKey, explainNoService } from '../../src/keytab/explain.ts';
import { parseServiceName } from '../../src/keytab/service-name.ts';
import { countProcessorTime } from '../support/processor-time.ts';
import { keytabOf, ticketFor } from './support.ts';

const AES128 = Enctype.aes128CtsHmacSha1;
const AES256 = Enctype.aes256CtsHmacSha1;
const RC4 = Enctype.rc4Hmac;

const keytab = keytabOf(
  ['host/vm@KRBTEST.COM', 2, AES256],
  ['host/vm@KRBTEST.COM', 3, AES256],
  ['HTTP/vm@KRBTEST.COM', 3, AES256],
  ['HTTP/vm@KRBTEST.COM', 3, RC4],
);

beforeAll(() => loadTexts(undefined));

function explain(
  service: string | readonly string[] | undefined,
  server: string,
  kvno: number | undefined,
  enctype: number = AES256,
  from = keytab,
): KerberosError {
  return explainNoKey(from, parseServiceName(service), ticketFor(server, kvno, enctype));
}

describe('the error after keys of several principals were tried', () => {
  it.each([
    [
      'host',
      'HTTP/vm@KRBTEST.COM',
      3,
      AES256,
      'KRB_AP_ERR_NOT_US',
      35,
      'Request ticket server HTTP/vm@KRBTEST.COM found in keytab but does not match server ' +
        'principal host/@',
    ],
    [
      'host@vm',
      'HTTP/vm@KRBTEST.COM',
      3,
      AES256,
      'KRB_AP_ERR_NOT_US',
      35,
      'Request ticket server HTTP/vm@KRBTEST.COM found in keytab but does not match server ' +
        'principal host/vm@',
    ],
    [
      'host',
      'host/vm@KRBTEST.COM',
      3,
      AES256,
      'KRB_AP_ERR_BAD_INTEGRITY',
      31,
      'Request ticket server host/vm@KRBTEST.COM kvno 3 enctype aes256-cts found in keytab ' +
        'but cannot decrypt ticket',
    ],
    [
      '*',
      'host/vm@KRBTEST.COM',
      1,
      AES256,
      'KRB_AP_ERR_BADKEYVER',
      44,
      'Request ticket server host/vm@KRBTEST.COM kvno 1 not found in keytab; ticket is likely ' +
        'out of date',
    ],
    [
      '*',
      'host/vm@KRBTEST.COM',
      4,
      AES256,
      'KRB_AP_ERR_BADKEYVER',
      44,
      'Request ticket server host/vm@KRBTEST.COM kvno 4 not found in keytab; keytab is likely ' +
        'out of date',
    ],
    [
      '*',
      'host/vm@KRBTEST.COM',
      3,
      AES128,
      'KRB_AP_ERR_BADKEYVER',
      44,
      'Request ticket server host/vm@KRBTEST.COM kvno 3 found in keytab but not with enctype ' +
        'aes128-cts',
    ],
    [
      '*',
      'host/vm@KRBTEST.COM',
      3,
      99,
      'KRB_AP_ERR_BADKEYVER',
      44,
      'Request ticket server host/vm@KRBTEST.COM kvno 3 found in keytab but not with enctype ' +
        'etype 99',
    ],
    [
      '*',
      'ftp/vm@KRBTEST.COM',
      3,
      AES256,
      'KRB_AP_ERR_NOT_US',
      35,
      'Request ticket server ftp/vm@KRBTEST.COM not found in keytab (ticket kvno 3)',
    ],
    [
      'ftp@vm',
      'ftp/vm@KRBTEST.COM',
      3,
      AES256,
      'KRB_AP_ERR_NOKEY',
      45,
      'Server principal ftp/vm@ does not match any keys in keytab',
    ],
    [
      '*',
      'HTTP/vm@KRBTEST.COM',
      3,
      RC4,
      'KDC_ERR_ETYPE_NOSUPP',
      14,
      'Request ticket server HTTP/vm@KRBTEST.COM kvno 3 enctype rc4-hmac found in keytab but ' +
        'the enctype is not supported here',
    ],
    // Without a kvno in the ticket, the kvno of every key fits.
    [
      '*',
      'host/vm@KRBTEST.COM',
      undefined,
      AES256,
      'KRB_AP_ERR_BAD_INTEGRITY',
      31,
      'Request ticket server host/vm@KRBTEST.COM kvno 0 enctype aes256-cts found in keytab ' +
        'but cannot decrypt ticket',
    ],
    // The low 8 bits of 259 are 3.
    [
      '*',
      'host/vm@KRBTEST.COM',
      259,
      AES256,
      'KRB_AP_ERR_BADKEYVER',
      44,
      'Request ticket server host/vm@KRBTEST.COM kvno 259 not found in keytab; keytab is likely ' +
        'out of date',
    ],
  ] as const)(
    '%s, %s kvno %s enctype %s: %s',
    (service, server, kvno, enctype, code, number, text) => {
      const error = explain(service, server, kvno, enctype);
      expect(error.message).toBe(text);
      expect(error.code).toBe(code);
      expect(error.errorCode).toBe(number);
      expect(error.hint).toBeTruthy();
    },
  );

  it('says that an empty keytab is empty', () => {
    const any = explain('*', 'a@R', 1, AES256, keytabOf());
    expect([any.code, any.message]).toEqual(['KRB_AP_ERR_NOKEY', 'No keys in keytab']);
    expect(any.hint).toContain('the keytab has no entries');
    const named = explain('host@', 'a@R', 1, AES256, keytabOf());
    expect(named.message).toBe('Server principal host/@ does not match any keys in keytab');
    expect(named.hint).toContain('the keytab has no entries');
  });

  it('names every service of a list', () => {
    const error = explain(['host@vm', 'ftp@'], 'HTTP/vm@KRBTEST.COM', 3);
    expect(error.message).toContain('does not match server principal host/vm@, ftp/@');
  });
});

describe('the error after one explicit principal was looked up', () => {
  it.each([
    [
      'ftp/vm@KRBTEST.COM',
      'ftp/vm@KRBTEST.COM',
      3,
      AES256,
      'KRB_AP_ERR_NOKEY',
      'No key table entry found for ftp/vm@KRBTEST.COM',
    ],
    [
      'host/vm@KRBTEST.COM',
      'host/vm@KRBTEST.COM',
      3,
      AES128,
      'KRB_AP_ERR_BADKEYVER',
      'Request ticket server host/vm@KRBTEST.COM kvno 3 found in keytab but not with enctype ' +
        'aes128-cts',
    ],
    [
      'host/vm@KRBTEST.COM',
      'host/vm@KRBTEST.COM',
      4,
      AES256,
      'KRB_AP_ERR_BADKEYVER',
      'Cannot find key for host/vm@KRBTEST.COM kvno 4 in keytab',
    ],
    [
      'host/vm@KRBTEST.COM',
      'HTTP/vm@KRBTEST.COM',
      4,
      AES256,
      'KRB_AP_ERR_NOT_US',
      'Cannot find key for host/vm@KRBTEST.COM kvno 4 in keytab ' +
        '(request ticket server HTTP/vm@KRBTEST.COM)',
    ],
    [
      'host/vm@KRBTEST.COM',
      'host/vm@KRBTEST.COM',
      3,
      AES256,
      'KRB_AP_ERR_BAD_INTEGRITY',
      'Cannot decrypt ticket for host/vm@KRBTEST.COM using keytab key for host/vm@KRBTEST.COM',
    ],
    [
      'host/vm@KRBTEST.COM',
      'HTTP/vm@KRBTEST.COM',
      3,
      AES256,
      'KRB_AP_ERR_NOT_US',
      'Cannot decrypt ticket for HTTP/vm@KRBTEST.COM using keytab key for host/vm@KRBTEST.COM',
    ],
    [
      'HTTP/vm@KRBTEST.COM',
      'HTTP/vm@KRBTEST.COM',
      3,
      RC4,
      'KDC_ERR_ETYPE_NOSUPP',
      'Request ticket server HTTP/vm@KRBTEST.COM kvno 3 enctype rc4-hmac found in keytab but ' +
        'the enctype is not supported here',
    ],
  ] as const)(
    '%s, ticket for %s kvno %s enctype %s: %s',
    (service, server, kvno, enctype, code, text) => {
      const error = explain(service, server, kvno, enctype);
      expect(error.message).toBe(text);
      expect(error.code).toBe(code);
      expect(error.hint).toBeTruthy();
    },
  );
});

describe('the hint', () => {
  it.each([
    ['*', 'host/vm@KRBTEST.COM', 1, 'for it the keytab has kvno 2, 3'],
    ['*', 'host/vm@KRBTEST.COM', 1, 'kinit; Windows: klist purge'],
    ['*', 'host/vm@KRBTEST.COM', 4, 'the key was changed after the keytab was written'],
    ['host/vm@KRBTEST.COM', 'host/vm@KRBTEST.COM', 4, 'service@host tries those of every kvno'],
    ['host/vm@KRBTEST.COM', 'host/vm@KRBTEST.COM', 1, 'kinit; Windows: klist purge'],
    ['host/vm@KRBTEST.COM', 'host/vm@KRBTEST.COM', 1, 'service@host tries those of every kvno'],
    ['*', 'host/vm@KRBTEST.COM', 3, 'setspn -X'],
    ['*', 'host/vm@KRBTEST.COM', 0, 'the ticket names no kvno, so every key was tried'],
    ['host@', 'HTTP/vm@KRBTEST.COM', 3, 'accept HTTP@vm too, or'],
    ['*', 'host/vm@krbtest.com', 3, 'host/vm@KRBTEST.COM differs in the case of the realm only'],
    ['*', 'host/vm@OTHER.COM', 3, 'host/vm@KRBTEST.COM has the same name in another realm'],
    ['*', 'http/vm@KRBTEST.COM', 3, 'HTTP/vm@KRBTEST.COM differs in upper and lower case only'],
    ['*', 'host/vm.example.com@KRBTEST.COM', 3, 'if one of the two names is the short one'],
    ['*', 'ftp/vm@KRBTEST.COM', 3, 'host/vm@KRBTEST.COM is another service on the same host'],
    ['*', 'ftp/x@KRBTEST.COM', 3, 'setspn -Q'],
    ['*', 'ftp/x@KRBTEST.COM', 3, 'the keytab holds host/vm@KRBTEST.COM, HTTP/vm@KRBTEST.COM'],
    ['http@', 'HTTP/vm@KRBTEST.COM', 3, 'HTTP/vm@KRBTEST.COM differs in upper and lower case'],
    ['HTTP@vm.example.com', 'HTTP/vm@KRBTEST.COM', 3, 'one of the two names is the short one'],
    ['HTTP/vm@krbtest.com', 'HTTP/vm@KRBTEST.COM', 3, 'differs in the case of the realm only'],
    [['ftp@', 'HTTP@www'], 'HTTP/vm@KRBTEST.COM', 3, 'the keytab holds host/vm@KRBTEST.COM'],
  ] as const)('%s, %s kvno %s: %s', (service, server, kvno, part) => {
    expect(explain(service, server, kvno).hint).toContain(part);
  });

  it('recognises a name that a tool did not split, and tells how to accept an account', () => {
    const unsplit = keytabOf(['HTTP\\/www.example.com@R', 1, 18]);
    for (const service of ['HTTP@www.example.com', 'HTTP/www.example.com@R']) {
      const { hint } = explainNoService(unsplit, parseServiceName(service));
      expect(hint).toContain('HTTP\\/www.example.com@R, which is one component');
    }
    const account = keytabOf(['svc-web@EXAMPLE.COM', 1, 18]);
    const { hint } = explainNoService(account, parseServiceName('svc-web@EXAMPLE.COM'));
    expect(hint).toContain("write '*' to accept every key of the keytab");
  });

  it('for a missing enctype names those in the keytab and the attribute of Active Directory', () => {
    const error = explain('*', 'HTTP/vm@KRBTEST.COM', 3, AES128);
    expect(error.hint).toContain(
      'the ticket uses aes128-cts-hmac-sha1-96, the keytab has ' +
        'aes256-cts-hmac-sha1-96, arcfour-hmac',
    );
    expect(error.hint).toContain('msDS-SupportedEncryptionTypes');
    const rc4 = explain('*', 'HTTP/vm@KRBTEST.COM', 3, RC4);
    expect(rc4.hint).toContain('msDS-SupportedEncryptionTypes');
  });

  it('recognises an account that was written where a host-based name is expected', () => {
    const account = keytabOf(['svc_web@AD.EXAMPLE.ORG', 1, AES256]);
    const error = explain('svc_web@AD.EXAMPLE.ORG', 'HTTP/www@AD.EXAMPLE.ORG', 1, AES256, account);
    expect(error.code).toBe('KRB_AP_ERR_NOKEY');
    expect(error.hint).toContain(
      'svc_web@AD.EXAMPLE.ORG, which is an account, not a service on a host',
    );
  });

  it('recognises an account that the keytab does not have', () => {
    const keytab = keytabOf(['HTTP/www.example.org@EXAMPLE.ORG', 1, AES256]);
    const { remedies } = explainNoService(keytab, parseServiceName('alice@EXAMPLE.ORG'));
    expect(remedies[0]).toMatch(/^name a service and its host .*, and not an account$/);
  });

  it('advises another service or host only if clients ask for it', () => {
    const keytab = keytabOf(['host/www.example.org@EXAMPLE.ORG', 1, AES256]);
    const { remedies } = explainNoService(keytab, parseServiceName('HTTP@www.example.org'));
    expect(remedies).toMatchObject([
      expect.stringMatching(/^export the key of HTTP\/www\.example\.org into the keytab/),
      expect.stringMatching(
        /^or write host@www\.example\.org as the service, if that is what clients/,
      ),
    ]);
  });

  it.each([
    ['vm', /^write host@vm as the service: vm alone is a host$/],
    ['www.example.org', /^write the service before the host: HTTP@www\.example\.org$/],
    ['HTTP@vm:8080', /^write HTTP@vm as the service: browsers ask for a host without its port$/],
    ['ftp', /^export the key of ftp\/ into the keytab/],
  ])('%s, as written at the start: %s', (service, remedy) => {
    expect(explainNoService(keytab, parseServiceName(service)).remedies[0]).toMatch(remedy);
  });

  it('says how a keytab of accounts serves the names that are registered to them', () => {
    const account = keytabOf(['svc-web@EXAMPLE.COM', 1, 18]);
    const { remedies } = explainNoService(account, parseServiceName('HTTP@www.example.com'));
    expect(remedies[1]).toMatch(/^or write '\*' as the service .* \(setspn -L account\)$/);
  });

  it.each([
    [
      'HTTP/192.0.2.7@KRBTEST.COM',
      'an IP address instead of a name',
      'have clients use the name vm',
    ],
    ['HTTP/2001:db8::7@KRBTEST.COM', 'an IP address', 'have clients use the name vm'],
    [
      'HTTP/vm:8080@KRBTEST.COM',
      'the same name with a port',
      'have clients ask for HTTP@vm, without',
    ],
    ['HTTP/dead@KRBTEST.COM', 'an alias (CNAME)', 'have clients use the name vm, or let'],
  ])('of a ticket for %s says: %s', (server, what, remedy) => {
    const { text, remedies } = explain('HTTP@', server, 3);
    expect(text).toContain(what);
    expect(remedies[0]).toContain(remedy);
  });

  it('does not compare a name of one component with a service on a host', () => {
    const account = keytabOf(['HTTP@R', 1, AES256]);
    expect(explain('*', 'HTTP/www.example.org@R', 1, AES256, account).hint).toMatch(
      /^the keytab holds HTTP@R; .*; find out why the client asks for .*, export its key/,
    );
    const service = keytabOf(['HTTP/www.example.org@R', 1, AES256]);
    expect(explain('*', 'HTTP@R', 1, AES256, service).hint).toMatch(
      /^the keytab holds HTTP\/www\.example\.org@R; the client asked for HTTP@R, an account/,
    );
  });

  it('says that not every key was tried if there are too many', () => {
    const many = keytabOf(
      ...Array.from({ length: 70 }, (_, i) => [`HTTP/h${i}@R`, 1, AES128] as const),
    );
    const error = explain('*', 'HTTP/x@R', 1, AES128, many);
    expect(error.hint).toContain('only 64 of 70 keys of other names were tried');
  });
});

describe('the detail', () => {
  it('describes the ticket and the keytab', () => {
    expect(explain('*', 'host/vm@KRBTEST.COM', 4).detail).toEqual({
      ticketServer: 'host/vm@KRBTEST.COM',
      kvno: 4,
      enctype: 'aes256-cts-hmac-sha1-96',
      keytabPrincipals: ['host/vm@KRBTEST.COM', 'HTTP/vm@KRBTEST.COM'],
      keytabKvnos: ['2', '3'],
      keytabEnctypes: ['aes256-cts-hmac-sha1-96'],
    });
    expect(explain('*', 'x/y@Z', undefined, 99).detail).toEqual({
      ticketServer: 'x/y@Z',
      kvno: 0,
      enctype: 'etype 99',
      keytabPrincipals: ['host/vm@KRBTEST.COM', 'HTTP/vm@KRBTEST.COM'],
      keytabKvnos: ['2', '3'],
      keytabEnctypes: ['aes256-cts-hmac-sha1-96', 'arcfour-hmac'],
    });
  });

  it('is short, lists accepted names first, and takes a bounded time', () => {
    const huge = keytabOf(
      ...Array.from({ length: 20_000 }, (_, i) => [`HTTP/h${i}@R`, i, AES128] as const),
      ['host/last@R', 1, AES128],
    );
    const time = countProcessorTime();
    const error = explain('host@', 'ftp/x@R', 1, AES128, huge);
    expect(time()).toBeLessThan(1000);
    expect(error.detail.keytabPrincipals).toEqual([
      'host/last@R',
      ...Array.from({ length: 7 }, (_, i) => `HTTP/h${i}@R`),
      '19993 more',
    ]);
    expect(explain('*', 'ftp/x@R', 1, AES128, huge).detail.keytabKvnos).toEqual([
      ...Array.from({ length: 8 }, (_, i) => String(i)),
      '248 more',
    ]);
    expect(error.hint!.length).toBeLessThan(1000);
  });

  it('is safe to log, whatever name a client sent', () => {
    const evil = `\u001b[2J\u202e${'\ud800'}\r\n${'A'.repeat(70_000)}`;
    const ticket = {
      realm: 'R\u2028',
      serverName: { nameType: 1, components: [evil] },
      enctype: AES256,
      kvno: 1,
    };
    const error = explainNoKey(keytab, parseServiceName('*'), ticket);
    const text = JSON.stringify([error.message, error.hint, error.detail]);
    expect(text.length).toBeLessThan(3000);
    expect(error.message).toMatch(
      /^Request ticket server \\x1b\[2J\\x202e\\xd800\\x0d\\nA+\.\.\. not/,
    );
    expect(error.message).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}]/u);
  });

  it('never contains a key', () => {
    const secret = keytabOf(['host/vm@R', 1, AES256]);
    const key = secret.entries[0]!.key;
    for (const service of ['*', 'host@', 'host/vm@R', 'ftp@']) {
      for (const enctype of [AES128, AES256]) {
        for (const kvno of [0, 1, 2]) {
          const { message, hint, detail } = explain(service, 'host/vm@R', kvno, enctype, secret);
          const text = JSON.stringify([message, hint, detail]);
          expect(text).not.toContain(toHex(key.bytes()));
        }
      }
    }
  });
});

describe('the error for a service without a key', () => {
  it('names the service and lists the names in the keytab', () => {
    const error = explainNoService(keytab, parseServiceName('ftp@vm'));
    expect(error.code).toBe('KRB5_KT_NOTFOUND');
    expect(error.message).toBe('No key table entry found matching ftp/vm@');
    expect(error.hint).toContain('the keytab holds host/vm@KRBTEST.COM, HTTP/vm@KRBTEST.COM');
    expect(error.reason).toBe('keytab.no-service');
    expect(error.detail).toEqual({
      service: 'ftp/vm@',
      keytabPrincipals: ['host/vm@KRBTEST.COM', 'HTTP/vm@KRBTEST.COM'],
      near: 'host/vm@KRBTEST.COM',
      likeness: 'other-service',
    });
  });

  it('says that an empty keytab is empty', () => {
    const error = explainNoService(keytabOf(), parseServiceName('*'));
    expect(error.message).toBe('No keys in keytab');
    expect(error.hint).toContain('the keytab is empty');
  });
});
