/** Exported names: the flat bytes that access lists hold (RFC 2743 §3.2, RFC 6680 §5). */
import { concatBytes, decodeUtf8, encodeUtf8, Reader, Writer } from '../bytes.ts';
import { DecodeError } from '../errors.ts';
import { formatPrincipal } from '../messages/principal.ts';
import { decodeMechanism, encodeMechanism, Mechanism, mechanismName } from './mechanism.ts';
import type { GssName } from './name.ts';
import { GssError } from './status.ts';

/** What an exported Kerberos name holds. */
export interface ExportedName {
  /** The principal with its realm, in text form. */
  readonly text: string;
  /** Of the composite form only: attributes as their writer serialised them; a view. */
  readonly attributes?: Uint8Array;
}

/**
 * GSS_Export_name (RFC 2743 §2.4.15): `04 01`, the mechanism and the principal. Equal names give
 * equal bytes.
 *
 * @throws {@link GssError} `GSS_S_NAME_NOT_MN` if the name is not a mechanism name.
 */
export function exportName(name: GssName): Uint8Array {
  return encodeName(TOK_ID_NAME, name);
}

/**
 * GSS_Export_name_composite (RFC 6680 §7.8): `04 02`, as {@link exportName} and then the name's
 * attributes, in MIT krb5's layout. What a context knows of its initiator is in
 * {@link nameAttributes}; a reader of the exported name could not tell that it was verified.
 *
 * @throws {@link GssError} `GSS_S_NAME_NOT_MN`.
 */
export function exportNameComposite(name: GssName): Uint8Array {
  const attributes = name.attributes ?? new Uint8Array(0);
  const length = new Writer(4).u32(attributes.length).finish();
  return concatBytes(encodeName(TOK_ID_COMPOSITE, name), length, attributes);
}

/**
 * Takes an exported name apart.
 *
 * @throws {@link GssError} `GSS_S_BAD_NAME` if it is malformed, `GSS_S_BAD_MECH` if another
 *   mechanism than Kerberos exported it.
 */
export function decodeExportedName(bytes: Uint8Array): ExportedName {
  try {
    return Reader.all(bytes, 'exported name', readName);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw new GssError('GSS_S_BAD_NAME', { minor: error });
  }
}

function readName(reader: Reader): ExportedName {
  const tokId = reader.u16();
  if (tokId !== TOK_ID_NAME && tokId !== TOK_ID_COMPOSITE) {
    throw new DecodeError('exported name starts with neither 04 01 nor 04 02');
  }
  const oid = reader.sub(reader.u16(), 'mechanism OID of an exported name');
  const tag = oid.u8();
  // RFC 2743 §3.2: the OID with its DER header; one below 128 bytes has a length of one byte.
  const length = oid.u8();
  if (tag !== TAG_OID || length !== oid.remaining) {
    throw new DecodeError('mechanism OID of an exported name has a bad header');
  }
  const mechanism = decodeMechanism(oid.rest());
  if (mechanism !== Mechanism.krb5) {
    throw new GssError('GSS_S_BAD_MECH', `exported by mechanism ${mechanismName(mechanism)}`);
  }
  const text = decodeUtf8(reader.take(reader.u32()), 'exported name');
  // A writer escapes NUL; a bare one would end the name for a reader in C.
  if (text === '' || text.includes('\0')) {
    throw new DecodeError('exported name is empty or has a NUL in it');
  }
  if (tokId === TOK_ID_NAME) return { text };
  const attributes = reader.take(reader.u32());
  return attributes.length === 0 ? { text } : { text, attributes };
}

function encodeName(tokId: number, name: GssName): Uint8Array {
  if (name.principal === undefined) throw new GssError('GSS_S_NAME_NOT_MN');
  const oid = encodeMechanism(Mechanism.krb5);
  const text = encodeUtf8(formatPrincipal(name.principal));
  return new Writer(text.length + 32)
    .u16(tokId)
    .u16(oid.length + 2)
    .u8(TAG_OID)
    .u8(oid.length)
    .raw(oid)
    .u32(text.length)
    .raw(text)
    .finish();
}

const TOK_ID_NAME = 0x0401;
const TOK_ID_COMPOSITE = 0x0402;
const TAG_OID = 0x06;
