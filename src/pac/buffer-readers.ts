/** The reader of each buffer of a PAC; those of rare buffers are loaded when they are needed. */
import type { PacAttributes, UpnDnsInfo } from './buffers.ts';
import { parsePacAttributes, parseRequestorSid, parseUpnDnsInfo } from './buffers.ts';
import type { LogonInfo } from './logon-info.ts';
import { parseLogonInfo } from './logon-info.ts';
import type { UnverifiedPac } from './pac-type.ts';
import { PacBufferType } from './pac-type.ts';
import type { RareReaders } from './rare-buffers.ts';

/** By the type of the buffer (MS-PAC §2.4). */
export interface BufferReaders extends RareReaders {
  readonly [PacBufferType.logonInfo]: (bytes: Uint8Array) => LogonInfo;
  readonly [PacBufferType.upnDnsInfo]: (bytes: Uint8Array) => UpnDnsInfo;
  readonly [PacBufferType.attributes]: (bytes: Uint8Array) => PacAttributes;
  readonly [PacBufferType.requestorSid]: (bytes: Uint8Array) => string;
}

/** Whether there is a reader for buffers of a type. */
export function isReadable(type: number): type is keyof BufferReaders {
  return type in READERS || isRare(type);
}

/**
 * Loads the readers of a PAC's buffers, because later its getters are synchronous.
 *
 * @returns Undefined if nothing has to be loaded, as for nearly every PAC.
 */
export function loadBufferReaders({ buffers }: UnverifiedPac): Promise<void> | undefined {
  if (rare !== undefined || !buffers.some(({ type }) => isRare(type))) return undefined;
  return import('./rare-buffers.ts').then((loaded) => addRareReaders(loaded.rareReaders));
}

/** {@link loadBufferReaders} for code that cannot wait and has imported them. */
export function addRareReaders(readers: RareReaders): void {
  rare = readers;
}

/**
 * Reads a buffer.
 *
 * @throws {@link DecodeError} if it is malformed; TypeError if its reader is not loaded.
 */
export function readBuffer(type: keyof BufferReaders, bytes: Uint8Array): unknown {
  if (!isRare(type)) return READERS[type](bytes);
  if (rare === undefined) throw new TypeError('loadBufferReaders: expected a call before this one');
  return rare[type](bytes);
}

function isRare(type: number): type is keyof RareReaders {
  const { delegationInfo, clientClaims, deviceClaims } = PacBufferType;
  return type === delegationInfo || (type >= clientClaims && type <= deviceClaims);
}

const READERS: Omit<BufferReaders, keyof RareReaders> = {
  [PacBufferType.logonInfo]: parseLogonInfo,
  [PacBufferType.upnDnsInfo]: parseUpnDnsInfo,
  [PacBufferType.attributes]: parsePacAttributes,
  [PacBufferType.requestorSid]: parseRequestorSid,
};
let rare: RareReaders | undefined;
