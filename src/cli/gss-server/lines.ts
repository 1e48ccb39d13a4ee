/**
 * The lines that gss-server prints about an event: those of MIT's program, byte for byte, except that
 * control characters in text from a client are escaped ({@link printable}).
 */
import { Buffer } from 'node:buffer';

import { concatBytes, toHex } from '../../bytes.ts';
import type { SecurityContext } from '../../context/context.ts';
import { nameAttributes, reportWeakEnctypes } from '../../context/context-facts.ts';
import { enctypeName, isWeakEnctype } from '../../crypto/numbers.ts';
import { KerberosError } from '../../errors.ts';
import { displayName } from '../../gss/name.ts';
import type { Oid } from '../../gss/oid.ts';
import { formatOid } from '../../gss/oid.ts';
import { displayStatus, GssError, gssErrorOf } from '../../gss/status.ts';
import type { Principal } from '../../messages/principal.ts';
import type { ConnectionInfo, GssServerEvent } from '../../node/server/events.ts';
import type { ChannelFailure } from '../../node/server/token-channel.ts';
import type { Truncation } from '../../node/server/token-frame.ts';
import type { WorkerEnd } from '../../node/server/workers.ts';
import { printable, printableUtf8 } from '../../text.ts';
import { hexDump, looksLikeText, systemErrorText, upToNul } from '../text.ts';

/**
 * Bytes that are written at once, so that lines of other connections do not come between. `record` is the
 * log file, or stderr without one.
 */
export interface Block {
  readonly to: 'stdout' | 'stderr' | 'log' | 'record';
  readonly bytes: Uint8Array;
}

/** Options of {@link formatEvent}. */
export interface LineOptions {
  readonly verbose: boolean;
  /** Returns the local account of a client, or undefined if it has none. */
  readonly localName?: (client: Principal) => string | undefined;
}

/** The lines about an event, in the order in which they are printed. */
export function formatEvent(event: GssServerEvent, options: LineOptions): Block[] {
  switch (event.type) {
    case 'open':
    case 'close':
      return [];
    case 'context-token-received':
    case 'context-token-sending':
    case 'context-step':
    case 'exported':
    case 'imported':
    case 'message-token':
      return options.verbose ? [formatStep(event)] : [];
    case 'accepted':
      return formatAccepted(event.context, options);
    case 'accepted-unauthenticated':
      return [log(UNAUTHENTICATED), line('stdout', UNAUTHENTICATED)];
    case 'message':
      return formatMessage(event.message, event.notEncrypted);
    case 'finished':
      return event.framing === 'v2' ? [log('NOOP token')] : [];
    default:
      return formatProblem(event, options.verbose);
  }
}

/** What -verbose adds. */
function formatStep(event: EventOf<Step>): Block {
  switch (event.type) {
    case 'context-token-received':
      return dump(`Received token (size=${event.token.length}): `, event.token);
    case 'context-token-sending':
      return dump(`Sending accept_sec_context token (size=${event.token.length}):`, event.token);
    case 'context-step':
      return log(event.complete ? '' : 'continue needed...');
    case 'exported':
      return log(`Exported context: ${event.bytes} bytes, ${formatSeconds(event.seconds)} seconds`);
    case 'imported':
      return log(`Importing context: ${formatSeconds(event.seconds)} seconds`);
    case 'message-token':
      return dump(`Message token (flags=${event.flags}):`, event.token);
  }
}

function formatProblem(event: EventOf<Problem>, verbose: boolean): Block[] {
  switch (event.type) {
    case 'gss-error':
      return [
        ...formatGssError(event.stage, event.error),
        ...(verbose ? furtherHints(event.error) : []),
      ];
    case 'abandoned':
      if (event.error.hint === undefined) return [];
      return [hintLine(event.error.hint), ...(verbose ? furtherHints(event.error) : [])];
    case 'noop-expected':
      return [log(`Expected NOOP token, got ${event.flags} token instead`)];
    case 'unauthenticated-refused':
      return [closing(event.connection, 'it does not authenticate (-authenticated)')];
    case 'unauthenticated-request':
      return [log('Unauthenticated client requested authenticated services!')];
    case 'channel-error':
      // A port that is checked every few seconds would fill the log with the same line.
      if (!verbose && 'probe' in event.failure) return [];
      return [
        ...formatFailure(event.failure, event.connection),
        ...(event.sendingContextToken ? [log('failure sending token')] : []),
      ];
    case 'fault':
      return [errorBlock('gss-server: internal error', event.error, verbose)];
    case 'overload':
      return [formatOverload(event)];
    case 'penalty':
      return [formatPenalty(event)];
    case 'listener-error':
      return [line('stderr', `accepting connection: ${systemErrorText(event.error)}`)];
  }
}

