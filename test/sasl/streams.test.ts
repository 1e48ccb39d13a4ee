/** The security layer as streams of the web. */
import { describe, expect, it } from 'vitest';
import { saslStreams } from '../../src/sasl/index.ts';
import { join, meet } from './support.ts';

async function readAll(stream: ReadableStream<Uint8Array>): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return chunks;
    chunks.push(value);
  }
}

/** Passes chunks through one direction. */
async function through(
  stream: TransformStream<Uint8Array, Uint8Array>,
  chunks: readonly Uint8Array[],
): Promise<Uint8Array[]> {
  const writer = stream.writable.getWriter();
  const written = (async () => {
    for (const chunk of chunks) await writer.write(chunk);
    await writer.close();
  })();
  // The reader has the error, too.
  written.catch(() => {});
  return readAll(stream.readable);
}

const MESSAGE = new Uint8Array(5000).map((_, i) => i);

describe.each(['none', 'integrity', 'confidentiality'] as const)('with %s', (layer) => {
  it('what one side wraps the other unwraps, in any pieces', async () => {
    const { client, server } = await meet({
      client: { layer, maxBuffer: 1024 },
      server: { maxBuffer: 1024 },
    });
    const frames = await through(saslStreams(client).wrap, [MESSAGE, new Uint8Array(), MESSAGE]);
    for (const frame of frames)
      expect(frame.length).toBeLessThanOrEqual(layer === 'none' ? 5000 : 1028);
    const bytes = join(frames);
    const pieces = Array.from({ length: 100 }, (_, i) =>
      bytes.subarray((i * bytes.length) / 100, ((i + 1) * bytes.length) / 100),
    );
    expect(join(await through(saslStreams(server).unwrap, pieces))).toEqual(
      join([MESSAGE, MESSAGE]),
    );
  });
});

describe('a stream fails', () => {
  it('at a frame that was altered', async () => {
    const { client, server } = await meet();
    const frames = client.wrap(MESSAGE);
    frames[30]! ^= 1;
    await expect(through(saslStreams(server).unwrap, [frames])).rejects.toMatchObject({
      code: 'GSS_S_BAD_MIC',
    });
  });

  it('at an end within a frame', async () => {
    const { client, server } = await meet();
    const frames = client.wrap(MESSAGE).subarray(0, -1);
    await expect(through(saslStreams(server).unwrap, [frames])).rejects.toThrow(
      'ended within a frame',
    );
  });

  it('and has handed over what came before', async () => {
    const { client, server } = await meet();
    const { unwrap } = saslStreams(server);
    const writer = unwrap.writable.getWriter();
    const reader = unwrap.readable.getReader();
    const first = reader.read();
    const written = writer.write(join([client.wrap(MESSAGE), new Uint8Array(4)]));
    expect((await first).value).toEqual(MESSAGE);
    await expect(written).rejects.toThrow('is empty');
  });
});
