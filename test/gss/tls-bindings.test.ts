import { createHash } from 'node:crypto';
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

/** A DER element. */
function der(tag: number, ...contents: readonly Uint8Array[]): Uint8Array {
  const bytes = concatBytes(...contents);
  return concatBytes(Uint8Array.of(tag, bytes.length), bytes);
}

const OID = {
  pss: der(6, fromHex('2a864886f70d01010a')),
  mgf1: der(6, fromHex('2a864886f70d010108')),
  sha1: der(6, fromHex('2b0e03021a')),
  sha256: der(6, fromHex('608648016503040201')),
  oiwMd5WithRsa: der(6, fromHex('2b0e030203')),
  oiwDsaWithSha1: der(6, fromHex('2b0e03021b')),
  oiwSha1WithRsa: der(6, fromHex('2b0e03021d')),
  sha256WithRsa: der(6, fromHex('2a864886f70d01010b')),
};
const NULL = der(5);

/** A certificate in which everything but the signature algorithm is empty. */
function signedBy(...algorithm: readonly Uint8Array[]): Uint8Array {
  return der(0x30, der(0x30), der(0x30, ...algorithm), der(3, Uint8Array.of(0)));
}

/** RSASSA-PSS-params with SHA-256 for both hashes, and the fields after them. */
function pssParameters(...more: readonly Uint8Array[]): Uint8Array {
  const hash = der(0x30, OID.sha256, NULL);
  return der(0x30, der(0xa0, hash), der(0xa1, der(0x30, OID.mgf1, hash)), ...more);
}

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

  it('refuses bytes that are not a certificate, and nothing else', () => {
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

  it('reads one element of parameters, or none', () => {
    const sha256 = (bytes: Uint8Array) => ({
      applicationData: concatBytes(
        utf8('tls-server-end-point:'),
        createHash('sha256').update(bytes).digest(),
      ),
    });
    const saltLength = der(0xa2, der(2, Uint8Array.of(32)));
    for (const good of [
      signedBy(OID.sha256WithRsa),
      signedBy(OID.sha256WithRsa, NULL),
      // Older OIDs of RSA with SHA-1 and MD5 and of DSA with SHA-1, as OpenSSL and Python's
      // cryptography map them: SHA-256 replaces both.
      signedBy(OID.oiwSha1WithRsa, NULL),
      signedBy(OID.oiwDsaWithSha1),
      signedBy(OID.oiwMd5WithRsa, NULL),
      signedBy(OID.pss, pssParameters()),
      signedBy(OID.pss, pssParameters(saltLength)),
      // RFC 4055 §3.1: all defaults, which are SHA-1; SHA-256 replaces it.
      signedBy(OID.pss, der(0x30)),
      signedBy(OID.pss, der(0x30, der(0xa0, der(0x30, OID.sha1)))),
    ]) {
      expect(tlsServerEndPoint(good)).toEqual(sha256(good));
    }
    for (const other of [
      signedBy(OID.pss),
      signedBy(OID.pss, NULL),
      signedBy(OID.pss, der(0x30, der(0xa0, der(0x30, OID.sha256)))),
      // A mask function other than MGF1.
      signedBy(OID.pss, der(0x30, der(0xa1, der(0x30, OID.pss, der(0x30, OID.sha1))))),
    ]) {
      expect(tlsServerEndPoint(other)).toBeUndefined();
    }
    for (const bad of [
      signedBy(OID.sha256WithRsa, NULL, NULL),
      signedBy(OID.pss, pssParameters(), NULL),
      signedBy(OID.pss, pssParameters(), der(3, Uint8Array.of(0))),
      signedBy(OID.pss, der(0x30), NULL),
    ]) {
      expect(() => tlsServerEndPoint(bad)).toThrow(/^certificate: \d unexpected bytes/);
    }
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
