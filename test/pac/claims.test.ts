import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fromHex } from '../../src/bytes.ts';
import { DecodeError } from '../../src/errors.ts';
import type { Claim } from '../../src/pac/claims.ts';
import { parseClaims } from '../../src/pac/claims.ts';
import { CompressionFormat } from '../../src/pac/compression/expand.ts';
import { NdrWriter } from '../../src/testing/ndr-writer.ts';
import {
  encodeClaims,
  encodeClaimsMetadata,
  encodeClaimsSet,
} from '../../src/testing/pac-buffers.ts';
import { compressLznt1 } from '../support/lznt1.ts';
import { loadPacFixture, thrownBy } from '../support/pac.ts';

const gokrb5 = loadPacFixture<{ readonly claims: Readonly<Record<string, string>> }>('gokrb5.json');
const samba = loadPacFixture<{
  readonly claims: { readonly compressed: string; readonly uncompressed: string };
}>('samba.json');

const samAccountName: Claim = {
  id: 'ad://ext/sAMAccountName:88d5d9085ea5c0c0',
  type: 'string',
  source: 1,
  values: ['testuser1'],
};
const supportedEnctypes: Claim = {
  id: 'ad://ext/msDS-SupportedE:88d5dea8f1af5f19',
  type: 'int64',
  source: 1,
  values: [28n],
};
const objectClasses = [655369n, 65543n, 65542n, 65536n];

test.each([
  ['InfoStr', [samAccountName]],
  ['InfoInt', [supportedEnctypes]],
  ['InfoMulti', [supportedEnctypes, samAccountName]],
  [
    'InfoMultiUint',
    [
      {
        id: 'ad://ext/objectClass:88d5de791e7b27e6',
        type: 'uint64',
        source: 1,
        values: objectClasses,
      },
    ],
  ],
  [
    'InfoMultiStr',
    [
      {
        id: 'ad://ext/otherIpPhone:88d5de9f6b4af985',
        type: 'string',
        source: 1,
        values: ['str1', 'str2', 'str3', 'str4'],
      },
    ],
  ],
])('gokrb5: %s', (name, expected) => {
  expect(parseClaims(fromHex(gokrb5.claims[name]!))).toEqual(expected);
});

test('gokrb5: claims that Windows compressed (which gokrb5 itself cannot read)', () => {
  const claims = parseClaims(fromHex(gokrb5.claims.Info_XPRESS_HUFF!));
  expect(claims.length).toBeGreaterThan(0);
  for (const claim of claims) expect(claim.id).toMatch(/^ad:\/\/ext\/[\w-]+:88d5[0-9a-f]{12}$/);
});

test('Samba: compressed claims of Windows', () => {
  const sentence = 'A very long attribute value to ensure that this claim will be compressed.';
  expect(parseClaims(fromHex(samba.claims.compressed))).toEqual([
    { id: '720fd3c3_4', type: 'boolean', source: 1, values: [true] },
    {
      id: '720fd3c3_0',
      type: 'string',
      source: 1,
      values: [
        'A first value.',
        'A second value.',
        'A third value.',
        Array.from({ length: 50 }, () => sentence).join(' '),
      ],
    },
    {
      id: '720fd3c3_1',
      type: 'string',
      source: 1,
      values: [
        'DC=win22,DC=example,DC=com',
        'CN=Users,DC=win22,DC=example,DC=com',
        'CN=Computers,DC=win22,DC=example,DC=com',
      ],
    },
    { id: '720fd3c3_2', type: 'uint64', source: 1, values: objectClasses },
    { id: '720fd3c3_3', type: 'uint64', source: 1, values: objectClasses },
  ]);
});

test('Samba: claims of Windows that are not compressed', () => {
  expect(parseClaims(fromHex(samba.claims.uncompressed))).toEqual([
    { id: '720fd3c3_9', type: 'boolean', source: 1, values: [true] },
    { id: '720fd3c3_7', type: 'string', source: 1, values: ['foo', 'bar', 'baz'] },
    { id: '720fd3c3_8', type: 'uint64', source: 1, values: objectClasses },
  ]);
});

test('an empty buffer holds no claims', () => {
  expect(parseClaims(new Uint8Array())).toEqual([]);
});

test('a null claims set holds no claims, and may not announce any', () => {
  const metadata = (size: number) =>
    NdrWriter.object((ndr) => {
      ndr.u32(size).pointer(false).u16(0).u32(0).u16(0).u32(0).pointer(false);
    });
  expect(parseClaims(metadata(0))).toEqual([]);
  expect(thrownBy(() => parseClaims(metadata(8)))).toMatchObject({
    message: 'PAC claims lack their claims set',
  });
});

