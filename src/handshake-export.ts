/**
 * What an exchange holds between two tokens, in the terms of `export-format.ts`:
 *
 * ```
 * "K5HS" 3
 * optional list of channel bindings: optional address, optional address, optional bytes
 * optional peer's address   flag reassemble
 * u32 total, u32 pieces, bytes so far of a token that comes in pieces; only if reassemble
 * u8 mechanism: 0 none yet, 1 Kerberos, 2 SPNEGO; what the mechanism writes
 * ```
 *
 * address: i32 type, bytes. A context of Kerberos that waits for a token is as `pending-context.ts` has it.
 */
import type { Reader, Writer } from './bytes.ts';
import type { ExportFormat } from './context/export-format.ts';
import {
  readBytes,
  readFlag,
  readList,
  readOptional,
  writeBytes,
  writeFlag,
  writeList,
  writeOptional,
} from './context/export-format.ts';
import { readAddress, writeAddress } from './context/pending-context.ts';
import type { ChannelBindings } from './gss/channel-bindings.ts';
import { bindingsOf, MAX_BINDINGS } from './gss/channel-bindings.ts';
import type { HandshakeOptions } from './krb5/settings.ts';

export const HANDSHAKE_FORMAT: ExportFormat = {
  label: 'exported handshake',
  // "K5HS" and the version.
  magic: Uint8Array.of(0x4b, 0x35, 0x48, 0x53, 3),
};

export function writeOptions(writer: Writer, options: HandshakeOptions): void {
  writeOptional(writer, options.channelBindings, (_, bindings) =>
    writeList(writer, bindingsOf(bindings), writeBindings),
  );
  writeOptional(writer, options.peerAddress, writeAddress);
  writeFlag(writer, options.reassemble === true);
}

export function readOptions(reader: Reader): HandshakeOptions {
  const channelBindings = readOptional(reader, () => readList(reader, MAX_BINDINGS, readBindings));
  const peerAddress = readOptional(reader, readAddress);
  const reassemble = readFlag(reader);
  return {
    ...(channelBindings && { channelBindings }),
    ...(peerAddress && { peerAddress }),
    reassemble,
  };
}

function writeBindings(writer: Writer, bindings: ChannelBindings): void {
  writeOptional(writer, bindings.initiatorAddress, writeAddress);
  writeOptional(writer, bindings.acceptorAddress, writeAddress);
  writeOptional(writer, bindings.applicationData, writeBytes);
}

function readBindings(reader: Reader): ChannelBindings {
  const initiatorAddress = readOptional(reader, readAddress);
  const acceptorAddress = readOptional(reader, readAddress);
  const applicationData = readOptional(reader, readBytes);
  return {
    ...(initiatorAddress && { initiatorAddress }),
    ...(acceptorAddress && { acceptorAddress }),
    ...(applicationData && { applicationData }),
  };
}
