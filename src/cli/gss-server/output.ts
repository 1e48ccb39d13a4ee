/** Writes gss-server's lines. Each block is written before the next event is handled. */
import { closeSync, fstatSync, openSync } from 'node:fs';

import { concatBytes } from '../../bytes.ts';
import { openLogFile } from '../log-file.ts';
import { jsonLine } from '../text.ts';
import type { Block } from './lines.ts';

/** The streams of gss-server. */
export interface Output {
  /**
   * Writes consecutive blocks for the same stream at once, so that the lines of other processes come
   * before or after them.
   */
  readonly print: (blocks: readonly Block[]) => void;
  /** A fault of the log file that the operator should know. */
  readonly warning: string | undefined;
  /**
   * Opens the log file's path again, so that the log continues in a new file after a rotation. If that
   * fails, the log stays in the old file and stderr says why. Undefined if there is no log file.
   */
  readonly reopen: (() => void) | undefined;
}

/** Options of {@link openOutput}. */
export interface OutputOptions {
  /** Appended to; created with mode 0600. `/dev/null` means no log, undefined means stdout. */
  readonly logfile: string | undefined;
  /** The standard streams are the client's connection: nothing may be written to them. */
  readonly clientOwnsStreams: boolean;
  /** Whether all lines but those on stdout are written as JSON. */
  readonly json?: boolean;
}

/** @throws The system's error if the log file cannot be opened. */
export function openOutput(options: OutputOptions): Output {
  const standard = options.clientOwnsStreams ? undefined : openStandardStreams();
  const file = options.logfile === undefined ? undefined : openLogFile(options.logfile);
  const logfile = file?.write;
  const stdout = standard?.stdout ?? discard;
  const log = logfile ?? stdout;
  // Under inetd stderr is the client's socket, so errors are written to the log.
  const stderr = standard?.stderr ?? log;
  const streams = { stdout, stderr, log, record: logfile ?? stderr };
  const shown = ({ to, bytes }: Block): Uint8Array =>
    options.json === true && to !== 'record' && streams[to] !== stdout ? asJson(bytes) : bytes;
  return {
    print: (blocks) => {
      for (let at = 0; at < blocks.length; ) {
        const write = streams[blocks[at]!.to];
        const together: Uint8Array[] = [];
        while (at < blocks.length && streams[blocks[at]!.to] === write) {
          together.push(shown(blocks[at++]!));
        }
        write(together.length === 1 ? together[0]! : concatBytes(...together));
      }
    },
    warning: file?.warning,
    reopen: file?.reopen,
  };
}

/** Whether the standard streams are the socket on file descriptor 0, as inetd sets them up. */
export function clientOwnsStandardStreams(): boolean {
  const client = fstatSync(0);
  return [1, 2].some((descriptor) => {
    try {
      const stream = fstatSync(descriptor);
      return stream.dev === client.dev && stream.ino === client.ino;
    } catch {
      // Closed: the next file that is opened would get this descriptor.
      return true;
    }
  });
}

/** Makes sure that nothing, not even a crash of the runtime, is written to the client. */
export function detachStandardStreams(): void {
  for (const descriptor of [1, 2]) {
    try {
      closeSync(descriptor);
    } catch {
      // It was closed already.
    }
    // POSIX open returns the lowest free descriptor, which is the one just closed.
    openSync('/dev/null', 'w');
  }
}

/** Lines that belong together as one JSON object: a log is then read line by line. */
function asJson(bytes: Uint8Array): Uint8Array {
  const text = new TextDecoder().decode(bytes).replace(/\n$/, '');
  return jsonLine({ time: new Date().toISOString(), event: 'line', text });
}

type Write = (bytes: Uint8Array) => void;

function openStandardStreams(): { stdout: Write; stderr: Write } {
  // If the reader of the log is gone (EPIPE), clients are still served.
  process.stdout.on('error', () => {});
  process.stderr.on('error', () => {});
  return {
    stdout: (bytes) => process.stdout.write(bytes),
    stderr: (bytes) => process.stderr.write(bytes),
  };
}

function discard(): void {}
