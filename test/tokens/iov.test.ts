import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes } from '../../src/bytes.ts';
import { withLegacyEnctypes } from '../../src/crypto/legacy/index.ts';
import type { IovBuffer, SecurityContext } from '../../src/index.ts';
import { ContextFlag, importSecurityContext } from '../../src/index.ts';
import { gssErrorOf } from '../support/library-errors.ts';
import { runs } from '../support/properties.ts';
import { establish, makeKeytab, makeParties } from '../support/realm-kit.ts';

const crypto = withLegacyEnctypes();
const FLAGS = ContextFlag.mutual | ContextFlag.replay | ContextFlag.sequence;
const ASSOCIATED = new TextEncoder().encode('goes beside it');
const MESSAGE = new TextEncoder().encode(
  'sixty-four bytes: a whole number of blocks of every cipher....!!',
);
const CASES = [16, 17, 18, 19, 20, 23, 25, 26].flatMap((enctype) =>
  [false, true].map((dceStyle) => ({
    enctype,
    dceStyle,
    old: enctype === 16 || enctype === 23,
    style: dceStyle ? 'DCE' : 'usual',
  })),
);

interface Both {
  readonly client: SecurityContext;
  readonly server: SecurityContext;
}

async function both(enctype: number, dceStyle = false): Promise<Both> {
  const keytab = makeKeytab({ enctype, crypto });
  if (!dceStyle) return establish({ keytab, initiator: { flags: FLAGS } });
  const flags = FLAGS | ContextFlag.dceStyle;
  const { initiator, begin } = await makeParties({ keytab, initiator: { flags } });
  const handshake = begin();
  const second = await handshake.accept(initiator.begin());
  const last = await handshake.accept(initiator.confirm(second.outputToken!));
  if (last.status !== 'complete') throw new Error('not complete');
  return { client: initiator.finish(second.outputToken), server: last.context };
}

/** Header, signed and encrypted buffers, padding; with a trailer or without. */
function message(trailer: boolean): IovBuffer[] {
  return [
    { type: 'header' },
    { type: 'sign-only', bytes: ASSOCIATED.slice() },
    { type: 'data', bytes: MESSAGE.slice(0, 24) },
    { type: 'sign-only', bytes: ASSOCIATED.slice(3) },
    { type: 'data', bytes: MESSAGE.slice(24) },
    { type: 'padding' },
    ...(trailer ? [{ type: 'trailer' } as IovBuffer] : []),
  ];
}

function copy(buffers: readonly IovBuffer[]): IovBuffer[] {
  return buffers.map(({ type, bytes }) => ({ type, ...(bytes && { bytes: bytes.slice() }) }));
}

function dataOf(buffers: readonly IovBuffer[]): Uint8Array {
  return concatBytes(...buffers.filter(({ type }) => type === 'data').map(({ bytes }) => bytes!));
}

