/** Frames of the security layers: any chunking, no truncation, no altered bit, no frame too long. */
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { withLegacyEnctypes } from '../../src/crypto/legacy/index.ts';
import { Enctype } from '../../src/index.ts';
import type { SaslSession } from '../../src/sasl/index.ts';
import { createSaslServer } from '../../src/sasl/index.ts';
import { makeKeytab, makeParties } from '../support/realm-kit.ts';
import type { SaslPartiesOptions } from './support.ts';
import { join, meet } from './support.ts';

const PROTECTED = ['integrity', 'confidentiality'] as const;
const text = (value: string): Uint8Array => new TextEncoder().encode(value);

/** A connection whose client chose a layer, with an enctype and with the buffers of both. */
function connect(
  layer: (typeof PROTECTED)[number],
  {
    buffers = [65_536, 65_536],
    enctype = 18,
  }: { buffers?: [number, number]; enctype?: number } = {},
): ReturnType<typeof meet> {
  const options: SaslPartiesOptions = {
    client: { layer, maxBuffer: buffers[0] },
    server: { maxBuffer: buffers[1] },
  };
  if (!LEGACY.includes(enctype)) {
    return meet({
      ...options,
      keytab: makeKeytab({ enctype }),
      ticket: { sessionEnctype: enctype },
    });
  }
  return meet({ ...options, keytab: makeKeytab({ enctype, crypto: legacy }) });
}

const legacy = withLegacyEnctypes();
const LEGACY: readonly number[] = [Enctype.rc4Hmac, Enctype.des3CbcSha1];
const ENCTYPES = [17, 18, 19, 20, 25, 26, ...LEGACY];

/** The lengths of the tokens in a sequence of frames. */
function tokenLengths(frames: Uint8Array): number[] {
  const lengths: number[] = [];
  const view = new DataView(frames.buffer, frames.byteOffset, frames.length);
  for (let at = 0; at < frames.length; at += 4 + lengths.at(-1)!) lengths.push(view.getUint32(at));
  return lengths;
}

describe('without a layer', () => {
  it('bytes pass unchanged, and maxMessage is 0', async () => {
    const { client, server } = await meet({ client: { layer: 'none' } });
    const bytes = text('plain');
    expect(server.wrap(bytes)).toBe(bytes);
    expect(client.unwrap(bytes)).toEqual([bytes]);
    expect(client.unwrap(new Uint8Array())).toEqual([]);
    expect(server.maxMessage).toBe(0);
    expect(() => server.end()).not.toThrow();
  });
});

