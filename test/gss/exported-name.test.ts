import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes, fromHex, toHex } from '../../src/bytes.ts';
import {
  exportName,
  exportNameComposite,
  GssName,
  GssNameType,
  importName,
} from '../../src/gss/name.ts';
import { GssError } from '../../src/gss/status.ts';

// RFC 2743 §3.2: TOK_ID, length of the OID with its header, the OID, length of the name, the name.
const OID = '06092a864886f712010202';
const ALICE = `0401000b${OID}00000007616c6963654052`;

describe('exported names', () => {
  it('are the bytes of RFC 2743 §3.2', () => {
    const name = importName('alice@R');
    expect(toHex(exportName(name))).toBe(ALICE);
    const again = importName(fromHex(ALICE), GssNameType.exportName);
    expect(again).toEqual(name);
  });

  it('carry attributes in the composite form', () => {
    const composite = `0402000b${OID}00000007616c696365405200000003010203`;
    const name = importName(fromHex(composite), GssNameType.compositeExport);
    expect(name.text).toBe('alice@R');
    expect(name.attributes).toEqual(Uint8Array.of(1, 2, 3));
    expect(toHex(exportNameComposite(name))).toBe(composite);
    expect(toHex(exportName(name))).toBe(ALICE);
    const plain = importName(exportNameComposite(importName('alice@R')), GssNameType.exportName);
    expect(plain.attributes).toBeUndefined();
  });

  it('are not made of generic names', () => {
    const name = importName('host@a', GssNameType.hostBasedService);
    expect(() => exportName(name)).toThrow('The provided name was not mechanism specific (MN)');
    expect(() => exportNameComposite(name)).toThrow(GssError);
  });

  it.each([
    ['', 'truncated'],
    ['0403', 'neither 04 01 nor 04 02'],
    ['0401000b', 'truncated'],
    [`0401000a${OID}00000007616c6963654052`, 'bad header'],
    [`0401000b04${OID.slice(2)}00000007616c6963654052`, 'bad header'],
    [`0401000b06ff${OID.slice(4)}00000007616c6963654052`, 'bad header'],
    [`0401000b${OID}ffffffff616c6963654052`, 'truncated'],
    [`0401000b${OID}00000006616c6963654052`, 'unexpected bytes'],
    [`0401000b${OID}00000000`, 'empty'],
    [`0401000b${OID}0000000361406200`, 'unexpected bytes'],
    [`0401000b${OID}0000000461004052`, 'NUL'],
    [`0401000b${OID}00000001ff`, 'UTF-8'],
    [`0401000b${OID}0000000161`, 'names no realm'],
    [`0402000b${OID}00000007616c6963654052`, 'truncated'],
    [`0402000b${OID}00000007616c6963654052ffffffff`, 'truncated'],
  ])('refuses %s', (hex, message) => {
    try {
      importName(fromHex(hex), GssNameType.exportName);
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(GssError);
      expect((error as GssError).code).toBe('GSS_S_BAD_NAME');
      expect((error as GssError).message).toContain(message);
    }
  });

  it('refuses names of other mechanisms by name', () => {
    const ntlm = fromHex('0401000c060a2b06010401823702020a0000000161');
    expect(() => importName(ntlm, GssNameType.exportName)).toThrowError(
      expect.objectContaining({
        code: 'GSS_S_BAD_MECH',
        message: expect.stringContaining('mechanism NTLM'),
      }),
    );
  });

  it('survive a round trip whatever the principal', () => {
    const part = fc.string({ minLength: 1, unit: 'grapheme' });
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 5 }), part, (components, realm) => {
        const name = GssName.ofPrincipal({ nameType: 1, components, realm });
        const again = importName(exportName(name), GssNameType.exportName);
        expect(again.principal?.components).toEqual(components);
        expect(again.principal?.realm).toBe(realm);
      }),
    );
  });

  it('throw nothing but GssError, whatever the bytes', () => {
    const start = fromHex(`0401000b${OID}`);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.boolean(), (bytes, framed) => {
        const input = framed
          ? concatBytes(start, Uint8Array.of(0, 0, 0, bytes.length), bytes)
          : bytes;
        try {
          expect(importName(input, GssNameType.exportName).text).not.toBe('');
        } catch (error) {
          expect(error).toBeInstanceOf(GssError);
        }
      }),
    );
  });
});
