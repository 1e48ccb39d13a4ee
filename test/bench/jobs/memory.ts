/** Bytes of a live context, in a process of its own. */
import { execFileSync } from 'node:child_process';
import { resolve } from 'node:path';

export interface ContextMemory {
  readonly backend: string;
  /** Established and no more. */
  readonly idle: number;
  /** After wrap, unwrap, getMic and verifyMic. */
  readonly used: number;
}

export function measureMemory(backend: string): ContextMemory {
  const program = resolve(import.meta.dirname, '../workers/memory.js');
  const output = execFileSync(process.execPath, ['--expose-gc', program, backend]);
  return { backend, ...(JSON.parse(output.toString()) as { idle: number; used: number }) };
}
