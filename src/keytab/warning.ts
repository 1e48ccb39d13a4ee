/** What an operator is told about the keytab of a credential. */
import type { KerberosError } from '../errors.ts';
import type { Keytab } from './keytab.ts';

/** A fault of the keytab that the operator should know about. */
export interface CredentialWarning {
  /**
   * - `records`: the keytab has records that cannot be read; the others are used.
   * - `provider`: the provider failed, or returned no keytab or an empty one; the last keys stay in use.
   * - `unusable`: all keys of the service, or the newest, are of unsupported encryption types; clients
   *   with tickets for them are refused.
   * - `no-service`: the new keytab has no key for the service, whose clients are all refused.
   * - `expired`: the provider has failed for `maxKeytabAge`; all clients are refused.
   */
  readonly kind: 'records' | 'provider' | 'unusable' | 'no-service' | 'expired';
  /** One printable line with the fault, its consequence and a hint. */
  readonly message: string;
  /** The fault. */
  readonly error: KerberosError;
}

/** The warning about records that were left out; undefined if all could be read. */
export function warningOfSkipped({ skipped }: Keytab): CredentialWarning | undefined {
  if (skipped === undefined) return undefined;
  const error = skipped[0]!;
  const more = skipped.length === 1 ? '' : `, and ${skipped.length - 1} more`;
  const message = `${error.message}${more}: left out, the others are used (${error.hint})`;
  return { kind: 'records', message, error };
}
