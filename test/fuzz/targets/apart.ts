/** Messages whose buffers lie apart, and the header of HTTP that carries a token. */
import { bytesEqual, decodeUtf8, encodeUtf8 } from '../../../src/bytes.ts';
import { withLegacyEnctypes } from '../../../src/crypto/legacy/index.ts';
import { encodeBase64 } from '../../../src/http/base64.ts';
import { negotiate } from '../../../src/http/index.ts';
import type { IovBuffer } from '../../../src/index.ts';
import { importSecurityContext } from '../../../src/index.ts';
import { createInitiator } from '../../../src/testing/index.ts';
import { establish, makeKeytab, seededRandom } from '../../support/realm-kit.ts';
import type { Case, Target } from '../case.ts';
import { Breach } from '../case.ts';
import { freshAcceptor } from './accept.ts';
import { exercise } from './exercise.ts';
import { CLIENT, clock, mint } from './realm.ts';

export async function apartTargets(): Promise<Target[]> {
  const apart = await Promise.all([17, 20, 16, 23].map(iovTargets));
  return [
    ...apart.flat(),
    {
      name: 'http-negotiate',
      shape: 'text',
      seeds: headers(),
      run: ([header]) => present(header!),
    },
  ];
}

const TYPES = ['header', 'sign-only', 'data', 'data', 'padding', 'trailer'] as const;

async function iovTargets(enctype: number): Promise<Target[]> {
  const crypto = withLegacyEnctypes();
  const { client, server } = await establish({
    keytab: makeKeytab({ enctype, crypto }),
    acceptor: { permittedEnctypes: [enctype] },
  });
  const messages = [0, 1, 7, 64].map((length): Case => {
    const data = new Uint8Array(length).fill(0x61);
    return [encodeUtf8('signed'), data, encodeUtf8('more'), encodeUtf8(`${length}`)];
  });
  const sent = messages.flatMap((message) =>
    [true, false].map((confidential) => {
      const [signed, first, second] = message.map((part) => part.slice());
      const parts = [undefined, signed, first, second, undefined, undefined];
      const buffers = TYPES.map((type, i): IovBuffer => {
        const bytes = parts[i];
        return bytes === undefined ? { type } : { type, bytes };
      });
      client.wrapIov(buffers, { confidential });
      return { message, input: buffers.map(({ bytes = EMPTY }) => bytes) };
    }),
  );
  const tokens = messages.map(([signed, data]) => ({
    signed: signed!,
    data: data!,
    input: [signed!, client.wrapAead(data!, signed!)],
  }));
  const exported = server.export();
  const open = () => importSecurityContext(exported, { crypto, random: seededRandom(2) });
  return [
    {
      name: `unwrap-iov-${enctype}`,
      shape: 'binary',
      seeds: sent.map(({ input }) => input),
      run: (input) => {
        const buffers = TYPES.map(
          (type, i): IovBuffer => ({ type, bytes: (input[i] ?? EMPTY).slice() }),
        );
        const { confidential } = open().unwrapIov(buffers);
        const message = buffers.slice(1, 4).map(({ bytes }) => bytes!);
        // Where one buffer ends and the next begins is for the caller to know: nobody signs it.
        const alike = sent.filter(({ input: own }) => sameLengths(own, input));
        if (
          alike.length > 0 &&
          !alike.some((one) => bytesEqual(joined(one.message), joined(message)))
        ) {
          throw new Breach('altered buffers were unwrapped');
        }
        return `unwrapped ${confidential}`;
      },
    },
    {
      name: `unwrap-aead-${enctype}`,
      shape: 'binary',
      seeds: tokens.map(({ input }) => input),
      run: ([signed = EMPTY, token = EMPTY]) => {
        const { message } = open().unwrapAead(token, signed);
        const genuine = tokens.some(
          (one) => bytesEqual(one.data, message) && bytesEqual(one.signed, signed),
        );
        if (!genuine) throw new Breach('an altered token or associated data were unwrapped');
        return 'unwrapped';
      },
    },
  ];
}

function sameLengths(a: Case, b: Case): boolean {
  return a.length === b.length && a.every((part, i) => part.length === b[i]!.length);
}

function joined([signed, first, second]: Case): Uint8Array {
  return new Uint8Array([...signed!, ...first!, ...second!]);
}

function headers(): Case[] {
  const token = createInitiator({ ticket: mint(), clock, random: seededRandom(41) }).begin();
  return [
    `Negotiate ${encodeBase64(token)}`,
    `negotiate   ${encodeBase64(token)}`,
    'Negotiate',
    'NTLM TlRMTVNTUAABAAAA',
    'Basic YWxpY2U6c2VjcmV0',
    '',
  ].map((header): Case => [encodeUtf8(header)]);
}

async function present(header: Uint8Array): Promise<string> {
  const result = await negotiate(freshAcceptor(), decodeUtf8(header, 'header'));
  for (const value of Object.values(result.headers)) {
    if (!/^Negotiate(?: [A-Za-z0-9+/]+={0,2})?$/.test(value)) throw new Breach('a strange answer');
  }
  if (result.status !== 200) {
    if (result.error !== undefined) throw result.error;
    return `${result.status}`;
  }
  if (`${result.context.initiator}` !== CLIENT) throw new Breach('accepted somebody else');
  exercise(result.context);
  return '200';
}

const EMPTY = new Uint8Array(0);