describe.each(CASES)(
  'buffers of enctype $enctype in $style style',
  ({ enctype, dceStyle, old }) => {
    for (const trailer of [false, true]) {
      const layout = trailer ? 'with a trailer' : 'without a trailer';

      it(`are wrapped and unwrapped in place, ${layout}`, async () => {
        const { client, server } = await both(enctype, dceStyle);
        for (const [from, to] of [
          [client, server],
          [server, client],
        ] as const) {
          for (const confidential of [true, false]) {
            const buffers = message(trailer);
            const places = buffers.map(({ bytes }) => bytes);
            const lengths = from.wrapIovLength(buffers, { confidential });
            expect(from.wrapIov(buffers, { confidential })).toBe(confidential);
            expect(buffers[0]!.bytes!.length).toBe(lengths.header);
            expect(buffers[5]!.bytes!.length).toBe(lengths.padding);
            if (trailer) expect(buffers[6]!.bytes!.length).toBe(lengths.trailer);
            for (const i of [1, 2, 3, 4]) expect(buffers[i]!.bytes).toBe(places[i]);
            expect(buffers[1]!.bytes).toEqual(ASSOCIATED);
            if (confidential) expect(dataOf(buffers)).not.toEqual(MESSAGE);
            else expect(dataOf(buffers)).toEqual(MESSAGE);
            expect(to.unwrapIov(buffers)).toEqual({ confidential, qop: 0, sequence: 'ok' });
            expect(dataOf(buffers)).toEqual(MESSAGE);
            expect(buffers[4]!.bytes).toEqual(MESSAGE.subarray(24));
          }
        }
      });

      it(`are refused at every single-bit flip, and what was encrypted is wiped, ${layout}`, async () => {
        const { client, server } = await both(enctype, dceStyle);
        const good = message(trailer);
        client.wrapIov(good);
        for (const [place, { bytes }] of good.entries()) {
          for (let bit = 0; bit < bytes!.length * 8; bit++) {
            const buffers = copy(good);
            buffers[place]!.bytes![bit >> 3]! ^= 1 << (bit & 7);
            const { code } = gssErrorOf(() => server.unwrapIov(buffers));
            expect(['GSS_S_BAD_MIC', 'GSS_S_DEFECTIVE_TOKEN']).toContain(code);
            // Either unchanged, or wiped or garbled.
            const seen = dataOf(buffers);
            if (code === 'GSS_S_BAD_MIC' && seen.some((byte) => byte !== 0)) {
              expect(seen).not.toEqual(MESSAGE);
            }
          }
        }
        expect(server.unwrapIov(copy(good)).sequence).toBe('ok');
        expect(server.unwrapIov(copy(good)).sequence).toBe('duplicate');
      });

      it(`are refused when one of them changes its length, ${layout}`, async () => {
        const { client, server } = await both(enctype, dceStyle);
        for (const confidential of [true, false]) {
          const good = message(trailer);
          client.wrapIov(good, { confidential });
          for (const [place, { bytes }] of good.entries()) {
            const lengths = [0, 1, bytes!.length - 1, bytes!.length + 1].filter(
              (length) => length >= 0 && length !== bytes!.length,
            );
            for (const length of lengths) {
              const buffers = copy(good);
              const changed = new Uint8Array(length);
              changed.set(bytes!.subarray(0, length));
              buffers[place]!.bytes = changed;
              const { code } = gssErrorOf(() => server.unwrapIov(buffers));
              expect(['GSS_S_BAD_MIC', 'GSS_S_DEFECTIVE_TOKEN']).toContain(code);
            }
          }
        }
      });
    }

    it('sign where nothing is to be encrypted', async () => {
      const { client, server } = await both(enctype, dceStyle);
      const buffers: IovBuffer[] = [
        { type: 'header' },
        { type: 'sign-only', bytes: ASSOCIATED.slice() },
        { type: 'padding' },
      ];
      const lengths = client.wrapIovLength(buffers);
      expect(client.wrapIov(buffers)).toBe(false);
      expect(buffers[0]!.bytes!.length).toBe(lengths.header);
      expect(buffers[2]!.bytes!.length).toBe(lengths.padding);
      expect(buffers[1]!.bytes).toEqual(ASSOCIATED);
      expect(server.unwrapIov(buffers)).toMatchObject({ confidential: false, sequence: 'ok' });
    });

    it('may be longer than they have to be, and be parts of one Buffer of Node.js', async () => {
      const { client, server } = await both(enctype, dceStyle);
      const memory = Buffer.alloc(512, 0x55);
      const buffers: IovBuffer[] = [
        { type: 'header', bytes: memory.subarray(0, 200) },
        { type: 'data', bytes: memory.subarray(200, 264) },
        { type: 'padding', bytes: memory.subarray(264, 280) },
        ...(old ? [] : [{ type: 'trailer', bytes: memory.subarray(280, 400) } as IovBuffer]),
      ];
      memory.set(MESSAGE, 200);
      const needed = client.wrapIovLength(buffers);
      client.wrapIov(buffers);
      expect(buffers[0]!.bytes!.length).toBe(needed.header);
      expect(buffers[0]!.bytes!.buffer).toBe(memory.buffer);
      expect(memory.subarray(200, 264)).not.toEqual(Buffer.from(MESSAGE));
      expect(memory[needed.header]).toBe(0x55);
      server.unwrapIov(buffers);
      expect(new Uint8Array(memory.subarray(200, 264))).toEqual(MESSAGE);
    });

    it('have associated data in the simple form', async () => {
      const { client, server } = await both(enctype, dceStyle);
      if (old && dceStyle) {
        // The length in the frame covers the header alone, so that no stream can be unwrapped.
        const token = client.wrapAead(MESSAGE, ASSOCIATED);
        expect(gssErrorOf(() => server.unwrapAead(token, ASSOCIATED)).code).toBe(
          'GSS_S_DEFECTIVE_TOKEN',
        );
        return;
      }
      fc.assert(
        fc.property(
          fc.uint8Array({ maxLength: 100 }),
          fc.uint8Array({ maxLength: 100 }),
          fc.boolean(),
          (text, associated, confidential) => {
            const whole = text.slice(0, dceStyle ? text.length - (text.length % 8) : text.length);
            const token = client.wrapAead(whole, associated, { confidential });
            const before = token.slice();
            const expected = { message: whole, confidential, qop: 0, sequence: 'ok' };
            const other = Uint8Array.of(...associated, 0);
            expect(gssErrorOf(() => server.unwrapAead(token, other)).code).toBe('GSS_S_BAD_MIC');
            expect(server.unwrapAead(token, associated)).toEqual(expected);
            expect(token).toEqual(before);
          },
        ),
        { numRuns: runs(40) },
      );
    });
  },
);

