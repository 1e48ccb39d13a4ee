/** Writes the report on weak and risky clients (-report) to a file, again and again, and at the end. */
import { chmodSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import type { Acceptor } from '../acceptor.ts';
import { systemErrorText } from './text.ts';

/** A report that is kept up to date. */
export interface ReportFile {
  /** Writes it for the last time. */
  close(): void;
}

/**
 * Begins to write the report, as JSON. The file has mode 0600, as it names clients, and is replaced at
 * once: a reader never sees a part of it.
 *
 * @param complain - Called when the file cannot be written, once for each fault.
 */
export function keepReport(
  path: string,
  acceptor: Pick<Acceptor, 'report'>,
  complain: (message: string) => void,
): ReportFile {
  let told: string | undefined;
  const write = (): void => {
    try {
      writeReport(path, acceptor);
      told = undefined;
    } catch (error) {
      const text = `${path}: ${systemErrorText(error)}`;
      if (text !== told) complain(text);
      told = text;
    }
  };
  write();
  const timer = setInterval(write, INTERVAL).unref();
  return {
    close: () => {
      clearInterval(timer);
      write();
    },
  };
}

function writeReport(path: string, acceptor: Pick<Acceptor, 'report'>): void {
  const text = `${JSON.stringify(acceptor.report(), undefined, 2)}\n`;
  const fresh = `${path}.${process.pid}.new`;
  try {
    writeFileSync(fresh, text, { mode: 0o600, flag: 'wx' });
    chmodSync(fresh, 0o600);
    renameSync(fresh, path);
  } finally {
    rmSync(fresh, { force: true });
  }
}

// Milliseconds.
const INTERVAL = 60_000;
