/** The header of the tokens of RFC 4121 §4.2.6, and the key that each token selects. */
import { bytesEqual } from '../bytes.ts';
import type { EncryptionKey } from '../crypto/key.ts';
import { KeyUsage } from '../crypto/numbers.ts';
import { ContextFlag } from '../gss/status.ts';
import type { ProtectionState, Role, VerifiedMic } from './protection.ts';
import { badMic, defectiveToken, peerOf, reflectedToken } from './protection.ts';

/** TOK_ID (RFC 4121 §4.2.6). */
export const TokId = { mic: 0x0404, wrap: 0x0504 } as const;

/** Flags (RFC 4121 §4.2.2). */
export const Flag = { sentByAcceptor: 0x01, sealed: 0x02, acceptorSubkey: 0x04 } as const;

/** Bytes of the header (RFC 4121 §4.2.6.2). */
export const HEADER = 16;
/** The filler of the header (RFC 4121 §4.2.6), and of the bytes that EC counts in sealed tokens. */
export const FILLER = 0xff;

/** Writes the headers of this side, and checks those of the peer. */
export class CfxHeaders {
  /** RFC 4121 §2: the acceptor's subkey, once asserted, protects all messages. */
  readonly sendKey: EncryptionKey;
  /** Key usages of the tokens that this side sends. */
  readonly sent: Usages;
  /** Key usages of the tokens that the peer sends. */
  readonly received: Usages;
  readonly #state: ProtectionState;
  readonly #flags: number;

  /** @param state - Kept; {@link write} consumes its sequence numbers. */
  constructor(state: ProtectionState) {
    this.#state = state;
    this.sendKey = state.acceptorSubkey ?? state.initiatorKey;
    this.sent = USAGES[state.role];
    this.received = USAGES[peerOf(state.role)];
    this.#flags =
      (state.role === 'acceptor' ? Flag.sentByAcceptor : 0) |
      (state.acceptorSubkey === undefined ? 0 : Flag.acceptorSubkey);
  }

  /**
   * Writes TOK_ID, flags and the next sequence number, which it consumes. EC and RRC are 0.
   *
   * @param header - 16 bytes or more.
   * @param flags - `Flag.sealed` or 0; the flags of the sender are added.
   */
  write(header: Uint8Array, tokId: number, flags: number): void {
    const sequence = this.#state.sendSequence;
    header[0] = tokId >>> 8;
    header[1] = tokId;
    header[2] = this.#flags | flags;
    header[3] = FILLER;
    header.fill(0, 4, 8);
    writeU32(header, 8, sequence.high);
    writeU32(header, 12, sequence.low);
    sequence.increment();
  }

