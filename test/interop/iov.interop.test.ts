import { beforeAll, describe, expect, it } from 'vitest';
import { withLegacyEnctypes } from '../../src/crypto/legacy/index.ts';
import { enctypeName } from '../../src/crypto/numbers.ts';
import type { IovBuffer, IovBufferType, SecurityContext } from '../../src/index.ts';
import { acquireCredential, ContextFlag, createAcceptor } from '../../src/index.ts';
import { loadKeytab } from '../../src/node/index.ts';
import type { PeerBuffer } from '../support/gss-peer.ts';
import { GssPeer, PeerError } from '../support/gss-peer.ts';
import type { User } from '../support/realm.ts';
import { have, keytab, kinit, onlyPermitting } from '../support/realm.ts';

const USUAL =
  ContextFlag.mutual | ContextFlag.replay | ContextFlag.confidentiality | ContextFlag.integrity;
const ENCTYPES = [17, 18, 19, 20, 25, 26, 16, 23];
const STYLES = [
  { style: 'usual', flags: USUAL },
  { style: 'DCE', flags: USUAL | ContextFlag.dceStyle },
];
const CASES = ENCTYPES.flatMap((enctype) => STYLES.map((style) => ({ enctype, ...style })));

type Part = readonly [type: 'data' | 'sign-only', bytes: Uint8Array];
type Slot = Part | readonly [type: 'header' | 'padding' | 'trailer'];
const part = (type: Part[0], size: number): Part => [
  type,
  Uint8Array.from({ length: size }, (_, i) => i * 5 + size),
];
// Whole blocks of DES3: in DCE style the data come padded.
const MESSAGES: readonly (readonly Part[])[] = [
  [part('data', 48)],
  [part('sign-only', 24), part('data', 160), part('sign-only', 8)],
  [part('sign-only', 3), part('data', 16), part('data', 32), part('sign-only', 70)],
  [part('sign-only', 40)],
];
const ODD: readonly Part[] = [part('sign-only', 5), part('data', 13)];

