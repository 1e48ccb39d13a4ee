/** The "checksum" of type 0x8003, which carries flags, bindings and credentials (RFC 4121 §4.1.1). */
import { Reader, Writer } from '../bytes.ts';
import { DecodeError } from '../errors.ts';
import type { Checksum } from '../messages/encrypted-data.ts';
import type { Mutable } from '../messages/message.ts';

/** The contents of the checksum: what an initiator requests of the context. */
export interface InitiatorOptions {
  /** GSS flags as sent: see `ContextFlag`. */
  readonly flags: number;
  /** The hash of the channel bindings: 16 bytes, all zero if the initiator has none. */
  readonly bindings: Uint8Array;
  /** A KRB-CRED in DER; a view when decoded. */
  readonly delegation?: Uint8Array;
  /** An IAKERB-FINISHED, which covers the tokens before the AP-REQ; a view when decoded. */
  readonly finished?: FinishedExtension;
}

/** The checksum over relayed messages (draft-ietf-kitten-iakerb-03 §4). */
export interface FinishedExtension {
  /** The type of the extension: see {@link FinishedType}. */
  readonly type: number;
  /** IAKERB-FINISHED in DER. */
  readonly data: Uint8Array;
}

/** The types of {@link FinishedExtension}. */
export const FinishedType = {
  /** GSS_EXTS_FINISHED of the draft. */
  draft: 2,
  /** MIT krb5 before 1.22 (commit 04f9c19). */
  oldMit: 1,
} as const;

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
    let finished: FinishedExtension | undefined;
    while (reader.remaining > 0) {
      const type = reader.u32();
      const data = reader.take(reader.u32());
      if (type !== FinishedType.draft && type !== FinishedType.oldMit) continue;
      if (finished !== undefined) throw new DecodeError('authenticator checksum is finished twice');
      finished = { type, data };
    }
    const asked: Mutable<InitiatorOptions> = { flags, bindings };
    if (delegation !== undefined) asked.delegation = delegation;
    if (finished !== undefined) asked.finished = finished;
    return asked;
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
  if (options.finished !== undefined) {
    const { type, data } = options.finished;
    writer.u32(type).u32(data.length).raw(data);
  }
  return { type: GSS_CHECKSUM_TYPE, checksum: writer.finish() };
}

const BINDINGS = 16;
const FLAG_DELEGATION = 0x1;
// RFC 4121 §4.1.1: Dlgopt.
const OPTION_DELEGATION = 1;
