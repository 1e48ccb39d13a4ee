import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { toHex } from '../../src/bytes.ts';
import { EncryptionKey } from '../../src/crypto/key.ts';
import type { Keytab, KeytabEntry } from '../../src/keytab/keytab.ts';
import { formatKeytab, parseKeytab } from '../../src/keytab/keytab.ts';
import { formatPrincipal, parsePrincipal } from '../../src/messages/principal.ts';
import { have, keytab, scratch } from '../support/realm.ts';
import { runOrThrow } from '../support/run.ts';

const ENTRIES: readonly KeytabEntry[] = [
  ['host/web.example.org@EXAMPLE.ORG', 1, 18, 32],
  ['HTTP/web.example.org@EXAMPLE.ORG', 255, 17, 16],
  ['HTTP/web.example.org@EXAMPLE.ORG', 256, 19, 16],
  ['svc@EXAMPLE.ORG', 70_000, 20, 32],
  ['a\\/b\\@c/d\\\\e@EXAMPLE.ORG', 0, 23, 16],
].map(([name, kvno, enctype, length], i) => ({
  principal: parsePrincipal(name as string),
  kvno: kvno as number,
  timestamp: 1_700_000_000 + i,
  key: new EncryptionKey(enctype as number, new Uint8Array(length as number).fill(0xa0 + i)),
}));

describe.runIf(have())("MIT krb5's klist", () => {
  it.each<[string, Keytab]>([
    ['version 2', { version: 2, entries: ENTRIES }],
    // klist reads version 1 in the byte order of its machine.
    ['version 1', { version: 1, byteOrder: 'little', entries: ENTRIES }],
  ])('lists what formatKeytab wrote: %s', async (_, written) => {
    const path = join(scratch(), 'written.keytab');
    writeFileSync(path, formatKeytab(written), { mode: 0o600 });
    expect(await klist(path)).toEqual(readable(written));
  });

  it.each(['host', 'http', 'stale-kvno', 'wrong-enctype'])(
    'lists the same as parseKeytab of what kadmin wrote: %s',
    async (name) => {
      const path = keytab(name);
      expect(readable(parseKeytab(readFileSync(path)))).toEqual(await klist(path));
    },
  );
});

/** `kvno principal key` of each entry. */
async function klist(path: string): Promise<string[]> {
  const stdout = await runOrThrow('klist', ['-keK', `FILE:${path}`]);
  return stdout
    .split('\n')
    .map((line) => /^ *(\d+) (.*) \(\S+\) +\(0x([0-9a-f]+)\)$/.exec(line))
    .filter((match) => match !== null)
    .map(([, kvno, principal, key]) => `${kvno} ${principal} ${key}`);
}

function readable({ entries }: Keytab): string[] {
  return entries.map(
    ({ principal, kvno, key }) => `${kvno} ${formatPrincipal(principal)} ${toHex(key.bytes())}`,
  );
}
