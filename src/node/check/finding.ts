/** What a check of an acceptor's surroundings finds. */
import { KerberosError } from '../../errors.ts';
import type { Reason } from '../../explain/reasons.ts';

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
  readonly reason?: Reason;
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
  | 'mechanism'
  | 'log-file';

export function ok(check: FindingSubject, text: string): Finding {
  return { check, status: 'ok', text, remedies: [] };
}

export function warning(
  check: FindingSubject,
  reason: Reason,
  text: string,
  ...remedies: readonly string[]
): Finding {
  return { check, status: 'warning', reason, text, remedies };
}

export function failure(
  check: FindingSubject,
  reason: Reason,
  text: string,
  ...remedies: readonly string[]
): Finding {
  return { check, status: 'error', reason, text, remedies };
}

/**
 * The finding for an error that stops the acceptor. Its text begins with the error's message, which has
 * the words that are known from MIT krb5.
 */
export function findingOf(check: FindingSubject, error: unknown): Finding {
  if (!(error instanceof KerberosError)) throw error;
  const { reason, message, hint, text, remedies } = error;
  const derived = [text, ...remedies.slice(0, 1)].join('; ');
  // A hint of its own often knows more than the catalogue, which has it all for these.
  const said = SAID.test(reason);
  const own = hint === undefined || hint === derived || said ? '' : hint;
  const more = remedies.filter((remedy) => !own.includes(remedy));
  const whole =
    hint !== derived || said || message.includes(text) ? message : `${message}: ${text}`;
  return failure(check, reason, whole, ...(own === '' ? [] : [own]), ...more);
}

const SAID =
  /^(?:keytab\.(?:missing|unreadable|directory-unreadable|empty)|replay\.(?:cache-failed|unknown-type))$/;
