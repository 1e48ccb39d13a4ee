/**
 * What the harness and its workers say to each other over stdin and stdout.
 *
 * ```
 * request  u32 length of the rest | u8 operation | payload
 * reply    u32 length of the rest | u8 0 | payload   or   u8 1 | text of what went wrong
 * items    for each: u32 length | bytes
 * figures  u64 CPU nanoseconds of all calls | for each call or batch: u32 wall nanoseconds
 * ```
 *
 * Numbers are big-endian. Workers take the time around the call alone, so that pipes do not count.
 */

export const Operation = {
  /** The path of a keytab, used from here on. No reply payload. */
  keytab: 0x6b,
  /** Items: tokens, each accepted and its context thrown away. Replies with figures. */
  accept: 0x61,
  /** A token; the context is kept for what follows. Replies with the token for the initiator. */
  context: 0x63,
  /** u8 kind | u32 batches | u32 calls in a batch | items. Replies with figures, one a batch. */
  message: 0x6d,
  /** u32 calls: the kept context is exported and imported. Replies with figures. */
  transfer: 0x78,
  /** u8 1 for the first | a response of SASL's GSSAPI. Replies with the challenge; none after the last. */
  sasl: 0x6c,
} as const;

/** Kinds of {@link Operation.message}, and the items that each wants; these are used in turn. */
export const MessageKind = {
  /** A message, encrypted. */
  wrap: 0x77,
  /** A message, signed. */
  wrapSigned: 0x73,
  /** Tokens of the initiator. */
  unwrap: 0x75,
  /** A message. */
  mic: 0x67,
  /** A message, then MIC tokens of the initiator. */
  verify: 0x76,
  /** A message, put into frames of the layer that SASL has agreed on. */
  frames: 0x66,
  /** Frames of the client, each only once. */
  unframe: 0x64,
} as const;

export interface Figures {
  /** Nanoseconds of CPU, all threads and cleaning up included. */
  readonly cpu: number;
  /** Nanoseconds on the wall for each call or batch. */
  readonly samples: readonly number[];
}

export function encodeItems(items: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(items.flatMap((item) => [encodeU32(item.length), item]));
}

export function decodeItems(bytes: Uint8Array): Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const items: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = view.getUint32(at);
    items.push(bytes.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return items;
}

export function encodeFigures({ cpu, samples }: Figures): Uint8Array {
  const view = new DataView(new ArrayBuffer(8 + 4 * samples.length));
  view.setBigUint64(0, BigInt(Math.round(cpu)));
  samples.forEach((sample, i) => {
    view.setUint32(8 + 4 * i, Math.round(sample));
  });
  return new Uint8Array(view.buffer);
}

export function decodeFigures(bytes: Uint8Array): Figures {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const samples: number[] = [];
  for (let at = 8; at < bytes.length; at += 4) samples.push(view.getUint32(at));
  return { cpu: Number(view.getBigUint64(0)), samples };
}

export function encodeU32(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}

/** A frame of either direction. */
export function encodeFrame(code: number, payload: Uint8Array): Uint8Array {
  return Buffer.concat([encodeU32(payload.length + 1), Uint8Array.of(code), payload]);
}

export interface Frame {
  readonly code: number;
  readonly payload: Uint8Array;
}

/** Frames out of a stream. */
export async function* readFrames(stream: AsyncIterable<Buffer>): AsyncGenerator<Frame> {
  let chunks: Buffer[] = [];
  let held = 0;
  let wanted = 4;
  for await (const chunk of stream) {
    chunks.push(chunk);
    held += chunk.length;
    while (held >= wanted) {
      const bytes = Buffer.concat(chunks);
      wanted = 4 + bytes.readUInt32BE();
      if (held < wanted) {
        chunks = [bytes];
        break;
      }
      yield { code: bytes[4]!, payload: bytes.subarray(5, wanted) };
      chunks = [bytes.subarray(wanted)];
      held -= wanted;
      wanted = 4;
    }
  }
}
