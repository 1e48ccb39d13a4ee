/** The package as a stranger gets it: packed, installed into an empty project, and used there. */
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { rolldown } from 'rolldown';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import packageJson from '../package.json' with { type: 'json' };
import { toHex } from '../src/bytes.ts';
import { formatKeytab } from '../src/keytab/keytab.ts';
import { makeKeytab } from './support/realm-kit.ts';
import { run, runOrThrow } from './support/run.ts';
import type { EmptyProject } from './support/tarball.ts';
import { installTarball, runTsc } from './support/tarball.ts';

let project: EmptyProject;

beforeAll(async () => {
  project = await installTarball();
});

afterAll(() => project[Symbol.dispose]());

function write(name: string, text: string): string {
  const path = join(project.directory, name);
  writeFileSync(path, text);
  return path;
}

function runFile(path: string): Promise<string> {
  return runOrThrow(process.execPath, ['--no-warnings=ExperimentalWarning', path], {
    cwd: project.directory,
  });
}

/** Compiles a text as a user would who checks the types of libraries, too. */
async function checkTypes(text: string, compilerOptions: object): Promise<void> {
  write('consumer.ts', text);
  const strictest = { strict: true, exactOptionalPropertyTypes: true, skipLibCheck: false };
  const options = { noEmit: true, types: [], ...strictest, ...compilerOptions };
  write('tsconfig.json', JSON.stringify({ files: ['consumer.ts'], compilerOptions: options }));
  await runTsc(['-p', 'tsconfig.json'], project.directory);
}

const entries = Object.keys(packageJson.exports)
  .filter((entry) => entry !== './package.json')
  .map((entry) => entry.replace('.', packageJson.name));

/** @returns The path of one file that has the program and all that it imports. */
async function bundle(input: string, platform: 'neutral' | 'node'): Promise<string> {
  const file = join(project.directory, 'bundle.mjs');
  const built = await rolldown({ input, platform, resolve: { mainFields: ['module', 'main'] } });
  await built.write({ format: 'esm', file, codeSplitting: false });
  return file;
}

// One handshake and one message, by the package's own client.
const HANDSHAKE = `
  const keytab = {
    version: 2,
    entries: [{
      principal: core.parsePrincipal('HTTP/www.example.com@EXAMPLE.COM'),
      kvno: 1,
      timestamp: 0,
      key: core.EncryptionKey.generate(18, core.systemRandom),
    }],
  };
  const read = core.parseKeytab(core.formatKeytab(keytab));
  const credential = await core.acquireCredential({ keytab: read, service: 'HTTP' });
  const acceptor = core.createAcceptor({ credential });
  const ticket = testing.mintTicket({ keytab: read, client: 'alice@EXAMPLE.COM' });
  const initiator = testing.createInitiator({ ticket });
  const result = await acceptor.begin().accept(initiator.begin());
  const client = initiator.finish(result.outputToken);
  const message = client.wrap(new TextEncoder().encode('hello'));
  console.log(new TextDecoder().decode(result.context.unwrap(message).message));
`;

