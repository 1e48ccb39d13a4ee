import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes } from '../../../src/bytes.ts';
import type { Frame, Framing } from '../../../src/node/server/token-frame.ts';
import {
  encodeFrame,
  FrameBudget,
  FrameError,
  FrameParser,
} from '../../../src/node/server/token-frame.ts';

const MIB = 1024 * 1024;

function parser(maxLength = MIB, budget = 16 * MIB): FrameParser {
  return new FrameParser(maxLength, new FrameBudget(budget));
}

/** All frames of a stream that comes in these chunks. */
function parseChunks(target: FrameParser, chunks: readonly Uint8Array[]): Frame[] {
  const frames: Frame[] = [];
  for (const chunk of chunks) {
    target.push(chunk);
    for (let frame = target.next(); frame !== undefined; frame = target.next()) {
      frames.push({ flags: frame.flags, data: frame.data.slice() });
    }
  }
  return frames;
}

function cut(bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  let at = 0;
  for (const size of sizes) {
    chunks.push(bytes.subarray(at, at + size));
    at += size;
  }
  return [...chunks, bytes.subarray(at)];
}

const data = fc.uint8Array({ maxLength: 300 });
const v1Frames = fc.array(data.map((bytes): Frame => ({ flags: 0, data: bytes })));
const v2Frames = fc
  .tuple(
    fc.record({ flags: fc.integer({ min: 1, max: 255 }), data }),
    fc.array(fc.record({ flags: fc.integer({ min: 1, max: 255 }), data })),
  )
  .map(([first, others]): Frame[] => [first, ...others]);

describe('encodeFrame', () => {
  it('writes a flags byte and a big-endian length in v2', () => {
    expect([...encodeFrame('v2', 0x11, Uint8Array.of(7, 8))]).toEqual([0x11, 0, 0, 0, 2, 7, 8]);
  });

  it('writes the length only in v1', () => {
    const frame = encodeFrame('v1', 0x08, new Uint8Array(0x010203));
    expect([...frame.subarray(0, 4)]).toEqual([0, 1, 2, 3]);
    expect(frame.length).toBe(4 + 0x010203);
  });
});

