/** UTF-16LE, as Windows writes its names. */
import { DecodeError } from '../errors.ts';

/**
 * Text of UTF-16LE bytes.
 *
 * @throws {@link DecodeError} if the length is odd, a surrogate stands alone, or a NUL is inside:
 *   no account has such a name, and readers would not agree about what it says.
 */
export function readUtf16(bytes: Uint8Array, label: string): string {
  if (bytes.length % 2 !== 0) throw new DecodeError(`${label} holds half a character`);
  let text = '';
  for (let i = 0; i < bytes.length; i += 2) {
    const unit = bytes[i]! | (bytes[i + 1]! << 8);
    if (unit === 0) throw new DecodeError(`${label} holds a NUL inside a string`);
    if ((unit & 0xf800) === 0xd800) {
      const next = i + 3 < bytes.length ? bytes[i + 2]! | (bytes[i + 3]! << 8) : 0;
      if ((unit & 0xfc00) !== 0xd800 || (next & 0xfc00) !== 0xdc00) {
        throw new DecodeError(`${label} holds a lone surrogate`);
      }
      text += String.fromCharCode(unit, next);
      i += 2;
    } else {
      text += String.fromCharCode(unit);
    }
  }
  return text;
}