  /**
   * Checks length, TOK_ID, filler and direction.
   *
   * @param label - The token's kind, for messages: `'wrap token'`.
   * @returns The flags.
   * @throws GssError GSS_S_DEFECTIVE_TOKEN, GSS_S_BAD_MIC.
   */
  check(header: Uint8Array, tokId: number, label: string): number {
    if (header.length < HEADER) throw defectiveToken(`${label} is shorter than its header`);
    if (readU16(header, 0) !== tokId) throw defectiveToken(`${label} has another TOK_ID`);
    if (header[3] !== FILLER) throw defectiveToken(`${label} has a malformed filler`);
    const flags = header[2]!;
    // MIT krb5: a reflected token of this side is a bad MIC, not a defective token.
    const sentByAcceptor = (flags & Flag.sentByAcceptor) !== 0;
    if (sentByAcceptor !== (this.#state.role === 'initiator')) {
      throw reflectedToken(`${label} was sent in the other direction`);
    }
    return flags;
  }

  /** The key that the flags of a received token select. */
  receiveKey(flags: number): EncryptionKey {
    const { acceptorSubkey, initiatorKey } = this.#state;
    return (flags & Flag.acceptorSubkey) !== 0 ? (acceptorSubkey ?? initiatorKey) : initiatorKey;
  }

  /**
   * The number of bytes by which a received Wrap token is rotated. MS-KILE §3.4.5.4.1: in DCE style,
   * where EC is not 0, Windows rotates sealed tokens by EC as well. RRC = 0 means not rotated,
   * whatever EC is (MIT krb5).
   */
  rotation(header: Uint8Array): number {
    const count = readU16(header, 6);
    const dceStyle = (this.#state.flags & ContextFlag.dceStyle) !== 0;
    const sealed = (header[2]! & Flag.sealed) !== 0;
    return count > 0 && dceStyle && sealed ? count + extraCount(header) : count;
  }
}

/** Key usages of one sender (RFC 4121 §2). */
export interface Usages {
  /** Of Wrap tokens: 22 of the acceptor, 24 of the initiator. */
  readonly seal: number;
  /** Of MIC tokens: 23 of the acceptor, 25 of the initiator. */
  readonly sign: number;
}

/** Bytes of a Wrap token before the message. */
export function lengthBefore(key: EncryptionKey, confidential: boolean): number {
  return HEADER + (confidential ? key.confounderLength : 0);
}

/** Bytes after the message: filler, encrypted header and trailer; or the checksum alone. */
export function lengthAfter(key: EncryptionKey, confidential: boolean, filler: number): number {
  return confidential ? filler + HEADER + key.trailerLength : key.checksumLength;
}

/** EC: the length of a sealed token's filler, or of a signed token's checksum (§4.2.3). */
export function extraCount(header: Uint8Array): number {
  return readU16(header, 4);
}

/** Writes EC and RRC. */
export function writeCounts(header: Uint8Array, extra: number, rotate: number): void {
  header[4] = extra >>> 8;
  header[5] = extra;
  header[6] = rotate >>> 8;
  header[7] = rotate;
}

/**
 * Undoes the rotation of RFC 4121 §4.2.5: the peer rotated right by `count`, which is taken modulo
 * the length.
 *
 * @returns A new buffer, or `body` itself if there is nothing to rotate.
 */
export function rotateLeft(body: Uint8Array, count: number): Uint8Array {
  const by = body.length === 0 ? 0 : count % body.length;
  if (by === 0) return body;
  const rotated = new Uint8Array(body.length);
  rotated.set(body.subarray(by));
  rotated.set(body.subarray(0, by), body.length - by);
  return rotated;
}

/**
 * RFC 4121 §4.2.4: TOK_ID, flags, filler, EC and SND_SEQ of the encrypted copy equal those of the
 * header. RRC is 0 in the copy; like MIT krb5 we do not compare it, since it has no meaning once the
 * rotation is undone.
 */
export function isHeaderCopy(copy: Uint8Array, header: Uint8Array): boolean {
  return (
    bytesEqual(copy.subarray(0, 6), header.subarray(0, 6)) &&
    bytesEqual(copy.subarray(8), header.subarray(8, HEADER))
  );
}

/**
 * Verifies a Wrap token without confidentiality: its checksum covers the message, then the header
 * with EC and RRC 0 (RFC 4121 §4.2.4).
 *
 * @param usage - Of the sender: `Usages.seal`.
 * @param message - The parts of the message, in order.
 * @throws GssError GSS_S_BAD_MIC.
 */
export function verifySigned(
  key: EncryptionKey,
  usage: number,
  header: Uint8Array,
  checksum: Uint8Array,
  ...message: readonly Uint8Array[]
): void {
  const signedHeader = header.slice(0, HEADER).fill(0, 4, 8);
  if (!key.verifyChecksum(usage, checksum, ...message, signedHeader)) throw badMic();
}

/** SND_SEQ. */
export function sequenceOf(header: Uint8Array): VerifiedMic {
  return { sequenceHigh: readU32(header, 8), sequenceLow: readU32(header, 12) };
}

function readU16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!;
}

function readU32(bytes: Uint8Array, at: number): number {
  return ((readU16(bytes, at) << 16) | readU16(bytes, at + 2)) >>> 0;
}

function writeU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

const USAGES: Readonly<Record<Role, Usages>> = {
  acceptor: { seal: KeyUsage.gssAcceptorSeal, sign: KeyUsage.gssAcceptorSign },
  initiator: { seal: KeyUsage.gssInitiatorSeal, sign: KeyUsage.gssInitiatorSign },
};
