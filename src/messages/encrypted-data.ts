/** The small structures that hold cryptographic material on the wire (RFC 4120 §5.2.9). */

/** EncryptedData: ciphertext, and which key it wants. */
export interface EncryptedData {
  readonly enctype: number;
  /** Key version; absent for session keys. 0..2^32-1. */
  readonly kvno?: number;
  readonly cipher: Uint8Array;
}

/** EncryptionKey as it stands on the wire: enctype and bytes. Secret. */
export interface KeyValue {
  readonly enctype: number;
  readonly value: Uint8Array;
}

/** Checksum: checksum type and bytes. */
export interface Checksum {
  readonly type: number;
  readonly checksum: Uint8Array;
}
