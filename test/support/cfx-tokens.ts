/** Tokens laid out by the text of RFC 4121 §4.2, to compare with those of the code under test. */
import { concatBytes } from '../../src/bytes.ts';
import type { EncryptionKey, RandomSource } from '../../src/index.ts';

/** What a token says of itself, and what protects it. */
export interface CfxToken {
  readonly sender: 'initiator' | 'acceptor';
  readonly key: EncryptionKey;
  /** Whether the token says that the key is the acceptor's subkey. */
  readonly acceptorSubkey?: boolean;
  /** SND_SEQ. */
  readonly sequence: bigint;
  /** Of what is sealed: EC bytes of anything. */
  readonly filler?: Uint8Array;
  /** RRC, which says how far the rest is rotated to the right. */
  readonly rotationCount?: number;
  /** How far it is, where that is not what RRC says. */
  readonly rotation?: number;
}

/** §4.2.6.2: header | {message | filler | header} with the sealing usage. */
export function sealedToken(
  message: Uint8Array,
  token: CfxToken,
  random: RandomSource,
): Uint8Array {
  const { key, filler = new Uint8Array() } = token;
  const copy = header(0x0504, token, 2, [filler.length, 0]);
  const plain = concatBytes(message, filler, copy);
  const body = key.encrypt(SEAL[token.sender], plain, random);
  return rotated(token, 2, filler.length, body);
}

/** §4.2.6.2: header | message | checksum(message | header with EC and RRC 0). */
export function signedToken(message: Uint8Array, token: CfxToken): Uint8Array {
  const { key, sender } = token;
  const checksum = key.checksum(SEAL[sender], message, header(0x0504, token, 0, [0, 0]));
  return rotated(token, 0, checksum.length, concatBytes(message, checksum));
}

/** §4.2.6.1: header | checksum(message | header); EC and RRC are filler. */
export function micToken(message: Uint8Array, token: CfxToken): Uint8Array {
  const head = header(0x0404, token, 0, [0xffff, 0xffff]);
  return concatBytes(head, token.key.checksum(SIGN[token.sender], message, head));
}

/** §4.2.5. */
function rotated(token: CfxToken, flags: number, extra: number, body: Uint8Array): Uint8Array {
  const { rotationCount = 0, rotation = rotationCount } = token;
  const by = body.length - (rotation % body.length);
  const head = header(0x0504, token, flags, [extra, rotationCount]);
  return concatBytes(head, body.subarray(by), body.subarray(0, by));
}

function header(
  tokenId: number,
  token: CfxToken,
  flags: number,
  [extra, rotationCount]: readonly [number, number],
): Uint8Array {
  const view = new DataView(new ArrayBuffer(16));
  view.setUint16(0, tokenId);
  // §4.2.2: SentByAcceptor, Sealed, AcceptorSubkey.
  const sender = token.sender === 'acceptor' ? 1 : 0;
  view.setUint8(2, sender | flags | (token.acceptorSubkey === true ? 4 : 0));
  view.setUint8(3, 0xff);
  view.setUint16(4, extra);
  view.setUint16(6, rotationCount);
  view.setBigUint64(8, token.sequence);
  return new Uint8Array(view.buffer);
}

// RFC 4121 §2.
const SEAL = { acceptor: 22, initiator: 24 } as const;
const SIGN = { acceptor: 23, initiator: 25 } as const;
