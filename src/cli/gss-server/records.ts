/**
 * The records of gss-server: one line for each client that was accepted or refused, with everything that
 * is known about it, as `key=value` or as JSON.
 */
import type { SecurityContext } from '../../context/context.ts';
import { contextNotes } from '../../context/notes.ts';
import { enctypeName } from '../../crypto/numbers.ts';
import { CONNECTION_ENDS } from '../../explain/entries/connection.ts';
import type { DetailOf, Explanations, Reason } from '../../explain/reasons.ts';
import { ContextFlag } from '../../gss/status.ts';
import type { ConnectionInfo, GssServerEvent } from '../../node/server/events.ts';
import type { ChannelFailure } from '../../node/server/token-channel.ts';
import type { ClientRecord, ErrorRecord, RecordFormat } from '../record.ts';
import { errorRecord, formatRecord as formatLine, ticketRecord } from '../record.ts';
import type { Block } from './lines.ts';

/** One record. Absent facts are left out. */
export interface LogRecord extends ClientRecord {
  readonly event: 'accepted' | 'refused' | 'abandoned' | 'message-refused' | 'closed';
  /** The number of the connection in its process. */
  readonly connection: number;
  /** The client's address and port. */
  readonly peer?: string;
  /** Enctype of the key that protects messages. */
  readonly messageEnctype?: string;
  readonly flags?: readonly string[];
  /** Reasons why something is missing from an accepted client. */
  readonly notes?: readonly string[];
}

/** Options of {@link formatRecordOf}. */
export interface RecordOptions {
  readonly format: RecordFormat;
  /** Whether accepted clients have records, too: MIT's program prints nothing on stderr about them. */
  readonly accepted: boolean;
}

/** The line about an event, now; none for an event that decides about no client. */
export function formatRecordOf(
  event: GssServerEvent,
  { format, accepted }: RecordOptions,
): Block[] {
  const record = recordOf(event);
  if (record === undefined || (record.event === 'accepted' && !accepted)) return [];
  return [formatRecord(record, format, Date.now())];
}

/** The record of an event; undefined for an event that decides about no client. */
export function recordOf(event: GssServerEvent): LogRecord | undefined {
  switch (event.type) {
    case 'accepted':
      return { event: 'accepted', ...connectionOf(event.connection), ...factsOf(event.context) };
    case 'accepted-unauthenticated':
      return { event: 'accepted', ...connectionOf(event.connection), ...UNAUTHENTICATED };
    case 'gss-error':
      return {
        event: event.stage === 'accepting context' ? 'refused' : 'message-refused',
        ...connectionOf(event.connection),
        ...ticketRecord(event.request),
        ...errorRecord(event.error),
      };
    case 'abandoned':
      return {
        event: 'abandoned',
        ...connectionOf(event.connection),
        ...errorRecord(event.error),
      };
    case 'noop-expected':
      return { event: 'refused', ...connectionOf(event.connection), ...NO_NOOP };
    case 'unauthenticated-refused':
    case 'unauthenticated-request':
      return { event: 'refused', ...connectionOf(event.connection), ...NOT_AUTHENTICATED };
    case 'channel-error': {
      // The record of its abandonment says more.
      if (event.abandoned && event.failure.reason !== 'timeout') return undefined;
      const why = failureOf(event.failure);
      return why && { event: 'closed', ...connectionOf(event.connection), ...why };
    }
    case 'fault':
      return {
        event: 'closed',
        ...connectionOf(event.connection),
        reason: 'fault.program',
        text: `internal error: ${String(event.error)}`,
      };
    default:
      return undefined;
  }
}

/** One line. @param time - Milliseconds. */
export function formatRecord(record: LogRecord, format: RecordFormat, time: number): Block {
  return { to: 'record', bytes: formatLine(record, format, time) };
}

function connectionOf({
  id,
  remoteAddress,
  remotePort,
}: ConnectionInfo): Pick<LogRecord, 'connection' | 'peer'> {
  if (remoteAddress === undefined) return { connection: id };
  const host = remoteAddress.includes(':') ? `[${remoteAddress}]` : remoteAddress;
  return { connection: id, peer: `${host}:${remotePort}` };
}

function factsOf(context: SecurityContext): Partial<LogRecord> {
  const { initiator, ticket, enctype, flags } = context;
  const names = Object.entries(ContextFlag).filter(([, bit]) => (flags & bit) !== 0);
  return {
    client: initiator.text,
    service: ticket.server,
    kvno: ticket.kvno,
    enctype: enctypeName(ticket.enctype),
    sessionEnctype: enctypeName(ticket.sessionEnctype),
    messageEnctype: enctypeName(enctype),
    flags: names.map(([name]) => name),
    notes: contextNotes(context).map(({ reason }) => reason),
  };
}

function explain<R extends Reason>(
  area: Explanations<R>,
  reason: R,
  detail: DetailOf<R>,
): ErrorRecord {
  const { text, remedies } = area[reason];
  return { reason, text: text(detail), remedies: remedies(detail) };
}

/**
 * Undefined for a client that was checking whether the port is open, and for those that were displaced:
 * there may be thousands of them, which the event `overload` sums up.
 */
function failureOf(failure: ChannelFailure): ErrorRecord | undefined {
  if ('probe' in failure) return undefined;
  switch (failure.reason) {
    case 'timeout':
      return explain(CONNECTION_ENDS, 'server.client-silent', { limit: failure.limit });
    case 'too-long':
      return { reason: 'token.too-long', text: failure.text, remedies: TOO_LONG };
    case 'ended': {
      const { part, read, expected } = failure.truncation;
      const problem =
        part === 'flags'
          ? 'another token was expected'
          : `after ${read} of ${expected} bytes of a token's ${part}`;
      return explain(CONNECTION_ENDS, 'server.client-gone', { problem });
    }
    case 'read-error':
    case 'write-error':
      return explain(CONNECTION_ENDS, 'server.client-gone', { problem: failure.error.message });
    case 'displaced':
      return undefined;
    case 'aborted':
      return explain(CONNECTION_ENDS, 'server.stopping', {});
  }
}

const UNAUTHENTICATED: ErrorRecord = {
  reason: 'policy.unauthenticated',
  text: 'the client does not authenticate (gss-client -na), and need not',
};
const NOT_AUTHENTICATED = explain(CONNECTION_ENDS, 'policy.unauthenticated', {});
const NO_NOOP: ErrorRecord = {
  reason: 'token.out-of-order',
  text: 'the first token of the connection is no NOOP',
  remedies: ['look whether the client speaks the gss-sample protocol: gss-client of MIT krb5'],
};
const TOO_LONG = ['look whether the client speaks the gss-sample protocol', 'raise -maxtoken'];
