import { describe, expect, it } from 'vitest';
import { encodeUtf8 } from '../../src/bytes.ts';
import { Mechanism } from '../../src/gss/mechanism.ts';
import type { NameOptions } from '../../src/gss/name.ts';
import {
  canonicalizeName,
  compareNames,
  displayName,
  GssName,
  GssNameType,
  importName,
} from '../../src/gss/name.ts';
import type { Oid } from '../../src/gss/oid.ts';
import { GssError } from '../../src/gss/status.ts';

const realm: NameOptions = { defaultRealm: 'EXAMPLE.COM' };

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof GssError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'no error';
}

describe('importName', () => {
  it('takes a principal as a mechanism name', () => {
    const name = importName('alice/admin@EXAMPLE.COM', GssNameType.principalName);
    expect(name.mechanism).toBe(Mechanism.krb5);
    expect(name.principal).toEqual({
      nameType: 1,
      components: ['alice', 'admin'],
      realm: 'EXAMPLE.COM',
    });
    expect(String(name)).toBe('alice/admin@EXAMPLE.COM');
    expect(JSON.stringify({ name })).toBe('{"name":"alice/admin@EXAMPLE.COM"}');
    expect(importName(encodeUtf8('alice/admin@EXAMPLE.COM'))).toEqual(name);
  });

  it('gives the default realm to a principal without one', () => {
    expect(displayName(importName('alice', GssNameType.principalName, realm))).toBe(
      'alice@EXAMPLE.COM',
    );
    expect(codeOf(() => importName('alice'))).toMatch(/^GSS_S_BAD_NAME: .*realm/);
  });

  it('keeps services and users generic', () => {
    const service = importName('HTTP@www.example.com', GssNameType.hostBasedService);
    expect(service.mechanism).toBeUndefined();
    expect(service.principal).toBeUndefined();
    expect(service.text).toBe('HTTP@www.example.com');
    expect(importName('alice', GssNameType.userName).principal).toBeUndefined();
  });

  it('takes the deprecated service type and does not give it out', () => {
    const name = importName('host@a', GssNameType.hostBasedServiceX);
    expect(name.type).toBe(GssNameType.hostBasedService);
  });

  it('makes one component of an enterprise name', () => {
    const name = importName('alice@ad.example.com', GssNameType.enterpriseName, realm);
    expect(name.principal).toEqual({
      nameType: 10,
      components: ['alice@ad.example.com'],
      realm: 'EXAMPLE.COM',
    });
    expect(name.text).toBe('alice\\@ad.example.com@EXAMPLE.COM');
    expect(codeOf(() => importName('a@b', GssNameType.enterpriseName))).toMatch(/BAD_NAME/);
    // MIT krb5: a second @ begins the realm, and a backslash quotes.
    const enterprise = (text: string) => importName(text, GssNameType.enterpriseName, realm).text;
    expect(enterprise('alice@ad.example.com@EX')).toBe('alice\\@ad.example.com@EX');
    expect(enterprise('a/b\\n@x')).toBe('a\\/b\\n\\@x@EXAMPLE.COM');
    expect(enterprise('alice')).toBe('alice@EXAMPLE.COM');
    expect(codeOf(() => enterprise('a@b@C@D'))).toMatch(/BAD_NAME/);
  });

  it('knows the anonymous name', () => {
    const name = importName('', GssNameType.anonymous);
    expect(name.text).toBe('WELLKNOWN/ANONYMOUS@WELLKNOWN:ANONYMOUS');
    expect(name.type).toBe(GssNameType.anonymous);
    expect(name.principal?.nameType).toBe(11);
  });

  it.each<[string | Uint8Array, Oid, string]>([
    ['a', '1.2.3', 'GSS_S_BAD_NAMETYPE: name type 1.2.3'],
    ['', GssNameType.principalName, 'GSS_S_BAD_NAME: the name is empty'],
    ['', GssNameType.userName, 'GSS_S_BAD_NAME: the name is empty'],
    ['a\0b@R', GssNameType.principalName, 'GSS_S_BAD_NAME: the name is empty or has a NUL'],
    [Uint8Array.of(0xff), GssNameType.userName, 'GSS_S_BAD_NAME: name is not valid UTF-8'],
    ['a@b@c', GssNameType.principalName, 'GSS_S_BAD_NAME: principal "a@b@c"'],
    ['a@R\\', GssNameType.principalName, 'GSS_S_BAD_NAME: principal'],
    ['@host', GssNameType.hostBasedService, 'GSS_S_BAD_NAME: "@host" is not of the form'],
    ['text', GssNameType.exportName, 'GSS_S_BAD_NAME: an exported name is bytes'],
  ])('refuses %j as %s', (input, type, message) => {
    expect(codeOf(() => importName(input, type))).toContain(message);
  });
});

describe('the anonymous principal', () => {
  it('has two components, and both of them (RFC 8062 §3)', () => {
    for (const [text, anonymous] of [
      ['WELLKNOWN/ANONYMOUS@WELLKNOWN:ANONYMOUS', true],
      ['WELLKNOWN/ANONYMOUS@EXAMPLE.COM', true],
      ['WELLKNOWN/FEDERATED@EXAMPLE.COM', false],
      ['host/ANONYMOUS@EXAMPLE.COM', false],
      ['WELLKNOWN@EXAMPLE.COM', false],
      ['ANONYMOUS@WELLKNOWN:ANONYMOUS', false],
      ['WELLKNOWN/ANONYMOUS/x@EXAMPLE.COM', false],
      ['x/WELLKNOWN/ANONYMOUS@EXAMPLE.COM', false],
      ['wellknown/anonymous@EXAMPLE.COM', false],
    ] as const) {
      const name = importName(text);
      const type = anonymous ? GssNameType.anonymous : GssNameType.principalName;
      expect(name.type, text).toBe(type);
      expect(compareNames(name, importName(text)), text).toBe(!anonymous);
    }
  });
});

