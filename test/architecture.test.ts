/** The shape of the code: who may import whom, what the entries give away, what no file may hold. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import packageJson from '../package.json' with { type: 'json' };

const root = resolve(import.meta.dirname, '..');
const sources = new Map(
  readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => path.endsWith('.ts'))
    .map((path) => [path, readFileSync(join(root, 'src', path), 'utf8')] as const),
);

/**
 * From the top down: a file imports from its own line and from those below. `index.ts` is the
 * public entry; what stands in one line is beside one another.
 */
const LAYERS: readonly (readonly string[])[] = [
  ['index.ts'],
  ['cli'],
  ['adapters'],
  ['node'],
  ['postgres', 'redis'],
  ['engines'],
  ['inspect'],
  ['http', 'sasl', 'testing'],
  ['acceptor.ts'],
  ['handshake-step.ts'],
  ['handshake-import.ts'],
  ['handshake-export.ts'],
  ['iakerb', 'spnego'],
  ['krb5'],
  ['handshake-state.ts'],
  ['context'],
  ['observe'],
  // The entry that joins the weak enctypes with their tokens.
  ['crypto/legacy/index.ts'],
  ['tokens'],
  ['gss'],
  ['ap', 'pac'],
  ['keytab'],
  ['config'],
  ['messages'],
  ['crypto'],
  ['random.ts', 'time.ts'],
  ['hooks.ts', 'trace.ts'],
  ['bytes.ts', 'options.ts'],
  ['errors.ts', 'text.ts', 'warning.ts'],
  ['explain'],
];

/** Packages, and who alone may import them. */
const PACKAGES: Readonly<Record<string, RegExp>> = {
  asn1js: /^messages\/asn1\.ts$/,
  // The two hashes of GSS are of public bytes: there is no key, and so no provider. A session's key is
  // not Kerberos': no enctype is of its kind.
  // The KDC of a test realm accepts the unkeyed checksum that Java sends.
  '@noble':
    /^(crypto\/|gss\/(bindings-hash|tls-bindings)\.ts$|http\/session\/sealed-box\.ts$|testing\/kdc\/tgs-request\.ts$)/,
};

/** Frameworks, of which only the adapter of each has types. */
const FRAMEWORKS: Readonly<Record<string, string>> = {
  fastify: 'adapters/fastify.ts',
  hono: 'adapters/hono.ts',
};

interface Import {
  readonly from: string;
  readonly specifier: string;
}

function importsOf(path: string): Import[] {
  const text = withoutComments(sources.get(path)!);
  const found = text.matchAll(/\b(?:from|import)\s*\(?\s*'([^']+)'/g);
  return [...found].map(([, specifier]) => ({ from: path, specifier: specifier! }));
}

const imports = [...sources.keys()].flatMap(importsOf);

