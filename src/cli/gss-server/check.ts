/** gss-server -check: prints what would trouble the server, and starts none. */
import { accessSync, closeSync, constants, existsSync, openSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { KerberosError } from '../../errors.ts';
import { checkAcceptor } from '../../node/check/check-acceptor.ts';
import type { Finding } from '../../node/check/finding.ts';
import { failure, findingOf, ok } from '../../node/check/finding.ts';
import { loadKerberosConfig } from '../../node/files/krb5-conf-file.ts';
import { printable } from '../../text.ts';
import { engineName, openEngineCache } from '../engine-cache.ts';
import { logFileFault } from '../log-file.ts';
import type { ServerArguments } from './args.ts';
import { mechanismFault } from './configure.ts';

/** The findings about a server with these arguments. */
export async function findFaults(options: ServerArguments): Promise<Finding[]> {
  const { service, keytab, replayCache, inetd, port, host, logfile } = options;
  const engine = attempt(() => engineName(replayCache, defaultReplayCacheName()));
  const findings = await checkAcceptor({
    service,
    ...(keytab !== undefined && { keytab }),
    ...(engine !== undefined
      ? { replayCache: false }
      : replayCache !== undefined && { replayCache }),
    // inetd has the port.
    ...(!inetd && { port, ...(host !== undefined && { host }) }),
  });
  if (engine instanceof KerberosError) findings.push(findingOf('replay-cache', engine));
  else if (engine !== undefined) findings.push(await checkEngine(engine));
  if (options.workers !== undefined && /^memory:/.test(replayCache ?? '')) {
    findings.push(
      failure(
        'replay-cache',
        'replay.cache-failed',
        'Replay cache memory: cannot be shared by workers',
        'write -rcache dfl: or -rcache dir:/path/to/a/directory',
      ),
    );
  }
  const fault = mechanismFault(options);
  if (fault !== undefined) {
    findings.push(failure('mechanism', fault.reason, fault.hint ?? fault.message));
  }
  if (logfile !== undefined) findings.push(checkLogFile(logfile));
  return findings;
}

/** One line for each finding, and one for each of its remedies; or JSON, an object in each line. */
export function formatFindings(findings: readonly Finding[], asJson: boolean): string {
  if (asJson) return findings.map((finding) => `${JSON.stringify(finding)}\n`).join('');
  const lines = findings.flatMap(({ check, status, text, remedies }) => [
    `${status.padEnd(WIDTH)}${check}: ${text}`,
    ...remedies.map((remedy) => `${' '.repeat(WIDTH)}hint: ${remedy}`),
  ]);
  return [...lines, summary(findings)].map((line) => `${printable(line)}\n`).join('');
}

/** The exit status: 0 if all is well, 1 with warnings only, 2 with an error. */
export function statusOf(findings: readonly Finding[]): 0 | 1 | 2 {
  if (findings.some(({ status }) => status === 'error')) return 2;
  return findings.some(({ status }) => status === 'warning') ? 1 : 0;
}

function summary(findings: readonly Finding[]): string {
  const count = (wanted: Finding['status']): string => {
    const { length } = findings.filter(({ status }) => status === wanted);
    return `${length} ${wanted}${length === 1 ? '' : 's'}`;
  };
  return `${count('error')}, ${count('warning')}`;
}

/** Connects to Redis or PostgreSQL, asks, and leaves. */
async function checkEngine(name: string): Promise<Finding> {
  try {
    const { close } = await openEngineCache(name, { warn: () => {} });
    await close();
    return ok('replay-cache', `${name.slice(0, name.indexOf(':'))}: the engine answers`);
  } catch (error) {
    return findingOf('replay-cache', error);
  }
}

/** Whether the log can be appended to; the file is not made. */
function checkLogFile(path: string): Finding {
  try {
    const there = existsSync(path);
    accessSync(there ? path : dirname(resolve(path)), constants.W_OK);
    // Fails with the error of the server, whatever kind of file cannot be appended to.
    if (there) closeSync(openSync(path, constants.O_WRONLY | constants.O_APPEND | NON_BLOCKING));
    return ok('log-file', `${path} can be written`);
  } catch (error) {
    const { problem, remedies } = logFileFault(path, error);
    return failure('log-file', 'server.log-file', `${path}: ${problem}`, ...remedies);
  }
}

function defaultReplayCacheName(): string | undefined {
  try {
    return loadKerberosConfig().defaultReplayCacheName;
  } catch {
    // checkAcceptor reports it.
    return undefined;
  }
}

function attempt<T>(run: () => T): T | KerberosError {
  try {
    return run();
  } catch (error) {
    if (error instanceof KerberosError) return error;
    throw error;
  }
}

// Nobody may read a FIFO yet; Windows has no such flag.
const NON_BLOCKING = constants.O_NONBLOCK ?? 0;
// Of the first column: "warning" and two blanks.
const WIDTH = 9;
