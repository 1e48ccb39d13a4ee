/** What a check of an acceptor's surroundings finds. */
import { KerberosError } from '../../errors.ts';

/** One result of `checkAcceptor`. Plain data without secrets. */
export interface Finding {
  /** What was examined. */
  readonly check: FindingSubject;
  /**
   * - `ok`: as it should be; `text` says what was found.
   * - `warning`: clients are accepted, but some may be refused, or the service is at risk.
   * - `error`: the acceptor cannot start, or refuses every client.
   */
  readonly status: 'ok' | 'warning' | 'error';
  /** The stable name of what is wrong; absent if nothing is. */
  readonly reason?: string;
  /** One printable sentence, without a full stop. */
  readonly text: string;
  /** What to do, the likeliest first; empty if there is nothing to do. */
  readonly remedies: readonly string[];
}

/** What a {@link Finding} is about. */
export type FindingSubject =
  | 'config'
  | 'service'
  | 'keytab'
  | 'dns'
  | 'clock'
  | 'kvno'
  | 'replay-cache'
  | 'port'
  | 'log-file';

export function ok(check: FindingSubject, text: string): Finding {
  return { check, status: 'ok', text, remedies: [] };
}

export function warning(
  check: FindingSubject,
  reason: string,
  text: string,
  ...remedies: readonly string[]
): Finding {
  return { check, status: 'warning', reason, text, remedies };
}

export function failure(
  check: FindingSubject,
  reason: string,
  text: string,
  ...remedies: readonly string[]
): Finding {
  return { check, status: 'error', reason, text, remedies };
}

/** The finding for an error that stops the acceptor. */
export function findingOf(check: FindingSubject, error: unknown): Finding {
  if (!(error instanceof KerberosError)) throw error;
  const { message, hint } = error;
  return failure(check, error.code, message, ...(hint === undefined ? [] : [hint]));
}