// A method may be called process.
const NODE_GLOBALS = /\b(?:Buffer|require|__dirname|setImmediate)\b|(?<![.#\w])process\b(?!\s*\()/g;

/** The file that a relative import names. */
function targetOf({ from, specifier }: Import): string {
  return join(dirname(from), specifier).replaceAll('\\', '/');
}

function layerOf(path: string): number {
  const name = path.split('/')[0]!;
  const own = LAYERS.findIndex((layer) => layer.includes(path));
  return own >= 0 ? own : LAYERS.findIndex((layer) => layer.includes(name));
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*$/gm, '');
}

function withoutTexts(text: string): string {
  return withoutComments(text).replace(/'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`/g, "''");
}

/** Adapters for frameworks on node:http; the others run in any runtime. */
const ON_NODE = /^(?:node|cli)\/|^adapters\/(?:express|fastify|koa)\.ts$/;

function isCore(path: string): boolean {
  return !ON_NODE.test(path);
}

describe('imports', () => {
  it('come from files whose place is known', () => {
    expect([...sources.keys()].filter((path) => layerOf(path) < 0)).toEqual([]);
  });

  it('go down only', () => {
    const upwards = imports
      .filter(({ specifier }) => specifier.startsWith('.'))
      .filter((one) => layerOf(targetOf(one)) < layerOf(one.from))
      .map((one) => `${one.from} imports ${targetOf(one)}`);
    expect(upwards).toEqual([]);
  });

  it('name files that are there, with their endings', () => {
    const missing = imports
      .filter(({ specifier }) => specifier.startsWith('.'))
      .filter((one) => !sources.has(targetOf(one)))
      .map((one) => `${one.from} imports ${one.specifier}`);
    expect(missing).toEqual([]);
  });

  it('do not go through an entry: each file says where a name comes from', () => {
    const roundabout = imports
      .filter((one) => one.specifier.startsWith('.') && /(^|\/)index\.ts$/.test(targetOf(one)))
      // The one entry that has code of its own, loaded only where it is asked for.
      .filter((one) => targetOf(one) !== 'crypto/legacy/index.ts')
      .map((one) => `${one.from} imports ${targetOf(one)}`);
    expect(roundabout).toEqual([]);
  });

  it('of packages stay where they belong', () => {
    const stray = imports
      .filter(({ specifier }) => !/^(\.|node:)/.test(specifier))
      .filter(({ from, specifier }) => FRAMEWORKS[specifier] !== from)
      .filter(({ from, specifier }) => !PACKAGES[specifier.split('/')[0]!]?.test(from))
      .map(({ from, specifier }) => `${from} imports ${specifier}`);
    expect(stray).toEqual([]);
    const declared = Object.keys(packageJson.dependencies).map((name) => name.split('/')[0]!);
    expect(new Set(declared)).toEqual(new Set(Object.keys(PACKAGES)));
  });

  it('of asn1js is not loaded with any entry or program: its users ask for it at run time', () => {
    const reached = new Set([...entries.map(([, path]) => path), 'cli/gss-server/main.ts']);
    for (const path of reached) {
      const text = withoutComments(sources.get(path)!);
      const found = text.matchAll(/^(?:import|export) (?!type )[^;]*?from '(\.[^']+)';/gm);
      for (const [, specifier] of found) {
        reached.add(targetOf({ from: path, specifier: specifier! }));
      }
    }
    expect(reached.size).toBeGreaterThan(100);
    expect(reached).not.toContain('messages/asn1.ts');
  });

  it('of frameworks are types only', () => {
    const values = [...sources].filter(([, text]) =>
      Object.keys(FRAMEWORKS).some((name) =>
        new RegExp(`^import (?!type )[^;]*from '${name}'`, 'm').test(text),
      ),
    );
    expect(values.map(([path]) => path)).toEqual([]);
  });

  it('of the adapters for every runtime reach nothing of Node', () => {
    const reached = new Set(['adapters/fetch.ts', 'adapters/hono.ts']);
    for (const path of reached) {
      for (const one of importsOf(path)) {
        if (one.specifier.startsWith('.')) reached.add(targetOf(one));
      }
    }
    expect(reached.size).toBeGreaterThan(50);
    expect([...reached].filter((path) => !isCore(path))).toEqual([]);
  });

  it('of weak cryptography are loaded on request only', () => {
    const eager = [...sources]
      .filter(([path]) => !path.startsWith('crypto/legacy/'))
      .filter(([, text]) => /^(import|export) [^;]*from '[^']*\/legacy\//m.test(text))
      .filter(([, text]) => !/^import type [^;]*from '[^']*\/legacy\//m.test(text))
      .map(([path]) => path);
    expect(eager).toEqual([]);
  });
});

describe('the core', () => {
  const core = [...sources].filter(([path]) => isCore(path));

  it('runs in any runtime: nothing of Node, no globals of its', () => {
    const found = core.flatMap(([path, text]) => {
      const node = importsOf(path).filter(({ specifier }) => specifier.startsWith('node:'));
      const globals = withoutTexts(text).match(NODE_GLOBALS);
      return [...node.map(({ specifier }) => specifier), ...(globals ?? [])].map(
        (name) => `${path}: ${name}`,
      );
    });
    expect(found).toEqual([]);
  });

  it('asks neither the clock nor the dice but where they are injected', () => {
    const found = core
      .filter(([, text]) =>
        /\b(Date\.now|new Date\(\)|Math\.random|getRandomValues|setTimeout|setInterval)\b/.test(
          withoutTexts(text),
        ),
      )
      .map(([path]) => path);
    // Caches are checked on real engines, in real time; the program must not end meanwhile.
    const checks = 'testing/check-replay-cache.ts';
    expect(found.sort()).toEqual(['random.ts', checks, 'time.ts']);
  });
});

/** `./node` to `node/index.ts`, for every entry of package.json that is code. */
const entries = Object.entries(packageJson.exports).flatMap(([entry, target]) => {
  if (typeof target === 'string') return [];
  return [[entry, target.types.replace('./dist/', '').replace('.d.ts', '.ts')] as const];
});

function publicNames(path: string): string[] {
  const text = withoutComments(sources.get(path)!);
  const lists = [...text.matchAll(/^export (type )?\{([^}]*)\}/gm)];
  const listed = lists.flatMap(([, type, names]) =>
    names!
      .split(',')
      .map((name) => name.trim().replace(/^.* as /, ''))
      .filter((name) => name !== '')
      .map((name) => `${type ?? ''}${name}`),
  );
  const own = [
    ...text.matchAll(/^export (?:async )?(function|const|class|type|interface) (\w+)/gm),
  ];
  const declared = own.map(
    ([, kind, name]) => `${/type|interface/.test(kind!) ? 'type ' : ''}${name}`,
  );
  return [...listed, ...declared].sort();
}

