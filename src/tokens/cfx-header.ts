/** The header of the tokens of RFC 4121 §4.2.6, and the keys that it points to. */
import { bytesEqual } from '../bytes.ts';
import type { EncryptionKey } from '../crypto/key.ts';
import { KeyUsage } from '../crypto/numbers.ts';
import { ContextFlag } from '../gss/status.ts';
import type { ProtectionState, Role, VerifiedMic } from './protection.ts';
import { badMic, defectiveToken, peerOf } from './protection.ts';

/** Bytes of the header (RFC 4121 §4.2.6.2). */
export const HEADER = 16;
export const FILLER = 0xff;

// RFC 4121 §4.2.6.
export const TokId = { mic: 0x0404, wrap: 0x0504 } as const;

// RFC 4121 §4.2.2.
export const Flag = { sentByAcceptor: 0x01, sealed: 0x02, acceptorSubkey: 0x04 } as const;

/** What this side puts into its headers, and looks for in those of its peer. */
export class CfxHeaders {
  /** RFC 4121 §2: the acceptor's subkey, once asserted, protects all messages. */
  readonly sendKey: EncryptionKey;
  /** Key usages (RFC 4121 §2): Wrap tokens of both kinds use `seal`, MIC tokens use `sign`. */
  readonly sent: Usages;
  readonly received: Usages;
  readonly #state: ProtectionState;
  readonly #flags: number;

  constructor(state: ProtectionState) {
    this.#state = state;
    this.sendKey = state.acceptorSubkey ?? state.initiatorKey;
    this.sent = USAGES[state.role];
    this.received = USAGES[peerOf(state.role)];
    this.#flags =
      (state.role === 'acceptor' ? Flag.sentByAcceptor : 0) |
      (state.acceptorSubkey === undefined ? 0 : Flag.acceptorSubkey);
  }

  /** Writes TOK_ID, flags and the next sequence number; EC and RRC are 0. */
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
   * Checks TOK_ID, filler and direction.
   *
   * @returns The flags.
   * @throws GssError GSS_S_DEFECTIVE_TOKEN, GSS_S_BAD_MIC.
   */
  check(header: Uint8Array, tokId: number, label: string): number {
    if (header.length < HEADER) throw defectiveToken(`${label} is shorter than its header`);
    if (readU16(header, 0) !== tokId) throw defectiveToken(`${label} has another TOK_ID`);
    if (header[3] !== FILLER) throw defectiveToken(`${label} has a malformed filler`);
    const flags = header[2]!;
    // A token of one's own, sent back: MIT krb5 calls it a bad MIC, not a defective token.
    const sentByAcceptor = (flags & Flag.sentByAcceptor) !== 0;
    if (sentByAcceptor !== (this.#state.role === 'initiator')) {
      throw badMic(`${label} was sent in the other direction`);
    }
    return flags;
  }

  receiveKey(flags: number): EncryptionKey {
    const { acceptorSubkey, initiatorKey } = this.#state;
    return (flags & Flag.acceptorSubkey) !== 0 ? (acceptorSubkey ?? initiatorKey) : initiatorKey;
  }

  /**
   * How far a received Wrap token is rotated. MS-KILE §3.4.5.4.1: Windows rotates what is sealed by
   * EC as well, in DCE style, where EC is not 0. What says that it is not rotated is not: MIT krb5.
   */
  rotation(header: Uint8Array): number {
    const count = readU16(header, 6);
    const dceStyle = (this.#state.flags & ContextFlag.dceStyle) !== 0;
    const sealed = (header[2]! & Flag.sealed) !== 0;
    return count > 0 && dceStyle && sealed ? count + extraCount(header) : count;
  }
}

export interface Usages {
  readonly seal: number;
  readonly sign: number;
}

/** EC: of what is sealed, the filler; of what is signed, the checksum's length (§4.2.3). */
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
 * RFC 4121 §4.2.4: TOK_ID, flags, filler, EC and SND_SEQ of the encrypted copy are those of the
 * header. RRC is 0 there; like MIT krb5 we do not look, since it says nothing once the rotation is
 * undone.
 */
export function isHeaderCopy(copy: Uint8Array, header: Uint8Array): boolean {
  return (
    bytesEqual(copy.subarray(0, 6), header.subarray(0, 6)) &&
    bytesEqual(copy.subarray(8), header.subarray(8, HEADER))
  );
}

/** RFC 4121 §4.2.4: what a checksum is over has EC and RRC 0. */
export function signedHeader(header: Uint8Array): Uint8Array {
  return header.slice(0, HEADER).fill(0, 4, 8);
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
