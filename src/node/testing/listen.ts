/** A KDC on a port of this machine (RFC 4120 §7.2): one port number for UDP and TCP. */
import type { Socket as UdpSocket } from 'node:dgram';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import type { AddressInfo, Server, Socket } from 'node:net';
import { createServer } from 'node:net';
import { withLength } from '../../messages/kdc/kdc-proxy.ts';
import { encodeRefusal } from '../../testing/kdc/answer.ts';
import type { KdcErrorName } from '../../testing/kdc/error.ts';
import { KdcError } from '../../testing/kdc/error.ts';
import type { Clock } from '../../time.ts';

/** The KDC behind a port. */
export interface ListeningKdc {
  readonly realm: string;
  readonly answer: (message: Uint8Array) => Uint8Array;
  /** For the errors of the transport. */
  readonly clock: Clock;
}

/** An open port. */
export interface KdcPort {
  readonly port: number;
  /** Closes the port and all connections. */
  readonly close: () => Promise<void>;
}

/**
 * Opens a port on an address.
 *
 * @param port - Any free one if 0.
 * @throws The error of the system if the port is in use.
 */
export async function listen(kdc: ListeningKdc, address: string, port: number): Promise<KdcPort> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await openBoth(kdc, address, port);
    } catch (error) {
      // A port that is free for TCP may be in use for UDP.
      const taken = (error as { code?: unknown }).code === 'EADDRINUSE';
      if (!taken || port !== 0 || attempt === ATTEMPTS) throw error;
    }
  }
}

async function openBoth(kdc: ListeningKdc, address: string, port: number): Promise<KdcPort> {
  const sockets = new Set<Socket>();
  const tcp = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    serveTcp(kdc, socket);
  });
  tcp.maxConnections = MAX_CONNECTIONS;
  tcp.listen(port, address);
  await once(tcp, 'listening');
  const chosen = (tcp.address() as AddressInfo).port;
  const udp = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  const close = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    await Promise.all([closed(tcp), closed(udp)]);
  };
  try {
    udp.bind(chosen, address);
    await once(udp, 'listening');
  } catch (error) {
    await close();
    throw error;
  }
  serveUdp(kdc, udp);
  return { port: chosen, close };
}

/** RFC 4120 §7.2.1: one message in a datagram. */
function serveUdp(kdc: ListeningKdc, udp: UdpSocket): void {
  udp.on('message', (message, { address, port }) => {
    const answer = kdc.answer(plain(message));
    const fits = answer.length <= MAX_DATAGRAM;
    // The client may be gone: an error of sending is that of nobody.
    udp.send(fits ? answer : refusal(kdc, 'KRB_ERR_RESPONSE_TOO_BIG'), port, address, () => {});
  });
}

/** RFC 4120 §7.2.2: each message follows its length, in four bytes. */
function serveTcp(kdc: ListeningKdc, socket: Socket): void {
  let buffered = Buffer.alloc(0);
  socket.setTimeout(IDLE_MILLISECONDS, () => socket.destroy());
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk) => {
    buffered = Buffer.concat([buffered, chunk]);
    while (buffered.length >= 4) {
      const length = buffered.readUInt32BE();
      // RFC 5021 §3: also the answer to a set high bit, which announces an extension.
      if (length > MAX_REQUEST) {
        socket.end(withLength(refusal(kdc, 'KRB_ERR_FIELD_TOOLONG')));
        socket.removeAllListeners('data').resume();
        return;
      }
      if (buffered.length < 4 + length) return;
      socket.write(withLength(kdc.answer(plain(buffered.subarray(4, 4 + length)))));
      buffered = buffered.subarray(4 + length);
    }
  });
}

function refusal(kdc: ListeningKdc, code: KdcErrorName): Uint8Array {
  return encodeRefusal(kdc, new KdcError(code));
}

function plain(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}

function closed(socket: UdpSocket | Server): Promise<void> {
  return new Promise((done) => {
    try {
      socket.close(() => done());
    } catch {
      // A socket that was never bound is closed already.
      done();
    }
  });
}

const ATTEMPTS = 20;
const MAX_CONNECTIONS = 256;
const IDLE_MILLISECONDS = 30_000;
const MAX_REQUEST = 131_072;
// MIT krb5's default of max_dgram_reply_size.
const MAX_DATAGRAM = 4096;
