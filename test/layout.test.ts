/** Where files are: folders that one can take in at a glance, and tests where their subject is. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { POSIX_ONLY } from './support/posix-only.ts';

const root = resolve(import.meta.dirname, '..');

/** Tests of more than one file, by what they are about. */
const SUBJECTS: Readonly<Record<string, readonly string[]>> = {
  'everything that gss-inspect reads': ['inspect/mutants.test.ts', 'inspect/wire.test.ts'],
  'the repository itself': [
    'architecture.test.ts',
    'containers.test.ts',
    'edge-bundle.test.ts',
    'edge-sign-on.test.ts',
    'layout.test.ts',
    'mod-auth-gssapi.test.ts',
    'module-state.test.ts',
    'pages.test.ts',
    'public-api.test.ts',
    'snippets.test.ts',
    'supply-chain.test.ts',
    'tarball.test.ts',
  ],
  'an acceptor as its users see it': [
    'acceptor-life.test.ts',
    'fail-closed.test.ts',
    'faults.test.ts',
    'field-reports.test.ts',
    'first-token.test.ts',
    'hostile-names.test.ts',
    'leak-records.test.ts',
    'leak-surfaces.test.ts',
    'leaks.test.ts',
    'long-lengths.test.ts',
    'strange-initiators.test.ts',
    'transcripts.test.ts',
    'uniqueness.test.ts',
    'waiting.test.ts',
  ],
  'a rule of RFC 4120 §3.2.3 across ap/': [
    'ap/identity.test.ts',
    'ap/permitted-enctypes.test.ts',
    'ap/required.test.ts',
  ],
  'every encryption type, or every primitive': [
    'crypto/ciphers.test.ts',
    'crypto/enctype-lists.test.ts',
    'crypto/legacy/legacy.test.ts',
    'crypto/segments.test.ts',
    'crypto/vectors.test.ts',
    'crypto/wiping.test.ts',
  ],
  'every message': [
    'messages/hostile.test.ts',
    'messages/messages.property.test.ts',
    'messages/mit-reference.test.ts',
    'messages/rules.test.ts',
    'messages/sequence-number.test.ts',
  ],
  'all buffers of a PAC': [
    'pac/buffers.test.ts',
    'pac/compression.test.ts',
    'pac/recorded.test.ts',
    'pac/samba-tickets.test.ts',
  ],
  'an exchange under one circumstance': [
    'context/node-buffers.test.ts',
    'krb5/ap-req-flips.test.ts',
    'krb5/missing-files.test.ts',
    'krb5/returning-client.test.ts',
    'krb5/revocation.test.ts',
    'krb5/wiping.test.ts',
    'krb5/wrong-keys.test.ts',
    'spnego/with-kerberos.test.ts',
    'tokens/dce-rotation.test.ts',
  ],
  'files, processes and servers while something goes wrong': [
    'cli/gss-server/shared-replay-cache.test.ts',
    'cli/gss-server/start.test.ts',
    'node/files/keytab-rotation.test.ts',
    'node/gone.test.ts',
    'node/http-faults.test.ts',
    'node/replay-cache/faults.test.ts',
    'node/replay-cache/processes.test.ts',
    'node/runtime-bindings.test.ts',
    'node/silence.test.ts',
    'node/server/hostile-clients.test.ts',
  ],
  'all reasons and all throws of the sources': [
    'explain/causes.test.ts',
    'explain/http-surface.test.ts',
    'explain/page.test.ts',
    'explain/relay-causes.test.ts',
    'explain/sources.test.ts',
  ],
  'recorded or documented data': [
    'http/recipes.test.ts',
    'keytab/samples.test.ts',
    'testing/guide.test.ts',
  ],
};

/** Folders of tests without a counterpart in `src/`, each with a subject of its own. */
const OTHER_FOLDERS: readonly string[] = [
  'advisories',
  'conformance',
  'examples',
  'fuzz',
  'interop',
  'models',
  'runtimes',
];

function filesBelow(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .map((path) => path.replaceAll('\\', '/'))
    .sort();
}

describe('the tests', () => {
  const tests = filesBelow('test')
    .filter((path) => path.endsWith('.test.ts'))
    .filter((path) => !OTHER_FOLDERS.includes(path.split('/')[0]!));
  const listed = Object.values(SUBJECTS).flat();

  it('of a file are at the same place below test/ as the file below src/', () => {
    const astray = tests
      .filter(
        (path) => !existsSync(join(root, 'src', path.replace(/(\.property)?\.test\.ts$/, '.ts'))),
      )
      .filter((path) => !listed.includes(path));
    expect(astray).toEqual([]);
  });

  it('wait with expect.poll or until, and judge nothing by the time that it took', () => {
    const code =
      /vi\.waitFor\(|expect\((?:Date|performance)\.now\(\)|(?:Date|performance)\.now\(\) > \w+\)/;
    const own = ['layout.test.ts', 'support/replay-servers.ts'];
    const others = /^(?:bench|fuzz|mutation|size|soak|timing)\//;
    const judging = filesBelow('test')
      .filter((path) => path.endsWith('.ts') && !own.includes(path) && !others.test(path))
      .filter((path) => code.test(readFileSync(join(root, 'test', path), 'utf8')));
    expect(judging).toEqual([]);
  });

  it('that need POSIX are there', () => {
    expect(POSIX_ONLY.length).toBeGreaterThan(0);
    expect(POSIX_ONLY.filter((path) => !tests.includes(path.slice('test/'.length)))).toEqual([]);
  });

  it('of more than one file are listed by their subject, and are there', () => {
    expect(listed.filter((path) => !tests.includes(path))).toEqual([]);
    expect(new Set(listed).size).toBe(listed.length);
  });
});

describe('the sources', () => {
  it('have no more than 16 files in a folder', () => {
    const counts = new Map<string, number>();
    for (const path of filesBelow('src').filter((name) => name.endsWith('.ts'))) {
      counts.set(dirname(path), (counts.get(dirname(path)) ?? 0) + 1);
    }
    expect(counts.size).toBeGreaterThan(10);
    expect([...counts].filter(([, count]) => count > 16)).toEqual([]);
  });
});

describe('fixtures/README.md', () => {
  const text = readFileSync(join(root, 'fixtures/README.md'), 'utf8');
  const rows = [...text.matchAll(/^\| (`.*?) \| .* \| (.*?) \|$/gm)];
  const named = rows.flatMap(([, folders]) =>
    [...folders!.matchAll(/`([^`]+)`/g)].map(([, name]) => name!),
  );

  it('has a row for each folder', () => {
    const folders = readdirSync(join(root, 'fixtures'), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name);
    expect([...named].sort()).toEqual(folders.sort());
  });

  it('names the tests that read each, and they do', () => {
    for (const [, folders, readers] of rows) {
      for (const [, folder] of folders!.matchAll(/`([^`]+)`/g)) {
        const paths = [...readers!.matchAll(/`([^`]+)`/g)].map(([, path]) => path!);
        expect(paths.length, folder).toBeGreaterThan(0);
        const texts = paths.map((path) => readFileSync(join(root, path), 'utf8'));
        expect(
          texts.some((code) => code.includes(folder!)),
          `${folder}: ${paths}`,
        ).toBe(true);
      }
    }
  });
});
