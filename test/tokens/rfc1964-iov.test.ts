import { describe, expect, it } from 'vitest';
import { concatBytes } from '../../src/bytes.ts';
import { withLegacyEnctypes } from '../../src/crypto/legacy/index.ts';
import { mechanismHeader } from '../../src/gss/framing.ts';
import type { IovBuffer, Oid, SecurityContext } from '../../src/index.ts';
import { ContextFlag, Mechanism } from '../../src/index.ts';
import { gssErrorOf } from '../support/library-errors.ts';
import { establish, makeKeytab, makeParties } from '../support/realm-kit.ts';

const crypto = withLegacyEnctypes();
const MESSAGE = new TextEncoder().encode('thirty-two bytes of plain text..');
const EMPTY = new Uint8Array();

async function both(enctype: number, mechanism: Oid = Mechanism.krb5) {
  const keytab = makeKeytab({ enctype, crypto });
  return establish({ keytab, initiator: { flags: ContextFlag.mutual, mechanism } });
}

async function bothDce(enctype: number) {
  const keytab = makeKeytab({ enctype, crypto });
  const flags = ContextFlag.mutual | ContextFlag.dceStyle;
  const { initiator, begin } = await makeParties({ keytab, initiator: { flags } });
  const handshake = begin();
  const second = await handshake.accept(initiator.begin());
  const last = await handshake.accept(initiator.confirm(second.outputToken!));
  if (last.status !== 'complete') throw new Error('not complete');
  return { client: initiator.finish(second.outputToken), server: last.context };
}

/** The buffers of a message, wrapped. */
function wrapped(client: SecurityContext, text: Uint8Array, confidential = true) {
  const buffers: IovBuffer[] = [
    { type: 'header' },
    { type: 'data', bytes: text.slice() },
    { type: 'padding' },
  ];
  client.wrapIov(buffers, { confidential });
  return buffers.map(({ bytes }) => bytes!) as [Uint8Array, Uint8Array, Uint8Array];
}

function iov(header: Uint8Array, data?: Uint8Array, padding?: Uint8Array): IovBuffer[] {
  return [
    { type: 'header', bytes: header.slice() },
    ...(data === undefined ? [] : [{ type: 'data', bytes: data.slice() } as const]),
    ...(padding === undefined ? [] : [{ type: 'padding', bytes: padding.slice() } as const]),
  ];
}

