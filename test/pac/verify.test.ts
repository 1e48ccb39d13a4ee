import { describe, expect, test } from 'vitest';
import { toHex, Writer } from '../../src/bytes.ts';
import { EncryptionKey } from '../../src/crypto/key.ts';
import { DecodeError, KerberosError } from '../../src/errors.ts';
import { NameType } from '../../src/messages/principal.ts';
import type { EncTicketPart } from '../../src/messages/ticket.ts';
import { parsePacSignature, rodcIdentifier } from '../../src/pac/buffers.ts';
import { findPac } from '../../src/pac/locate.ts';
import { verifyPac } from '../../src/pac/pac.ts';
import { PacBufferType, parsePacType } from '../../src/pac/pac-type.ts';
import type { PacKey } from '../../src/pac/verify.ts';
import {
  verifyClientInfo,
  verifyFullSignature,
  verifyServerSignature,
} from '../../src/pac/verify.ts';
import { attachPac, mintPac } from '../../src/testing/pac.ts';
import { encodeClientInfo } from '../../src/testing/pac-buffers.ts';
import { aesKey, frame, hmacMd5, pacKey, thrownBy, ticketFor } from '../support/pac.ts';

const serverKey = aesKey(1);
const kdcKey = aesKey(2);
const ticket = ticketFor('alice', 1_700_000_000);
const pac = mintPac(ticket, {}, { serverKey });

/** The PAC with one buffer changed in place. */
function altered(type: number, change: (data: Uint8Array) => void): Uint8Array {
  const copy = pac.slice();
  change(parsePacType(copy).buffers.find((buffer) => buffer.type === type)!.data);
  return copy;
}

/** The PAC without its buffers of a type; signatures are left as they are. */
function without(type: number): Uint8Array {
  const parts = parsePacType(pac).buffers.map((buffer) => ({
    type: buffer.type,
    data: buffer.data,
  }));
  return frame(parts.filter((part) => part.type !== type));
}

function offsetOf(bytes: Uint8Array, type: number): number {
  return parsePacType(bytes).buffers.find((buffer) => buffer.type === type)!.offset;
}

/** In place: as the server signature sees the PAC. */
function zeroSignatures(bytes: Uint8Array): Uint8Array {
  for (const { type, data } of parsePacType(bytes).buffers) {
    if (type === PacBufferType.serverSignature || type === PacBufferType.kdcSignature) {
      data.fill(0, 4);
    }
  }
  return bytes;
}

