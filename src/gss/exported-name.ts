/** The bytes of an exported Kerberos name (RFC 2743 §3.2, RFC 6680 §5), as access lists store them. */
import { concatBytes, decodeUtf8, encodeUtf8, Reader, Writer } from '../bytes.ts';
import { asReason, DecodeError } from '../errors.ts';
import { decodeMechanism, encodeMechanism, Mechanism, mechanismName } from './mechanism.ts';
import { GssError, gssErrorOf } from './status.ts';

/** The contents of an exported Kerberos name. */
export interface ExportedName {
  /** The principal with its realm, in text form. */
  readonly text: string;
  /** In the composite form only: the attributes as the exporter serialised them; a view. */
  readonly attributes?: Uint8Array;
}

/** `04 01`, the mechanism and the text of the principal (RFC 2743 §3.2). */
export function encodeExportedName(text: string): Uint8Array {
  return encodeName(TOK_ID_NAME, text);
}

/** `04 02`, the mechanism, the text and the attributes (RFC 6680 §5), in MIT krb5's layout. */
export function encodeCompositeName(text: string, attributes: Uint8Array): Uint8Array {
  const length = new Writer(4).u32(attributes.length).finish();
  return concatBytes(encodeName(TOK_ID_COMPOSITE, text), length, attributes);
}

/**
 * Parses an exported name of either form.
 *
 * @throws {@link GssError} `GSS_S_BAD_NAME` if it is malformed, `GSS_S_BAD_MECH` if another
 *   mechanism than Kerberos exported it.
 */
export function decodeExportedName(bytes: Uint8Array): ExportedName {
  try {
    return Reader.all(bytes, 'exported name', readName);
  } catch (error) {
    throw gssErrorOf(asReason(error, { reason: 'name.malformed' }), 'GSS_S_BAD_NAME');
  }
}

function readName(reader: Reader): ExportedName {
  const tokId = reader.u16();
  if (tokId !== TOK_ID_NAME && tokId !== TOK_ID_COMPOSITE) {
    throw new DecodeError('exported name starts with neither 04 01 nor 04 02');
  }
  const oid = reader.sub(reader.u16(), 'mechanism OID of an exported name');
  const tag = oid.u8();
  // RFC 2743 §3.2: the OID with its DER header, whose length is one byte below 128 bytes.
  const length = oid.u8();
  if (tag !== TAG_OID || length !== oid.remaining) {
    throw new DecodeError('mechanism OID of an exported name has a bad header');
  }
  const mechanism = decodeMechanism(oid.rest());
  if (mechanism !== Mechanism.krb5) {
    throw new GssError('GSS_S_BAD_MECH', {
      reason: 'name.mechanism',
      detail: { mechanism: mechanismName(mechanism) },
      message: `exported by mechanism ${mechanismName(mechanism)}`,
    });
  }
  const text = decodeUtf8(reader.take(reader.u32()), 'exported name');
  // Exporters escape NUL; an unescaped one would end the name for a reader in C.
  if (text === '' || text.includes('\0')) {
    throw new DecodeError('exported name is empty or has a NUL in it');
  }
  if (tokId === TOK_ID_NAME) return { text };
  const attributes = reader.take(reader.u32());
  return attributes.length === 0 ? { text } : { text, attributes };
}

function encodeName(tokId: number, text: string): Uint8Array {
  const oid = encodeMechanism(Mechanism.krb5);
  const bytes = encodeUtf8(text);
  return new Writer(bytes.length + 32)
    .u16(tokId)
    .u16(oid.length + 2)
    .u8(TAG_OID)
    .u8(oid.length)
    .raw(oid)
    .u32(bytes.length)
    .raw(bytes)
    .finish();
}

const TOK_ID_NAME = 0x0401;
const TOK_ID_COMPOSITE = 0x0402;
const TAG_OID = 0x06;
