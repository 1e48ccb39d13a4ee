/**
 * Records of the programs: one line about one client, with everything that is known about it, as
 * `key=value` or as JSON.
 */
import { Buffer } from 'node:buffer';
import { enctypeName } from '../crypto/numbers.ts';
import { ReasonedError } from '../errors.ts';
import type { GssError } from '../gss/status.ts';
import type { RequestFacts } from '../observe/observer.ts';
import { describeThrown, printable } from '../text.ts';
import { jsonLine } from './text.ts';

/** How records are written. */
export type RecordFormat = 'text' | 'json';

/** What every record may have. Absent facts are left out. */
export interface ClientRecord {
  /** What became of the client. */
  readonly event: string;
  readonly client?: string;
  readonly service?: string;
  readonly kvno?: number;
  /** Enctype of the ticket. */
  readonly enctype?: string;
  readonly sessionEnctype?: string;
  readonly code?: string;
  readonly reason?: string;
  readonly text?: string;
  readonly remedies?: readonly string[];
  /** The facts behind the reason. */
  readonly detail?: unknown;
  /** Name and message of the error of other code that is the cause. */
  readonly cause?: string;
}

/** Why a client was refused. */
export type ErrorRecord = Pick<
  ClientRecord,
  'code' | 'reason' | 'text' | 'remedies' | 'detail' | 'cause'
>;

/** What a ticket shows. */
export type TicketRecord = Pick<
  ClientRecord,
  'client' | 'service' | 'kvno' | 'enctype' | 'sessionEnctype'
>;

/** One line. Text has the likeliest remedy only. @param time - Milliseconds. */
export function formatRecord(record: ClientRecord, format: RecordFormat, time: number): Uint8Array {
  const at = new Date(time).toISOString();
  if (format === 'json') return jsonLine({ time: at, ...record });
  return Buffer.from(`${printable(`${at} ${formatText(record)}`)}\n`);
}

/** @param error - Has been explained. */
export function errorRecord(error: GssError): ErrorRecord {
  const { code, minor, reason, text, remedies, detail } = error;
  const { cause } = minor ?? error;
  const record = { code: minor?.code ?? code, reason, text, remedies, detail };
  // Errors of this package are in the text already.
  if (!(cause instanceof Error) || cause instanceof ReasonedError) return record;
  return { ...record, cause: describeThrown(cause) };
}

export function ticketRecord(facts: RequestFacts = {}): TicketRecord {
  const { client, service, kvno, enctype, sessionEnctype } = facts;
  return {
    ...(client !== undefined && { client }),
    ...(service !== undefined && { service }),
    ...(kvno !== undefined && { kvno }),
    ...(enctype !== undefined && { enctype: enctypeName(enctype) }),
    ...(sessionEnctype !== undefined && { sessionEnctype: enctypeName(sessionEnctype) }),
  };
}

function formatText({ event, remedies, detail: _, code: __, ...facts }: ClientRecord): string {
  const shown = { ...facts, ...(remedies?.[0] !== undefined && { remedy: remedies[0] }) };
  const known = Object.entries(shown).filter(
    ([, value]) => !Array.isArray(value) || value.length > 0,
  );
  const pairs = known.map(([name, value]) => {
    const text = Array.isArray(value) ? value.join(',') : String(value);
    return `${name}=${/^[^\s"=]+$/.test(text) ? text : JSON.stringify(text)}`;
  });
  return [event, ...pairs].join(' ');
}
