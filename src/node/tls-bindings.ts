/** Channel bindings of a connection that Node's own TLS secures, or what other runtimes have in its place. */
import type { Socket } from 'node:net';
import { toHex } from '../bytes.ts';
import type { ChannelBindings } from '../gss/channel-bindings.ts';
import { GssError } from '../gss/status.ts';
import { explainNoEndPoint, tlsExporter, tlsServerEndPoint } from '../gss/tls-bindings.ts';

/** `tls-server-end-point` (RFC 5929 §4) is what clients use; `tls-exporter` (RFC 9266) is newer. */
export type TlsBindingType = 'tls-server-end-point' | 'tls-exporter';

/** A channel of TLS whose bindings are not to be had. */
export interface NoBindings {
  /** Why, for the operator. */
  readonly unavailable: string;
  /** What to do about it, where the runtime is the cause: the channel itself may have bindings. */
  readonly remedy?: string;
}

/**
 * The channel bindings of a connection, on the server's side, once its handshake is done.
 *
 * A client that resumes a session is bound to the certificate that it saw when the session began.
 * OpenSSL does not tell which: then these are the bindings of all certificates that were asked
 * about here on this server's connections of the last two hours, and the client's must be among
 * them.
 *
 * @returns Undefined where there are none: without TLS, for a certificate that
 *   {@link tlsServerEndPoint} has none for, `tls-exporter` before TLS 1.3, and once it is closed.
 * @throws {@link GssError} GSS_S_UNAVAILABLE where the runtime does not give what they are made of:
 *   the certificate (node:https of Bun 1.4), exported keying material (Deno 2.9).
 */
export function channelBindingsOf(
  socket: Socket,
  type: TlsBindingType = 'tls-server-end-point',
): ChannelBindings | readonly ChannelBindings[] | undefined {
  const found = findChannelBindings(socket, type);
  if (!isUnavailable(found)) return found;
  if (found.remedy === undefined) return undefined;
  throw unavailableBindings(found);
}

/** As {@link channelBindingsOf}, with the reason where a connection over TLS has none to give. */
export function findChannelBindings(
  socket: Socket,
  type: TlsBindingType,
): ChannelBindings | readonly ChannelBindings[] | NoBindings | undefined {
  const tls = socket as SecureSocket;
  switch (type) {
    case 'tls-server-end-point':
      return tls.encrypted === true && !tls.destroyed ? endPointOf(tls) : undefined;
    case 'tls-exporter':
      return tls.encrypted === true && !tls.destroyed ? exporterOf(tls) : undefined;
    default:
      throw new TypeError(`type: expected a type of TLS channel bindings, got ${type as string}`);
  }
}

export function isUnavailable(found: ReturnType<typeof findChannelBindings>): found is NoBindings {
  return found !== undefined && 'unavailable' in found;
}

export function unavailableBindings({ unavailable, remedy }: NoBindings): GssError {
  return new GssError('GSS_S_UNAVAILABLE', {
    message: unavailable,
    ...(remedy && { hint: remedy }),
  });
}

/**
 * What a runtime says of a connection over TLS. All say `encrypted`; a `TLSSocket` is not what all
 * give, and its methods are not all there.
 */
interface SecureSocket extends Socket {
  readonly encrypted?: boolean;
  readonly getX509Certificate?: () => { readonly raw: Uint8Array } | undefined;
  readonly exportKeyingMaterial?: (
    length: number,
    label: string,
    context: Uint8Array,
  ) => Uint8Array;
  readonly getProtocol?: () => string | null;
  readonly isSessionReused?: () => boolean;
}

function endPointOf(
  socket: SecureSocket,
): ChannelBindings | readonly ChannelBindings[] | NoBindings {
  if (typeof socket.getX509Certificate !== 'function') return NO_CERTIFICATE;
  const certificate = socket.getX509Certificate()?.raw;
  if (certificate === undefined) return { unavailable: 'the connection has no certificate' };
  const bindings = tlsServerEndPoint(certificate);
  const presented = presentedBy(socket);
  if (socket.isSessionReused?.() === true) {
    const all = presented.among(bindings);
    if (all.length > 0) return all;
  }
  if (bindings === undefined) return { unavailable: explainNoEndPoint(certificate) };
  presented.note(bindings);
  return bindings;
}

function exporterOf(socket: SecureSocket): ChannelBindings | NoBindings {
  if (typeof socket.exportKeyingMaterial !== 'function') return NO_EXPORTER;
  const protocol = socket.getProtocol?.();
  // RFC 9266 §4.2: in TLS 1.2 only with the extended master secret, of which Node does not tell.
  if (protocol !== 'TLSv1.3') {
    return { unavailable: `tls-exporter needs TLS 1.3, and the connection has ${protocol}` };
  }
  return tlsExporter(socket.exportKeyingMaterial(EXPORTED_BYTES, LABEL, Buffer.alloc(0)));
}

/** The bindings of the certificates that a server has presented. */
class Presented {
  readonly #seen = new Map<
    string,
    { readonly bindings: ChannelBindings; readonly until: number }
  >();

  note(bindings: ChannelBindings): void {
    const mark = toHex(bindings.applicationData!);
    // The one seen last comes last: what is first goes first.
    this.#seen.delete(mark);
    this.#seen.set(mark, { bindings, until: performance.now() + SESSION_LIFETIME });
    if (this.#seen.size > MAX_CERTIFICATES) this.#seen.delete(this.#seen.keys().next().value!);
  }

  /** Those that a resumed session may be of; the first is what OpenSSL says. */
  among(first: ChannelBindings | undefined): readonly ChannelBindings[] {
    const now = performance.now();
    const others = [...this.#seen.values()].filter(({ until }) => now < until);
    const all = others.map(({ bindings }) => bindings);
    return first === undefined ? all : [first, ...all];
  }
}

function presentedBy(socket: Socket): Presented {
  // A server's sockets know it; so does what node:https says of a request's socket.
  const server = (socket as { server?: object }).server ?? socket;
  let presented = PRESENTED.get(server);
  if (presented === undefined) {
    presented = new Presented();
    PRESENTED.set(server, presented);
  }
  return presented;
}

const PRESENTED = new WeakMap<object, Presented>();
// Milliseconds: OpenSSL's default for TLS 1.3, the longest of those that Node.js uses.
const SESSION_LIFETIME = 7_200_000;
// Each costs a resuming client an MD5.
const MAX_CERTIFICATES = 256;
// RFC 9266 §2; the context is empty.
const LABEL = 'EXPORTER-Channel-Binding';
const EXPORTED_BYTES = 32;

// Seen with Bun 1.4.5: a request's socket over node:https is a plain Socket with `encrypted: true`.
const NO_CERTIFICATE: NoBindings = {
  unavailable: 'this runtime does not tell a server the certificate of its connections',
  remedy: 'give the certificate: httpAuthenticator({ certificate }), or tlsServerEndPoint',
};
// Seen with Deno 2.9.6: a TLSSocket without exportKeyingMaterial.
const NO_EXPORTER: NoBindings = {
  unavailable: 'this runtime does not export keying material of a TLS connection',
  remedy: 'use tls-server-end-point, which clients use as well',
};
