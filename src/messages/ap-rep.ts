/** AP-REP and EncAPRepPart (RFC 4120 §5.5.2). */
import type { KerberosTime } from '../time.ts';
import type { EncryptedData, KeyValue } from './encrypted-data.ts';

export interface ApRep {
  readonly encPart: EncryptedData;
}

export interface EncApRepPart {
  readonly ctime: KerberosTime;
  /** Microseconds, 0..999999. */
  readonly cusec: number;
  readonly subkey?: KeyValue;
  /** 0..2^32-1. */
  readonly sequenceNumber?: number;
}
