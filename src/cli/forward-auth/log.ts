/** Where krb5-forward-auth writes: records to the log file or stderr, everything else to stderr. */
import process from 'node:process';
import { EventRate } from '../../node/server/event-rate.ts';
import { printable } from '../../text.ts';
import { openLogFile } from '../log-file.ts';
import type { RecordFormat } from '../record.ts';
import { formatRecord } from '../record.ts';
import { jsonLine } from '../text.ts';
import type { AuthRecord } from './records.ts';

/** The log of the program. */
export interface Log {
  /** Writes a line about the program itself. */
  readonly note: (text: string) => void;
  /** Writes a decision, or leaves it out. */
  readonly record: (record: AuthRecord) => void;
  /** Opens the log file again; undefined without one. */
  readonly reopen: (() => void) | undefined;
}

/** Options of {@link openLog}. */
export interface LogOptions {
  /** Undefined: records are written to stderr. */
  readonly logfile: string | undefined;
  readonly format: RecordFormat;
  /** Whether every decision has a record; otherwise refusals have, at most one a second. */
  readonly complete: boolean;
}

/** @throws The system's error if the log file cannot be opened. */
export function openLog({ logfile, format, complete }: LogOptions): Log {
  const file = logfile === undefined ? undefined : openLogFile(logfile);
  const stderr = (bytes: Uint8Array): void => {
    process.stderr.write(bytes);
  };
  // If the reader of the log is gone (EPIPE), clients are still served.
  process.stderr.on('error', () => {});
  const write = file?.write ?? stderr;
  const note = (text: string): void =>
    stderr(
      format === 'json'
        ? jsonLine({ time: new Date().toISOString(), event: 'line', text })
        : Buffer.from(`krb5-forward-auth: ${printable(text)}\n`),
    );
  const print = (record: AuthRecord): void => write(formatRecord(record, format, Date.now()));
  // Anyone can cause refusals, as many as they like.
  const rate = new EventRate<AuthRecord>((record, more) =>
    print(more === 0 ? record : { ...record, more }),
  );
  if (file?.warning !== undefined) note(file.warning);
  return {
    note,
    record: (record) => {
      if (complete) print(record);
      else if (record.event === 'refused') rate.push(record);
    },
    reopen: file?.reopen,
  };
}
