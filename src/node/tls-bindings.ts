/** Channel bindings of a TLS connection of Node, Bun or Deno. */
import type { Socket } from 'node:net';
import { toHex } from '../bytes.ts';
import type { ChannelBindings } from '../gss/channel-bindings.ts';
import { GssError } from '../gss/status.ts';
import { explainNoEndPoint, tlsExporter, tlsServerEndPoint } from '../gss/tls-bindings.ts';

/** `tls-server-end-point` (RFC 5929 §4), which clients use, or the newer `tls-exporter` (RFC 9266). */
export type TlsBindingType = 'tls-server-end-point' | 'tls-exporter';

/** A TLS connection whose channel bindings are unavailable. */
export interface NoBindings {
  /** The reason, for the operator. */
  readonly unavailable: string;
  /** The remedy if the runtime is the cause: the connection itself may have bindings. */
  readonly remedy?: string;
}

/**
 * The channel bindings of a connection, on the server's side, once its handshake is done.
 *
 * A client that resumes a session is bound to the certificate that it saw when the session began,
 * which OpenSSL does not reveal. For such a client the result is a list: the bindings of all
 * certificates that this function saw on the server's connections in the last two hours.
 *
 * @param type - Default `tls-server-end-point`.
 * @returns The bindings, or a list of permitted ones. Undefined if the connection has none: without
 *   TLS, for a certificate without a hash ({@link tlsServerEndPoint}), for `tls-exporter` before TLS
 *   1.3, and after the connection is closed.
 * @throws {@link GssError} `GSS_S_UNAVAILABLE` if the runtime does not provide the certificate
 *   (node:https of Bun 1.4) or exported keying material (Deno 2.9).
 * @throws TypeError for another `type`.
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

/** As {@link channelBindingsOf}, with the reason if a TLS connection has none. */
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

/** Whether a TLS connection has no bindings. */
export function isUnavailable(found: ReturnType<typeof findChannelBindings>): found is NoBindings {
  return found !== undefined && 'unavailable' in found;
}

/** The error `GSS_S_UNAVAILABLE` for a TLS connection without bindings. */
export function unavailableBindings({ unavailable, remedy }: NoBindings): GssError {
  return new GssError('GSS_S_UNAVAILABLE', {
    reason: 'bindings.not-available',
    message: unavailable,
    ...(remedy && { hint: remedy }),
  });
}

/**
 * The socket of a TLS connection. Every runtime sets `encrypted`, but not every one returns a
 * `TLSSocket` with all of its methods.
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
  // RFC 9266 §4.2: TLS 1.2 needs the extended master secret, whose use Node does not reveal.
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
    const key = toHex(bindings.applicationData!);
    // Deleted and added again, so that the first entry is the one not seen for longest.
    this.#seen.delete(key);
    this.#seen.set(key, { bindings, until: performance.now() + SESSION_LIFETIME });
    if (this.#seen.size > MAX_CERTIFICATES) this.#seen.delete(this.#seen.keys().next().value!);
  }

  /** The bindings that a resumed session may have; `first`, OpenSSL's certificate, comes first. */
  among(first: ChannelBindings | undefined): readonly ChannelBindings[] {
    const now = performance.now();
    const others = [...this.#seen.values()].filter(({ until }) => now < until);
    const all = others.map(({ bindings }) => bindings);
    return first === undefined ? all : [first, ...all];
  }
}

function presentedBy(socket: Socket): Presented {
  // The sockets of a TLS server, and of the requests of node:https, have a `server` property.
  const server = (socket as { server?: object }).server ?? socket;
  let presented = PRESENTED.get(server);
  if (presented === undefined) {
    presented = new Presented();
    PRESENTED.set(server, presented);
  }
  return presented;
}

const PRESENTED = new WeakMap<object, Presented>();
// Milliseconds: OpenSSL's default for TLS 1.3, the longest lifetime that Node.js uses.
const SESSION_LIFETIME = 7_200_000;
// Each costs one MD5 for a client that resumes a session.
const MAX_CERTIFICATES = 256;
// RFC 9266 §2; the context is empty.
const LABEL = 'EXPORTER-Channel-Binding';
const EXPORTED_BYTES = 32;

// Seen with Bun 1.4.5: a request's socket over node:https is a plain Socket with `encrypted: true`.
const NO_CERTIFICATE: NoBindings = {
  unavailable: 'this runtime does not give a server the certificate of its connections',
  remedy: 'pass the certificate: httpAuthenticator({ certificate }), or tlsServerEndPoint',
};
// Seen with Deno 2.9.6: a TLSSocket without exportKeyingMaterial.
const NO_EXPORTER: NoBindings = {
  unavailable: 'this runtime does not export keying material of a TLS connection',
  remedy: 'use tls-server-end-point, which clients support too',
};
