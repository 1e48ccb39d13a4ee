/** Channel bindings of TLS in the form of GSS-API (RFC 5056 §2.1, RFC 5929, RFC 9266). */
import { sha224, sha256, sha384, sha512, sha512_224, sha512_256 } from '@noble/hashes/sha2.js';
import { sha3_224, sha3_256, sha3_384, sha3_512 } from '@noble/hashes/sha3.js';
import { concatBytes, encodeUtf8, plainBytes } from '../bytes.ts';
import { DerReader, Tag } from '../messages/der/reader.ts';
import type { ChannelBindings } from './channel-bindings.ts';
import type { Oid } from './oid.ts';
import { decodeOid } from './oid.ts';

/**
 * `tls-server-end-point` (RFC 5929 §4): the bindings that browsers, Windows and curl send. They are
 * the same for all connections with this certificate, and can be computed once.
 *
 * @param certificate - The certificate that the server presents in the TLS handshake, DER.
 * @returns Undefined for a certificate whose signature uses no hash function (Ed25519, Ed448), more
 *   than one, or an unknown one: no client can compute bindings then.
 * @throws {@link DecodeError} if the bytes are not a certificate.
 * @throws TypeError if they are not a Uint8Array.
 *
 * @example
 * ```ts
 * import { readFileSync } from 'node:fs';
 * import { X509Certificate } from 'node:crypto';
 * import { tlsServerEndPoint } from 'krb5-acceptor';
 *
 * const { raw } = new X509Certificate(readFileSync('server.pem'));
 * const channelBindings = tlsServerEndPoint(raw);
 * ```
 */
export function tlsServerEndPoint(certificate: Uint8Array): ChannelBindings | undefined {
  const bytes = plainBytes(certificate, 'certificate');
  const algorithm = DerReader.all(bytes, 'certificate', readSignatureAlgorithm);
  // RFC 5929 §4.1: the hash of the signature, but SHA-256 instead of MD5 and SHA-1.
  const hash = algorithm && HASHES[algorithm];
  return hash && { applicationData: concatBytes(encodeUtf8('tls-server-end-point:'), hash(bytes)) };
}

/**
 * Explains to the operator why {@link tlsServerEndPoint} returns undefined for a certificate: names the
 * signature algorithm.
 *
 * @param certificate - DER.
 * @throws {@link DecodeError} if the bytes are not a certificate.
 */
export function explainNoEndPoint(certificate: Uint8Array): string {
  const oid = DerReader.all(certificate, 'certificate', readSignatureOid);
  const cause = oid === RSASSA_PSS ? 'more than one hash function' : 'no hash function known here';
  return (
    `the server's certificate is signed with ${SIGNATURE_NAMES.get(oid) ?? oid}, which has ${cause}: ` +
    'RFC 5929 defines no tls-server-end-point for it'
  );
}

/**
 * `tls-exporter` (RFC 9266): the bindings of one connection of TLS 1.3.
 *
 * @param keyingMaterial - 32 bytes exported with the label `EXPORTER-Channel-Binding` and an empty
 *   context (RFC 8446 §7.5).
 * @throws RangeError for another length; TypeError if it is not a Uint8Array.
 */
export function tlsExporter(keyingMaterial: Uint8Array): ChannelBindings {
  const bytes = plainBytes(keyingMaterial, 'keyingMaterial');
  if (bytes.length !== EXPORTED_BYTES) {
    throw new RangeError(`keyingMaterial: expected ${EXPORTED_BYTES} bytes, got ${bytes.length}`);
  }
  return { applicationData: concatBytes(encodeUtf8('tls-exporter:'), bytes) };
}

type SignatureHash = keyof typeof HASHES;

// RFC 5280 §4.1: Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm, signatureValue }.
function readSignatureAlgorithm(reader: DerReader): SignatureHash | undefined {
  const outer = reader.enter(Tag.sequence);
  reader.element(Tag.sequence);
  const hash = readAlgorithm(reader, (oid) =>
    oid === RSASSA_PSS ? readPssHash(reader) : SIGNATURES.get(oid),
  );
  reader.element(Tag.bitString);
  reader.leave(outer);
  return hash;
}

function readSignatureOid(reader: DerReader): Oid {
  const outer = reader.enter(Tag.sequence);
  reader.element(Tag.sequence);
  const oid = readHash(reader);
  reader.element(Tag.bitString);
  reader.leave(outer);
  return oid;
}

/** AlgorithmIdentifier. @param use - Called before the parameters; reads all of them or none. */
function readAlgorithm<T>(reader: DerReader, use: (oid: Oid) => T): T {
  const outer = reader.enter(Tag.sequence);
  const oid = decodeOid(reader.objectIdentifier());
  const start = reader.offset;
  const value = use(oid);
  if (reader.offset === start && !reader.atEnd) reader.element(reader.nextTag);
  reader.leave(outer);
  return value;
}

