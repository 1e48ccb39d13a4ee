/** Builds and peels DER elements by hand, for messages that no encoder of ours would write. */
import { concatBytes } from '../../src/bytes.ts';

/** One element with the contents given. */
export function element(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const contents = concatBytes(...parts);
  const length: number[] = [];
  for (let rest = contents.length; rest > 0; rest >>>= 8) length.unshift(rest & 0xff);
  const isLong = contents.length >= 0x80;
  const header = isLong ? [tag, 0x80 | length.length, ...length] : [tag, contents.length];
  return concatBytes(Uint8Array.from(header), contents);
}

/** What the first element holds, without its identifier and length. */
export function contentsOf(bytes: Uint8Array): Uint8Array {
  return bytes.subarray(bytes[1]! < 0x80 ? 2 : 2 + (bytes[1]! & 0x7f));
}

/** `[APPLICATION number] SEQUENCE` of whole fields. */
export function message(number: number, ...fields: readonly Uint8Array[]): Uint8Array {
  return element(0x60 | number, element(0x30, ...fields));
}

/** The fields of a message, whole. */
export function fieldsOf(bytes: Uint8Array): Uint8Array[] {
  const fields: Uint8Array[] = [];
  let rest = contentsOf(contentsOf(bytes));
  while (rest.length > 0) {
    const length = element(rest[0]!, contentsOfFirst(rest)).length;
    fields.push(rest.subarray(0, length));
    rest = rest.subarray(length);
  }
  return fields;
}

function contentsOfFirst(bytes: Uint8Array): Uint8Array {
  const contents = contentsOf(bytes);
  if (bytes[1]! < 0x80) return contents.subarray(0, bytes[1]);
  let length = 0;
  for (const byte of bytes.subarray(2, 2 + (bytes[1]! & 0x7f))) length = length * 256 + byte;
  return contents.subarray(0, length);
}
