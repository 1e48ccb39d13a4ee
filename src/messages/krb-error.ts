/** KRB-ERROR (RFC 4120 §5.9.1). */
import { krbErrorName } from '../errors.ts';
import type { KrbErrorDetail } from '../explain/client-reasons.ts';
import { printableName } from '../text.ts';
import type { KerberosTime } from '../time.ts';
import { DerReader, Tag } from './der/reader.ts';
import type { DerWriter } from './der/writer.ts';
import { encodeDer } from './der/writer.ts';
import type { Mutable } from './message.ts';
import { readMessage, readMessageHeader, writeMessage, writeMessageHeader } from './message.ts';
import {
  readInt32,
  readKerberosString,
  readKerberosTime,
  readMicroseconds,
  readOctets,
  writeInt32,
  writeKerberosString,
  writeKerberosTime,
  writeMicroseconds,
  writeOctets,
} from './primitives.ts';
import type { PrincipalName } from './principal.ts';
import { readAnyPrincipalName, writePrincipalName } from './principal.ts';

/** KRB-ERROR (RFC 4120 §5.9.1). Nothing in it is authenticated. */
export interface KrbError {
  /** The client's time, copied from its request. */
  readonly ctime?: KerberosTime;
  /** Microseconds, 0..999999. */
  readonly cusec?: number;
  /** The server's time. */
  readonly stime: KerberosTime;
  /** Microseconds, 0..999999. */
  readonly susec: number;
  /** RFC 4120 §7.5.9. */
  readonly errorCode: number;
  readonly clientRealm?: string;
  readonly clientName?: PrincipalName;
  /** The server's realm; empty if the sender does not know it. */
  readonly realm: string;
  /** May have no components, just as `realm` may be empty. */
  readonly serverName: PrincipalName;
  readonly eText?: string;
  readonly eData?: Uint8Array;
}

/** KERB-ERROR-DATA (MS-KILE §2.2.1), the contents of `eData` with Windows. */
export interface KerbErrorData {
  /** See {@link KerbErrorDataType}. */
  readonly type: number;
  readonly value?: Uint8Array;
}

/** The data types of {@link KerbErrorData} (MS-KILE §2.2.1). */
export const KerbErrorDataType = {
  /** KERB_AP_ERR_TYPE_SKEW_RECOVERY: the client may correct its clock by `stime` and try again. */
  skewRecovery: 2,
  /** KERB_ERR_TYPE_EXTENDED: the value holds an NTSTATUS. */
  extended: 3,
} as const;

/**
 * Decodes a KRB-ERROR. Nothing in it is authenticated: display it, but do not decide by it.
 *
 * @returns `eData` is a view into `bytes`.
 * @throws {@link KerberosError} `KRB_AP_ERR_MSG_TYPE`, `KRB_AP_ERR_BADVERSION`;
 *   {@link DecodeError} for all else.
 */
export function decodeKrbError(bytes: Uint8Array): KrbError {
  return DerReader.all(bytes, 'KRB-ERROR', readKrbError);
}

/** What a peer reports, for the operator; nothing authenticates it. Empty if it cannot be read. */
export function describeKrbError(bytes: Uint8Array): KrbErrorDetail {
  try {
    const { errorCode, eText } = decodeKrbError(bytes);
    const errorName = krbErrorName(errorCode);
    return {
      errorCode,
      ...(errorName !== undefined && { errorName }),
      ...(eText !== undefined && { text: printableName(eText) }),
    };
  } catch {
    return {};
  }
}

export function encodeKrbError(error: KrbError): Uint8Array {
  return encodeDer(writeKrbError, error);
}

export function encodeKerbErrorData(data: KerbErrorData): Uint8Array {
  return encodeDer(writeKerbErrorData, data);
}

function readKrbError(reader: DerReader): KrbError {
  return readMessage(reader, KRB_ERROR, LAST_FIELD, readKrbErrorBody);
}

function writeKrbError(writer: DerWriter, error: KrbError): void {
  writeMessage(writer, KRB_ERROR, writeKrbErrorBody, error);
}

function readKrbErrorBody(reader: DerReader): KrbError {
  readMessageHeader(reader, KRB_ERROR);
  const ctime = reader.optional(2, readKerberosTime);
  const cusec = reader.optional(3, readMicroseconds);
  const stime = reader.field(4, readKerberosTime);
  const susec = reader.field(5, readMicroseconds);
  const errorCode = reader.field(6, readInt32);
  const clientRealm = reader.optional(7, readKerberosString);
  const clientName = reader.optional(8, readAnyPrincipalName);
  const realm = reader.field(9, readKerberosString);
  const serverName = reader.field(10, readAnyPrincipalName);
  const eText = reader.optional(11, readKerberosString);
  const eData = reader.optional(12, readOctets);
  const error: Mutable<KrbError> = { stime, susec, errorCode, realm, serverName };
  if (ctime !== undefined) error.ctime = ctime;
  if (cusec !== undefined) error.cusec = cusec;
  if (clientRealm !== undefined) error.clientRealm = clientRealm;
  if (clientName !== undefined) error.clientName = clientName;
  if (eText !== undefined) error.eText = eText;
  if (eData !== undefined) error.eData = eData;
  return error;
}

function writeKrbErrorBody(writer: DerWriter, error: KrbError): void {
  writeMessageHeader(writer, KRB_ERROR);
  writer.optional(2, writeKerberosTime, error.ctime);
  writer.optional(3, writeMicroseconds, error.cusec);
  writer.field(4, writeKerberosTime, error.stime);
  writer.field(5, writeMicroseconds, error.susec);
  writer.field(6, writeInt32, error.errorCode);
  writer.optional(7, writeKerberosString, error.clientRealm);
  writer.optional(8, writePrincipalName, error.clientName);
  writer.field(9, writeKerberosString, error.realm);
  writer.field(10, writePrincipalName, error.serverName);
  writer.optional(11, writeKerberosString, error.eText);
  writer.optional(12, writeOctets, error.eData);
}

function writeKerbErrorData(writer: DerWriter, data: KerbErrorData): void {
  const begun = writer.begin(Tag.sequence);
  writer.field(1, writeInt32, data.type);
  writer.optional(2, writeOctets, data.value);
  writer.end(begun);
}

const LAST_FIELD = 12;
// RFC 4120 §5.10.
const KRB_ERROR = 30;
