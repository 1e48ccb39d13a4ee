import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { EncryptionKey } from '../../src/crypto/key.ts';
import type { Keytab } from '../../src/keytab/keytab.ts';
import { parseKeytab } from '../../src/keytab/keytab.ts';
import { formatPrincipal } from '../../src/messages/principal.ts';

function sample(name: string): Keytab {
  return parseKeytab(readFileSync(new URL(`../../keytabs/${name}`, import.meta.url)));
}

function contents(keytab: Keytab): [string, number, number][] {
  return keytab.entries.map(({ principal, kvno, key }) => [
    formatPrincipal(principal),
    kvno,
    key.enctype,
  ]);
}

const HOST = 'host/demo.example.org@EXAMPLE.ORG';
const HTTP = 'HTTP/demo.example.org@EXAMPLE.ORG';

describe('the sample keytabs hold what their README says', () => {
  it('demo.keytab', () => {
    const keytab = sample('demo.keytab');
    expect(keytab.version).toBe(2);
    expect(contents(keytab)).toEqual([
      ...[20, 19, 18, 17].map((enctype) => [HOST, 1, enctype]),
      ...[20, 19, 18, 17].map((enctype) => [HTTP, 1, enctype]),
    ]);
  });

  it('rotated.keytab', () => {
    expect(contents(sample('rotated.keytab'))).toEqual([
      [HOST, 1, 18],
      [HOST, 2, 18],
    ]);
  });

  it('version1.keytab', () => {
    const keytab = sample('version1.keytab');
    expect([keytab.version, keytab.byteOrder]).toEqual([1, 'little']);
    expect(contents(keytab)).toEqual([
      [HOST, 1, 18],
      [HOST, 1, 17],
    ]);
  });

  it.each(['demo.keytab', 'rotated.keytab', 'version1.keytab'])(
    '%s: only keys of public passwords',
    (name) => {
      for (const { principal, kvno, key } of sample(name).entries) {
        const password = kvno === 1 ? 'not-a-secret' : 'not-a-secret-either';
        const salt = principal.realm + principal.components.join('');
        expect(key.equals(EncryptionKey.fromPassword(key.enctype, password, salt))).toBe(true);
      }
    },
  );
});
