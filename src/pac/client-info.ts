/** PAC_CLIENT_INFO (MS-PAC §2.7): ties the PAC to the client and the time of its ticket. */
import { Reader } from '../bytes.ts';
import type { KerberosTime } from '../time.ts';
import { readFileTime } from './filetime.ts';
import { readUtf16 } from './utf16.ts';

export interface ClientInfo {
  /** When the client got its first ticket; absent: the buffer holds 0. */
  readonly authTime?: KerberosTime;
  /** The client's name without its realm, with nothing escaped. */
  readonly name: string;
}

/**
 * Reads a PAC_CLIENT_INFO buffer. Padding may follow.
 *
 * @throws {@link DecodeError}
 */
export function parseClientInfo(bytes: Uint8Array): ClientInfo {
  const reader = new Reader(bytes, 'PAC client info');
  const time = readFileTime(reader);
  const name = readUtf16(reader.take(reader.u16(true)), 'PAC client info');
  return time === undefined ? { name } : { authTime: Math.floor(time / 1000), name };
}
