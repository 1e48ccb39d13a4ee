/** Every throw and every failure of the sources has a reason, or is about misuse by the caller. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { expect, it } from 'vitest';

const SOURCES = join(import.meta.dirname, '../../src');

/** Errors with a reason: their constructors require it, or have a default of their own. */
const WITH_REASON: ReadonlySet<string> = new Set([
  'ReasonedError',
  'KerberosError',
  'GssError',
  'DecodeError',
]);

/** Misuse by the caller, and wrong arguments of a program: no operator of a running service meets them. */
const MISUSE: ReadonlySet<string> = new Set(['TypeError', 'RangeError', 'UsageError']);

/** Errors that stay inside, or that carry something else; each with its why. */
const OTHERS: Readonly<Record<string, string>> = {
  'Error in options.ts': 'a TypeError or a RangeError',
  'Error in iakerb/inquiry.ts': 'the reason of a signal: the relay is over',
  'Error in cli/engine-client.ts': 'becomes the text of server.engine',
  'Error in http/session/store.ts': 'the cause of http.session-store',
  'Error in node/check/system.ts': 'the cause of a finding',
  'Error in http/outcome/gone-signals.ts': 'the cause of fault.aborted',
  'Error in node/server/workers.ts': "the system's error of another process",
  ChannelError: 'of a TCP connection: kind and text, the event channel-error',
  FrameError: 'becomes a ChannelError',
  KdcError: 'an answer of the KDC for tests to its client',
  Malformed: 'becomes config.syntax',
  NoAnswer: 'becomes the text of kdc.unreachable',
  ReplayCacheFaults: 'for the author of a replay cache, from checkReplayCache',
  RulesError: 'of a program: file and line are its text',
  StageError: 'carries an error and the stage of it',
  Stop: 'ends a branch of what gss-inspect shows',
  Unsupported: 'becomes config.syntax',
  WorkerStartError: "carries the system's error as its cause",
};

/** Calls that return whatever they were given, or one of our errors for it. */
const PASSES_ON: ReadonlySet<string> = new Set([
  'asBadMic',
  'asReason',
  'this.#faultOf',
  'this.#refuse',
  'this.#rejection',
  'withProof',
]);

/** Other expressions of unknown type that are thrown; each with its why. */
const PASSED_ON: Readonly<Record<string, string>> = {
  'cli/forward-auth/main.ts': 'any other error than one of the system',
  'node/server/sign-session.ts': 'any other error than one of GSS',
  'keytab/keytab.ts': 'one of two errors of readRecords',
  'sasl/session.ts': 'the error that ended the session, once more',
  'testing/spnego-exchange.ts': 'the error of the acceptor, as a client sees it',
  'testing/kdc/realm.ts': 'the reason of a signal of a test',
};

/** Functions that read what came over the network: what is wrong with it is no misuse by the caller. */
const READERS = /^(?:decode|read|take|unframe|unwrap|verify|open)/;
const NETWORK = /^(?:messages|tokens|spnego|gss|pac|iakerb|ap|sasl)\//;
/** Of {@link READERS}, those that judge the caller: whether a reader is loaded, which buffers there are. */
const JUDGES_CALLER: ReadonlySet<string> = new Set(['readBuffer', 'unwrapIov']);

const program = ts.createProgram(
  sourceFiles().map((path) => join(SOURCES, path)),
  compilerOptions(),
);
const checker = program.getTypeChecker();

it('the sources make no error without a reason', () => {
  const without = inSources(ts.isNewExpression)
    .filter(({ node }) => classesOf(node).some(([, ...bases]) => bases.includes('Error')))
    .concat(inSources(ts.isNewExpression).filter(({ node }) => nameOf(node) === 'Error'))
    .filter(({ node, path }) => !isAllowed(classesOf(node)[0], path))
    .map(({ node, path }) => `${path}: ${node.getText()}`);
  expect(without).toEqual([]);
});

