import type { Socket } from 'node:net';
import { createConnection, createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { encodeUtf8 } from '../../../src/bytes.ts';
import { TokenChannel } from '../../../src/node/server/token-channel.ts';
import { encodeFrame, FrameBudget } from '../../../src/node/server/token-frame.ts';
import { until } from '../../support/until.ts';

const MESSAGE = encodeUtf8('hello');
const listener = createServer({ allowHalfOpen: true });
let ours: Socket;
let theirs: Socket;
let channel: TokenChannel;

beforeEach(async () => {
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const { port } = listener.address() as { port: number };
  const accepted = new Promise<Socket>((resolve) => listener.once('connection', resolve));
  theirs = createConnection({ port, host: '127.0.0.1', allowHalfOpen: true });
  theirs.on('error', () => {});
  ours = await accepted;
  channel = new TokenChannel(ours, {
    idleTimeout: 60_000,
    maxToken: 1000,
    budget: new FrameBudget(1_000_000),
  });
});
afterEach(() => {
  vi.useRealTimers();
  theirs.destroy();
  ours.destroy();
  listener.close();
});

/** All that the peer gets until the end of the connection. */
async function received(): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of theirs) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

describe('a channel', () => {
  it('has frames with flags as long as the peer has said nothing', async () => {
    expect(channel.framing).toBeUndefined();
    await channel.send(0x04, MESSAGE);
    channel.end();
    expect(await received()).toEqual(Buffer.from(encodeFrame('v2', 0x04, MESSAGE)));
  });

  it('whose socket was destroyed by its owner cannot send, and receives nothing', async () => {
    ours.destroy();
    await channel.closed;
    await expect(channel.send(0x04, MESSAGE)).rejects.toMatchObject({
      failure: { reason: 'write-error', error: { code: 'ERR_STREAM_DESTROYED' } },
    });
    await expect(channel.receive()).rejects.toMatchObject({
      failure: { reason: 'ended', truncation: { part: 'flags', read: 0 } },
    });
    // Nor is there anything left to end.
    expect(() => channel.end()).not.toThrow();
  });

  it('distinguishes a peer that sent nothing from one that sent a part of a token', async () => {
    theirs.end();
    await expect(channel.receive()).rejects.toMatchObject({
      failure: { reason: 'ended', probe: true },
    });
  });

  it.each([Uint8Array.of(1), Uint8Array.of(0), Uint8Array.of(1, 0, 0, 0, 0)])(
    'does not take a peer that sent %j for a port check',
    async (bytes) => {
      theirs.end(bytes);
      if (bytes.length === 5) await channel.receive();
      const error = await channel.receive().catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ failure: { reason: 'ended' } });
      expect(error).not.toHaveProperty('failure.probe');
    },
  );

  it('that was given up says why to whoever sends on it', async () => {
    channel.expire('7 seconds without a context');
    await expect(channel.send(0x04, MESSAGE)).rejects.toMatchObject({
      failure: { reason: 'timeout', limit: '7 seconds without a context' },
    });
    // The first reason stays.
    channel.abort();
    await expect(channel.receive()).rejects.toMatchObject({ failure: { reason: 'timeout' } });
  });

  it('waits for other work as long as there is a connection', async () => {
    await expect(channel.whileOpen(Promise.resolve(undefined))).resolves.toBeUndefined();
    await expect(channel.whileOpen(Promise.resolve(7))).resolves.toBe(7);
    const fault = new Error('replay store is down');
    await expect(channel.whileOpen(Promise.reject(fault))).rejects.toBe(fault);
    const waiting = channel.whileOpen(new Promise(() => {}));
    theirs.resetAndDestroy();
    await expect(waiting).rejects.toMatchObject({ failure: { reason: 'aborted' } });
  });

  it('gives a large token that keeps arriving more time, and a trickle none', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    channel.maxToken = 300_000;
    const receiving = channel.receive();
    const frame = encodeFrame('v2', 4, new Uint8Array(300_000));
    // Not expect.poll, which lets the time of faked timers pass.
    const send = async (bytes: Uint8Array): Promise<void> => {
      const before = ours.bytesRead;
      theirs.write(bytes);
      await until(
        () => ours.bytesRead === before + bytes.length && ours.readableLength === 0,
        () => `${ours.bytesRead - before} of ${bytes.length} bytes`,
      );
    };
    for (let sent = 0; sent < 280_000; sent += 70_000) {
      await send(frame.subarray(sent, sent + 70_000));
      vi.advanceTimersByTime(59_999);
    }
    await send(frame.subarray(280_000));
    expect((await receiving).data).toHaveLength(300_000);
    const trickle = expect(channel.receive()).rejects.toMatchObject({
      failure: { reason: 'timeout', limit: '60 seconds without a token' },
    });
    for (let sent = 0; sent < 3; sent++) {
      await send(frame.subarray(sent, sent + 1));
      vi.advanceTimersByTime(20_000);
    }
    await trickle;
  });

  it('gives a peer that does not close a second, no more', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    channel.end();
    theirs.write(MESSAGE);
    vi.advanceTimersByTime(999);
    expect(ours.destroyed).toBe(false);
    vi.advanceTimersByTime(1);
    expect(ours.destroyed).toBe(true);
    await channel.closed;
    expect(vi.getTimerCount()).toBe(0);
  });

  it('discards data after its end, and closes when the peer does', async () => {
    channel.end();
    theirs.end(new Uint8Array(100_000));
    expect(await received()).toHaveLength(0);
    await channel.closed;
    expect(ours.destroyed).toBe(true);
    expect(ours.readableLength).toBe(0);
  });
});