describe.each([
  [16, 20, 0x04, 8],
  [23, 8, 0x11, 1],
] as const)('buffers of enctype %i', (enctype, checksum, sign, block) => {
  // Header and confounder.
  const unframed = 16 + checksum + 8;

  /** A header without a frame, as a careless peer with the keys would sign it. */
  function forge(client: SecurityContext, parts: readonly Uint8Array[], confounder = EMPTY) {
    const keys = client.sessionKey.rfc1964!;
    const head = Uint8Array.of(2, 1, sign, 0, 0xff, 0xff, 0xff, 0xff);
    const random = concatBytes(confounder, new Uint8Array(8)).subarray(0, 8);
    const sum = keys.checksum('wrap', head, random, ...parts);
    const sequence = keys.sealSequence({ number: 1, sender: 'initiator' }, sum);
    return concatBytes(head, sequence, sum, random);
  }

  it('have the layout of RFC 1964 §1.2.2, the length in the frame that of all of them', async () => {
    const { client } = await both(enctype);
    // The length of the frame takes one byte, two and three.
    for (let size = 0; size < 260; size++) {
      const text = new Uint8Array(size).fill(0x5a);
      const [header, data, padding] = wrapped(client, text, false);
      const length = block - (size % block);
      expect(padding).toEqual(new Uint8Array(length).fill(length));
      expect(data).toEqual(text);
      const frame = mechanismHeader(Mechanism.krb5, unframed + size + length);
      expect(header.length).toBe(frame.length + unframed);
      expect(header.subarray(0, frame.length)).toEqual(frame);
      const head = [2, 1, sign, 0, 0xff, 0xff, 0xff, 0xff];
      expect([...header.subarray(frame.length, frame.length + 8)]).toEqual(head);
    }
  });

  // MS-KILE §3.4.5.4.1.
  it('have in DCE style no padding, and the length of the header alone in the frame', async () => {
    const { client, server } = await bothDce(enctype);
    for (const size of [0, 8, 32]) {
      for (const confidential of [true, false]) {
        const [header, data, padding] = wrapped(client, MESSAGE.subarray(0, size), confidential);
        expect(padding).toEqual(EMPTY);
        const frame = mechanismHeader(Mechanism.krb5, unframed);
        expect(header.length).toBe(frame.length + unframed);
        expect(header.subarray(0, frame.length)).toEqual(frame);
        const buffers = iov(header, data);
        server.unwrapIov(buffers);
        expect(buffers[1]!.bytes).toEqual(MESSAGE.subarray(0, size));
      }
    }
  });

  it('make the same token as a message in one piece', async () => {
    const { client, server } = await both(enctype);
    for (const confidential of [true, false]) {
      for (const size of [0, 1, 7, 8, 9, 32]) {
        const text = MESSAGE.subarray(0, size);
        const token = concatBytes(...wrapped(client, text, confidential));
        expect(server.unwrap(token)).toMatchObject({ message: text, confidential });
      }
    }
  });

  it('may come without a frame, or under the right number of Kerberos, and no other', async () => {
    const { client, server } = await both(enctype, Mechanism.msKrb5);
    for (const confidential of [true, false]) {
      const [header, data, padding] = wrapped(client, MESSAGE, confidential);
      const rest = header.subarray(header.length - unframed);
      const length = unframed + data.length + padding.length;
      for (const frame of [
        header.subarray(0, header.length - unframed),
        EMPTY,
        mechanismHeader(Mechanism.msKrb5, length),
        mechanismHeader(Mechanism.krb5, length),
      ]) {
        const buffers = iov(concatBytes(frame, rest), data, padding);
        expect(server.unwrapIov(buffers)).toMatchObject({ confidential });
        expect(buffers[1]!.bytes).toEqual(MESSAGE);
        expect(buffers[2]!.bytes).toEqual(EMPTY);
      }
      for (const frame of [
        Uint8Array.of(0),
        mechanismHeader(Mechanism.spnego, length),
        mechanismHeader(Mechanism.oldKrb5, length),
        mechanismHeader(Mechanism.krb5, length + 1),
        mechanismHeader(Mechanism.krb5, length - 1),
        // As in DCE style.
        mechanismHeader(Mechanism.krb5, unframed),
      ]) {
        const buffers = iov(concatBytes(frame, rest), data, padding);
        expect(gssErrorOf(() => server.unwrapIov(buffers)).code).toBe('GSS_S_DEFECTIVE_TOKEN');
      }
    }
  });

  it('are defective with a precise message for their lengths before any key is used', async () => {
    const { client, server } = await both(enctype);
    const [header, data, padding] = wrapped(client, MESSAGE);
    const defect = (buffers: IovBuffer[]) => gssErrorOf(() => server.unwrapIov(buffers));
    for (let length = 0; length < unframed; length++) {
      expect(defect(iov(header.subarray(0, length), data, padding))).toMatchObject({
        code: 'GSS_S_DEFECTIVE_TOKEN',
        message: 'header is shorter than that of a wrap token',
      });
    }
    const rest = header.subarray(header.length - unframed);
    if (block > 1) {
      for (const length of [1, 7, 9]) {
        expect(defect(iov(rest, data, new Uint8Array(length)))).toMatchObject({
          code: 'GSS_S_DEFECTIVE_TOKEN',
          message: 'wrap token is malformed',
        });
      }
    }
    const trailer: IovBuffer = { type: 'trailer', bytes: Uint8Array.of(0) };
    for (const whole of [header, rest]) {
      expect(defect([...iov(whole, data, padding), trailer])).toMatchObject({
        code: 'GSS_S_DEFECTIVE_TOKEN',
        message: expect.stringContaining('lengths'),
      });
    }
    const none: IovBuffer = { type: 'trailer', bytes: EMPTY };
    server.unwrapIov([...iov(header, data, padding), none]);
  });

  it('are refused with a padding that cannot be, though the peer has signed it', async () => {
    const { client, server } = await both(enctype);
    for (const [last, data, padding, left] of [
      [1, MESSAGE, 1, 32],
      [8, MESSAGE, 8, 32],
      [8, MESSAGE, 1, 25],
      [33, MESSAGE, 1, 0],
      [34, MESSAGE, 1, undefined],
      [255, MESSAGE, 1, undefined],
      [0, MESSAGE, 1, undefined],
      [7, MESSAGE, 8, undefined],
      [1, EMPTY, 1, 0],
      [2, EMPTY, 1, undefined],
    ] as const) {
      const bytes = new Uint8Array(padding).fill(last);
      const buffers = iov(forge(client, [data, bytes]), data, bytes);
      if (left === undefined) {
        expect(gssErrorOf(() => server.unwrapIov(buffers)).code).toBe('GSS_S_DEFECTIVE_TOKEN');
        continue;
      }
      expect(server.unwrapIov(buffers).confidential).toBe(false);
      expect(buffers[1]!.bytes).toEqual(data.subarray(0, left));
      expect(buffers[2]!.bytes).toEqual(EMPTY);
    }
  });

  it('keep their padding where nobody can tell which data it ends', async () => {
    const { client, server } = await both(enctype);
    const padded = concatBytes(MESSAGE, Uint8Array.of(2, 2));
    // No buffer for padding, an empty one, none for data, or two.
    const alone = iov(forge(client, [padded]), padded);
    server.unwrapIov(alone);
    expect(alone[1]!.bytes).toEqual(padded);
    const empty = iov(forge(client, [padded]), padded, EMPTY);
    server.unwrapIov(empty);
    expect(empty[1]!.bytes).toEqual(padded);
    const none: IovBuffer[] = [...iov(forge(client, [padded]), padded), { type: 'padding' }];
    server.unwrapIov(none);
    expect(none[1]!.bytes).toEqual(padded);
    const padding = Uint8Array.of(2);
    const signed = iov(forge(client, [padding]), undefined, padding);
    server.unwrapIov(signed);
    expect(signed[1]!.bytes).toEqual(padding);
    const two = iov(forge(client, [MESSAGE, MESSAGE, padding]), MESSAGE, padding);
    two.splice(1, 0, { type: 'data', bytes: MESSAGE.slice() });
    server.unwrapIov(two);
    expect(two.slice(1).map(({ bytes }) => bytes)).toEqual([MESSAGE, MESSAGE, padding]);
  });

  it('are no stream without padding, and not with the confounder in its place', async () => {
    const { client, server } = await both(enctype);
    const open = (token: Uint8Array): Uint8Array => {
      const data: IovBuffer = { type: 'data', bytes: EMPTY };
      server.unwrapIov([{ type: 'stream', bytes: token.slice() }, data]);
      return data.bytes!;
    };
    const one = Uint8Array.of(1);
    expect(open(concatBytes(forge(client, [one]), one))).toEqual(EMPTY);
    // The last byte of the confounder could be mistaken for padding.
    const confounder = Uint8Array.of(9, 9, 9, 9, 9, 9, 9, 1);
    for (const parts of [[one], []]) {
      const token = forge(client, parts, confounder);
      expect(gssErrorOf(() => open(token)).code).toBe('GSS_S_DEFECTIVE_TOKEN');
      expect(gssErrorOf(() => server.unwrap(token)).code).toBe('GSS_S_DEFECTIVE_TOKEN');
    }
  });
});
