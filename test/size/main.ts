/**
 * `npm run size`: what the package adds to a bundle. Each job is bundled on its own from `dist`, as
 * minified files, without Node.js' own modules. Three figures: what is loaded at the start; what a
 * sign-on of a client of Active Directory (AES with SHA-1, SPNEGO, a PAC) has loaded in the end, seen by
 * running one; and what is left for rarer clients.
 */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Chunk } from '../support/edge-bundle.ts';
import { bundle, loadedAtStart, signOn, signOnJob, sizeOf } from '../support/edge-bundle.ts';

// From test/size/build/test/size, where this is compiled to.
const root = resolve(import.meta.dirname, '../../../../..');
const { name: packageName, exports } = JSON.parse(
  readFileSync(resolve(root, 'package.json'), 'utf8'),
) as { name: string; exports: Readonly<Record<string, string | { readonly default: string }>> };

interface Job {
  readonly name: string;
  readonly code: string;
}

const entries: readonly Job[] = Object.entries(exports).flatMap(([entry, target]) =>
  typeof target === 'string'
    ? []
    : [
        {
          name: entry.replace('.', packageName),
          code: `export * from '${resolve(root, target.default)}';`,
        },
      ],
);

const modules = resolve(root, 'dist/modules');
const parsing: Job = {
  name: 'parse a keytab',
  code: `export { parseKeytab } from '${modules}/index.js';`,
};
const signingOn: Job = {
  name: 'SSO at the edge',
  code: signOnJob(`${modules}/index.js`, `${modules}/http/index.js`),
};

const everything: Job = {
  name: 'all entries',
  // Names of two entries may be the same.
  code: entries.map(({ code }, i) => code.replace('*', `* as entry${i}`)).join('\n'),
};

console.log(row('bytes', 'at the start', 'gzip', 'each sign-on', 'gzip', 'on demand', 'gzip'));
for (const job of [...entries, everything, parsing, signingOn]) {
  const chunks = await bundle(job.code);
  const start = loadedAtStart(chunks);
  const loaded = job === signingOn ? await loadedBySignOn(chunks) : undefined;
  const later = chunks.filter((chunk) => !(loaded ?? start).includes(chunk));
  console.log(
    row(job.name, ...cells(start), ...(loaded ? cells(loaded) : ['', '']), ...cells(later)),
  );
}

/** A client with a PAC that names groups, as a domain controller writes it. */
async function loadedBySignOn(chunks: readonly Chunk[]): Promise<readonly Chunk[]> {
  const testing = resolve(root, 'dist/testing/index.js');
  const { createInitiator, mintTicket, testKeytab } = (await import(
    testing
  )) as typeof import('../../src/testing/index.ts');
  const { formatKeytab } = (await import(
    resolve(root, 'dist/index.js')
  )) as typeof import('../../src/index.ts');
  const keytab = testKeytab('HTTP/www.example.com@EXAMPLE.COM');
  const ticket = mintTicket({ keytab, client: { name: 'alice', groups: [512] } });
  const token = createInitiator({ ticket, spnego: true }).begin();
  const outcome = signOn(chunks, { keytab: formatKeytab(keytab), token, now: Date.now() });
  if (outcome.status === 200 && outcome.pac) return outcome.loaded;
  throw new Error(`the sign-on failed: ${outcome.error ?? outcome.status}`);
}

function cells(chunks: readonly Chunk[]): string[] {
  const { minified, gzip } = sizeOf(chunks);
  return [String(minified), String(gzip)];
}

function row(name: string, ...texts: readonly string[]): string {
  return name.padEnd(24) + texts.map((text) => text.padStart(14)).join('');
}