/** The lines about a GSS call that failed, with a hint about the remedy. */
export function formatGssError(operation: string, error: unknown): Block[] {
  // MIT's lines, for which scripts look.
  const lines = displayStatus(error).slice(0, 2);
  const blocks = lines.map((text) => log(`GSS-API error ${operation}: ${text}`));
  if (!(error instanceof GssError)) return blocks;
  // MIT prints two lines, neither of which shows the message of an error without a minor status.
  const { message, hint, text } = error;
  const isSaid =
    lines.includes(message) ||
    (hint !== undefined && [message, text].some((one) => hint.startsWith(one)));
  const rest = [isSaid ? undefined : message, hint].filter(Boolean).join('; ');
  return rest === '' ? blocks : [...blocks, hintLine(rest)];
}

/** What else there is to do, beside what the hint says. */
function furtherHints(error: unknown): Block[] {
  if (!(error instanceof GssError)) return [];
  const { hint = '', remedies } = error;
  return remedies.filter((remedy) => !hint.includes(remedy)).map(hintLine);
}

/** The lines about a configuration that cannot be used. */
export function formatStartFailure(error: unknown): Block[] {
  // As in MIT krb5, only a fault of the keytab is one of credentials.
  const isOther =
    error instanceof KerberosError && /^(?:config|replay|server)\./.test(error.reason);
  const refusal = gssErrorOf(error, isOther ? 'GSS_S_FAILURE' : 'GSS_S_NO_CRED');
  const badName = refusal.code === 'GSS_S_BAD_NAME';
  return formatGssError(badName ? 'importing name' : 'acquiring credentials', refusal);
}

/** An internal error, with its stack if requested. */
export function errorBlock(title: string, error: unknown, withStack: boolean): Block {
  const text = String(error);
  const stack = error instanceof Error ? (error.stack ?? '') : '';
  // V8's stack repeats the message, which may quote a client: keep only the frames after it.
  const frames = withStack && stack.startsWith(`${text}\n`) ? stack.slice(text.length) : '';
  return { to: 'stderr', bytes: utf8(`${title}: ${printable(text)}${frames}\n`) };
}

/** A line on stderr. */
export function stderrLine(text: string): Block {
  return line('stderr', text);
}

/** The line about a worker process (-workers) that ended. */
export function formatWorkerEnd({ pid, exitCode, signal, delay }: WorkerEnd): Block[] {
  const end =
    pid === undefined
      ? 'a worker could not be started'
      : `worker ${pid} ended ${signal === null ? `with exit code ${exitCode}` : `by ${signal}`}`;
  const when = delay === 0 ? 'now' : `in ${delay / 1000} s`;
  return [line('stderr', `gss-server: ${end}; another takes its place ${when}`)];
}

function formatAccepted(context: SecurityContext, { verbose, localName }: LineOptions): Block[] {
  const { principal } = context.initiator;
  const account = principal && localName?.(principal);
  const flags = CONTEXT_FLAGS.filter(([bit]) => (context.flags & bit) !== 0);
  return [
    ...flags.map(([, name]) => log(`context flag: ${name}`)),
    ...(verbose ? [log(acceptedUsing(context.mechanism))] : []),
    ...[...nameAttributes(context)].flatMap(([name, values]) => formatAttribute(name, values)),
    ...(account === undefined ? [] : [line('stdout', `localname: ${account}`)]),
    line('stdout', `Accepted connection: "${displayName(context.initiator)}"`),
    ...formatPacError(context),
    ...formatWeakness(context),
  ];
}

function acceptedUsing(mechanism: Oid): string {
  return `Accepted connection using mechanism OID ${formatOid(mechanism, 'braces')}.`;
}

/** Why a client's groups are missing. */
function formatPacError({ pacError }: SecurityContext): Block[] {
  if (pacError === undefined) return [];
  const { message, hint } = pacError;
  return [hintLine(`the ticket's PAC is not shown: ${message}${hint ? `; ${hint}` : ''}`)];
}

/** Which client still needs weak enctypes, and for what, so that an operator can retire them. */
function formatWeakness(context: SecurityContext): Block[] {
  const report = reportWeakEnctypes(context);
  if (report === undefined) return [];
  const { client, server, ticketEnctype, sessionEnctype, contextEnctype } = report;
  const uses = { ticket: ticketEnctype, 'session key': sessionEnctype, messages: contextEnctype };
  const weak = Object.entries(uses)
    .filter(([, enctype]) => isWeakEnctype(enctype))
    .map(([use, enctype]) => `${enctypeName(enctype)} (${use})`);
  const text = `weak encryption type: ${client} uses ${weak.join(', ')} for ${server}`;
  return [line('stderr', text)];
}

/** A name attribute as MIT's program dumps it, without a display value. */
function formatAttribute(name: string, values: readonly Uint8Array[]): Block[] {
  return values.map((value) => {
    const rows = toHex(value).match(/.{1,64}/g) ?? [];
    const text = rows.map((row) => `\n${row}`).join('');
    const title = `Attribute ${printable(name)} Authenticated Complete`;
    return { to: 'stdout', bytes: utf8(`${title}\n\n\n${text}\n\n`) };
  });
}

