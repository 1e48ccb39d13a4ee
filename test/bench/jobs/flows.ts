/** Whole flows over TCP, as gss-client does them: connect, authenticate, one message, its MIC. */
import { once } from 'node:events';
import { createConnection } from 'node:net';
import { Enctype } from '../../../src/crypto/numbers.ts';
import type { Initiator } from '../../../src/testing/index.ts';
import { encodeFrame, Frame, FrameReader } from '../../support/frames.ts';
import { freePort } from '../../support/ports.ts';
import type { Job } from '../job.ts';
import { ServerProcess } from '../server-process.ts';

export const flowJobs: readonly Job[] = [1, 8, 64].map(flowJob);

function flowJob(clients: number): Job {
  return {
    name: `flows over TCP, ${clients === 1 ? 'one client' : `${clients} clients`}`,
    needs: 'flows',
    quick: false,
    // A round has few calls, and a connection much code.
    warmUp: 5,
    async prepare({ server }, realm) {
      const service = realm.service(Enctype.aes256CtsHmacSha1);
      const port = await freePort();
      const process = await ServerProcess.start(server!(port, service.keytabPath));
      return {
        async round(effort) {
          const count = Math.ceil((FLOWS * effort) / clients) * clients;
          const initiators = Array.from({ length: count }, () => service.initiator());
          const tokens = initiators.map((initiator) => initiator.begin());
          const before = process.cpu();
          const start = performance.now();
          let next = 0;
          const client = async () => {
            for (let i = next++; i < count; i = next++)
              await flow(port, initiators[i]!, tokens[i]!);
          };
          await Promise.all(Array.from({ length: clients }, client));
          const wall = performance.now() - start;
          return { p50: (wall * 1000) / count, cpu: (process.cpu() - before) / 1000 / count };
        },
        close: () => process.stop(),
      };
    },
  };
}

async function flow(port: number, initiator: Initiator, token: Uint8Array): Promise<void> {
  const socket = createConnection({ port, host: '127.0.0.1', noDelay: true });
  const frames = receive(socket);
  const empty = new Uint8Array();
  socket.write(
    Buffer.concat([
      encodeFrame({ flags: Frame.noop | Frame.contextNext, data: empty }),
      encodeFrame({ flags: Frame.context, data: token }),
    ]),
  );
  const context = initiator.finish(new Uint8Array((await frames.next()).value!));
  const flags = Frame.data | Frame.wrapped | Frame.encrypted | Frame.sendMic;
  socket.write(encodeFrame({ flags, data: context.wrap(MESSAGE) }));
  context.verifyMic(MESSAGE, (await frames.next()).value!);
  socket.end(encodeFrame({ flags: Frame.noop, data: empty }));
  if (!socket.closed) await once(socket, 'close');
}

/** The contents of the frames that come. */
async function* receive(stream: AsyncIterable<Buffer>): AsyncGenerator<Uint8Array> {
  const reader = new FrameReader();
  for await (const chunk of stream) {
    for (const { data } of reader.push(chunk)) yield data;
  }
}

const MESSAGE = new TextEncoder().encode('The quick brown fox jumps over the lazy dog.');
const FLOWS = 640;
