/**
 * What gss-server prints about an event: the lines of MIT's program, byte for byte, except that
 * control characters and the like in what a client chose are escaped ({@link printable}).
 */
import { Buffer } from 'node:buffer';

import { concatBytes, toHex } from '../../bytes.ts';
import type { SecurityContext } from '../../context/context.ts';
import { nameAttributes, reportWeakEnctypes } from '../../context/context-facts.ts';
import { enctypeName, isWeakEnctype } from '../../crypto/numbers.ts';
import { displayName } from '../../gss/name.ts';
import type { Oid } from '../../gss/oid.ts';
import { formatOid } from '../../gss/oid.ts';
import { displayStatus, GssError } from '../../gss/status.ts';
import type { Principal } from '../../messages/principal.ts';
import type { ConnectionInfo, GssServerEvent } from '../../node/server/events.ts';
import type { ChannelFailure } from '../../node/server/token-channel.ts';
import type { Truncation } from '../../node/server/token-frame.ts';
import type { WorkerEnd } from '../../node/server/workers.ts';
import { printable, printableUtf8 } from '../../text.ts';
import { hexDump, looksLikeText, systemErrorText, upToNul } from '../text.ts';

/** Bytes that are written at once, so that no other connection's come between. */
export interface Block {
  readonly to: 'stdout' | 'stderr' | 'log';
  readonly bytes: Uint8Array;
}

export interface LineOptions {
  readonly verbose: boolean;
  /** The local account of a client, if it has one. */
  readonly localName?: (client: Principal) => string | undefined;
}

/** What to print about an event, in this order. */
export function formatEvent(event: GssServerEvent, options: LineOptions): Block[] {
  const { verbose } = options;
  switch (event.type) {
    case 'context-token-received':
      return verbose ? [dump(`Received token (size=${event.token.length}): `, event.token)] : [];
    case 'context-token-sending':
      return verbose
        ? [dump(`Sending accept_sec_context token (size=${event.token.length}):`, event.token)]
        : [];
    case 'context-step':
      return verbose ? [log(event.complete ? '' : 'continue needed...')] : [];
    case 'accepted':
      return formatAccepted(event.context, options);
    case 'accepted-unauthenticated':
      return [log(UNAUTHENTICATED), line('stdout', UNAUTHENTICATED)];
    case 'exported':
      return verbose
        ? [log(`Exported context: ${event.bytes} bytes, ${formatSeconds(event.seconds)} seconds`)]
        : [];
    case 'imported':
      return verbose ? [log(`Importing context: ${formatSeconds(event.seconds)} seconds`)] : [];
    case 'message-token':
      return verbose ? [dump(`Message token (flags=${event.flags}):`, event.token)] : [];
    case 'message':
      return formatMessage(event.message, event.notEncrypted);
    case 'finished':
      return event.framing === 'v2' ? [log('NOOP token')] : [];
    case 'gss-error':
      return formatGssError(event.stage, event.error);
    case 'abandoned':
      return event.error.hint === undefined ? [] : [hintLine(event.error.hint)];
    case 'noop-expected':
      return [log(`Expected NOOP token, got ${event.flags} token instead`)];
    case 'unauthenticated-refused':
      return [closing(event.connection, 'it does not authenticate (-authenticated)')];
    case 'unauthenticated-request':
      return [log('Unauthenticated client requested authenticated services!')];
    case 'channel-error':
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
    case 'open':
    case 'close':
      return [];
  }
}

/** The lines about a GSS call that failed, and what to do about it. */
export function formatGssError(operation: string, error: unknown): Block[] {
  const lines = displayStatus(error);
  const blocks = lines.map((text) => log(`GSS-API error ${operation}: ${text}`));
  if (!(error instanceof GssError)) return blocks;
  // MIT's two lines have no room for the message of an error without a minor status.
  const { message, hint } = error;
  const rest = [lines.includes(message) ? undefined : message, hint].filter(Boolean).join('; ');
  return rest === '' ? blocks : [...blocks, hintLine(rest)];
}

/** An error that is nobody's but ours, with its stack if asked for. */
export function errorBlock(title: string, error: unknown, withStack: boolean): Block {
  const text = String(error);
  const stack = error instanceof Error ? (error.stack ?? '') : '';
  // Of the stack only what V8 put behind the message, which may quote a client.
  const frames = withStack && stack.startsWith(`${text}\n`) ? stack.slice(text.length) : '';
  return { to: 'stderr', bytes: utf8(`${title}: ${printable(text)}${frames}\n`) };
}

/** A line on stderr. */
export function stderrLine(text: string): Block {
  return line('stderr', text);
}

/** One of the processes of -workers is gone. */
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

/** Why the groups of a client are missing. */
function formatPacError({ pacError }: SecurityContext): Block[] {
  if (pacError === undefined) return [];
  const { message, hint } = pacError;
  return [hintLine(`the ticket's PAC is not shown: ${message}${hint ? `; ${hint}` : ''}`)];
}

/** Who still needs enctypes that are not safe, and for what: before they can be switched off. */
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

/** The form in which MIT's program dumps an attribute; there is never a value to display. */
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
      // 'overload' says so, at most once a second.
      return [];
    case 'aborted':
      return [closing(connection, 'the server is stopping')];
  }
}

// "sending", "written" and stderr for data that did not come: MIT's words.
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

/** Of the client, for messages: `192.0.2.7 port 50000`. */
export function peerOf({ remoteAddress, remotePort }: ConnectionInfo): string {
  return remoteAddress === undefined ? 'a client' : `${remoteAddress} port ${remotePort}`;
}

type EventOf<T extends GssServerEvent['type']> = Extract<GssServerEvent, { type: T }>;

function formatOverload(event: EventOf<'overload'>): Block {
  const { remoteAddress = 'a client', limit, of: whose, displaced, more } = event;
  const peer = displaced ? `${remoteAddress}, which is not authenticated` : remoteAddress;
  const reasons = {
    all: `${limit} connections are open (-maxconn)`,
    source: `${limit} connections of its address are open (-maxsource)`,
    penalty: 'too many of its address failed (-penalty)',
  };
  const others = more === undefined ? '' : `; so were ${more} others`;
  return line('stderr', `closing connection from ${peer}: ${reasons[whose ?? 'all']}${others}`);
}

function formatPenalty({ remoteAddress = 'a client', seconds, more }: EventOf<'penalty'>): Block {
  const others = more === undefined ? '' : `; those of ${more} others too`;
  const text =
    `many connections from ${remoteAddress} failed to authenticate: they give way first ` +
    `for ${Math.ceil(seconds)} seconds (-penalty)${others}`;
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

/** One line, whatever a client put into the text. */
function line(to: Block['to'], text: string): Block {
  return { to, bytes: utf8(`${printable(text)}\n`) };
}

/** A quarter of the time of a TextEncoder: there are ten lines to a client. */
function utf8(text: string): Uint8Array {
  return Buffer.from(text);
}

const UNAUTHENTICATED = 'Accepted unauthenticated connection.';

// RFC 2744 §4.1's numbers; MIT's order, and its spaces at the end.
const CONTEXT_FLAGS: readonly (readonly [number, string])[] = [
  [0x01, 'GSS_C_DELEG_FLAG'],
  [0x02, 'GSS_C_MUTUAL_FLAG'],
  [0x04, 'GSS_C_REPLAY_FLAG'],
  [0x08, 'GSS_C_SEQUENCE_FLAG'],
  [0x10, 'GSS_C_CONF_FLAG '],
  [0x20, 'GSS_C_INTEG_FLAG '],
];