describe('the entries', () => {
  it.each(entries)('%s is there', (_, path) => {
    expect(sources.has(path)).toBe(true);
  });

  // An adapter is a file, and an entry.
  it.each(entries.filter(([entry, path]) => entry !== './legacy' && !path.startsWith('adapters/')))(
    '%s names what it exports, and does nothing else',
    (_, path) => {
      const rest = withoutComments(sources.get(path)!)
        .replace(/^export (type )?\{[^}]*\} from '[^']*';$/gm, '')
        .trim();
      expect(rest).toBe('');
    },
  );

  it.each(Object.entries(packageJson.exports))(
    '%s is one file for Node.js, and modules for bundlers',
    (_, target) => {
      if (typeof target === 'string') return;
      // Node.js takes the first condition that it knows; entries share their classes in chunks only
      // if all are of one kind.
      const place = target.types.replace('./dist/', '').replace('.d.ts', '.js');
      expect(Object.entries(target)).toEqual([
        ['types', `./dist/${place.replace('.js', '.d.ts')}`],
        ['node', `./dist/${place}`],
        ['default', `./dist/modules/${place}`],
      ]);
    },
  );

  it('give away what public-names.txt lists, and nothing else', async () => {
    const lists = entries.map(([entry, path]) => {
      const name = entry.replace('.', packageJson.name);
      return `${name}\n${publicNames(path)
        .map((line) => `  ${line}\n`)
        .join('')}`;
    });
    // Deliberate changes: npx vitest run test/architecture.test.ts -u
    await expect(lists.join('\n')).toMatchFileSnapshot('public-names.txt');
  });
});

describe('what is written about the code', () => {
  const declared = new Set(
    [...sources.values()].flatMap((text) =>
      [...text.matchAll(/\b(?:function\*?|const|class|type|interface|as|get|set) (\w+)/g)].map(
        ([, name]) => name!,
      ),
    ),
  );

  it('links to what there is', () => {
    const broken = [...sources].flatMap(([path, text]) =>
      [...text.matchAll(/\{@link\s+([\w.]+)/g)]
        .map(([, name]) => name!)
        .filter((name) => !isDeclared(name, text))
        .map((name) => `${path}: ${name}`),
    );
    expect(broken).toEqual([]);
  });

  function isDeclared(name: string, text: string): boolean {
    const [first, member] = name.split('.') as [string, string | undefined];
    const known = declared.has(first) || new RegExp(`\\b${first}\\b *[(<:=]`).test(text);
    if (member === undefined) return known;
    const all = [...sources.values()];
    return known && all.some((source) => new RegExp(`\\b${member}\\b *[?(<:=]`).test(source));
  }

  it('imports names that the entries have', () => {
    const names = new Map(
      entries.map(([entry, path]) => [
        entry.replace('.', packageJson.name),
        publicNames(path).map((name) => name.replace('type ', '')),
      ]),
    );
    const wrong = committedFiles()
      .filter((path) => path.endsWith('.md'))
      .flatMap((path) => {
        const found = read(path).matchAll(
          /import (?:type )?\{([^}]*)\} from '(krb5-acceptor[^']*)'/g,
        );
        return [...found].flatMap(([, list, entry]) =>
          list!
            .split(',')
            .map((name) => name.trim().replace(/^type /, ''))
            .filter((name) => name !== '' && !names.get(entry!)?.includes(name))
            .map((name) => `${path}: ${name} of ${entry}`),
        );
      });
    expect(wrong).toEqual([]);
  });
});

describe('the files', () => {
  it('name no place of the machine they were written on', () => {
    // Spelt so that this file is none of those that it finds.
    const places = new RegExp(
      ['/wo' + 'rk/', '/fa' + 'rm/', '/ro' + 'ot/', '/ho' + 'me/\\w'].join('|'),
    );
    const hosts = new RegExp(['regis' + 'try\\.', 'artifac' + 'tory', 'npm' + 'js\\.'].join('|'));
    const found = committedFiles().filter((path) => {
      const text = read(path);
      return places.test(text) || hosts.test(text);
    });
    expect(found).toEqual([]);
  });

  it('of the sources are short', () => {
    const long = [...sources]
      .filter(([, text]) => text.split('\n').length > 401)
      .map(([path]) => path);
    expect(long).toEqual([]);
  });
});

/** All but what `.gitignore` names: there may be no git where the tests run. */
function committedFiles(folder = ''): string[] {
  const paths: string[] = [];
  for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (entry.name === '.git' || path.endsWith('.log') || ignoredFolders.has(path)) continue;
    if (entry.isDirectory()) paths.push(...committedFiles(path));
    else if (entry.isFile()) paths.push(path);
  }
  return paths;
}

const ignoredFolders = new Set(
  readFileSync(join(root, '.gitignore'), 'utf8')
    .split('\n')
    .filter((line) => line.endsWith('/'))
    .map((line) => line.slice(0, -1)),
);

function read(path: string): string {
  return readFileSync(join(root, path), 'latin1');
}
