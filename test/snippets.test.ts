/** The code that README, docs and docstrings show, compiled as a user would: against the entries. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import {
  compilerOptions,
  examplesOf,
  readPublicApi,
  sourceOfEntries,
} from './support/public-api.ts';

/** Names that a snippet may use without having them: they are those of the reader's own program. */
const GIVEN: Readonly<Record<string, string>> = {
  acceptor: "import('krb5-acceptor').Acceptor",
  answerDenied: "typeof import('krb5-acceptor/http').answerDenied",
  createAuthenticator: "typeof import('krb5-acceptor/http').createAuthenticator",
  keytab: "import('krb5-acceptor').Keytab",
  negotiate: "typeof import('krb5-acceptor/http').negotiate",
  tokenFromClient: 'Uint8Array',
  wrappedFromClient: 'Uint8Array',
  send: '(bytes: Uint8Array) => void',
  log: '(line: string) => void',
  checkPassword: '(authorization: string | null) => Promise<boolean>',
};

/** Entry points whose docstrings have an example. */
const ENTRY_POINTS: readonly string[] = [
  'acquireCredential',
  'answerDenied',
  'checkReplayCache',
  'createAcceptor',
  'createAuthenticator',
  'createGssServer',
  'createInitiator',
  'createRealm',
  'createSaslClient',
  'createSaslServer',
  'createSignOnFetch',
  'httpAuthenticator',
  'identityOf',
  'kerberos',
  'keytabFile',
  'loadKerberosConfig',
  'mintTicket',
  'negotiate',
  'openReplayCache',
  'parseKerberosConfig',
  'parseKeytab',
  'requestTicket',
  'saslSocket',
  'saslStreams',
  'startRealm',
  'startWorkers',
  'storedExchanges',
  'testKeytab',
  'withKerberos',
  'withLegacyEnctypes',
];

interface Snippet {
  readonly title: string;
  readonly code: string;
}

const root = resolve(import.meta.dirname, '..');
const api = readPublicApi();
const examples = examplesOf(api).map(({ name, code }) => ({ title: `@example of ${name}`, code }));
const pages = [
  'README.md',
  'SECURITY.md',
  ...markdownOf('docs'),
  ...markdownOf('docs/protocols'),
].flatMap(snippetsOf);

function markdownOf(folder: string): string[] {
  return readdirSync(join(root, folder))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `${folder}/${name}`);
}

function snippetsOf(page: string): Snippet[] {
  const text = readFileSync(join(root, page), 'utf8');
  return [...text.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(([, code], index) => ({
    title: `${page}, snippet ${index + 1}`,
    code: code!,
  }));
}

/** What the compiler has to say about snippets that are each a module of its own. */
function compile(snippets: readonly Snippet[]): string[] {
  const files = new Map(
    snippets.map(({ title, code }, index) => [
      join(root, `snippet-${index}.ts`),
      { title, text: `${code}\n${givenTo(code)}\nexport {};\n` },
    ]),
  );
  const options: ts.CompilerOptions = {
    ...compilerOptions(),
    declaration: false,
    isolatedDeclarations: false,
    noUnusedLocals: false,
    noUnusedParameters: false,
    paths: Object.fromEntries(sourceOfEntries().map(([entry, path]) => [entry, [path]])),
  };
  delete options.rootDir;
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile, getSourceFile } = host;
  host.fileExists = (path) => files.has(path) || fileExists(path);
  host.readFile = (path) => files.get(path)?.text ?? readFile(path);
  host.getSourceFile = (path, target, ...rest) => {
    const file = files.get(path);
    return file
      ? ts.createSourceFile(path, file.text, target)
      : getSourceFile(path, target, ...rest);
  };
  const program = ts.createProgram([...files.keys()], options, host);
  return [...files].flatMap(([path, { title }]) => {
    const source = program.getSourceFile(path)!;
    const found = [
      ...program.getSyntacticDiagnostics(source),
      ...program.getSemanticDiagnostics(source),
    ];
    return found.map(
      ({ messageText }) => `${title}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`,
    );
  });
}

/** Declarations of the names that a snippet takes from its reader. */
function givenTo(code: string): string {
  return Object.entries(GIVEN)
    .filter(([name]) => new RegExp(`(?<![.'])\\b${name}\\b(?!['-])`).test(code))
    .filter(
      ([name]) =>
        !new RegExp(`(?:const|let|function) ${name}\\b|import \\{[^}]*\\b${name}\\b`).test(code),
    )
    .map(([name, type]) => `declare const ${name}: ${type};`)
    .join('\n');
}

describe('the code that readers see', () => {
  it('compiles', () => {
    expect(compile([...examples, ...pages])).toEqual([]);
  });

  it('is checked: what does not compile is found', () => {
    const wrong =
      "import { createAcceptor } from 'krb5-acceptor';\ncreateAcceptor({ credentials: 1 });";
    expect(compile([{ title: 'wrong', code: wrong }])).toEqual([
      expect.stringMatching(/^wrong: .*credentials/s),
    ]);
  });

  it('includes an example at each entry point', () => {
    const names = examples.map(({ title }) => title.replace('@example of ', ''));
    expect(names).toEqual(expect.arrayContaining([...ENTRY_POINTS]));
  });
});