describe.each(PROTECTED)('with %s', (layer) => {
  let client: SaslSession;
  let server: SaslSession;

  beforeAll(async () => {
    ({ client, server } = await connect(layer));
  });

  it('frames may arrive in any pieces', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 5 }),
        fc.array(fc.nat(120), { minLength: 1, maxLength: 40 }),
        (messages, cuts) => {
          const frames = join(messages.map((message) => client.wrap(message)));
          const opened: Uint8Array[] = [];
          for (let at = 0, i = 0; at < frames.length; i++) {
            const length = Math.max(i < cuts.length ? cuts[i]! : frames.length, i % 2);
            opened.push(...server.unwrap(frames.subarray(at, at + length)));
            at += length;
          }
          server.end();
          expect(opened).toEqual(messages.filter((message) => message.length > 0));
        },
      ),
    );
  });

  it('each byte may arrive alone', () => {
    const message = text('one byte after another');
    const opened = [...client.wrap(message)].flatMap((byte) => server.unwrap(Uint8Array.of(byte)));
    expect(opened).toEqual([message]);
  });

  it('a message of no bytes makes no frame', () => {
    expect(client.wrap(new Uint8Array())).toHaveLength(0);
  });

  it('messages are in memory of their own', () => {
    const frames = client.wrap(text('mine'));
    const [message] = server.unwrap(frames);
    frames.fill(0xee);
    expect(message).toEqual(text('mine'));
  });

  it('each truncation of frames opens those that are whole, and the end within one is refused', async () => {
    const whole = [client.wrap(text('first')), client.wrap(text('second'))];
    const frames = join(whole);
    server.unwrap(frames);
    for (let length = 0; length < frames.length; length++) {
      const parties = await connect(layer);
      const sent = join([text('first'), text('second')].map((one) => parties.client.wrap(one)));
      const opened = parties.server.unwrap(sent.subarray(0, length));
      expect(opened).toEqual(length < whole[0]!.length ? [] : [text('first')]);
      if (length === 0 || length === whole[0]!.length) parties.server.end();
      else expect(() => parties.server.end()).toThrow('ended within a frame');
    }
  });

  it('each altered bit is refused, or waits for bytes that never come', async () => {
    const length = client.wrap(text('attack at dawn')).length;
    ({ client, server } = await connect(layer));
    for (let bit = 0; bit < length * 8; bit++) {
      const parties = await connect(layer);
      const frames = parties.client.wrap(text('attack at dawn'));
      frames[bit >> 3]! ^= 1 << (bit & 7);
      let opened: Uint8Array[] = [];
      try {
        opened = parties.server.unwrap(frames);
      } catch (error) {
        expect(error).toMatchObject({ name: expect.stringMatching(/^(Gss|Decode)Error$/) });
        expect(() => parties.server.unwrap(new Uint8Array(1))).toThrow((error as Error).message);
        expect(() => parties.server.end()).toThrow((error as Error).message);
        continue;
      }
      expect(opened).toEqual([]);
      expect(() => parties.server.end()).toThrow('ended within a frame');
    }
  });

  it('repeated, missing and swapped frames are refused', async () => {
    for (const order of [[0, 0], [1, 0], [1], [0, 2]]) {
      const parties = await connect(layer);
      const frames = ['a', 'b', 'c'].map((one) => parties.client.wrap(text(one)));
      expect(() => parties.server.unwrap(join(order.map((i) => frames[i]!)))).toThrow(
        'repeated, missing or out of order',
      );
    }
  });

  it('frames of the own side are refused', async () => {
    const parties = await connect(layer);
    expect(() => parties.server.unwrap(parties.server.wrap(text('x')))).toThrow();
  });

  it('messages before a faulty frame are handed over', async () => {
    const parties = await connect(layer);
    const frames = join([parties.client.wrap(text('good')), Uint8Array.of(0, 0, 0, 0)]);
    const opened: Uint8Array[] = [];
    expect(() => parties.server.unwrapInto(frames, (one) => opened.push(one))).toThrow('is empty');
    expect(opened).toEqual([text('good')]);
  });

  it.each([
    [0, 'is empty'],
    [4097, 'longer than the server permits'],
    [0x8000_0000, 'longer than the server permits'],
    [0xffff_ffff, 'longer than the server permits'],
    [0x1603_0301, 'longer than the server permits'],
  ])('a frame of %i bytes is refused at its length', async (length, message) => {
    const parties = await connect(layer, { buffers: [65_536, 4096] });
    const head = new Uint8Array(4);
    new DataView(head.buffer).setUint32(0, length);
    expect(() => parties.server.unwrap(head)).toThrow(message);
  });

  it.each(ENCTYPES)(
    'no frame is longer than the buffer of its receiver (enctype %i)',
    async (enctype) => {
      const runs = fc.tuple(
        fc.integer({ min: 1024, max: 9000 }),
        fc.integer({ min: 256, max: 9000 }),
      );
      await fc.assert(
        fc.asyncProperty(runs, fc.integer({ min: 1, max: 20_000 }), async (buffers, length) => {
          const [ofServer, ofClient] = buffers;
          const pair = await connect(layer, { buffers: [ofClient, ofServer], enctype });
          const message = new Uint8Array(length).fill(7);
          const up = pair.client.wrap(message);
          const down = pair.server.wrap(message);
          expect(Math.max(...tokenLengths(up))).toBeLessThanOrEqual(ofServer);
          expect(Math.max(...tokenLengths(down))).toBeLessThanOrEqual(ofClient);
          expect(join(pair.server.unwrap(up))).toEqual(message);
          expect(join(pair.client.unwrap(down))).toEqual(message);
        }),
        { numRuns: 8 },
      );
    },
  );

  it('the smallest buffer that is accepted holds one byte', async () => {
    for (let maxBuffer = 1; maxBuffer < 200; maxBuffer++) {
      const pair = await connect(layer, { buffers: [maxBuffer, 65_536] }).catch(() => undefined);
      if (pair === undefined) continue;
      expect(pair.server.maxMessage).toBe(1);
      const frames = pair.server.wrap(text('abc'));
      expect(tokenLengths(frames)).toEqual([maxBuffer, maxBuffer, maxBuffer]);
      expect(join(pair.client.unwrap(frames))).toEqual(text('abc'));
      return;
    }
    throw new Error('no buffer was accepted');
  });

  it('the greatest buffers hold 16 MiB less a byte', async () => {
    const pair = await connect(layer, { buffers: [0xff_ffff, 0xff_ffff] });
    const message = new Uint8Array(0x100_0000).fill(3);
    const frames = pair.client.wrap(message);
    expect(tokenLengths(frames)).toHaveLength(2);
    expect(tokenLengths(frames)[0]).toBe(0xff_ffff);
    expect(pair.server.unwrap(frames).map((one) => one.length)).toEqual([
      pair.client.maxMessage,
      message.length - pair.client.maxMessage,
    ]);
  });

  it('nothing can be wrapped after dispose', async () => {
    const pair = await connect(layer);
    pair.server.dispose();
    expect(() => pair.server.wrap(text('x'))).toThrow(
      expect.objectContaining({ code: 'GSS_S_NO_CONTEXT' }),
    );
  });
});

describe('with confidentiality', () => {
  it('a frame that is only signed is refused', async () => {
    const { client, server } = await connect('confidentiality');
    const token = client.context.wrap(text('x'), { confidential: false });
    expect(() => server.unwrap(join([Uint8Array.of(0, 0, 0, token.length), token]))).toThrow(
      'is not encrypted',
    );
  });

  it('what is sent is not readable', async () => {
    const { server } = await connect('confidentiality');
    expect(Buffer.from(server.wrap(text('secret message'))).includes('secret')).toBe(false);
  });
});

describe('the buffer of a server', () => {
  it.each([0, 1, 1023, 0x100_0000, 1.5, Number.NaN, '65536'])(
    'may not be %s',
    async (maxBuffer) => {
      const { acceptor } = await makeParties();
      expect(() => createSaslServer({ acceptor, maxBuffer: maxBuffer as number })).toThrow(
        RangeError,
      );
    },
  );
});