const text = fc.string({ unit: fc.constantFrom('a', 'Z', '0', 'é', '√', '😀'), maxLength: 12 });
const claim = fc.record({ id: text, source: fc.constantFrom(1, 2) }).chain(({ id, source }) =>
  fc.oneof(
    fc
      .array(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), { maxLength: 4 })
      .map((values): Claim => ({ id, type: 'int64', source, values })),
    fc
      .array(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), { maxLength: 4 })
      .map((values): Claim => ({ id, type: 'uint64', source, values })),
    fc
      .array(text, { maxLength: 4 })
      .map((values): Claim => ({ id, type: 'string', source, values })),
    fc
      .array(fc.boolean(), { maxLength: 4 })
      .map((values): Claim => ({ id, type: 'boolean', source, values })),
  ),
);
// As they are written: those of one source together.
const claims = fc
  .array(claim, { maxLength: 6 })
  .map((all) => [1, 2].flatMap((source) => all.filter((one) => one.source === source)));

test('what is written comes back', () => {
  fc.assert(
    fc.property(claims, (all) => {
      expect(parseClaims(encodeClaims(all))).toEqual(all);
    }),
  );
});

test('what is written and compressed (LZNT1) comes back', () => {
  fc.assert(
    fc.property(claims, (all) => {
      const set = encodeClaimsSet(all);
      const compressed = compressLznt1(set);
      const buffer = encodeClaimsMetadata(compressed, CompressionFormat.lznt1, set.length);
      expect(parseClaims(buffer)).toEqual(all);
    }),
  );
});

describe('a claims set that lies', () => {
  // CLAIMS_SET with one array of one entry; each number can be false.
  function set(lies: {
    arrays?: number;
    entries?: number;
    type?: number;
    secondType?: number;
    values?: number;
    listed?: boolean;
    text?: boolean;
    id?: boolean;
    terminator?: string;
  }): Uint8Array {
    const { type = 3, id = true, listed = true, text = true } = lies;
    const inner = NdrWriter.object((ndr) => {
      ndr
        .u32(lies.arrays ?? 1)
        .pointer(true)
        .u16(0)
        .u32(0)
        .pointer(false);
      ndr.u32(lies.arrays ?? 1);
      ndr
        .u16(1)
        .u32(lies.entries ?? 1)
        .pointer(true);
      ndr
        .u32(lies.entries ?? 1)
        .pointer(id)
        .u16(type)
        .u16(lies.secondType ?? type);
      ndr.u32(lies.values ?? 1).pointer(listed);
      if (id) ndr.unicodeText(`name${lies.terminator ?? '\0'}`);
      if (!listed) return;
      ndr.u32(lies.values ?? 1).pointer(text);
      if (text) ndr.unicodeText('value\0');
    });
    return encodeClaimsMetadata(inner, 0);
  }

  test('the truth is read', () => {
    expect(parseClaims(set({}))).toEqual([
      { id: 'name', type: 'string', source: 1, values: ['value'] },
    ]);
  });

  test.each([1, 2, 3, 6])('a claim of type %i may have no values', (type) => {
    const [claim, ...others] = parseClaims(set({ type, values: 0, listed: false }));
    expect(claim).toMatchObject({ id: 'name', source: 1, values: [] });
    expect(others).toEqual([]);
  });

  test.each([
    [{ listed: false }, /claims lack an array that they announce/],
    [{ type: 6, listed: false }, /claims lack an array that they announce/],
    [{ text: false }, /claim has a null value/],
    [{ arrays: 0x7fffffff }, /announces 2147483647 elements, more than it can hold/],
    [{ entries: 0xffffffff }, /announces 4294967295 elements, more than it can hold/],
    [{ values: 0x10000000 }, /announces 268435456 elements, more than it can hold/],
    [{ type: 4 }, /claim is of type 4, which is not known/],
    [{ secondType: 1 }, /claim has two types/],
    [{ id: false }, /claim has no name/],
    [{ terminator: 'x' }, /holds a string without its end/],
    [{ terminator: '\0\0' }, /holds a NUL inside a string/],
    [{ terminator: '\ud800\0' }, /holds a lone surrogate/],
  ])('%j is refused', (lies, message) => {
    const error = thrownBy(() => parseClaims(set(lies)));
    expect(error).toBeInstanceOf(DecodeError);
    expect(error).toMatchObject({ message: expect.stringMatching(message) });
  });
});

test('a compressed set may not announce another length than it has', () => {
  const inner = encodeClaimsSet([samAccountName]);
  const compressed = compressLznt1(inner);
  for (const length of [inner.length - 1, inner.length + 1, 0xffffffff]) {
    const buffer = encodeClaimsMetadata(compressed, CompressionFormat.lznt1, length);
    expect(thrownBy(() => parseClaims(buffer))).toMatchObject({ name: 'DecodeError' });
  }
});
