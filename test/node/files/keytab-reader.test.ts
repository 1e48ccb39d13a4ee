import { appendFileSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import fsp from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { formatKeytab } from '../../../src/keytab/keytab.ts';
import { readKeytabFile } from '../../../src/node/files/keytab-reader.ts';
import { keytabOf } from '../../keytab/support.ts';

let directory: string;
let path: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'keytab-reader-'));
  path = join(directory, 'web.keytab');
});
afterEach(() => {
  vi.restoreAllMocks();
  syncBuiltinESMExports();
  rmSync(directory, { recursive: true });
});

const one = formatKeytab(keytabOf(['HTTP/a@R', 1, 18]));
const two = formatKeytab(keytabOf(['HTTP/a@R', 1, 18], ['HTTP/a@R', 2, 18]));

/** Calls `meanwhile` before each read of the file; returns the buffers that were read into. */
function whileReading(meanwhile: (reads: number) => void): Uint8Array[] {
  const buffers: Uint8Array[] = [];
  const { open } = fsp;
  vi.spyOn(fsp, 'open').mockImplementation(async (...args) => {
    const handle = await open(...args);
    const read = handle.read.bind(handle);
    handle.read = (async (buffer: Uint8Array, ...where: [number, number, number]) => {
      meanwhile(buffers.length);
      buffers.push(buffer);
      return read(buffer, ...where);
    }) as FileHandle['read'];
    return handle;
  });
  syncBuiltinESMExports();
  return buffers;
}

describe('a keytab that is written while it is read', () => {
  it('is read again, as it is in the end', async () => {
    writeFileSync(path, one);
    const buffers = whileReading((reads) => {
      if (reads === 0) appendFileSync(path, two.subarray(one.length));
    });
    const { entries } = await readKeytabFile(path);
    expect(entries.map(({ kvno }) => kvno)).toEqual([1, 2]);
    // No attempt leaves keys in memory but those of the result.
    expect(buffers.map(({ length }) => length)).toEqual([one.length, two.length]);
    for (const buffer of buffers) expect(buffer.every((byte) => byte === 0)).toBe(true);
  });

  it('is read again if it was incomplete', async () => {
    writeFileSync(path, two);
    const buffers = whileReading((reads) => {
      if (reads === 0) truncateSync(path, one.length);
    });
    const { entries } = await readKeytabFile(path);
    expect(entries.map(({ kvno }) => kvno)).toEqual([1]);
    expect(buffers.at(-1)).toHaveLength(one.length);
  });

  it('fails if that never ends', async () => {
    writeFileSync(path, one);
    const buffers = whileReading(() => appendFileSync(path, Uint8Array.of(0, 0, 0, 0)));
    await expect(readKeytabFile(path)).rejects.toMatchObject({
      code: 'KRB5_KT_IOERR',
      message: `keytab file ${path}: it is being written continuously`,
      detail: { path },
    });
    expect(buffers).toHaveLength(3);
  });
});

describe('a keytab on a disk that fails', () => {
  it.each<[string, unknown]>([
    ['EIO', Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO' })],
    ['Error: no reason', new Error('no reason')],
    ['no error at all', 'no error at all'],
  ])('cannot be read: %s', async (problem, fault) => {
    writeFileSync(path, one);
    whileReading(() => {
      throw fault;
    });
    await expect(readKeytabFile(path)).rejects.toMatchObject({
      code: 'KRB5_KT_IOERR',
      message: `keytab file ${path} cannot be read: ${problem}`,
      cause: fault,
    });
  });
});
