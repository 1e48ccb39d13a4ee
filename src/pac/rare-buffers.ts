/**
 * The readers of buffers that most PACs lack: claims with their compression, the groups of the machine,
 * and constrained delegation. `buffer-readers.ts` loads them for the first PAC that has one.
 */
import type { DelegationInfo } from './buffers.ts';
import { parseDelegationInfo } from './buffers.ts';
import type { Claim } from './claims.ts';
import { parseClaims } from './claims.ts';
import type { DeviceInfo } from './device-info.ts';
import { parseDeviceInfo } from './device-info.ts';
import { PacBufferType } from './pac-type.ts';

/** By the type of the buffer (MS-PAC §2.4). */
export interface RareReaders {
  readonly [PacBufferType.delegationInfo]: (bytes: Uint8Array) => DelegationInfo;
  readonly [PacBufferType.clientClaims]: (bytes: Uint8Array) => readonly Claim[];
  readonly [PacBufferType.deviceInfo]: (bytes: Uint8Array) => DeviceInfo;
  readonly [PacBufferType.deviceClaims]: (bytes: Uint8Array) => readonly Claim[];
}

export const rareReaders: RareReaders = {
  [PacBufferType.delegationInfo]: parseDelegationInfo,
  [PacBufferType.clientClaims]: parseClaims,
  [PacBufferType.deviceInfo]: parseDeviceInfo,
  [PacBufferType.deviceClaims]: parseClaims,
};