it('errors are made with new, and by no other name, so that they are found here', () => {
  const calls = inSources(ts.isCallExpression)
    .filter(
      ({ node }) =>
        makesError(node.expression) ||
        /^Reflect\.construct$|Error\.prototype/.test(node.expression.getText()) ||
        /^Object\.create\(\w*Error\b/.test(node.getText()),
    )
    .map(({ node, path }) => `${path}: ${node.getText()}`);
  const renamed = inSources(ts.isNewExpression)
    .filter(({ node }) => makesError(node.expression) && !/Error$/.test(nameOf(node)))
    .map(({ node, path }) => `${path}: ${node.getText()}`);
  expect([...calls, ...renamed]).toEqual([]);
});

it('promises are rejected by a function of that name', () => {
  const others = inSources(ts.isNewExpression)
    .filter(({ node }) => nameOf(node) === 'Promise')
    .flatMap(({ node, path }) => {
      const [executor] = node.arguments ?? [];
      if (
        executor === undefined ||
        !(ts.isArrowFunction(executor) || ts.isFunctionExpression(executor))
      )
        return [];
      const name = executor.parameters[1]?.name.getText() ?? 'reject';
      return name === 'reject' ? [] : [`${path}: ${name}`];
    });
  expect(others).toEqual([]);
});

it('the sources throw no value without a reason, and reject with none', () => {
  const without = [...inSources(ts.isThrowStatement), ...inSources(isRejection)]
    .map(({ node, path }) => ({ path, thrown: thrownBy(node) }))
    .filter(({ path, thrown }) => !classesOf(thrown).every((one) => isAllowed(one, path)))
    .filter(({ path, thrown }) => !passesOn(thrown, path))
    .map(({ path, thrown }) => `${path}: ${thrown.getText()}`);
  expect(without).toEqual([]);
});

it('what reads the bytes of a peer makes no TypeError or RangeError of them', () => {
  const blamed = inSources(ts.isNewExpression)
    .filter(({ path }) => NETWORK.test(path))
    .filter(({ node }) => ['TypeError', 'RangeError'].includes(nameOf(node)))
    .map(({ node, path }) => [path, functionAround(node)] as const)
    .filter(([, name]) => READERS.test(name) && !JUDGES_CALLER.has(name));
  expect(blamed).toEqual([]);
});

it('a misuse is named with what was expected', () => {
  const others = inSources(ts.isNewExpression)
    .filter(({ path }) => !path.startsWith('cli/'))
    .filter(({ node }) => ['TypeError', 'RangeError'].includes(nameOf(node)))
    .map(({ node, path }) => `${path}: ${node.arguments?.[0]?.getText() ?? ''}`)
    .filter(
      (text) =>
        !/expected|must|needs|has no state|gave no row|not used up|does not negotiate|[a-z]\(|message/.test(
          text,
        ),
    );
  expect(others).toEqual([]);
});

it('each other error has a place where it is made', () => {
  const made = new Set(
    inSources(ts.isNewExpression).map(({ node, path }) => {
      const name = classesOf(node)[0]?.[0];
      return name === 'Error' ? `Error in ${path}` : name;
    }),
  );
  expect(Object.keys(OTHERS).filter((name) => !made.has(name))).toEqual([]);
});

it('errors with a reason are made by their constructors only, and their reasons are checked by types', () => {
  for (const path of sourceFiles()) {
    expect(readFileSync(join(SOURCES, path), 'utf8'), path).not.toMatch(
      /Object\.assign\(new (?:Kerberos|Gss|Decode)Error|as unknown as (?:Kerberos|Gss)Error|reason: \w+ as (?:Reason|never)\b/,
    );
  }
});

function sourceFiles(): string[] {
  return (
    readdirSync(SOURCES, { recursive: true, encoding: 'utf8' })
      .map((path) => path.replaceAll('\\', '/'))
      // The demonstration has messages of its own for whoever runs it.
      .filter((path) => path.endsWith('.ts') && !/^cli\/demo/.test(path))
  );
}

interface Found<T extends ts.Node> {
  readonly node: T;
  readonly path: string;
}

/** The nodes of a kind in all sources. */
function inSources<T extends ts.Node>(isKind: (node: ts.Node) => node is T): Found<T>[] {
  const found: Found<T>[] = [];
  for (const path of sourceFiles()) {
    const visit = (node: ts.Node): void => {
      if (isKind(node)) found.push({ node, path });
      ts.forEachChild(node, visit);
    };
    visit(program.getSourceFile(join(SOURCES, path).replaceAll('\\', '/'))!);
  }
  return found;
}

/** `reject(error)` and `Promise.reject(error)`. */
function isRejection(node: ts.Node): node is ts.CallExpression {
  return (
    ts.isCallExpression(node) &&
    node.arguments.length > 0 &&
    /(?:^|\.)reject$/.test(node.expression.getText())
  );
}

function thrownBy(node: ts.ThrowStatement | ts.CallExpression): ts.Expression {
  return ts.isThrowStatement(node) ? node.expression : node.arguments[0]!;
}

/** For each type that an expression may have, its class and those above it. */
function classesOf(node: ts.Expression): string[][] {
  const type = checker.getTypeAtLocation(node);
  const types = type.isUnion() ? type.types : [type];
  // Of an Error & { code } the first counts.
  return types.map((one) => heritageOf(one.isIntersection() ? one.types[0]! : one));
}

function heritageOf(type: ts.Type): string[] {
  const [base] = type.isClassOrInterface() ? checker.getBaseTypes(type) : [];
  return [type.symbol?.name ?? checker.typeToString(type), ...(base ? heritageOf(base) : [])];
}

function isAllowed([name = '', ...bases]: readonly string[] = [], path: string): boolean {
  if (name === 'ReasonedError' || bases.includes('ReasonedError')) return WITH_REASON.has(name);
  return MISUSE.has(name) || (name === 'Error' ? `Error in ${path}` : name) in OTHERS;
}

/** Whether it is a constructor of the language's errors, under whatever name. */
function makesError(node: ts.Expression): boolean {
  if (node.kind === ts.SyntaxKind.SuperKeyword) return false;
  return /^(?:\w*Error)Constructor$/.test(checker.getTypeAtLocation(node).symbol?.name ?? '');
}

function isUnknown(node: ts.Expression): boolean {
  return (checker.getTypeAtLocation(node).flags & (ts.TypeFlags.Unknown | ts.TypeFlags.Any)) !== 0;
}

/** Whether what is thrown was made elsewhere: caught, or received. */
function passesOn(node: ts.Expression, path: string): boolean {
  // An error of its own would have been found where it is made.
  if (ts.isIdentifier(node)) {
    return isUnknown(node) || classesOf(node).every((names) => names.includes('Error'));
  }
  if (ts.isCallExpression(node) && PASSES_ON.has(node.expression.getText())) return true;
  return isUnknown(node) && path in PASSED_ON;
}

function nameOf(node: ts.NewExpression): string {
  return node.expression.getText();
}

/** The name of the innermost function with a name. */
function functionAround(node: ts.Node): string {
  for (let at = node.parent; at !== undefined; at = at.parent) {
    if ((ts.isFunctionDeclaration(at) || ts.isMethodDeclaration(at)) && at.name !== undefined) {
      return at.name.getText();
    }
  }
  return '';
}

function compilerOptions(): ts.CompilerOptions {
  const { config } = ts.readConfigFile(join(SOURCES, '../tsconfig.node.json'), ts.sys.readFile);
  return ts.parseJsonConfigFileContent(config, ts.sys, join(SOURCES, '..')).options;
}
