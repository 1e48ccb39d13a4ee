/** Channel bindings of a connection that Node's own TLS secures. */
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { ChannelBindings } from '../gss/channel-bindings.ts';
import { tlsExporter, tlsServerEndPoint } from '../gss/tls-bindings.ts';

/** `tls-server-end-point` (RFC 5929 §4) is what clients use; `tls-exporter` (RFC 9266) is newer. */
export type TlsBindingType = 'tls-server-end-point' | 'tls-exporter';

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
 */
export function channelBindingsOf(
  socket: Socket,
  type: TlsBindingType = 'tls-server-end-point',
): ChannelBindings | readonly ChannelBindings[] | undefined {
  if (!(socket instanceof TLSSocket) || socket.destroyed) return undefined;
  switch (type) {
    case 'tls-server-end-point': {
      const certificate = socket.getX509Certificate();
      if (certificate === undefined) return undefined;
      const bindings = tlsServerEndPoint(certificate.raw);
      const presented = presentedBy(socket);
      if (socket.isSessionReused()) return presented.among(bindings);
      if (bindings !== undefined) presented.note(certificate.fingerprint256, bindings);
      return bindings;
    }
    case 'tls-exporter':
      // RFC 9266 §4.2: in TLS 1.2 only with the extended master secret, of which Node does not tell.
      if (socket.getProtocol() !== 'TLSv1.3') return undefined;
      return tlsExporter(socket.exportKeyingMaterial(EXPORTED_BYTES, LABEL, Buffer.alloc(0)));
    default:
      throw new TypeError(`type: expected a type of TLS channel bindings, got ${type as string}`);
  }
}

/** The bindings of the certificates that a server has presented. */
class Presented {
  readonly #seen = new Map<
    string,
    { readonly bindings: ChannelBindings; readonly until: number }
  >();

  note(fingerprint: string, bindings: ChannelBindings): void {
    // The one seen last comes last: what is first goes first.
    this.#seen.delete(fingerprint);
    this.#seen.set(fingerprint, { bindings, until: performance.now() + SESSION_LIFETIME });
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

function presentedBy(socket: TLSSocket): Presented {
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
