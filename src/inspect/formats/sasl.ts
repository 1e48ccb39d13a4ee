/** What SASL puts around tokens (RFC 4752, RFC 5801), and where tokens are in the bytes of other protocols. */
import { frameMechanismToken } from '../../gss/framing.ts';
import { Mechanism } from '../../gss/mechanism.ts';
import type { Contents } from '../asn1/types.ts';
import { structure, text } from '../cursor.ts';
import type { Draft } from '../item.ts';
import type { Scope } from '../scope.ts';
import { addPart } from '../scope.ts';

/** The length of a header of GS2; 0 if the bytes do not begin with one (RFC 5801 §4). */
export function gs2HeaderLength(bytes: Uint8Array, start: number, end: number): number {
  const head = String.fromCharCode(...bytes.subarray(start, Math.min(end, start + MAX_HEADER)));
  return GS2_HEADER.exec(head)?.[0].length ?? 0;
}

/** The first response of GS2. @param inner - Lays out the token behind the header. */
export function gs2Response(inner: Contents): Contents {
  return (scope, start, end, label) =>
    structure(scope, { label, start, end, clause: 'RFC 5801 §4' }, (cursor) => {
      const length = gs2HeaderLength(scope.bytes, start, end);
      cursor.take('gs2-header', length, headerItem);
      cursor.rest('token', (s, from, to, name) => inner(s.deeper(), from, to, name, new Map()));
    });
}

/** The token of a first response, as GSS-API takes it (RFC 5801 §3.1). */
export function gs2Token(bytes: Uint8Array): Uint8Array {
  const token = bytes.subarray(gs2HeaderLength(bytes, 0, bytes.length));
  return bytes[0] === F ? token : frameMechanismToken(Mechanism.krb5, token);
}

function headerItem(scope: Scope, start: number, end: number, label: string): Draft {
  const item = text(scope, start, end, label) as Draft;
  const [, form, flag = '', type, identity] = GS2_HEADER.exec(item.value ?? '') ?? [];
  if (form !== undefined) addPart(item, { label: 'F', value: 'the token has its own header' });
  const bindings = type === undefined ? BINDING_FLAGS[flag] : `p, bound to the channel: ${type}`;
  addPart(item, { label: 'channel bindings', value: bindings ?? flag, clause: 'RFC 5801 §5' });
  if (identity !== undefined) {
    const value = identity.replaceAll('=2C', ',').replaceAll('=3D', '=');
    addPart(item, { label: 'authorization identity', value });
  }
  return item;
}

/**
 * Adds what a signed message says if it is the last of SASL's GSSAPI: in four octets the security layers, and
 * the longest message that their sender takes.
 */
export function addLayers(item: Draft, message: Uint8Array): void {
  const [bits = 0, high = 0, middle = 0, low = 0] = message;
  if (message.length < 4 || bits === 0 || bits > 7) return;
  const names = LAYERS.filter((_, i) => (bits & (1 << i)) !== 0).join(', ');
  const length = (high << 16) | (middle << 8) | low;
  addPart(item, {
    label: 'if SASL negotiates with it',
    value: `security layers: ${names} (0x0${bits}); at most ${length} bytes in a frame`,
    clause: 'RFC 4752 §3.3',
  });
}

const F = 0x46;
const MAX_HEADER = 1024;
const GS2_HEADER = /^(F,)?(n|y|p=([A-Za-z0-9.-]+)),(?:a=([^,]+))?,/;
const BINDING_FLAGS: Readonly<Record<string, string>> = {
  n: 'n, the client does not support them',
  y: 'y, the client supports them and saw no mechanism with them',
};
const LAYERS = ['none', 'integrity', 'confidentiality'] as const;