describe('a whole token', () => {
  it('is a stream, at any rotation, opened in place', async () => {
    for (const enctype of [17, 20]) {
      const { client, server } = await both(enctype);
      for (const confidential of [true, false]) {
        for (const rrc of [0, 1, 12, 28, 1000]) {
          const token = rotate(client.wrap(MESSAGE, { confidential }), rrc);
          const data: IovBuffer = { type: 'data', bytes: new Uint8Array() };
          server.unwrapIov([{ type: 'stream', bytes: token }, data]);
          expect(data.bytes).toEqual(MESSAGE);
          expect(data.bytes!.buffer).toBe(token.buffer);
        }
      }
    }
  });

  it('of old enctypes is a stream as well, the padding found inside', async () => {
    for (const enctype of [16, 23]) {
      const { client, server } = await both(enctype);
      for (let size = 0; size < 20; size++) {
        const token = client.wrap(MESSAGE.subarray(0, size), { confidential: size % 2 === 0 });
        const data: IovBuffer = { type: 'data', bytes: new Uint8Array() };
        expect(server.unwrapIov([{ type: 'stream', bytes: token }, data]).sequence).toBe('ok');
        expect(data.bytes).toEqual(MESSAGE.subarray(0, size));
      }
    }
  });

  // MS-KILE §3.4.5.4.1: RRC 28, EC 16, rotated by the sum of both.
  it('is rotated by EC as well as Windows does it in DCE style', async () => {
    const { client, server } = await both(18, true);
    const buffers: IovBuffer[] = [{ type: 'header' }, { type: 'data', bytes: MESSAGE.slice() }];
    client.wrapIov(buffers);
    const [header, data] = buffers as [Required<IovBuffer>, Required<IovBuffer>];
    expect([...header.bytes.subarray(4, 8)]).toEqual([0, 16, 0, 28]);
    expect(header.bytes.length).toBe(16 + 16 + 28 + 16);
    const token = concatBytes(header.bytes, data.bytes);
    expect(server.unwrap(token)).toMatchObject({ message: MESSAGE, confidential: true });
    expect(server.unwrapAead(token, new Uint8Array()).message).toEqual(MESSAGE);
  });

  it('that was cut anywhere is refused', async () => {
    for (const enctype of [16, 18, 20, 23]) {
      const { client, server } = await both(enctype);
      for (const confidential of [true, false]) {
        const token = client.wrapAead(MESSAGE, ASSOCIATED, { confidential });
        for (let length = 0; length < token.length; length++) {
          const { code } = gssErrorOf(() =>
            server.unwrapAead(token.subarray(0, length), ASSOCIATED),
          );
          expect(['GSS_S_BAD_MIC', 'GSS_S_DEFECTIVE_TOKEN']).toContain(code);
        }
      }
    }
  });

  it('shares its numbers with wrap and getMic, also after a move to another process', async () => {
    const { client, server } = await both(18);
    client.wrap(MESSAGE);
    const token = client.wrapAead(MESSAGE, ASSOCIATED);
    expect(server.unwrapAead(token, ASSOCIATED).sequence).toBe('gap');
    const moved = importSecurityContext(server.export());
    expect(moved.unwrapAead(token, ASSOCIATED).sequence).toBe('duplicate');
    expect(moved.verifyMic(MESSAGE, client.getMic(MESSAGE)).sequence).toBe('ok');
  });
});

