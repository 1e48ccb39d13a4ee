/** The gss-sample stream: its framing, and a server of this process that is talked to. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createConnection } from 'node:net';
import type { GssServerEvent } from '../../../src/node/index.ts';
import { createGssServer } from '../../../src/node/index.ts';
import {
  encodeFrame,
  FrameBudget,
  FrameError,
  FrameParser,
  TokenFlag,
} from '../../../src/node/server/token-frame.ts';
import { createInitiator } from '../../../src/testing/index.ts';
import type { Case, Target } from '../case.ts';
import { Breach } from '../case.ts';
import { joinBytes } from '../mutate/tlv.ts';
import { freshAcceptor } from './accept.ts';
import { clock, mint, seededRandom } from './realm.ts';

export async function streamTargets(): Promise<Target[]> {
  return [
    {
      name: 'frames',
      shape: 'binary',
      manyCalls: true,
      seeds: streams(),
      run: (chunks) => parseChunks(chunks),
    },
    await liveTarget(),
  ];
}

function token(seed: number): Uint8Array {
  return createInitiator({ ticket: mint(), clock, random: seededRandom(seed) }).begin();
}

/** Chunks of what a client may send, cut anywhere. */
function streams(): Case[] {
  const { noop, contextNext, context, data, wrapped, sendMic } = TokenFlag;
  const message = Uint8Array.of(1, 2, 3);
  const v2 = joinBytes([
    encodeFrame('v2', noop | contextNext, new Uint8Array(0)),
    encodeFrame('v2', context, token(21)),
    encodeFrame('v2', data | wrapped | sendMic, message),
    encodeFrame('v2', noop, new Uint8Array(0)),
  ]);
  const v1 = joinBytes([encodeFrame('v1', 0, token(22)), encodeFrame('v1', 0, message)]);
  const plain = joinBytes([
    encodeFrame('v2', noop, new Uint8Array(0)),
    encodeFrame('v2', data, message),
    encodeFrame('v2', noop, new Uint8Array(0)),
  ]);
  return [v2, v1, plain].flatMap((stream): Case[] => [
    [stream],
    [stream.slice(0, 7), stream.slice(7, 300), stream.slice(300)],
  ]);
}

/** However a stream is cut, it holds the same frames, or breaks at the same one. */
function parseChunks(chunks: Case): string {
  const whole = joinBytes(chunks);
  const asCut = framesOf(chunks);
  const atOnce = framesOf([whole]);
  const small =
    whole.length > 4096 ? asCut : framesOf(Array.from(whole, (byte) => Uint8Array.of(byte)));
  if (asCut !== atOnce || asCut !== small)
    throw new Breach('the cuts of a stream make a difference');
  return asCut.replace(/\w+$/, '');
}

/** How it ends, and a digest of all that came before. */
function framesOf(chunks: Case): string {
  const parser = new FrameParser(MAX_FRAME, new FrameBudget(4 * MAX_FRAME));
  const digest = createHash('sha256');
  let count = 0;
  try {
    for (const chunk of chunks) {
      parser.push(chunk);
      for (let frame = parser.next(); frame !== undefined; frame = parser.next()) {
        count++;
        digest.update(Uint8Array.of(frame.flags, frame.data.length)).update(frame.data);
      }
    }
  } catch (error) {
    if (!(error instanceof FrameError)) throw error;
    return `${count} frames, then one too long ${digest.digest('hex')}`;
  }
  const { part, read } = parser.truncation();
  return `${count} frames, then ${part} ${read} ${digest.digest('hex')}`;
}

/** A connection for each input, and a genuine client now and then: it must be served as ever. */
async function liveTarget(): Promise<Target> {
  const faults: unknown[] = [];
  const onEvent = (event: GssServerEvent): void => {
    if (event.type === 'fault') faults.push(event.error);
  };
  const server = createGssServer({ acceptor: freshAcceptor(), onEvent });
  let port: Promise<number> | undefined;
  let count = 0;
  return {
    name: 'server',
    shape: 'binary',
    seeds: streams(),
    every: 10,
    manyCalls: true,
    run: async (chunks) => {
      port ??= server.listen(0, '127.0.0.1').then((address) => address.port);
      const reply = await converse(await port, chunks);
      if (faults.length > 0) throw faults.splice(0)[0];
      if (++count % 25 === 0) await expectService(await port, 1000 + count);
      return `${server.connections} open, flags ${reply[0]}`;
    },
    close: () => server.close(0),
  };
}

/** Sends all, then ends; resolves with what came back when the server has closed. */
async function converse(port: number, chunks: Case): Promise<Uint8Array> {
  const socket = createConnection({ port, host: '127.0.0.1', noDelay: true });
  const received: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => received.push(chunk));
  // The server may close first, with bytes of ours unread.
  socket.on('error', () => {});
  for (const chunk of chunks) {
    if (chunk.length > 0) socket.write(chunk);
  }
  socket.end();
  await once(socket, 'close');
  return Buffer.concat(received);
}

async function expectService(port: number, seed: number): Promise<void> {
  const { noop, contextNext, context } = TokenFlag;
  const reply = await converse(port, [
    encodeFrame('v2', noop | contextNext, new Uint8Array(0)),
    encodeFrame('v2', context, token(seed)),
    encodeFrame('v2', noop, new Uint8Array(0)),
  ]);
  // A context token that begins as an AP-REP does.
  if (reply[0] !== context || reply[5] !== 0x60) {
    throw new Breach('a genuine client is not served any more');
  }
}

const MAX_FRAME = 65_536;