describe('server signature', () => {
  test('the key that opened the ticket verifies it, and no other', () => {
    expect(verifyPac(pac, ticket, serverKey).verified).toBe(true);
    expect(thrownBy(() => verifyPac(pac, ticket, kdcKey))).toMatchObject({
      code: 'KRB_AP_ERR_MODIFIED',
      message: 'PAC server signature does not verify',
    });
  });

  test.each([17, 18, 19, 20])('enctype %i signs with its own checksum type', (enctype) => {
    const length = enctype % 2 === 1 && enctype !== 20 ? 16 : 32;
    const key = new EncryptionKey(enctype, new Uint8Array(length).fill(7));
    const minted = mintPac(ticket, {}, { serverKey: key });
    expect(verifyPac(minted, ticket, key).signatures.server).toBe('verified');
  });

  test.each([
    ['HMAC-MD5', -138],
    ['AES-128', 15],
    ['SHA-1 without a key', 14],
    ['CRC-32', 1],
    ['RSA-MD5', 7],
    ['none', 0],
  ])("a checksum type that is not the key's is refused: %s", (_, type) => {
    const bytes = altered(PacBufferType.serverSignature, (data) => {
      data.set(new Writer().u32(type >>> 0, true).finish());
    });
    expect(thrownBy(() => verifyPac(bytes, ticket, serverKey))).toMatchObject({
      code: 'KRB_AP_ERR_INAPP_CKSUM',
      message: `PAC server signature is of checksum type ${type}, the key's is 16`,
    });
  });

  test('an AES key is never put into HMAC-MD5, even where that would verify', () => {
    const parts = parsePacType(pac).buffers.map(({ type, data }) => ({ type, data }));
    const server = parts.find(({ type }) => type === PacBufferType.serverSignature)!;
    server.data = new Writer()
      .u32(-138 >>> 0, true)
      .raw(new Uint8Array(16))
      .finish();
    const bytes = zeroSignatures(frame(parts));
    bytes.set(hmacMd5(serverKey.bytes(), 17, bytes), offsetOf(bytes, server.type) + 4);
    const asRc4 = pacKey({ enctype: 23, value: toHex(serverKey.bytes()) });
    expect(() => verifyServerSignature(parsePacType(bytes), asRc4)).not.toThrow();
    expect(thrownBy(() => verifyPac(bytes, ticket, serverKey))).toMatchObject({
      code: 'KRB_AP_ERR_INAPP_CKSUM',
      message: "PAC server signature is of checksum type -138, the key's is 16",
    });
  });

  test.each([
    ['server', PacBufferType.serverSignature],
    ['KDC', PacBufferType.kdcSignature],
  ])('without a %s signature there is no PAC', (name, type) => {
    expect(thrownBy(() => verifyPac(without(type), ticket, serverKey))).toMatchObject({
      code: 'KRB_AP_ERR_INAPP_CKSUM',
      message: `PAC has no ${name} signature`,
    });
  });

  test.each([0, 3, 4, 15])('a signature of %i bytes does not verify', (length) => {
    const parts = parsePacType(pac).buffers.map(({ type, data }) =>
      type === PacBufferType.serverSignature
        ? { type, data: data.slice(0, length) }
        : { type, data },
    );
    const error = thrownBy(() => verifyServerSignature(parsePacType(frame(parts)), serverKey));
    expect(error).toBeInstanceOf(KerberosError);
    expect(error).toMatchObject(
      length < 4
        ? { name: 'DecodeError', message: expect.stringMatching(/^PAC signature is truncated/) }
        : { code: 'KRB_AP_ERR_MODIFIED' },
    );
  });

  test('a buffer that covers the signature, and so would not be signed, is refused', () => {
    const { offset } = parsePacType(pac).buffers.find(({ type }) => type === 6)!;
    const copy = pac.slice();
    // The entry of the client info comes first: point it at the checksum.
    copy.set(
      new Writer()
        .u32(12, true)
        .u32(offset + 4, true)
        .finish(),
      8 + 4,
    );
    expect(thrownBy(() => verifyPac(copy, ticket, serverKey))).toMatchObject({
      name: 'DecodeError',
      message: 'PAC buffers of types 6 and 10 share bytes',
    });
  });

  test('neither message nor detail holds a byte of checksum or key', () => {
    const error = thrownBy(() => verifyPac(pac, ticket, kdcKey)) as KerberosError;
    expect(error.detail).toEqual({ signature: 'server' });
    expect(error.hint).toBeUndefined();
  });
});

