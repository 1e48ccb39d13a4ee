/** Tokens of an established context, of every format: what was altered on its way must not open. */
import { bytesEqual, toHex } from '../../../src/bytes.ts';
import { defaultCrypto } from '../../../src/crypto/default-crypto.ts';
import { EncryptionKey } from '../../../src/crypto/key.ts';
import { withLegacyEnctypes } from '../../../src/crypto/legacy/index.ts';
import { KeyUsage } from '../../../src/crypto/numbers.ts';
import type { CryptoProvider } from '../../../src/crypto/provider.ts';
import { unframeToken } from '../../../src/gss/framing.ts';
import type { SecurityContext } from '../../../src/index.ts';
import { importSecurityContext } from '../../../src/index.ts';
import type { KeySpec } from '../../support/realm-kit.ts';
import { establish, seededRandom } from '../../support/realm-kit.ts';
import type { Case, Target } from '../case.ts';
import { Breach } from '../case.ts';
import { ENCTYPES } from './realm.ts';

export async function messageTargets(): Promise<Target[]> {
  const targets: Target[] = [];
  for (const enctype of [...ENCTYPES, 25]) targets.push(...(await targetsOf(enctype)));
  for (const enctype of [16, 23]) targets.push(...(await targetsOf(enctype, LEGACY)));
  targets.push(await sealedTarget());
  return targets;
}

const LEGACY = withLegacyEnctypes(defaultCrypto, [16, 23]);

const MESSAGES: readonly Uint8Array[] = [
  new Uint8Array(0),
  Uint8Array.of(0x60),
  new Uint8Array(100).fill(0x41),
  new Uint8Array(1000).fill(0xee),
];

interface Sent {
  readonly message: Uint8Array;
  readonly confidential: boolean;
  readonly token: Uint8Array;
  readonly mic: Uint8Array;
}

async function targetsOf(enctype: number, crypto: CryptoProvider = defaultCrypto) {
  const { exported, sent } = await conversation(enctype, crypto);
  const open = (): SecurityContext =>
    importSecurityContext(exported, { crypto, random: seededRandom(2) });
  const unwrap: Target = {
    name: `unwrap-${enctype}`,
    shape: 'binary',
    seeds: sent.map(({ token }) => [token]),
    run: ([token]) => checkUnwrapped(open(), token!, sent),
  };
  const verify: Target = {
    name: `verify-mic-${enctype}`,
    shape: 'binary',
    seeds: sent.map(({ message, mic }) => [message, mic]),
    run: ([message, mic]) => checkVerified(open(), message ?? EMPTY, mic ?? EMPTY, sent),
  };
  return [unwrap, verify];
}

/** What a client has sent, and the acceptor's context as it was before. */
async function conversation(enctype: number, crypto: CryptoProvider) {
  const { client, server } = await establish({
    keytab: keytabOf({ enctype }, crypto),
    acceptor: { permittedEnctypes: [enctype] },
  });
  const sent = MESSAGES.flatMap((message) =>
    [true, false].map((confidential): Sent => {
      const token = client.wrap(message, { confidential });
      return { message, confidential, token, mic: client.getMic(message) };
    }),
  );
  return { exported: server.export(), sent, client };
}

function keytabOf({ enctype = 18 }: KeySpec, crypto: CryptoProvider) {
  const key = EncryptionKey.generate(enctype, seededRandom(enctype), crypto);
  const principal = {
    nameType: 3,
    components: ['host', 'server.example.test'],
    realm: 'EXAMPLE.TEST',
  };
  return { version: 2 as const, entries: [{ principal, kvno: 1, timestamp: 0, key }] };
}

function checkUnwrapped(
  context: SecurityContext,
  token: Uint8Array,
  sent: readonly Sent[],
): string {
  const { message, confidential, sequence } = context.unwrap(token);
  const genuine = sent.some(
    (one) => one.confidential === confidential && bytesEqual(one.message, message),
  );
  // That it is one of those tokens, and not another with the same message, is in its checksum.
  if (!genuine || !sent.some((one) => protectedPart(one.token) === protectedPart(token))) {
    throw new Breach(`an altered token was unwrapped: ${toHex(message.subarray(0, 64))}`);
  }
  context.dispose();
  return `unwrapped ${confidential} ${sequence}`;
}

function checkVerified(
  context: SecurityContext,
  message: Uint8Array,
  mic: Uint8Array,
  sent: readonly Sent[],
): string {
  const { sequence } = context.verifyMic(message, mic);
  const genuine = sent.some(
    (one) => bytesEqual(one.message, message) && protectedPart(one.mic) === protectedPart(mic),
  );
  if (!genuine) throw new Breach('an altered message or MIC was verified');
  context.dispose();
  return `verified ${sequence}`;
}

/**
 * What of a token cannot be altered: all but the RRC and the order of the bytes that it turns; in
 * old formats all but SND_SEQ, which RFC 4757 encrypts and does not sign.
 */
function protectedPart(token: Uint8Array): string {
  const inner = token[0] === 0x60 ? unframeToken(token).inner : token;
  const cfx = inner[0] === 0x05;
  const header = cfx ? [...inner.slice(0, 6), ...inner.slice(8, 16)] : inner.slice(0, 8);
  const body = inner.slice(16);
  return `${header} ${cfx ? body.sort() : body}`;
}

/** A peer that has the keys and seals what it likes. */
async function sealedTarget(): Promise<Target> {
  const { exported, sent, client } = await conversation(18, defaultCrypto);
  const key = client.sessionKey;
  const seeds = sent
    .filter(({ confidential }) => confidential)
    .map(({ token }): Case => {
      const header = token.slice(0, 16);
      return [header, key.decrypt(KeyUsage.gssInitiatorSeal, token.subarray(16))];
    });
  return {
    name: 'unwrap-sealed',
    shape: 'binary',
    seeds,
    run: ([header = EMPTY, plain = EMPTY]) => {
      const body = key.encrypt(KeyUsage.gssInitiatorSeal, plain, seededRandom(1));
      const context = importSecurityContext(exported);
      const { message } = context.unwrap(Uint8Array.from([...header, ...body]));
      // RFC 4121 §4.2.4: what opens ends in a copy of its header, but for the RRC.
      const copy = plain.subarray(plain.length - 16);
      const fixed = [0, 1, 2, 3, 4, 5, 8, 9, 10, 11, 12, 13, 14, 15];
      if (message.length > plain.length - 16 || fixed.some((at) => copy[at] !== header[at])) {
        throw new Breach('a token was unwrapped whose two headers differ');
      }
      context.dispose();
      return 'unwrapped';
    },
  };
}

const EMPTY = new Uint8Array(0);