describe.runIf(have('python3-gssapi')).each(CASES)(
  'buffers of enctype $enctype, $style style',
  ({ enctype, style, flags }) => {
    const old = enctype === 16 || enctype === 23;
    const dce = style === 'DCE';
    let user: User;

    beforeAll(async () => {
      const all = await (await kinit()).fetchTickets(`etype${enctype}`);
      user = await onlyPermitting(enctypeName(enctype), all);
    });

    // MIT krb5 wants no trailer in old tokens, and padding in all of them but those of DCE style.
    const layouts: [string, (parts: readonly Part[]) => Slot[]][] = [
      ['header', (parts) => [['header'], ...parts, ...(old && !dce ? [padding()] : [])]],
      ['header and trailer', (parts) => [['header'], ...parts, padding(), ['trailer']]],
    ];

    it.each(layouts)('made by MIT krb5: %s', async (_, layout) => {
      await using pair = await establish();
      for (const parts of dce && old ? MESSAGES : [...MESSAGES, ODD]) {
        for (const confidential of [true, false]) {
          const buffers = layout(parts);
          const made = await pair.peer.wrapIov(toPeer(buffers), confidential);
          const received: IovBuffer[] = buffers.map(([type], i) => ({ type, bytes: made[i]! }));
          // What MIT krb5 took is what we say that it needs.
          const ours: IovBuffer[] = buffers.map(([type, bytes]) => toBuffer(type, bytes));
          const needed = pair.context.wrapIovLength(ours, { confidential });
          for (const [i, { type }] of ours.entries()) {
            if (type in needed) expect(made[i]!.length).toBe(needed[type as 'header']);
          }
          const hasData = parts.some(([type]) => type === 'data');
          const opened = pair.context.unwrapIov(received);
          expect(opened).toEqual({ confidential: confidential && hasData, qop: 0, sequence: 'ok' });
          expect(partsOf(received)).toEqual(parts);
        }
      }
    });

    it.each(layouts)('made for MIT krb5: %s', async (_, layout) => {
      await using pair = await establish();
      for (const parts of dce && old ? MESSAGES : [...MESSAGES, ODD]) {
        for (const confidential of [true, false]) {
          const buffers = layout(parts).map(([type, bytes]) => toBuffer(type, bytes));
          const hasData = parts.some(([type]) => type === 'data');
          expect(pair.context.wrapIov(buffers, { confidential })).toBe(confidential && hasData);
          const opened = await pair.peer.unwrapIov(
            buffers.map(({ type, bytes }) => [toPeerType(type), bytes!]),
          );
          expect(opened.confidential).toBe(confidential && hasData);
          const seen = buffers.map(({ type }, i) => ({ type, bytes: opened.buffers[i]! }));
          expect(partsOf(seen)).toEqual(parts);
        }
      }
    });

    it('as a stream, which MIT krb5 has in the usual style only', async () => {
      await using pair = await establish();
      if (dce) {
        const ours = pair.context.wrapAead(new Uint8Array(8), new Uint8Array(8));
        await expect(pair.peer.unwrapAead(ours, new Uint8Array(8))).rejects.toThrow(PeerError);
        return;
      }
      for (const size of [0, 1, 13, 100]) {
        const [, message] = part('data', size);
        for (const confidential of [true, false]) {
          // Few: MIT krb5 counts them into the frame of old tokens, and goes wrong where the length of its length
          // changes with them (k5sealiov.c, kg_seal_iov_length).
          const [, associated] = part('sign-only', 8);
          const token = await pair.peer.wrapAead(message, associated, confidential);
          const expected = { message, confidential, qop: 0, sequence: 'ok' };
          expect(pair.context.unwrapAead(token, associated)).toEqual(expected);
          const ours = pair.context.wrapAead(message, associated, { confidential });
          const opened = await pair.peer.unwrapAead(ours, associated);
          expect(opened).toEqual({ message, confidential });
          // With nothing associated it is a token as any other.
          const plain = await pair.peer.wrap(message, confidential);
          expect(pair.context.unwrapAead(plain, new Uint8Array()).message).toEqual(message);
          const nothing = pair.context.wrapAead(message, new Uint8Array(), { confidential });
          expect(await pair.peer.unwrap(nothing)).toEqual({ message, confidential });
        }
      }
    });

    it('refused by both when what is only signed was altered', async () => {
      await using pair = await establish();
      const parts = MESSAGES[1]!;
      const spoil = <T extends { type: string; bytes?: Uint8Array }>(buffers: T[]): T[] => {
        const [signed] = buffers.filter(({ type }) => type === 'sign-only');
        signed!.bytes = signed!.bytes!.with(0, signed!.bytes![0]! ^ 1);
        return buffers;
      };
      const layout = layouts[0]![1](parts);
      const made = await pair.peer.wrapIov(toPeer(layout), true);
      const received: IovBuffer[] = layout.map(([type], i) => ({ type, bytes: made[i]! }));
      expect(() => pair.context.unwrapIov(spoil(received))).toThrowError(
        expect.objectContaining({ code: 'GSS_S_BAD_MIC' }),
      );
      const ours = layout.map(([type, bytes]) => toBuffer(type, bytes));
      pair.context.wrapIov(ours);
      const sent = spoil(ours).map(({ type, bytes }): PeerBuffer => [toPeerType(type), bytes!]);
      await expect(pair.peer.unwrapIov(sent)).rejects.toThrow(PeerError);
    });

    async function establish(): Promise<Pair> {
      const credential = await acquireCredential({
        keytab: await loadKeytab(keytab(`etype${enctype}`)),
        crypto: withLegacyEnctypes(),
      });
      const handshake = createAcceptor({ credential }).begin();
      const peer = new GssPeer(user);
      let token = await peer.init(`etype${enctype}`, flags);
      for (;;) {
        const result = await handshake.accept(token);
        if (result.status === 'failed') throw result.error;
        const next = result.outputToken && (await peer.step(result.outputToken));
        if (result.status === 'complete') {
          expect(result.context.enctype).toBe(enctype);
          return new Pair(peer, result.context);
        }
        token = next!;
      }
    }
  },
);

class Pair {
  readonly peer: GssPeer;
  readonly context: SecurityContext;

  constructor(peer: GssPeer, context: SecurityContext) {
    this.peer = peer;
    this.context = context;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.peer[Symbol.asyncDispose]();
  }
}

function padding(): Slot {
  return ['padding'];
}

function toBuffer(type: IovBufferType, bytes?: Uint8Array): IovBuffer {
  return bytes === undefined ? { type } : { type, bytes: bytes.slice() };
}

function toPeer(buffers: readonly Slot[]): PeerBuffer[] {
  return buffers.map(([type, bytes]) => [toPeerType(type), bytes ?? null]);
}

function toPeerType(type: IovBufferType): PeerBuffer[0] {
  return type === 'sign-only' ? 'sign_only' : type;
}

function partsOf(buffers: readonly IovBuffer[]): Part[] {
  return buffers.flatMap(({ type, bytes }): Part[] =>
    type === 'data' || type === 'sign-only' ? [[type, bytes!]] : [],
  );
}
