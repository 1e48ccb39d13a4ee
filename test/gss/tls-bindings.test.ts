import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes, fromHex, toHex } from '../../src/bytes.ts';
import { DecodeError } from '../../src/errors.ts';
import { tlsExporter, tlsServerEndPoint } from '../../src/gss/tls-bindings.ts';
import { runs } from '../support/properties.ts';
import { loadVectors, utf8 } from '../support/vectors.ts';

interface Vector {
  readonly signature: string;
  readonly certificate: string;
  readonly hash?: string;
  readonly digest?: string;
}

const { vectors } = loadVectors<Vector>('tls/server-end-point.json');
const certificate = fromHex(
  vectors.find(({ signature }) => signature === 'pss-sha256')!.certificate,
);

describe('tlsServerEndPoint', () => {
  it.each(vectors.filter(({ digest }) => digest !== undefined))(
    'hashes a certificate signed with $signature by $hash',
    ({ certificate, digest }) => {
      const prefix = toHex(utf8('tls-server-end-point:'));
      expect(tlsServerEndPoint(fromHex(certificate))).toEqual({
        applicationData: fromHex(prefix + digest),
      });
    },
  );

  it.each(vectors.filter(({ digest }) => digest === undefined))(
    'is undefined for $signature',
    ({ certificate }) => {
      expect(tlsServerEndPoint(fromHex(certificate))).toBeUndefined();
    },
  );

  it('takes a Buffer that is a part of a larger one', () => {
    const padded = Buffer.from(concatBytes(new Uint8Array(7), certificate));
    expect(tlsServerEndPoint(padded.subarray(7))).toEqual(tlsServerEndPoint(certificate));
  });

  it('refuses what is no certificate, and nothing else', () => {
    expect(() => tlsServerEndPoint(utf8('-----BEGIN CERTIFICATE-----'))).toThrow(DecodeError);
    expect(() => tlsServerEndPoint(new Uint8Array())).toThrow(/certificate: truncated/);
    expect(() => tlsServerEndPoint(concatBytes(certificate, new Uint8Array(1)))).toThrow(
      /1 unexpected bytes/,
    );
    for (let length = 0; length < certificate.length; length++) {
      expect(() => tlsServerEndPoint(certificate.subarray(0, length))).toThrow(DecodeError);
    }
    expect(() => tlsServerEndPoint('x' as unknown as Uint8Array)).toThrow(TypeError);
  });

  it('never throws anything else whatever byte is altered', () => {
    fc.assert(
      fc.property(fc.nat(certificate.length - 1), fc.nat(255), (at, value) => {
        const altered = certificate.slice();
        altered[at] = value;
        try {
          tlsServerEndPoint(altered);
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError);
        }
      }),
      { numRuns: runs(2000) },
    );
  });
});

describe('tlsExporter', () => {
  it('puts the prefix before the 32 bytes', () => {
    const exported = new Uint8Array(32).fill(0xab);
    expect(tlsExporter(exported).applicationData).toEqual(
      concatBytes(utf8('tls-exporter:'), exported),
    );
  });

  it('wants 32 bytes', () => {
    expect(() => tlsExporter(new Uint8Array(31))).toThrow(/expected 32 bytes, got 31/);
    expect(() => tlsExporter(new Uint8Array(33))).toThrow(RangeError);
  });
});