describe('KDC signatures', () => {
  const signed = attachPac(ticket, {}, { serverKey, kdcKey });
  const bytes = findPac(signed.authorizationData)!;

  test.each([
    ['good', serverKey, kdcKey, undefined],
    ['not that of the KDC', serverKey, aesKey(3), 'PAC KDC signature does not verify'],
    ['not that of the service', aesKey(3), kdcKey, 'PAC server signature does not verify'],
  ] as const)('leave the PAC as it was: %s', (_, key, otherKey, message) => {
    const before = bytes.slice();
    if (message === undefined) expect(verifyPac(bytes, signed, key, otherKey).verified).toBe(true);
    else expect(thrownBy(() => verifyPac(bytes, signed, key, otherKey))).toMatchObject({ message });
    expect(bytes).toEqual(before);
  });

  test.each([
    ['server', verifyServerSignature],
    ['full', verifyFullSignature],
  ] as const)('leave the PAC as it was where the key fails: %s', (_, verify) => {
    const before = bytes.slice();
    let seen: Uint8Array | undefined;
    const { enctype, checksumType, checksumLength } = serverKey;
    const broken: PacKey = {
      ...{ enctype, checksumType, checksumLength },
      verifyChecksum: (_usage, _checksum, part) => {
        seen = part!.slice();
        throw new RangeError('broken');
      },
    };
    expect(thrownBy(() => verify(parsePacType(bytes), broken))).toBeInstanceOf(RangeError);
    expect(seen).not.toEqual(before);
    expect(bytes).toEqual(before);
  });

  test('verify with the key of the KDC', () => {
    expect(verifyPac(bytes, signed, serverKey, kdcKey).signatures).toEqual({
      server: 'verified',
      kdc: 'verified',
      ticket: 'verified',
      full: 'verified',
    });
  });

  test('a key of the KDC that is not the one is refused, not ignored', () => {
    expect(thrownBy(() => verifyPac(bytes, signed, serverKey, aesKey(3)))).toMatchObject({
      code: 'KRB_AP_ERR_MODIFIED',
      message: 'PAC KDC signature does not verify',
    });
  });

  test('without it they count as unverified, and absent ones as absent', () => {
    expect(verifyPac(bytes, signed, serverKey).signatures).toEqual({
      server: 'verified',
      kdc: 'unverified',
      ticket: 'unverified',
      full: 'unverified',
    });
    expect(verifyPac(pac, ticket, serverKey, serverKey).signatures).toEqual({
      server: 'verified',
      kdc: 'verified',
      ticket: 'absent',
      full: 'absent',
    });
  });

  test.each([
    ['client', { clientRealm: 'OTHER.COM' }],
    ['flags', { flags: 1 }],
    ['end', { endTime: 1_900_000_000 }],
    [
      'other authorization data',
      { authorizationData: [...signed.authorizationData!, { type: 97, data: Uint8Array.of(1) }] },
    ],
  ] as [string, Partial<EncTicketPart>][])(
    'the ticket signature covers the ticket: %s',
    (_, change) => {
      const other = { ...signed, ...change };
      expect(thrownBy(() => verifyPac(bytes, other, serverKey, kdcKey))).toMatchObject({
        code: 'KRB_AP_ERR_MODIFIED',
        message: 'PAC ticket signature does not verify',
      });
    },
  );

  test('the full signature covers what a service could sign anew', () => {
    // A service has its own key only: it puts a group into the PAC and signs it again.
    const forged = mintPac(ticket, { logonInfo: {} }, { serverKey });
    const parts = parsePacType(forged).buffers.map(({ type, data }) => ({ type, data }));
    const full = parsePacType(bytes).buffers.find(
      ({ type }) => type === PacBufferType.fullSignature,
    )!;
    const unsigned = frame([...parts, { type: full.type, data: full.data }]);
    const server = serverKey.checksum(17, zeroSignatures(unsigned));
    unsigned.set(server, offsetOf(unsigned, PacBufferType.serverSignature) + 4);
    unsigned.set(kdcKey.checksum(17, server), offsetOf(unsigned, PacBufferType.kdcSignature) + 4);
    expect(verifyPac(unsigned, ticket, serverKey).signatures.full).toBe('unverified');
    expect(thrownBy(() => verifyPac(unsigned, ticket, serverKey, kdcKey))).toMatchObject({
      code: 'KRB_AP_ERR_MODIFIED',
      message: 'PAC full signature does not verify',
    });
  });

  test('a read-only domain controller is named where its signature does not verify', () => {
    const parts = parsePacType(pac).buffers.map(({ type, data }) => ({ type, data }));
    const kdc = parts.find(({ type }) => type === 7)!;
    kdc.data = Uint8Array.of(...kdc.data, 0x39, 0x30);
    expect(rodcIdentifier(parsePacSignature(kdc.data), 12)).toBe(12345);
    expect(rodcIdentifier(parsePacSignature(kdc.data), 14)).toBeUndefined();
    // A domain controller that can write may say so.
    const writable = { type: 16, data: new Uint8Array(14) };
    expect(rodcIdentifier(writable, 12)).toBeUndefined();
    const bytesOf = zeroSignatures(frame(parts));
    const server = serverKey.checksum(17, bytesOf);
    bytesOf.set(server, offsetOf(bytesOf, PacBufferType.serverSignature) + 4);
    bytesOf.set([0x39, 0x30], offsetOf(bytesOf, PacBufferType.kdcSignature) + 16);
    expect(thrownBy(() => verifyPac(bytesOf, ticket, serverKey, kdcKey))).toMatchObject({
      code: 'KRB_AP_ERR_MODIFIED',
      detail: { signature: 'KDC', readOnlyController: 12345 },
    });
  });
});

