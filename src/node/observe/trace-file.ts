/** Writes the trace of all acceptors of this process to a file, as MIT krb5 does for KRB5_TRACE. */
import type { ChannelListener } from 'node:diagnostics_channel';
import diagnostics from 'node:diagnostics_channel';
import { closeSync, openSync, writeSync } from 'node:fs';
import process from 'node:process';
import { ChannelName } from '../../observe/channels.ts';
import { describeThrown, printable } from '../../text.ts';
import { printWarning } from '../../warning.ts';

/** A trace that is being written; made by {@link traceToFile}. */
export interface TraceFile {
  /** Ends the trace and closes the file. May be called again. */
  close(): void;
}

/**
 * Writes the steps of all exchanges of this process to a file, one line each, in the format of MIT krb5:
 * `[pid] seconds.microseconds: message`. Without secrets. The functions of this entry that read files call
 * it for the variable `KRB5_TRACE`, once.
 *
 * @param path - Appended to; created with mode 0600. `/dev/stderr` and `/dev/stdout` are the streams of
 *   this process.
 * @throws The error of the system if the file cannot be opened.
 *
 * @example
 * ```ts
 * import { traceToFile } from 'krb5-acceptor/node';
 *
 * const trace = traceToFile('/tmp/kerberos.trace');
 * setTimeout(() => trace.close(), 60_000);
 * ```
 */
export function traceToFile(path: string): TraceFile {
  const stream = STREAMS.get(path);
  const descriptor = stream ?? openSync(path, 'a', 0o600);
  let open = true;
  const listener: ChannelListener = (step) => {
    const { message } = step as { readonly message: string };
    const line = `[${process.pid}] ${timeNow()}: ${printable(message)}\n`;
    try {
      writeSync(descriptor, line);
    } catch {
      // A full disk, or a reader that is gone, stops the trace and not the service.
    }
  };
  diagnostics.subscribe(ChannelName.trace, listener);
  return {
    close: () => {
      if (!open) return;
      open = false;
      diagnostics.unsubscribe(ChannelName.trace, listener);
      if (stream === undefined) closeSync(descriptor);
    },
  };
}

/** Writes the trace to the file that `KRB5_TRACE` names, from the first call on. Never throws. */
export function followTraceVariable(): void {
  if (followed) return;
  followed = true;
  const path = process.env.KRB5_TRACE;
  if (path === undefined || path === '') return;
  try {
    traceToFile(path);
  } catch (error) {
    printWarning(`KRB5_TRACE: ${describeThrown(error)}`, 'KRB5_ACCEPTOR_TRACE');
  }
}

function timeNow(): string {
  return (Date.now() / 1000).toFixed(6);
}

let followed = false;
const STREAMS: ReadonlyMap<string, number> = new Map([
  ['/dev/stdout', 1],
  ['/dev/stderr', 2],
]);
