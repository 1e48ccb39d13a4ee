/** A KDC that answers each request with the bytes that a test wants, over UDP and TCP. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { encodeKrbError } from '../../src/messages/krb-error.ts';
import { freePort } from './ports.ts';

export interface FakeKdc extends AsyncDisposable {
  readonly port: number;
  /** Answers the last datagram, though it was met with silence. */
  readonly repeat: () => void;
  /** The requests as they came, without the length of TCP. */
  readonly requests: { readonly transport: 'udp' | 'tcp'; readonly message: Uint8Array }[];
}

/** @param answer - Undefined: silence. */
export async function startFakeKdc(
  answer: (transport: 'udp' | 'tcp', message: Uint8Array) => Uint8Array | undefined,
): Promise<FakeKdc> {
  const port = await freePort();
  const requests: FakeKdc['requests'] = [];
  const udp = createSocket('udp4');
  let repeat = (): void => {};
  udp.on('message', (message, from) => {
    requests.push({ transport: 'udp', message: Uint8Array.from(message) });
    repeat = () => {
      const bytes = answer('udp', message);
      if (bytes !== undefined) udp.send(bytes, from.port, from.address);
    };
    repeat();
  });
  udp.bind(port, '127.0.0.1');
  const tcp = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', (piece) => {
      const message = Uint8Array.from(piece.subarray(4));
      requests.push({ transport: 'tcp', message });
      const bytes = answer('tcp', message);
      if (bytes === undefined) return;
      const length = Buffer.alloc(4);
      length.writeUInt32BE(bytes.length);
      socket.end(Buffer.concat([length, bytes]));
    });
  }).listen(port, '127.0.0.1');
  await Promise.all([once(udp, 'listening'), once(tcp, 'listening')]);
  return {
    port,
    requests,
    repeat: () => repeat(),
    [Symbol.asyncDispose]: async () => {
      udp.close();
      tcp.close();
      await once(tcp, 'close');
    },
  };
}

/** The KRB-ERROR of a KDC whose clock shows `time`, in milliseconds. */
export function kdcError(time: number, errorCode = 14, eText?: string): Uint8Array {
  return encodeKrbError({
    stime: Math.floor(time / 1000),
    susec: Math.round((time % 1000) * 1000),
    errorCode,
    realm: 'EXAMPLE.TEST',
    serverName: { nameType: 2, components: ['krbtgt', 'EXAMPLE.TEST'] },
    ...(eText !== undefined && { eText }),
  });
}
