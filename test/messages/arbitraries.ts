/** Values of the types that messages consist of. */
import fc from 'fast-check';

export const text = fc.oneof(
  fc.string({ maxLength: 24 }),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 8 }),
);
export const realm = text.filter((value) => value !== '');
export const octets = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.uint8Array({ minLength: 120, maxLength: 300 }),
);
export const int32 = fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff });
export const uint32 = fc.oneof(
  fc.integer({ min: 0, max: 0xffff_ffff }),
  fc.constantFrom(0, 0xffff_ffff),
);
export const microseconds = fc.integer({ min: 0, max: 999_999 });
export const time = fc.oneof(
  fc.integer({ min: 0, max: 4_102_444_800 }),
  fc.integer({ min: -62_167_219_200, max: 253_402_300_799 }),
);
export const name = fc.record({
  nameType: int32,
  components: fc.array(text, { minLength: 1, maxLength: 4 }),
});
export const anyName = fc.record({ nameType: int32, components: fc.array(text, { maxLength: 3 }) });
export const encrypted = fc.record(
  { enctype: int32, kvno: uint32, cipher: octets },
  { requiredKeys: ['enctype', 'cipher'] },
);
export const key = fc.record({ enctype: int32, value: octets });
export const checksum = fc.record({ type: int32, checksum: octets });
export const address = fc.record({ type: int32, address: octets });
export const addresses = fc.array(address, { minLength: 1, maxLength: 3 });
export const authorizationData = fc.array(fc.record({ type: int32, data: octets }), {
  minLength: 1,
  maxLength: 4,
});
export const ticket = fc.record({ realm, serverName: name, encPart: encrypted });
