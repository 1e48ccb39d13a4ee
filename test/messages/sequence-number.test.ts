import { describe, expect, it } from 'vitest';
import { concatBytes, fromHex } from '../../src/bytes.ts';
import { ContextFlag } from '../../src/gss/status.ts';
import { decodeEncApRepPart, encodeEncApRepPart } from '../../src/messages/ap-rep.ts';
import { decodeAuthenticator, encodeAuthenticator } from '../../src/messages/ap-req.ts';
import { establish } from '../support/realm-kit.ts';

const TIMES = { cusec: 0, ctime: 1_700_000_000 };
const CLIENT = { clientRealm: 'R', clientName: { nameType: 1, components: ['a'] } };

/** The message without a number, and then with this INTEGER as its field. */
function withNumber(message: Uint8Array, tag: number, integer: Uint8Array): Uint8Array {
  const field = concatBytes(Uint8Array.of(tag, integer.length), integer);
  const bytes = concatBytes(message, field);
  // The outer message and its SEQUENCE, both shorter than 128 bytes.
  bytes[1]! += field.length;
  bytes[3]! += field.length;
  return bytes;
}

const READERS = [
  [
    'Authenticator',
    (integer: Uint8Array) =>
      decodeAuthenticator(withNumber(encodeAuthenticator({ ...CLIENT, ...TIMES }), 0xa7, integer)),
  ],
  [
    'EncAPRepPart',
    (integer: Uint8Array) =>
      decodeEncApRepPart(withNumber(encodeEncApRepPart(TIMES), 0xa3, integer)),
  ],
] as const;

// MIT krb5, asn1_k_encode.c decode_seqno over asn1_encode.c k5_asn1_decode_int.
describe.each(READERS)('the sequence number of %s', (_, read) => {
  it.each([
    ['020100', 0],
    ['02017f', 0x7f],
    ['0201ff', 0xffff_ffff],
    ['0204ff7fffff', 0xff7f_ffff],
    ['0204ff800000', 0xff80_0000],
    ['0204ffffffff', 0xffff_ffff],
    ['020480000000', 0x8000_0000],
    ['020500ffffffff', 0xffff_ffff],
    ['020500ff800000', 0xff80_0000],
    ['0205ffffffffff', 0xffff_ffff],
    ['0208ffffffff80000000', 0x8000_0000],
    ['020800000000ffffffff', 0xffff_ffff],
    ['02050000000001', 1],
  ])('%s is %i', (hex, expected) => {
    expect(read(fromHex(hex)).sequenceNumber).toBe(expected);
  });

  it.each([
    ['0200', /INTEGER of 0 bytes/],
    ['02050100000000', /out of range/],
    ['0205ff7fffffff', /out of range/],
    ['02087fffffffffffffff', /out of range/],
    ['02088000000000000000', /out of range/],
    ['0209000000000000000001', /INTEGER of 9 bytes/],
    ['0209ffffffffffffffffff', /INTEGER of 9 bytes/],
  ])('%s is refused', (hex, message) => {
    expect(() => read(fromHex(hex))).toThrow(message);
  });
});

it('a context counts on from 4294967295, which four bytes FF are', async () => {
  const { client, server } = await establish({
    initiator: { sequenceNumber: 0xffff_ffff, flags: ContextFlag.mutual | ContextFlag.sequence },
  });
  const message = Uint8Array.of(1);
  for (let i = 0; i < 3; i++) {
    expect(server.unwrap(client.wrap(message)).sequence).toBe('ok');
  }
});
