/** The header of GS2 (RFC 5801 §4) before the client's first token. */
import { concatBytes, encodeUtf8, Reader } from '../bytes.ts';
import { decodeIdentity } from './authorization.ts';
import { refused } from './refusals.ts';

/** What the client says about channel bindings (RFC 5801 §5). */
export type BindingFlag =
  | {
      /**
       * - `unsupported` (`n`): the client does not support channel bindings.
       * - `unoffered` (`y`): the client supports them, and saw no mechanism that does.
       */
      readonly use: 'unsupported' | 'unoffered';
    }
  | {
      /** `p`: the client has bound its token to the channel. */
      readonly use: 'used';
      /** The type of the bindings, such as `tls-exporter`. */
      readonly type: string;
    };

/** The client's first response, taken apart. */
export interface Gs2Message {
  /** Whether the token has a header of its own, or none: it was sent as it is (`F`). */
  readonly nonStandard: boolean;
  readonly bindings: BindingFlag;
  /** The authorization identity; absent if the client asks for none. */
  readonly requestedId?: string;
  /** The header without the part for `F`: the start of the data to bind to (RFC 5801 §5.1). A view. */
  readonly header: Uint8Array;
  /** The bytes behind the header. A view. */
  readonly token: Uint8Array;
}

/**
 * Parses a first response.
 *
 * @throws {@link GssError} GSS_S_DEFECTIVE_TOKEN for a malformed header; GSS_S_BAD_NAME for a malformed
 *   identity.
 */
export function parseGs2(response: Uint8Array): Gs2Message {
  const nonStandard = response[0] === F && response[1] === COMMA;
  const start = nonStandard ? 2 : 0;
  const endOfFlag = commaAfter(response, start);
  const bindings = parseFlag(response.subarray(start, endOfFlag));
  const end = commaAfter(response, endOfFlag + 1);
  const requestedId = parseIdentity(response.subarray(endOfFlag + 1, end));
  return {
    nonStandard,
    bindings,
    header: response.subarray(start, end + 1),
    token: response.subarray(end + 1),
    ...(requestedId !== undefined && { requestedId }),
  };
}

/** The header without `F`. @param type - The type of the bindings in use. */
export function encodeGs2Header(
  flag: 'n' | 'y' | 'p',
  type = '',
  requestedId?: string,
): Uint8Array {
  const identity = requestedId === undefined ? '' : `a=${escapeName(requestedId)}`;
  return encodeUtf8(`${flag === 'p' ? `p=${type}` : flag},${identity},`);
}

/** What a token is bound to: the header, then the bytes of the channel if they are used. */
export function bindingsOfHeader(header: Uint8Array, channel?: Uint8Array): Uint8Array {
  return channel === undefined ? header.slice() : concatBytes(header, channel);
}

function commaAfter(response: Uint8Array, start: number): number {
  const at = response.subarray(start, start + MAX_FIELD).indexOf(COMMA);
  if (at < 0) throw refused('gs2Header');
  return start + at;
}

function parseFlag(bytes: Uint8Array): BindingFlag {
  const flag = String.fromCharCode(...bytes.subarray(0, MAX_TYPE));
  if (flag === 'n') return { use: 'unsupported' };
  if (flag === 'y') return { use: 'unoffered' };
  const [, type] = /^p=([A-Za-z0-9.-]+)$/.exec(flag) ?? [];
  if (type === undefined || bytes.length > MAX_TYPE) throw refused('gs2Header');
  return { use: 'used', type };
}

/** RFC 5801 §4: `a=` and a name in which `=2C` and `=3D` stand for a comma and an equals sign. */
function parseIdentity(bytes: Uint8Array): string | undefined {
  if (bytes.length === 0) return undefined;
  if (bytes.length < 3 || bytes[0] !== A || bytes[1] !== EQUALS) throw refused('gs2Header');
  const reader = new Reader(bytes, 'authorization identity', 2);
  const name: number[] = [];
  while (reader.remaining > 0) {
    const byte = reader.u8();
    name.push(byte === EQUALS ? unescapeByte(reader) : byte);
  }
  return decodeIdentity(Uint8Array.from(name));
}

function unescapeByte(reader: Reader): number {
  if (reader.remaining >= 2) {
    const [high, low] = reader.take(2) as unknown as [number, number];
    if (high === 0x32 && low === 0x43) return COMMA;
    if (high === 0x33 && low === 0x44) return EQUALS;
  }
  throw refused('gs2Header');
}

function escapeName(name: string): string {
  return name.replaceAll('=', '=3D').replaceAll(',', '=2C');
}

const F = 0x46;
const A = 0x61;
const COMMA = 0x2c;
const EQUALS = 0x3d;
// An identity of 1024 bytes, each escaped.
const MAX_FIELD = 3 * 1024 + 3;
// `p=` and a name; those that are registered have up to 20 letters.
const MAX_TYPE = 64;