describe('client info', () => {
  function pacOf(name: string, authTime?: number) {
    const data = encodeClientInfo({ name, ...(authTime !== undefined && { authTime }) });
    return parsePacType(frame([{ type: PacBufferType.clientInfo, data }]));
  }

  test.each([
    ['a user', 'alice', NameType.principal, ['alice']],
    ['a service', 'HTTP/www.example.com', NameType.srvHst, ['HTTP', 'www.example.com']],
    ['an enterprise name', 'alice@corp.example', NameType.enterprise, ['alice@corp.example']],
    ['characters that MIT would escape', 'a\\b@c', NameType.principal, ['a\\b@c']],
    ['any script', 'Ünïcode-√-😀', NameType.principal, ['Ünïcode-√-😀']],
  ])('%s', (_, name, nameType, components) => {
    const client = { clientRealm: 'R', clientName: { nameType, components }, authTime: 77 };
    expect(verifyClientInfo(pacOf(name, 77), client)).toEqual({ name, authTime: 77 });
    expect(verifyClientInfo(pacOf(`${name}@R`, 77), client, true)).toEqual({
      name: `${name}@R`,
      authTime: 77,
    });
  });

  test('what differs is told, with both names and times', () => {
    const error = thrownBy(() => verifyClientInfo(pacOf('mallory', 5), ticket));
    expect(error).toMatchObject({
      code: 'KRB_AP_ERR_BADMATCH',
      message: "PAC is not that of the ticket's client",
      detail: {
        pacClient: 'mallory',
        ticketClient: 'alice',
        pacAuthTime: '1970-01-01T00:00:05Z',
        ticketAuthTime: '2023-11-14T22:13:20Z',
      },
    });
  });

  test('a time that is not set is not the time of any ticket', () => {
    expect(
      thrownBy(() => verifyClientInfo(pacOf('alice'), { ...ticket, authTime: 0 })),
    ).toMatchObject({
      code: 'KRB_AP_ERR_BADMATCH',
      detail: { pacAuthTime: 'none' },
    });
  });

  test('without client info there is no PAC, well signed or not', () => {
    const parts = [PacBufferType.serverSignature, PacBufferType.kdcSignature].map((type) => ({
      type,
      data: new Writer().u32(16, true).raw(new Uint8Array(12)).finish(),
    }));
    const bytes = frame(parts);
    bytes.set(serverKey.checksum(17, bytes), parsePacType(bytes).buffers[0]!.offset + 4);
    expect(() => verifyServerSignature(parsePacType(bytes), serverKey)).not.toThrow();
    expect(thrownBy(() => verifyPac(bytes, ticket, serverKey))).toMatchObject({
      code: 'KRB_AP_ERR_BADMATCH',
      message: 'PAC names no client',
    });
  });

  test.each([0, 7, 9, 10, 12])('%i bytes are no client info', (length) => {
    const data = encodeClientInfo({ name: 'alice', authTime: 77 }).slice(0, length);
    const parsed = parsePacType(frame([{ type: PacBufferType.clientInfo, data }]));
    expect(thrownBy(() => verifyClientInfo(parsed, ticket))).toBeInstanceOf(DecodeError);
  });
});
