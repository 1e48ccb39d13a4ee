/** Small faults, made in a source one at a time by its syntax tree. */
import * as ts from 'typescript';

export interface Mutant {
  readonly path: string;
  /** Both from 1. */
  readonly line: number;
  readonly column: number;
  /** What is replaced: an offset and its end in the source, and both texts. */
  readonly start: number;
  readonly end: number;
  readonly before: string;
  readonly after: string;
  /** The block that it is in: an index in {@link Source.blocks}, or -1 for the module itself. */
  readonly block: number;
}

/** A source with all that can be done to it. */
export interface Source {
  readonly path: string;
  readonly text: string;
  readonly mutants: readonly Mutant[];
  /** Where each block's code begins, and where an arrow function's bare expression ends. */
  readonly blocks: readonly { readonly start: number; readonly arrowEnd?: number }[];
}

export function readSource(path: string, text: string): Source {
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true);
  const mutants: Mutant[] = [];
  const blocks: { start: number; arrowEnd?: number }[] = [];
  const visit = (node: ts.Node, block: number): void => {
    if (isOfNoInterest(node)) return;
    let inner = block;
    if (ts.isBlock(node)) {
      inner = blocks.push({ start: node.getStart() + 1 }) - 1;
    } else if (isArrowBody(node)) {
      inner = blocks.push({ start: node.getStart(), arrowEnd: node.getEnd() }) - 1;
    }
    for (const [target, after] of faultsOf(node)) {
      const [start, end] = [target.getStart(), target.getEnd()];
      const { line, character } = file.getLineAndCharacterOfPosition(start);
      const before = text.slice(start, end);
      const place = { path, line: line + 1, column: character + 1 };
      mutants.push({ ...place, start, end, before, after, block: inner });
    }
    ts.forEachChild(node, (child) => visit(child, inner));
  };
  visit(file, -1);
  return { path, text, mutants, blocks };
}

export function mutate(text: string, { start, end, after }: Mutant): string {
  return text.slice(0, start) + after + text.slice(end);
}

/** The source, noting in `globalThis.__hits` which of its blocks run: `path` and `path:block`. */
export function withProbes({ path, text, blocks }: Source): string {
  const edits = blocks.flatMap(({ start, arrowEnd }, index) => {
    const hit = `__hits.add(${JSON.stringify(`${path}:${index}`)})`;
    if (arrowEnd === undefined) return [{ at: start, insert: `${hit};`, order: index }];
    return [
      { at: start, insert: `(${hit}, `, order: index },
      { at: arrowEnd, insert: ')', order: -index },
    ];
  });
  // From the end, so that offsets stay true; at one offset the outer of two blocks opens first.
  edits.sort((a, b) => b.at - a.at || b.order - a.order);
  const probed = edits.reduce(
    (code, { at, insert }) => code.slice(0, at) + insert + code.slice(at),
    text,
  );
  return `__hits.add(${JSON.stringify(path)});${probed}`;
}

/** Types, and what is said to people: texts of errors, hints. */
function isOfNoInterest(node: ts.Node): boolean {
  if (ts.isTypeNode(node) || ts.isImportDeclaration(node) || ts.isInterfaceDeclaration(node)) {
    return true;
  }
  if (ts.isTypeAliasDeclaration(node) || ts.isTemplateExpression(node)) return true;
  if (ts.isPropertyAssignment(node)) return /^(hint|detail|cause)$/.test(node.name.getText());
  if (ts.isNewExpression(node)) return /Error$/.test(node.expression.getText());
  return false;
}

function isArrowBody(node: ts.Node): boolean {
  return ts.isArrowFunction(node.parent ?? node) && node === (node.parent as ts.ArrowFunction).body;
}