describe('a sealed message', () => {
  it.each([16, 17, 18, 19, 20, 23, 25, 26])(
    'has a confounder, random (enctype %i)',
    async (enctype) => {
      const asked: Uint8Array[] = [];
      const random = (target: Uint8Array) => {
        for (let i = 0; i < target.length; i++) target[i] = (asked.length * 31 + i * 7) & 0xff;
        asked.push(target);
      };
      const keytab = makeKeytab({ enctype, crypto });
      const { server } = await establish({ keytab, acceptor: { random } });
      const block = enctype === 16 || enctype === 23 ? 8 : 16;
      for (const wrap of [() => server.wrap(MESSAGE), () => server.wrapIov(message(true))]) {
        asked.length = 0;
        wrap();
        expect(asked.map(({ length }) => length)).toEqual([block]);
      }
    },
  );

  it('says what kind of error it was when its pieces do not open', async () => {
    const { client, server } = await both(18);
    const buffers = message(true);
    client.wrapIov(buffers);
    buffers[2]!.bytes![0]! ^= 1;
    expect(gssErrorOf(() => server.unwrapIov(buffers))).toMatchObject({
      code: 'GSS_S_BAD_MIC',
      minor: { code: 'KRB_AP_ERR_BAD_INTEGRITY' },
    });
  });
});

describe('a caller', () => {
  const data = (): IovBuffer => ({ type: 'data', bytes: MESSAGE.slice() });

  it('gives buffers that make sense together', async () => {
    const { client } = await both(18);
    const old = await both(23);
    const block = await both(16, true);
    const header: IovBuffer = { type: 'header' };
    const cases: [SecurityContext, IovBuffer[], RegExp][] = [
      [client, [data()], /one header/],
      [client, [header, header, data()], /one header/],
      [client, [header, data(), { type: 'trailer' }, { type: 'trailer' }], /one trailer/],
      [
        client,
        [{ type: 'header', bytes: new Uint8Array(10) }, data()],
        /header: expected \d+ bytes/,
      ],
      [client, [header, { type: 'data' }], /data: expected a Uint8Array/],
      [client, [header, { type: 'data', bytes: 'text' as never }], /data: expected a Uint8Array/],
      [client, [header, { ...data(), type: 'DATA' as never }], /trailer, got DATA/],
      [client, [header, { ...data(), type: 'stream' }], /trailer, got stream/],
      [old.client, [header, data()], /one for padding/],
      [block.client, [header, { type: 'data', bytes: new Uint8Array(9) }], /a multiple of 8/],
    ];
    for (const [context, buffers, text] of cases) {
      expect(() => context.wrapIov(copyOf(buffers))).toThrow(text);
    }
    const stream: IovBuffer = { type: 'stream', bytes: client.wrap(MESSAGE) };
    for (const buffers of [[stream], [stream, stream, data()], [stream, data(), data()]]) {
      expect(() => client.unwrapIov(buffers)).toThrow(/one data buffer beside one stream/);
    }
    // Bytes that no signature covers must not pass for signed.
    for (const type of ['sign_only', 'SIGN-ONLY', undefined, 'header', 'padding', 'trailer']) {
      const unsigned = { type: type as 'sign-only', bytes: ASSOCIATED };
      expect(() => client.unwrapIov([stream, unsigned, data()])).toThrow(
        new RangeError(`buffers: expected stream, data, sign-only, got ${type}`),
      );
    }
  });

  it('loses no number to a mistake', async () => {
    const { client, server } = await both(18);
    expect(() => client.wrapIov([data()])).toThrow(RangeError);
    expect(server.unwrap(client.wrap(MESSAGE)).sequence).toBe('ok');
  });

  it('gets nothing out of a context that is gone', async () => {
    const { client, server } = await both(18);
    const token = client.wrapAead(MESSAGE, ASSOCIATED);
    server.dispose();
    for (const use of [
      () => server.wrapIov([{ type: 'header' }, data()]),
      () => server.wrapIovLength([{ type: 'header' }, data()]),
      () => server.unwrapAead(token, ASSOCIATED),
      () => server.wrapAead(MESSAGE, ASSOCIATED),
    ]) {
      expect(gssErrorOf(use).code).toBe('GSS_S_NO_CONTEXT');
    }
  });
});

function copyOf(buffers: readonly IovBuffer[]): IovBuffer[] {
  return buffers.map((buffer) => ({ ...buffer }));
}

/** RFC 4121 §4.2.5. */
function rotate(token: Uint8Array, rrc: number): Uint8Array {
  const rotated = token.slice();
  const body = token.subarray(16);
  const by = rrc % body.length;
  rotated.set(body.subarray(body.length - by), 16);
  rotated.set(body.subarray(0, body.length - by), 16 + by);
  rotated[6] = rrc >>> 8;
  rotated[7] = rrc;
  return rotated;
}
