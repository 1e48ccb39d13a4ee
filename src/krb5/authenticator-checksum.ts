/** The "checksum" of type 0x8003, which carries flags, bindings and credentials (RFC 4121 §4.1.1). */
import { Reader, Writer } from '../bytes.ts';
import { DecodeError } from '../errors.ts';
import type { Checksum } from '../messages/encrypted-data.ts';

/** The contents of the checksum: what an initiator requests of the context. */
export interface InitiatorOptions {
  /** GSS flags as sent: see `ContextFlag`. */
  readonly flags: number;
  /** The hash of the channel bindings: 16 bytes, all zero if the initiator has none. */
  readonly bindings: Uint8Array;
  /** A KRB-CRED in DER; a view when decoded. */
  readonly delegation?: Uint8Array;
}

/** The checksum type of GSS-API (RFC 4121 §4.1.1). */
export const GSS_CHECKSUM_TYPE = 0x8003;

/**
 * Reads the contents of a checksum of type 0x8003; unknown extensions at its end are skipped.
 *
 * @param contents - Not modified.
 * @throws {@link DecodeError} if they are malformed.
 */
export function decodeInitiatorOptions(contents: Uint8Array): InitiatorOptions {
  return Reader.all(contents, 'authenticator checksum', (reader) => {
    const length = reader.u32(true);
    if (length !== BINDINGS) {
      throw new DecodeError(`authenticator checksum has bindings of ${length} bytes, not 16`);
    }
    const bindings = reader.take(BINDINGS);
    const flags = reader.u32(true);
    let delegation: Uint8Array | undefined;
    // Like MIT krb5: some initiators set the flag and send nothing.
    if ((flags & FLAG_DELEGATION) !== 0 && reader.remaining >= 4) {
      const option = reader.u16(true);
      if (option !== OPTION_DELEGATION) {
        throw new DecodeError(`authenticator checksum has the option ${option} for delegation`);
      }
      delegation = reader.take(reader.u16(true));
    }
    // RFC 4121 §4.1.1, "Exts", in the layout of RFC 6542 §3.1: big-endian type and length.
    while (reader.remaining > 0) {
      reader.u32();
      reader.skip(reader.u32());
    }
    return delegation === undefined ? { flags, bindings } : { flags, bindings, delegation };
  });
}

/** Writes a checksum of type 0x8003. */
export function encodeInitiatorOptions(options: InitiatorOptions): Checksum {
  const writer = new Writer();
  writer.u32(BINDINGS, true).raw(options.bindings).u32(options.flags, true);
  if (options.delegation !== undefined) {
    writer.u16(OPTION_DELEGATION, true).u16(options.delegation.length, true);
    writer.raw(options.delegation);
  }
  return { type: GSS_CHECKSUM_TYPE, checksum: writer.finish() };
}

const BINDINGS = 16;
const FLAG_DELEGATION = 0x1;
// RFC 4121 §4.1.1: Dlgopt.
const OPTION_DELEGATION = 1;