/** What can be put in the place of a node, or of one that belongs to it. */
function faultsOf(node: ts.Node): (readonly [ts.Node, string])[] {
  if (ts.isBinaryExpression(node)) return binaryFaults(node);
  if (node.kind === ts.SyntaxKind.TrueKeyword) return [[node, 'false']];
  if (node.kind === ts.SyntaxKind.FalseKeyword) return [[node, 'true']];
  if (ts.isPrefixUnaryExpression(node)) {
    const plain = [
      ts.SyntaxKind.ExclamationToken,
      ts.SyntaxKind.MinusToken,
      ts.SyntaxKind.TildeToken,
    ];
    return plain.includes(node.operator) ? [[node, `(${node.operand.getText()})`]] : [];
  }
  if (ts.isIfStatement(node) || ts.isConditionalExpression(node)) {
    const condition = ts.isIfStatement(node) ? node.expression : node.condition;
    return hasOwnNegation(condition) ? [] : [[condition, `!(${condition.getText()})`]];
  }
  if (ts.isThrowStatement(node)) return [[node, ';']];
  if (ts.isExpressionStatement(node)) {
    const { expression } = node;
    const call = ts.isAwaitExpression(expression) ? expression.expression : expression;
    if (!ts.isCallExpression(call) || call.expression.kind === ts.SyntaxKind.SuperKeyword)
      return [];
    return [[node, ';']];
  }
  if (!ts.isNumericLiteral(node) || isInTable(node) || isOfWipe(node)) return [];
  return [[node, `${Number(node.text) + 1}`]];
}

function binaryFaults(node: ts.BinaryExpression): (readonly [ts.Node, string])[] {
  const { left, operatorToken, right } = node;
  const operator = operatorToken.getText();
  const assigning = ASSIGNMENTS[operator];
  if (assigning !== undefined) return [[operatorToken, assigning]];
  const others = OPERATORS[operator];
  if (others === undefined || ts.isStringLiteral(left) || ts.isStringLiteral(right)) return [];
  if (operator === '+' && (ts.isTemplateExpression(left) || ts.isTemplateExpression(right))) {
    return [];
  }
  return others.map((other) => [node, `((${left.getText()}) ${other} (${right.getText()}))`]);
}

/** A condition whose own fault is already its negation. */
function hasOwnNegation(condition: ts.Expression): boolean {
  if (ts.isPrefixUnaryExpression(condition)) return true;
  return ts.isBinaryExpression(condition) && /^[!=]==$/.test(condition.operatorToken.getText());
}

/** Tables of numbers: a vector that does not read an entry is no weakness of the tests. */
function isInTable(node: ts.Node): boolean {
  const { parent } = node;
  if (ts.isArrayLiteralExpression(parent)) return parent.elements.length > 8;
  if (!ts.isPropertyAssignment(parent)) return false;
  return ts.isAsExpression(parent.parent.parent);
}

/** The zero of `key.fill(0);`: another number wipes as well. */
function isOfWipe({ parent }: ts.Node): boolean {
  if (!ts.isCallExpression(parent) || parent.arguments.length !== 1) return false;
  return ts.isExpressionStatement(parent.parent) && /\.fill$/.test(parent.expression.getText());
}

const OPERATORS: Readonly<Record<string, readonly string[]>> = {
  '<': ['<=', '>='],
  '<=': ['<', '>'],
  '>': ['>=', '<='],
  '>=': ['>', '<'],
  '===': ['!=='],
  '!==': ['==='],
  '+': ['-'],
  '-': ['+'],
  '*': ['/'],
  '/': ['*'],
  '%': ['*'],
  '&': ['|'],
  '|': ['&'],
  '^': ['|'],
  '<<': ['>>'],
  '>>': ['<<'],
  '>>>': ['>>'],
  '&&': ['||'],
  '||': ['&&'],
  '??': ['&&'],
};
const ASSIGNMENTS: Readonly<Record<string, string>> = {
  '+=': '-=',
  '-=': '+=',
  '|=': '&=',
  '&=': '|=',
  '^=': '|=',
  '??=': '=',
};
