import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fromHex } from '../../src/bytes.ts';
import { DecodeError } from '../../src/errors.ts';
import { findPacBuffer, PacBufferType, parsePacType } from '../../src/pac/pac-type.ts';
import { frame, thrownBy } from '../support/pac.ts';
import { runs } from '../support/properties.ts';

const data = Uint8Array.of(1, 2, 3);

test('the numbers of MS-PAC §2.4', () => {
  expect(Object.values(PacBufferType)).toEqual([
    1, 2, 6, 7, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19,
  ]);
});

test('buffers come out in order, unknown ones too, as views', () => {
  const bytes = frame([
    { type: 99, data },
    { type: 10, data: Uint8Array.of(4) },
    { type: 99, data: Uint8Array.of(5) },
    { type: 0xffffffff, data: new Uint8Array() },
  ]);
  const pac = parsePacType(bytes);
  expect(pac.buffers.map(({ type, data: view }) => [type, [...view]])).toEqual([
    [99, [1, 2, 3]],
    [10, [4]],
    [99, [5]],
    [0xffffffff, []],
  ]);
  expect(pac.buffers[0]!.data.buffer).toBe(bytes.buffer);
  expect(findPacBuffer(pac, 10)?.offset).toBe(8 + 4 * 16 + 3);
  expect(findPacBuffer(pac, 1)).toBeUndefined();
});

test('a PAC without buffers is a PAC', () => {
  expect(parsePacType(fromHex('0000000000000000')).buffers).toEqual([]);
});

test('gaps and trailing bytes are no harm', () => {
  const bytes = frame([{ type: 10, data: new Uint8Array(40), size: 8, offset: 40 }]);
  expect(parsePacType(bytes).buffers[0]!.data).toHaveLength(8);
});

test.each(Object.values(PacBufferType))('type %i may not stand twice', (type) => {
  const bytes = frame([
    { type, data },
    { type: 77, data },
    { type, data },
  ]);
  expect(thrownBy(() => parsePacType(bytes))).toMatchObject({
    name: 'DecodeError',
    message: `PAC holds more than one buffer of type ${type}`,
  });
});

const one = { type: 1, data };

test.each([
  ['no bytes at all', new Uint8Array(), /^PAC is truncated/],
  ['half a header', fromHex('01000000'), /^PAC is truncated/],
  ['another version', frame([one], { version: 1 }), /^PAC has version 1, expected 0$/],
  ['one buffer more than there is room for', frame([], { count: 1 }), /^PAC announces 1 buffers/],
  [
    'four thousand million buffers',
    frame([one], { count: 0xffffffff }),
    /^PAC announces 4294967295/,
  ],
  ['a count that overflows in 32 bits', frame([one], { count: 0x10000001 }), /^PAC announces/],
  [
    '257 buffers',
    frame(Array.from({ length: 257 }, () => ({ type: 50, data }))),
    /^PAC announces 257/,
  ],
  ['a buffer over the header', frame([{ ...one, offset: 8 }]), /lies outside of the PAC$/],
  ['a buffer at nothing', frame([{ ...one, offset: 0 }]), /lies outside of the PAC$/],
  ['a buffer past the end', frame([{ ...one, offset: 28 }]), /lies outside of the PAC$/],
  ['a buffer one byte too long', frame([{ ...one, size: 4 }]), /lies outside of the PAC$/],
  ['a buffer of 4 GB', frame([{ ...one, size: 0xffffffff }]), /lies outside of the PAC$/],
  [
    'an offset and size that overflow',
    frame([{ ...one, offset: 0xffffffff, size: 30 }]),
    /outside/,
  ],
  [
    'an offset of more than 32 bits',
    frame([{ ...one, offsetHigh: 1 }]),
    /lies outside of the PAC$/,
  ],
])('%s is refused', (_, bytes, message) => {
  const error = thrownBy(() => parsePacType(bytes));
  expect(error).toBeInstanceOf(DecodeError);
  expect(error).toMatchObject({ message: expect.stringMatching(message) });
});

test('256 buffers are taken', () => {
  const bytes = frame(Array.from({ length: 256 }, () => ({ type: 50, data })));
  expect(parsePacType(bytes).buffers).toHaveLength(256);
});

test.each([
  ['on top of each other', 40],
  ['by one byte', 42],
])('buffers that share bytes are refused: %s', (_, offset) => {
  const bytes = frame([
    { type: 6, data },
    { type: 10, data, offset },
  ]);
  expect(thrownBy(() => parsePacType(bytes))).toMatchObject({
    name: 'DecodeError',
    message: 'PAC buffers of types 6 and 10 share bytes',
  });
});

test('an empty buffer shares nothing', () => {
  const bytes = frame([
    { type: 6, data },
    { type: 13, data: new Uint8Array(), offset: 41 },
  ]);
  expect(findPacBuffer(parsePacType(bytes), 13)?.data).toHaveLength(0);
});

test('any bytes are buffers inside of them that share nothing, or a DecodeError', () => {
  const number = fc.oneof(fc.nat({ max: 60 }), fc.integer({ min: 0, max: 0xffffffff }));
  const part = fc.record({
    type: fc.oneof(fc.nat({ max: 20 }), fc.integer({ min: 0, max: 0xffffffff })),
    data: fc.uint8Array({ maxLength: 8 }),
    size: number,
    offset: number,
  });
  fc.assert(
    fc.property(fc.array(part, { maxLength: 4 }), (parts) => {
      const bytes = frame(parts);
      try {
        let total = 0;
        for (const buffer of parsePacType(bytes).buffers) {
          total += buffer.data.length;
          expect(buffer.data.byteOffset + buffer.data.length).toBeLessThanOrEqual(bytes.length);
        }
        expect(total).toBeLessThanOrEqual(bytes.length);
      } catch (error) {
        expect(error).toBeInstanceOf(DecodeError);
      }
    }),
    { numRuns: runs(500) },
  );
});
