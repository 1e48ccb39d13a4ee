/**
 * A process that has just started: it imports the built package and accepts one token. Arguments: the
 * package's file, a keytab, a token in hexadecimal. Prints what each step took, as JSON.
 */
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { cpuSince } from './serve.ts';

/** Microseconds on the wall, and nanoseconds of CPU. */
export interface ColdStart {
  readonly import: number;
  readonly importCpu: number;
  /** From before the import to the accepted token. */
  readonly all: number;
  readonly allCpu: number;
}

const [file = '', keytabPath = '', token = ''] = process.argv.slice(2);
const keytabBytes = readFileSync(keytabPath);
const tokenBytes = new Uint8Array(Buffer.from(token, 'hex'));
const before = process.cpuUsage();
const start = performance.now();
const core = (await import(pathToFileURL(file).href)) as typeof import('../../../src/index.ts');
const imported = performance.now();
const importCpu = cpuSince(before);
const credential = await core.acquireCredential({ keytab: core.parseKeytab(keytabBytes) });
const result = await core.createAcceptor({ credential }).begin().accept(tokenBytes);
const end = performance.now();
const allCpu = cpuSince(before);
if (result.status !== 'complete') throw new Error(`not accepted: ${result.status}`);
const report: ColdStart = {
  import: (imported - start) * 1000,
  importCpu,
  all: (end - start) * 1000,
  allCpu,
};
console.log(JSON.stringify(report));