describe('the installed tarball', () => {
  it('works as ECMAScript modules', async () => {
    const path = write(
      'use.mjs',
      `import * as core from 'krb5-acceptor';
       import * as testing from 'krb5-acceptor/testing';
       ${entries.map((entry) => `await import('${entry}');`).join('\n')}
       ${HANDSHAKE}`,
    );
    expect(await runFile(path)).toBe('hello\n');
  });

  it('works by require(), as Node.js has it since 20.19', async () => {
    expect(process.features).toMatchObject({ require_module: true });
    const path = write(
      'use.cjs',
      `const core = require('krb5-acceptor');
       const testing = require('krb5-acceptor/testing');
       ${entries.map((entry) => `require('${entry}');`).join('\n')}
       (async () => { ${HANDSHAKE} })();`,
    );
    expect(await runFile(path)).toBe('hello\n');
  });

  it('has one of each class, whatever entry it comes from', async () => {
    const path = write(
      'classes.mjs',
      `import * as core from 'krb5-acceptor';
       import { loadKeytab } from 'krb5-acceptor/node';
       import { withLegacyEnctypes } from 'krb5-acceptor/legacy';
       import { createInitiator, mintTicket } from 'krb5-acceptor/testing';
       const error = await loadKeytab('/nowhere/krb5.keytab').catch((thrown) => thrown);
       const key = core.EncryptionKey.generate(18, undefined, withLegacyEnctypes());
       const principal = core.parsePrincipal('HTTP/www.example.com@EXAMPLE.COM');
       const keytab = { version: 2, entries: [{ principal, kvno: 1, timestamp: 0, key }] };
       const credential = await core.acquireCredential({ keytab });
       const acceptor = core.createAcceptor({ credential, kdcKey: key });
       const ticket = mintTicket({ keytab, client: 'alice@EXAMPLE.COM' });
       const { context } = await acceptor.begin().accept(createInitiator({ ticket }).begin());
       console.log(error instanceof core.KerberosError, context.initiator instanceof core.GssName);`,
    );
    expect(await runFile(path)).toBe('true true\n');
  });

  it.each([
    ['nodenext', 'nodenext'],
    ['esnext', 'bundler'],
  ])('has types without those of Node.js: module %s, resolution %s', async (module, resolution) => {
    const moduleResolution = resolution;
    await checkTypes(CONSUMER, { module, moduleResolution, lib: ['es2022', 'esnext.disposable'] });
  });

  it('has types for a project whose library has no Symbol.dispose', async () => {
    // Those need the types of Node.js, of a framework, or of Request.
    const others = /\/(?:node|express|fastify|koa|hono|fetch)$/;
    const portable = entries.filter((entry) => !others.test(entry));
    await checkTypes(importsOf(portable), { module: 'nodenext', lib: ['es2022'] });
  });

  it('has types of all entries, with those of Node.js and of frameworks', async () => {
    const modules = join(project.directory, 'node_modules');
    mkdirSync(join(modules, '@types'));
    for (const name of ['@types/node', 'undici-types', 'fastify', 'hono']) {
      symlinkSync(resolve(import.meta.dirname, '../node_modules', name), join(modules, name));
    }
    await checkTypes(importsOf(entries), { module: 'nodenext', lib: ['es2022'], types: ['node'] });
  });

  it('has every file that package.json names, and no source map without its sources', () => {
    const named = [
      ...Object.values(packageJson.exports).flatMap((entry) =>
        typeof entry === 'string' ? [entry] : Object.values(entry),
      ),
      ...Object.values(packageJson.bin),
    ].map((path) => path.replace(/^\.\//, ''));
    expect(project.files).toEqual(expect.arrayContaining(named));
    expect(project.files).toContain('dist/gss-inspect.html');
    const root = join(project.directory, 'node_modules/krb5-acceptor');
    const mapped = project.files.filter(
      (path) =>
        path.endsWith('.map') || /sourceMappingURL/.test(readFileSync(join(root, path), 'latin1')),
    );
    expect(mapped).toEqual([]);
  });

  it.each(Object.keys(packageJson.bin))('has the program %s', async (name) => {
    const path = join(project.directory, 'node_modules/.bin', name);
    expect(await run(path, ['-version'])).toMatchObject({
      code: 0,
      stdout: `${name.replace('krb5-gss', 'gss')} (krb5-acceptor) ${packageJson.version}\n`,
    });
  });

  it('has a program that knows its version in a bundle, too', async () => {
    const program = join(
      project.directory,
      'node_modules/krb5-acceptor',
      packageJson.bin['gss-server'],
    );
    const outfile = await bundle(program, 'node');
    expect(await runOrThrow(process.execPath, [outfile, '-version'])).toBe(
      `gss-server (krb5-acceptor) ${packageJson.version}\n`,
    );
  });

  it('reads keytabs in a bundle without ciphers, and computes in one that names them', async () => {
    const keytab = toHex(formatKeytab(makeKeytab()));
    const listing = `
      const keytab = parseKeytab(Buffer.from('${keytab}', 'hex'));
      const [{ principal, kvno, key }] = keytab.entries;
      console.log(principal.realm, kvno, key.enctype, key.supported);`;
    const compute = 'console.log(key.prf(new Uint8Array(1)).length);';
    const read = `import { parseKeytab } from 'krb5-acceptor'; ${listing}`;
    const lister = await bundle(write('lister.mjs', read), 'neutral');
    expect(await runFile(lister)).toBe('EXAMPLE.TEST 1 18 true\n');
    expect(/@noble|NobleAes|class Camellia/.test(readFileSync(lister, 'utf8'))).toBe(false);

    const without = await bundle(write('without.mjs', `${read} ${compute}`), 'neutral');
    const failed = await run(process.execPath, [without]);
    expect(failed.stderr).toContain('import defaultCrypto and name it');

    for (const name of ['defaultCrypto', 'EncryptionKey']) {
      const all = `import { ${name}, parseKeytab } from 'krb5-acceptor'; ${listing} ${compute}`;
      const path = write('computes.mjs', `${all} console.log(typeof ${name});`);
      expect(await runFile(await bundle(path, 'neutral'))).toMatch(/true\n16\n/);
    }
  });
});

function importsOf(names: readonly string[]): string {
  const lines = names.map((name, i) => `import * as entry${i} from '${name}';`);
  return `${lines.join('\n')}\nexport const all = [${names.map((_, i) => `entry${i}`)}];\n`;
}

const CONSUMER = `
import type { AcceptResult, SecurityContext } from 'krb5-acceptor';
import { acquireCredential, createAcceptor, parseKeytab } from 'krb5-acceptor';
import type { NegotiateResult } from 'krb5-acceptor/http';
import { negotiate } from 'krb5-acceptor/http';
import { withLegacyEnctypes } from 'krb5-acceptor/legacy';
import { createInitiator, mintTicket } from 'krb5-acceptor/testing';

const keytab = parseKeytab(new Uint8Array(), { crypto: withLegacyEnctypes() });
const acceptor = createAcceptor({ credential: await acquireCredential({ keytab }) });

export async function signOn(header: string): Promise<NegotiateResult> {
  return await negotiate(acceptor, header);
}

export async function meet(): Promise<string | undefined> {
  const initiator = createInitiator({ ticket: mintTicket({ keytab, client: 'alice' }) });
  const result: AcceptResult = await acceptor.begin().accept(initiator.begin());
  using context: SecurityContext = initiator.finish(result.outputToken);
  const wrapped: Uint8Array = context.wrap(new Uint8Array(3));
  return String(wrapped.length);
}
`;