describe('canonicalizeName', () => {
  it('makes a principal of a service, in the realm of its host', () => {
    const name = importName('HTTP@WWW.Example.com.', GssNameType.hostBasedService);
    expect(canonicalizeName(name, Mechanism.krb5, realm).principal).toEqual({
      nameType: 3,
      components: ['HTTP', 'www.example.com'],
      realm: 'EXAMPLE.COM',
    });
    const hostRealm = (host: string) => (host === 'www.example.com' ? 'OTHER' : undefined);
    // MIT krb5, sn2princ.c: the port in names of Windows is not part of the host.
    const port = importName('MSSQLSvc@WWW.example.com:1433', GssNameType.hostBasedService);
    expect(canonicalizeName(port, Mechanism.krb5, { hostRealm }).text).toBe(
      'MSSQLSvc/www.example.com:1433@OTHER',
    );
    const address = importName('HTTP@fe80::1', GssNameType.hostBasedService);
    expect(canonicalizeName(address, Mechanism.krb5, realm).text).toBe('HTTP/fe80::1@EXAMPLE.COM');
    expect(canonicalizeName(name, Mechanism.krb5, { ...realm, hostRealm }).text).toBe(
      'HTTP/www.example.com@OTHER',
    );
  });

  it('makes a principal of a user', () => {
    const name = importName('alice', GssNameType.userName);
    expect(canonicalizeName(name, Mechanism.msKrb5, realm).text).toBe('alice@EXAMPLE.COM');
  });

  it('leaves a mechanism name as it is', () => {
    const name = importName('a@R');
    expect(canonicalizeName(name)).toBe(name);
  });

  it('names the missing part', () => {
    const service = importName('HTTP', GssNameType.hostBasedService);
    expect(codeOf(() => canonicalizeName(service, Mechanism.krb5, realm))).toBe(
      'GSS_S_BAD_NAME: "HTTP" names no host',
    );
    const host = importName('HTTP@h', GssNameType.hostBasedService);
    expect(codeOf(() => canonicalizeName(host))).toBe(
      'GSS_S_BAD_NAME: no realm is known for host "h"',
    );
    expect(codeOf(() => canonicalizeName(host, Mechanism.ntlmssp, realm))).toBe(
      'GSS_S_BAD_MECH: no names of mechanism NTLM',
    );
  });
});

describe('a mistake of the caller', () => {
  it('is no name that is bad', () => {
    for (const type of [GssNameType.userName, GssNameType.principalName]) {
      expect(() => importName(undefined as never, type)).toThrow(TypeError);
    }
  });

  it('of `hostRealm` is not taken for a name that is not equal', () => {
    const hostRealm = () => {
      throw new RangeError('no [domain_realm]');
    };
    const service = importName('HTTP@h', GssNameType.hostBasedService);
    const principal = importName('HTTP/h@EXAMPLE.COM');
    expect(() => compareNames(service, principal, { hostRealm })).toThrow('no [domain_realm]');
    expect(() => compareNames(principal, service, { hostRealm })).toThrow('no [domain_realm]');
  });
});

describe('compareNames', () => {
  const user = importName('alice', GssNameType.userName);
  const principal = importName('alice@EXAMPLE.COM');

  it('compares principals without their name types', () => {
    const other = GssName.ofPrincipal({ nameType: 0, components: ['alice'], realm: 'EXAMPLE.COM' });
    expect(compareNames(principal, other)).toBe(true);
    expect(compareNames(principal, importName('alice@example.com'))).toBe(false);
    expect(compareNames(principal, importName('Alice@EXAMPLE.COM'))).toBe(false);
  });

  it('compares generic names by type and text', () => {
    expect(compareNames(user, importName('alice', GssNameType.userName))).toBe(true);
    const service = importName('alice', GssNameType.hostBasedService);
    expect(compareNames(user, service)).toBe(false);
    expect(compareNames(service, importName('alice', GssNameType.hostBasedServiceX))).toBe(true);
  });

  it('canonicalises a generic name to compare it with a principal', () => {
    expect(compareNames(user, principal, realm)).toBe(true);
    expect(compareNames(principal, user, realm)).toBe(true);
    expect(compareNames(principal, user, { defaultRealm: 'OTHER' })).toBe(false);
    expect(compareNames(principal, user)).toBe(false);
  });

  it('finds no anonymous name equal to any', () => {
    const anonymous = importName('', GssNameType.anonymous);
    expect(compareNames(anonymous, anonymous)).toBe(false);
    const inRealm = importName('WELLKNOWN/ANONYMOUS@EXAMPLE.COM');
    expect(inRealm.type).toBe(GssNameType.anonymous);
    expect(compareNames(inRealm, inRealm)).toBe(false);
    // Nor a user name of the same text, which canonicalises to the anonymous principal.
    const user = importName('WELLKNOWN/ANONYMOUS@EXAMPLE.COM', GssNameType.userName);
    expect(compareNames(inRealm, user)).toBe(false);
    expect(compareNames(user, inRealm)).toBe(false);
  });
});
