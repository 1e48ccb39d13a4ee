#!/usr/bin/env node
/** gss-inspect: see help.ts for what it does. */
import { createReadStream } from 'node:fs';
import process from 'node:process';
import { concatBytes } from '../../bytes.ts';
import { explain, KerberosError } from '../../errors.ts';
import { formatInspection } from '../../inspect/format-text.ts';
import type { Inspection } from '../../inspect/inspect.ts';
import { inspect } from '../../inspect/inspect.ts';
import { problemsOf } from '../../inspect/item.ts';
import { formatTime, systemClock } from '../../time.ts';
import { UsageError } from '../arguments.ts';
import { programArguments } from '../argv.ts';
import { systemErrorText } from '../text.ts';
import { VERSION } from '../version.ts';
import type { InspectArguments } from './args.ts';
import { parseArguments } from './args.ts';
import { HELP, USAGE } from './help.ts';

/** @returns The exit status. */
async function main(argv: readonly string[]): Promise<number> {
  const parsed = parseArguments(argv);
  switch (parsed.action) {
    case 'help':
      process.stdout.write(HELP);
      return 0;
    case 'version':
      process.stdout.write(`gss-inspect (krb5-acceptor) ${VERSION}\n`);
      return 0;
    case 'usage':
      complain(parsed.message);
      process.stderr.write(USAGE);
      return FAILURE;
    case 'inspect':
      return await run(parsed.arguments);
  }
}

async function run(options: InspectArguments): Promise<number> {
  const { token, keytab, service, skew, shownBytes, weak, secrets, json } = options;
  const now = options.time ?? systemClock();
  try {
    const input = token ?? (await readAll(options.files));
    const inspection = await inspect(input, {
      now,
      weak,
      secrets,
      ...(token === undefined && options.files.length > 1 && { names: options.files }),
      ...(keytab !== undefined && { keytab: await readFile(keytab.replace(/^FILE:/i, '')) }),
      ...(service !== undefined && { service }),
      ...(skew !== undefined && { maxSkew: skew }),
      ...(shownBytes !== undefined && { shownBytes }),
    });
    const text = json
      ? `${JSON.stringify(inspection, null, 2)}\n`
      : formatInspection(inspection, formatTime(Math.floor(now / 1000)));
    await write(text);
    return statusOf(inspection);
  } catch (error) {
    if (error instanceof KerberosError) {
      const { text, remedies } = await explain(error);
      complain(`${keytab}: ${text}`);
      for (const remedy of remedies) complain(`hint: ${remedy}`);
      return FAILURE;
    }
    if (!(error instanceof UsageError)) throw error;
    complain(error.message);
    return FAILURE;
  }
}

function statusOf({ items, verdict }: Inspection): number {
  if (verdict !== undefined) return verdict.outcome === 'refused' ? REFUSED : 0;
  return items.some((item) => problemsOf(item).length > 0) ? REFUSED : 0;
}

async function readAll(files: readonly string[]): Promise<readonly Uint8Array[]> {
  if (files.length === 0 && process.stdin.isTTY) {
    process.stderr.write('paste a token or header, then press Ctrl-D\n');
  }
  const contents: Uint8Array[] = [];
  for (const file of files.length > 0 ? files : [STDIN]) contents.push(await readFile(file));
  return contents;
}

/** Reads a file, or the standard input, up to {@link MAX_INPUT} bytes. */
async function readFile(path: string): Promise<Uint8Array> {
  const stream: AsyncIterable<Uint8Array> =
    path === STDIN ? process.stdin : createReadStream(path, { end: MAX_INPUT });
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const chunk of stream) {
      chunks.push(chunk);
      length += chunk.length;
      if (length > MAX_INPUT) throw new UsageError(`${path}: longer than ${MAX_INPUT} bytes`);
    }
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`${path}: ${systemErrorText(error)}`);
  }
  return concatBytes(...chunks);
}

/** Waits until a pipe has taken everything: the process exits afterwards. */
async function write(text: string): Promise<void> {
  await new Promise<void>((resolve) => process.stdout.write(text, () => resolve()));
}

function complain(message: string): void {
  process.stderr.write(`gss-inspect: ${message}\n`);
}

const STDIN = '-';
const FAILURE = 1;
const REFUSED = 2;
// Real tokens have up to 64 kB, keytabs and credential caches a few.
const MAX_INPUT = 16_777_216;

// Last, because it uses the constants above.
process.exit(await main(programArguments(process.argv, false)));
