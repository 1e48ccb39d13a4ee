import { join, relative, resolve } from 'node:path';
import ts from 'typescript';
import { compilerOptions } from './public-api.ts';

/**
 * What a module of `src/` could remember from one call to the next: a variable that is assigned
 * again, or a constant whose value can be changed in place. Static fields of classes count.
 *
 * @returns `folder/file.ts: NAME` of each, sorted.
 */
export function moduleState(files: readonly string[]): string[] {
  const program = ts.createProgram(
    files.map((file) => join(SOURCES, file)),
    compilerOptions(),
  );
  const checker = program.getTypeChecker();
  return files
    .flatMap((file) => {
      const source = program.getSourceFile(join(SOURCES, file))!;
      return declarationsOf(source)
        .filter((declaration) => canChange(checker, declaration))
        .map(
          (declaration) => `${relative(SOURCES, source.fileName)}: ${declaration.name.getText()}`,
        );
    })
    .sort();
}

type Declaration = ts.VariableDeclaration | ts.PropertyDeclaration;

function declarationsOf(source: ts.SourceFile): Declaration[] {
  return source.statements.flatMap((statement): Declaration[] => {
    if (ts.isVariableStatement(statement)) return [...statement.declarationList.declarations];
    if (!ts.isClassDeclaration(statement)) return [];
    return statement.members
      .filter(ts.isPropertyDeclaration)
      .filter((member) => ts.getCombinedModifierFlags(member) & ts.ModifierFlags.Static);
  });
}

function canChange(checker: ts.TypeChecker, declaration: Declaration): boolean {
  if (ts.isVariableDeclaration(declaration)) {
    if ((ts.getCombinedNodeFlags(declaration) & ts.NodeFlags.Const) === 0) return true;
  } else if ((ts.getCombinedModifierFlags(declaration) & ts.ModifierFlags.Readonly) === 0) {
    return true;
  }
  const { initializer } = declaration;
  if (initializer !== undefined && holdsObject(initializer)) return true;
  return isMutable(declaration, checker.getTypeAtLocation(declaration.name));
}

/** Whether a value of the type can be changed by anyone who has it. */
function isMutable(declaration: Declaration, type: ts.Type): boolean {
  if (type.isUnion()) return type.types.some((one) => isMutable(declaration, one));
  if ((type.flags & ts.TypeFlags.Object) === 0) return false;
  const name = type.symbol?.name ?? '';
  if (COLLECTIONS.test(name)) return true;
  // Tables: nothing could keep them from being written to, and so each write counts.
  if (ARRAYS.test(name)) return isWritten(declaration);
  return type.isClass();
}

/** Whether an object with a state of its own, or a buffer to write to, is made as the module loads. */
function holdsObject(node: ts.Node): boolean {
  if (ts.isFunctionLike(node)) return false;
  if (ts.isNewExpression(node)) {
    const name = node.expression.getText();
    const buffer = ARRAYS.test(name);
    if (buffer && node.arguments?.some((size) => /^[1-9]|^[A-Z_]+$/.test(size.getText())))
      return true;
    if (!buffer && !HARMLESS.test(name)) return true;
  }
  return ts.forEachChild(node, holdsObject) ?? false;
}

/** Whether the file changes an array in place. */
function isWritten(declaration: Declaration): boolean {
  const name = declaration.name.getText();
  let written = false;
  const search = (node: ts.Node): void => {
    if (ts.isElementAccessExpression(node) && node.expression.getText() === name) {
      written ||= isAssigned(node);
    }
    if (ts.isPropertyAccessExpression(node) && node.expression.getText() === name) {
      written ||= ts.isCallExpression(node.parent) && WRITERS.test(node.name.text);
    }
    ts.forEachChild(node, search);
  };
  search(declaration.getSourceFile());
  return written;
}

function isAssigned(node: ts.Expression): boolean {
  const { parent } = node;
  if (ts.isPrefixUnaryExpression(parent) || ts.isPostfixUnaryExpression(parent)) {
    return /\+\+|--/.test(parent.getText());
  }
  return (
    ts.isBinaryExpression(parent) &&
    parent.left === node &&
    parent.operatorToken.kind >= ts.SyntaxKind.FirstAssignment &&
    parent.operatorToken.kind <= ts.SyntaxKind.LastAssignment
  );
}

const COLLECTIONS = /^(?:Weak)?(?:Map|Set|Ref)$/;
const ARRAYS = /^(?:Array|ArrayBuffer|DataView|(?:Big)?(?:Int|Uint|Float)\d+(?:Clamped)?Array)$/;
// A collection counts by its declared type: a ReadonlyMap is a table.
const HARMLESS = /^(?:Map|Set|Error|RegExp|URL|TextEncoder|TextDecoder)$/;
const WRITERS = /^(?:set\w*|fill|copyWithin|push|pop|shift|unshift|splice|sort|reverse)$/;
const SOURCES = resolve(import.meta.dirname, '../../src');