function formatMessage(message: Uint8Array, notEncrypted: boolean): Block[] {
  const shown = looksLikeText(message)
    ? [utf8(`Received message: "${printableUtf8(upToNul(message))}"\n`)]
    : [utf8('Received message: \n'), hexDump(message)];
  return [
    ...(notEncrypted ? [line('stderr', 'Warning!  Message not encrypted.')] : []),
    { to: 'log', bytes: concatBytes(...shown) },
  ];
}

function formatFailure(failure: ChannelFailure, connection: ConnectionInfo): Block[] {
  switch (failure.reason) {
    case 'ended':
      return [formatTruncation(failure.truncation)];
    case 'timeout':
      return [
        ...(failure.truncation === undefined ? [] : [formatTruncation(failure.truncation)]),
        closing(connection, failure.limit),
      ];
    case 'too-long':
      return [log('Out of memory allocating token data'), hintLine(failure.text)];
    case 'read-error':
      return [line('stderr', `reading token ${failure.part}: ${systemErrorText(failure.error)}`)];
    case 'write-error':
      return [line('stderr', `sending token data: ${systemErrorText(failure.error)}`)];
    case 'displaced':
      // The 'overload' event reports it, at most once a second.
      return [];
    case 'aborted':
      return [closing(connection, 'the server is stopping')];
  }
}

// MIT prints "sending" and "written", on stderr, about data that it failed to read.
function formatTruncation({ part, read, expected }: Truncation): Block {
  switch (part) {
    case 'flags':
      return log('reading token flags: 0 bytes read');
    case 'length':
      return log(`reading token length: ${read} of ${expected} bytes read`);
    case 'data':
      return line('stderr', `sending token data: ${read} of ${expected} bytes written`);
  }
}

function closing(connection: ConnectionInfo, reason: string): Block {
  return line('stderr', `closing connection from ${peerOf(connection)}: ${reason}`);
}

/** The client's address for messages: `192.0.2.7 port 50000`. */
export function peerOf({ remoteAddress, remotePort }: ConnectionInfo): string {
  return remoteAddress === undefined ? 'a client' : `${remoteAddress} port ${remotePort}`;
}

function formatOverload(event: EventOf<'overload'>): Block {
  const { remoteAddress = 'a client', limit, of: whose, displaced, more } = event;
  const peer = displaced ? `${remoteAddress}, which is not authenticated` : remoteAddress;
  const reasons = {
    all: `${limit} connections are open (-maxconn)`,
    source: `${limit} connections from its address are open (-maxsource)`,
    penalty: 'too many from its address failed (-penalty)',
  };
  const others = more === undefined ? '' : `; ${more} others were closed as well`;
  return line('stderr', `closing connection from ${peer}: ${reasons[whose ?? 'all']}${others}`);
}

function formatPenalty({ remoteAddress = 'a client', seconds, more }: EventOf<'penalty'>): Block {
  const others = more === undefined ? '' : `; those from ${more} other addresses too`;
  const text =
    `many connections from ${remoteAddress} failed to authenticate: they are closed first when ` +
    `the server is full, for ${Math.ceil(seconds)} seconds (-penalty)${others}`;
  return line('stderr', text);
}

function hintLine(hint: string): Block {
  return line('stderr', `hint: ${hint}`);
}

/** printf's %7.4f. */
function formatSeconds(seconds: number): string {
  return seconds.toFixed(4).padStart(7);
}

function dump(title: string, token: Uint8Array): Block {
  return { to: 'log', bytes: concatBytes(utf8(`${title}\n`), hexDump(token)) };
}

function log(text: string): Block {
  return line('log', text);
}

/** One line: line feeds and control characters in the text are escaped. */
function line(to: Block['to'], text: string): Block {
  return { to, bytes: utf8(`${printable(text)}\n`) };
}

/** Buffer.from takes a quarter of TextEncoder's time; each client causes ten lines. */
function utf8(text: string): Uint8Array {
  return Buffer.from(text);
}

type EventOf<T extends GssServerEvent['type']> = Extract<GssServerEvent, { type: T }>;
type Step =
  | 'context-token-received'
  | 'context-token-sending'
  | 'context-step'
  | 'exported'
  | 'imported'
  | 'message-token';
type Problem =
  | 'gss-error'
  | 'abandoned'
  | 'noop-expected'
  | 'unauthenticated-refused'
  | 'unauthenticated-request'
  | 'channel-error'
  | 'fault'
  | 'overload'
  | 'penalty'
  | 'listener-error';

const UNAUTHENTICATED = 'Accepted unauthenticated connection.';

// The values of RFC 2744 §4.1, in MIT's order; two names end with a space, as MIT prints them.
const CONTEXT_FLAGS: readonly (readonly [number, string])[] = [
  [0x01, 'GSS_C_DELEG_FLAG'],
  [0x02, 'GSS_C_MUTUAL_FLAG'],
  [0x04, 'GSS_C_REPLAY_FLAG'],
  [0x08, 'GSS_C_SEQUENCE_FLAG'],
  [0x10, 'GSS_C_CONF_FLAG '],
  [0x20, 'GSS_C_INTEG_FLAG '],
];