// RFC 4055 §3.1: the hash of the message and that of MGF1 each default to SHA-1.
function readPssHash(reader: DerReader): SignatureHash | undefined {
  if (reader.nextTag !== Tag.sequence) return undefined;
  const outer = reader.enter(Tag.sequence);
  const hash = reader.optional(0, readHash) ?? SHA1;
  // A mask function other than MGF1 is compared as it is: its OID equals no hash.
  const maskHash =
    reader.optional(1, () =>
      readAlgorithm(reader, (oid) => (oid === MGF1 ? readHash(reader) : oid)),
    ) ?? SHA1;
  while (!reader.atEnd) reader.element(reader.nextTag);
  reader.leave(outer);
  // RFC 5929 §4.1 does not define the bindings of a signature that uses several hash functions.
  return hash === maskHash ? DIGESTS.get(hash) : undefined;
}

function readHash(reader: DerReader): Oid {
  return readAlgorithm(reader, (oid) => oid);
}

const EXPORTED_BYTES = 32;

const HASHES = {
  md5: sha256,
  sha1: sha256,
  sha224,
  sha256,
  sha384,
  sha512,
  sha512_224,
  sha512_256,
  sha3_224,
  sha3_256,
  sha3_384,
  sha3_512,
} as const;

const RSASSA_PSS: Oid = '1.2.840.113549.1.1.10';
const MGF1: Oid = '1.2.840.113549.1.1.8';
const SHA1: Oid = '1.3.14.3.2.26';

const DIGESTS: ReadonlyMap<Oid, SignatureHash> = new Map([
  [SHA1, 'sha1'],
  ['2.16.840.1.101.3.4.2.4', 'sha224'],
  ['2.16.840.1.101.3.4.2.1', 'sha256'],
  ['2.16.840.1.101.3.4.2.2', 'sha384'],
  ['2.16.840.1.101.3.4.2.3', 'sha512'],
  ['2.16.840.1.101.3.4.2.5', 'sha512_224'],
  ['2.16.840.1.101.3.4.2.6', 'sha512_256'],
  ['2.16.840.1.101.3.4.2.7', 'sha3_224'],
  ['2.16.840.1.101.3.4.2.8', 'sha3_256'],
  ['2.16.840.1.101.3.4.2.9', 'sha3_384'],
  ['2.16.840.1.101.3.4.2.10', 'sha3_512'],
]);

// RFC 8017 App. C, RFC 5758 §3: RSA, ECDSA, DSA. With SHA-3: NIST CSOR, 2.16.840.1.101.3.4.3.
// 1.3.14.3.2: older numbers (OIW) of RSA with MD5, DSA with SHA-1, RSA with SHA-1.
const SIGNATURES: ReadonlyMap<Oid, SignatureHash> = new Map([
  ['1.2.840.113549.1.1.4', 'md5'],
  ['1.2.840.113549.1.1.5', 'sha1'],
  ['1.2.840.113549.1.1.14', 'sha224'],
  ['1.2.840.113549.1.1.11', 'sha256'],
  ['1.2.840.113549.1.1.12', 'sha384'],
  ['1.2.840.113549.1.1.13', 'sha512'],
  ['1.2.840.113549.1.1.15', 'sha512_224'],
  ['1.2.840.113549.1.1.16', 'sha512_256'],
  ['1.3.14.3.2.3', 'md5'],
  ['1.3.14.3.2.27', 'sha1'],
  ['1.3.14.3.2.29', 'sha1'],
  ['1.2.840.10045.4.1', 'sha1'],
  ['1.2.840.10045.4.3.1', 'sha224'],
  ['1.2.840.10045.4.3.2', 'sha256'],
  ['1.2.840.10045.4.3.3', 'sha384'],
  ['1.2.840.10045.4.3.4', 'sha512'],
  ['1.2.840.10040.4.3', 'sha1'],
  ['2.16.840.1.101.3.4.3.1', 'sha224'],
  ['2.16.840.1.101.3.4.3.2', 'sha256'],
  ['2.16.840.1.101.3.4.3.3', 'sha384'],
  ['2.16.840.1.101.3.4.3.4', 'sha512'],
  ['2.16.840.1.101.3.4.3.5', 'sha3_224'],
  ['2.16.840.1.101.3.4.3.6', 'sha3_256'],
  ['2.16.840.1.101.3.4.3.7', 'sha3_384'],
  ['2.16.840.1.101.3.4.3.8', 'sha3_512'],
  ['2.16.840.1.101.3.4.3.9', 'sha3_224'],
  ['2.16.840.1.101.3.4.3.10', 'sha3_256'],
  ['2.16.840.1.101.3.4.3.11', 'sha3_384'],
  ['2.16.840.1.101.3.4.3.12', 'sha3_512'],
  ['2.16.840.1.101.3.4.3.13', 'sha3_224'],
  ['2.16.840.1.101.3.4.3.14', 'sha3_256'],
  ['2.16.840.1.101.3.4.3.15', 'sha3_384'],
  ['2.16.840.1.101.3.4.3.16', 'sha3_512'],
]);

// RFC 8410 §3, RFC 8017 App. C, RFC 9881 §2.
const SIGNATURE_NAMES: ReadonlyMap<Oid, string> = new Map([
  ['1.3.101.112', 'Ed25519'],
  ['1.3.101.113', 'Ed448'],
  [RSASSA_PSS, 'RSASSA-PSS'],
  ['2.16.840.1.101.3.4.3.17', 'ML-DSA-44'],
  ['2.16.840.1.101.3.4.3.18', 'ML-DSA-65'],
  ['2.16.840.1.101.3.4.3.19', 'ML-DSA-87'],
]);
