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
 * @returns Undefined where there are none: without TLS, for a certificate that
 *   {@link tlsServerEndPoint} has none for, `tls-exporter` before TLS 1.3, and once it is closed.
 */
export function channelBindingsOf(
  socket: Socket,
  type: TlsBindingType = 'tls-server-end-point',
): ChannelBindings | undefined {
  if (!(socket instanceof TLSSocket) || socket.destroyed) return undefined;
  switch (type) {
    case 'tls-server-end-point': {
      const certificate = socket.getX509Certificate();
      return certificate && tlsServerEndPoint(certificate.raw);
    }
    case 'tls-exporter':
      // RFC 9266 §4.2: in TLS 1.2 only with the extended master secret, of which Node does not tell.
      if (socket.getProtocol() !== 'TLSv1.3') return undefined;
      return tlsExporter(socket.exportKeyingMaterial(EXPORTED_BYTES, LABEL, Buffer.alloc(0)));
    default:
      throw new TypeError(`type: expected a type of TLS channel bindings, got ${type as string}`);
  }
}

// RFC 9266 §2; the context is empty.
const LABEL = 'EXPORTER-Channel-Binding';
const EXPORTED_BYTES = 32;
