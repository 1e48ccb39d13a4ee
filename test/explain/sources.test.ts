/** Every throw and every failure of the sources has a reason, or is about misuse by the caller. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { expect, it } from 'vitest';

/** Errors with a reason: their constructors require it, or have a default of their own. */
const WITH_REASON: ReadonlySet<string> = new Set(['KerberosError', 'GssError', 'DecodeError']);

/** Misuse by the caller, and wrong arguments of a program: no operator of a running service meets them. */
const MISUSE: ReadonlySet<string> = new Set([
  'TypeError',
  'RangeError',
  'UsageError',
  // One of the first two, in options.ts.
  'Wrong',
]);

/** Errors that stay inside, or that carry something else; each with its why. */
const OTHERS: Readonly<Record<string, string>> = {
  'Error in http/session/store.ts': 'the cause of http.session-store',
  'Error in node/check/system.ts': 'the cause of a finding',
  'Error in node/http-request.ts': 'the cause of fault.aborted',
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

it('the sources throw and make no error without a reason', () => {
  const without = sourceFiles()
    .flatMap(madeErrors)
    .filter((what) => !WITH_REASON.has(what) && !MISUSE.has(what) && !(what in OTHERS));
  expect(without).toEqual([]);
});

it('each other error has a place where it is made', () => {
  const made = new Set(sourceFiles().flatMap(madeErrors));
  expect(Object.keys(OTHERS).filter((name) => !made.has(name))).toEqual([]);
});

it('errors with a reason are made by their constructors only', () => {
  for (const path of sourceFiles()) {
    expect(readFileSync(join(SOURCES, path), 'utf8'), path).not.toMatch(
      /Object\.assign\(new (?:Kerberos|Gss|Decode)Error|as unknown as (?:Kerberos|Gss)Error/,
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

/** The class of each error that is made, and of whatever else is thrown. */
function madeErrors(path: string): string[] {
  const text = readFileSync(join(SOURCES, path), 'utf8');
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isNewExpression(node)) {
      const what = node.expression.getText(source);
      const thrown = ts.isThrowStatement(node.parent);
      if (thrown || what.endsWith('Error'))
        found.push(what === 'Error' ? `Error in ${path}` : what);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

const SOURCES = join(import.meta.dirname, '../../src');
