import { describe, expect, it } from 'vitest';
import { DecodeError } from '../../src/errors.ts';
import {
  isKrb5Mechanism,
  Mechanism,
  mechanismName,
  parseMechanism,
} from '../../src/gss/mechanism.ts';
import { parseOid } from '../../src/gss/oid.ts';

describe('mechanisms', () => {
  it.each([
    ['kerberos_v5', Mechanism.krb5],
    ['krb5', Mechanism.krb5],
    ['Kerberos', Mechanism.krb5],
    [' SPNEGO ', Mechanism.spnego],
    ['Negotiate', Mechanism.spnego],
    ['iakerb', Mechanism.iakerb],
    ['{ 1 2 840 113554 1 2 2 }', Mechanism.krb5],
    ['1.3.6.1.5.5.2', Mechanism.spnego],
    ['1.3.6.1.4.1.5322.22.1.18', '1.3.6.1.4.1.5322.22.1.18'],
  ])('%j', (text, oid) => {
    expect(parseMechanism(text)).toBe(oid);
  });

  it('does not know every word', () => {
    expect(parseMechanism('dh_2048')).toBeUndefined();
    expect(parseMechanism('constructor')).toBeUndefined();
    expect(parseMechanism('')).toBeUndefined();
    expect(() => parseMechanism('{ 1 2')).toThrow(DecodeError);
  });

  it('prints names, or the OID of what it does not know', () => {
    expect(mechanismName(Mechanism.ntlmssp)).toBe('NTLM');
    expect(mechanismName('1.2.3')).toBe('1.2.3');
  });

  it('takes Kerberos under its three numbers', () => {
    for (const oid of ['1.2.840.113554.1.2.2', '1.2.840.48018.1.2.2', '1.3.5.1.5.2'] as const) {
      expect(isKrb5Mechanism(oid)).toBe(true);
    }
    expect(isKrb5Mechanism(Mechanism.iakerb)).toBe(false);
  });

  it('has canonical constants', () => {
    for (const oid of Object.values(Mechanism)) expect(parseOid(oid)).toBe(oid);
  });
});