describe('FrameParser', () => {
  it.each<[Framing, fc.Arbitrary<Frame[]>]>([
    ['v1', v1Frames],
    ['v2', v2Frames],
  ])('takes %s frames in any chunks', (framing, arbitrary) => {
    fc.assert(
      fc.property(arbitrary, fc.array(fc.nat(40)), (frames, sizes) => {
        const stream = concatBytes(
          ...frames.map((frame) => encodeFrame(framing, frame.flags, frame.data)),
        );
        const target = parser();
        expect(parseChunks(target, cut(stream, sizes))).toEqual(frames);
        if (frames.length > 0) expect(target.framing).toBe(framing);
      }),
    );
  });

  it('takes a stream byte by byte', () => {
    const stream = concatBytes(
      encodeFrame('v2', 0x11, new Uint8Array(0)),
      encodeFrame('v2', 0x02, Uint8Array.of(1, 2, 3)),
    );
    const target = parser();
    const chunks = [...stream].map((byte) => Uint8Array.of(byte));
    expect(parseChunks(target, chunks)).toEqual([
      { flags: 0x11, data: new Uint8Array(0) },
      { flags: 0x02, data: Uint8Array.of(1, 2, 3) },
    ]);
  });

  it('reads three bytes of length after zero flags in a v2 stream, as gss-client -v1 -na needs', () => {
    const stream = Uint8Array.of(0x01, 0, 0, 0, 0, 0, 0, 0, 2, 0x61, 0x62);
    expect(parseChunks(parser(), [stream])).toEqual([
      { flags: 1, data: new Uint8Array(0) },
      { flags: 0, data: Uint8Array.of(0x61, 0x62) },
    ]);
  });

  it('reads the first byte of a later v1 frame as part of its length', () => {
    const target = parser(0x0200_0000);
    parseChunks(target, [Uint8Array.of(0, 0, 0, 0)]);
    target.push(Uint8Array.of(0x01, 0, 0, 0));
    expect(target.next()).toBeUndefined();
    expect(target.truncation()).toEqual({ part: 'data', read: 0, expected: 0x0100_0000 });
  });

  it.each([
    ['one above the limit', Uint8Array.of(0x04, 0, 0x10, 0, 1), 0x10_0001],
    ['2^32 - 1', Uint8Array.of(0x04, 0xff, 0xff, 0xff, 0xff), 0xffff_ffff],
    ['v1, 2^24 - 1', Uint8Array.of(0, 0xff, 0xff, 0xff), 0xff_ffff],
  ])('refuses a length of %s before any data', (_name, header, length) => {
    const target = parser();
    target.push(header);
    const error = caught(() => target.next());
    expect(error).toBeInstanceOf(FrameError);
    expect(error).toMatchObject({
      length,
      message: `a token of ${length} bytes was announced, the limit is ${MIB}`,
    });
  });

  it.each([
    ['GET / HTTP/1.1', ': the client speaks HTTP, it begins with "GET /"'],
    ['OPTIONS * HTTP/1.1', ': the client speaks HTTP, it begins with "OPTIO"'],
    ['PRI * HTTP/2.0', ': the client speaks HTTP, it begins with "PRI *"'],
    ['EHLO a.test', ': the client speaks a protocol of text lines, it begins with "EHLO "'],
    ['\x16\x03\x01\x02\x00\x01', ': the client speaks TLS'],
    ['\x04\xff"</\n', ''],
  ])('names the protocol of a client that begins with %j', (text, protocol) => {
    const target = parser();
    target.push(Uint8Array.from(text, (character) => character.charCodeAt(0)));
    const { message } = caught(() => target.next()) as Error;
    expect(message).toMatch(/^a token of \d+ bytes was announced, the limit is 1048576/);
    expect(message.replace(/^.*the limit is 1048576/, '')).toBe(protocol);
  });

  it('does not judge the protocol by a later frame', () => {
    const target = parser();
    parseChunks(target, [encodeFrame('v2', 1, new Uint8Array(0))]);
    target.push(Uint8Array.from('GET /', (character) => character.charCodeAt(0)));
    expect(caught(() => target.next())).toMatchObject({
      message: expect.not.stringMatching(/HTTP/),
    });
  });

  it('takes a frame of exactly the limit', () => {
    const frame = encodeFrame('v2', 4, new Uint8Array(MIB).fill(5));
    const [parsed] = parseChunks(parser(), cut(frame, [100_000, 100_000]));
    expect(parsed?.data.length).toBe(MIB);
    expect(parsed?.data.every((byte) => byte === 5)).toBe(true);
  });

  it('holds memory in proportion to the bytes received, not to those announced', () => {
    const budget = new FrameBudget(4 * MIB);
    const target = new FrameParser(1024 * MIB, budget);
    target.push(Uint8Array.of(4, 0x3f, 0xff, 0xff, 0xff));
    expect(target.next()).toBeUndefined();
    for (let sent = 0; sent < MIB; sent += 65_536) {
      target.push(new Uint8Array(65_536));
      expect(target.next()).toBeUndefined();
    }
    // One MiB came: at most twice as much is taken, so that as much again is still to be had.
    expect(budget.take(2 * MIB)).toBe(true);
  });

  it('refuses a large frame when unfinished ones of others hold all memory, and takes it later', () => {
    const budget = new FrameBudget(MIB);
    const hog = new FrameParser(MIB, budget);
    hog.push(concatBytes(Uint8Array.of(4, 0, 0x10, 0, 0), new Uint8Array(MIB - 1)));
    expect(hog.next()).toBeUndefined();
    const large = encodeFrame('v2', 4, new Uint8Array(100_000));
    const refused = new FrameParser(MIB, budget);
    refused.push(large.subarray(0, 99_000));
    expect(caught(() => refused.next())).toMatchObject({
      name: 'FrameError',
      message: 'no memory left for a token of 100000 bytes beside those of other connections',
    });
    // Small tokens, such as those of a handshake, go through all the same.
    const small = new FrameParser(MIB, budget);
    expect(parseChunks(small, cut(encodeFrame('v2', 2, new Uint8Array(60_000)), [9]))).toHaveLength(
      1,
    );
    hog.dispose();
    const later = new FrameParser(MIB, budget);
    expect(parseChunks(later, cut(large, [50_000, 30_000]))).toHaveLength(1);
  });

  it('frees the memory of a finished frame', () => {
    const budget = new FrameBudget(200_000);
    const target = new FrameParser(MIB, budget);
    const frame = encodeFrame('v2', 4, new Uint8Array(150_000));
    for (let i = 0; i < 5; i++) {
      expect(parseChunks(target, cut(frame, [70_000]))).toHaveLength(1);
    }
    expect(budget.take(200_000)).toBe(true);
  });

  it.each<[string, number[], unknown]>([
    ['nothing', [], { part: 'flags', read: 0, expected: 1 }],
    ['v2 flags', [2], { part: 'length', read: 0, expected: 4 }],
    ['v2 flags and two bytes', [2, 0, 0], { part: 'length', read: 2, expected: 4 }],
    ['the zero of v1', [0], { part: 'length', read: 0, expected: 3 }],
    ['three bytes of v1', [0, 0, 0], { part: 'length', read: 2, expected: 3 }],
    ['a v2 header', [2, 0, 0, 2, 0x58], { part: 'data', read: 0, expected: 600 }],
    ['two bytes of data', [2, 0, 0, 2, 0x58, 1, 1], { part: 'data', read: 2, expected: 600 }],
    ['a whole v1 frame', [0, 0, 0, 1, 9], { part: 'length', read: 0, expected: 4 }],
    ['a v1 frame and a byte', [0, 0, 0, 0, 0], { part: 'length', read: 1, expected: 4 }],
    ['a whole v2 frame', [1, 0, 0, 0, 0], { part: 'flags', read: 0, expected: 1 }],
    ['a v2 frame and zero flags', [1, 0, 0, 0, 0, 0, 7], { part: 'length', read: 1, expected: 3 }],
  ])('tells what is missing after %s', (_name, bytes, truncation) => {
    const target = parser();
    parseChunks(target, [Uint8Array.from(bytes)]);
    expect(target.truncation()).toEqual(truncation);
  });

  it('refuses a second chunk while the first is not used up', () => {
    const target = parser();
    target.push(Uint8Array.of(1));
    expect(() => target.push(Uint8Array.of(2))).toThrow(TypeError);
  });
});

function caught(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  return undefined;
}
