import { readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import ts from 'typescript';

/** One public name of an entry, with what declares it. */
export interface PublicName {
  /** As `krb5-acceptor/node`. */
  readonly entry: string;
  readonly name: string;
  /** More than one where the entry gives a class of another file a name of its own. */
  readonly symbols: readonly ts.Symbol[];
  readonly declarations: readonly ts.Declaration[];
}

/** The entries of the package as the compiler reads them. */
export interface PublicApi {
  readonly checker: ts.TypeChecker;
  readonly names: readonly PublicName[];
}

export function readPublicApi(): PublicApi {
  const entries = sourceOfEntries();
  const program = ts.createProgram(
    entries.map(([, path]) => path),
    compilerOptions(),
  );
  const checker = program.getTypeChecker();
  const names = entries.flatMap(([entry, path]) => {
    const module = checker.getSymbolAtLocation(program.getSourceFile(path)!)!;
    return checker.getExportsOfModule(module).map((exported) => {
      const symbols = withRenamed(checker, resolveAlias(checker, exported));
      const declarations = symbols.flatMap((symbol) => symbol.declarations ?? []);
      return { entry, name: exported.name, symbols, declarations };
    });
  });
  return { checker, names };
}

/** Named types of this project that the public signatures use, and the name that uses each. */
export function usedTypes({ checker, names }: PublicApi): Map<ts.Symbol, string> {
  const used = new Map<ts.Symbol, string>();
  for (const { name, declarations } of names) {
    for (const declaration of declarations) {
      walkSignature(declaration, (reference) => {
        const found = checker.getSymbolAtLocation(reference);
        if (found === undefined) return;
        const symbol = resolveAlias(checker, found);
        if (isOurs(symbol) && !used.has(symbol)) used.set(symbol, name);
      });
    }
  }
  return used;
}

/** Public names and members without a docstring, as `AcceptorOptions.clock`. */
export function undocumented({ names }: PublicApi): string[] {
  const missing = new Set<string>();
  for (const { name, declarations } of names) {
    if (!declarations.some(isDocumented)) missing.add(name);
    for (const declaration of declarations) {
      const members = publicMembers(declaration);
      // A setter, or an overload, shares the docstring of the first one.
      const documented = new Set(members.filter(isDocumented).map(memberName));
      for (const member of members) {
        const own = memberName(member);
        if (!documented.has(own)) missing.add(`${name}.${own}`);
      }
    }
  }
  return [...missing].sort();
}

/** Links in the docstrings of public names to what no entry exports, as `Pac: importPac`. */
export function brokenLinks({ names }: PublicApi): string[] {
  const exported = new Set(names.map(({ name }) => name));
  return names.flatMap(({ name, declarations }) =>
    declarations.flatMap((declaration) => {
      const members = publicMembers(declaration);
      const own = new Set(members.map(memberName));
      return [declaration, ...members]
        .flatMap((node) => ts.getJSDocCommentsAndTags(documentedNode(node)))
        .flatMap((doc) => [...doc.getText().matchAll(/\{@link (\w+)/g)].map(([, link]) => link!))
        .filter((link) => !exported.has(link) && !own.has(link))
        .map((link) => `${name}: ${link}`);
    }),
  );
}

/** The code of the `@example`s of the public names and of their members. */
export function examplesOf({
  names,
}: PublicApi): { readonly name: string; readonly code: string }[] {
  const seen = new Set<ts.Node>();
  return names.flatMap(({ name, declarations }) =>
    declarations
      .flatMap((declaration) => [declaration, ...publicMembers(declaration)])
      .filter((node) => !seen.has(node) && seen.add(node))
      .flatMap((node) => ts.getJSDocTags(documentedNode(node)))
      .filter((tag) => tag.tagName.text === 'example')
      .map((tag) => ({ name, code: codeOf(ts.getTextOfJSDocComment(tag.comment) ?? '') })),
  );
}

/** Compiler options of the whole package: those of tsconfig.node.json. */
export function compilerOptions(): ts.CompilerOptions {
  const path = join(ROOT, 'tsconfig.node.json');
  const host = { ...ts.sys, onUnRecoverableConfigFileDiagnostic: fail };
  return ts.getParsedCommandLineOfConfigFile(path, { noEmit: true }, host)!.options;
}

/** The entries by name, `krb5-acceptor/node`, and the absolute path of the source of each. */
export function sourceOfEntries(): [name: string, path: string][] {
  const { name, exports } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    readonly name: string;
    readonly exports: Readonly<Record<string, string | { readonly types: string }>>;
  };
  return Object.entries(exports).flatMap(([entry, target]): [string, string][] =>
    typeof target === 'string' ? [] : [[entry.replace('.', name), sourceOf(target.types)]],
  );
}

/** The file below `src/` that types in `dist/` are made from, as an absolute path. */
function sourceOf(output: string): string {
  return join(ROOT, output.replace(/^\.\/dist\//, 'src/').replace(/\.d\.ts$/, '.ts'));
}

/** Visits each identifier that names a type in what others can see. */
function walkSignature(node: ts.Node, visit: (reference: ts.Node) => void): void {
  if (ts.isBlock(node) || isHidden(node)) return;
  if (ts.isHeritageClause(node) && node.token === ts.SyntaxKind.ImplementsKeyword) return;
  if (ts.isTypeReferenceNode(node)) visit(node.typeName);
  if (ts.isExpressionWithTypeArguments(node)) visit(node.expression);
  const initializer = 'initializer' in node ? node.initializer : undefined;
  ts.forEachChild(node, (child) => {
    if (child !== initializer) walkSignature(child, visit);
  });
}

function publicMembers(declaration: ts.Node): (ts.ClassElement | ts.TypeElement)[] {
  const members: (ts.ClassElement | ts.TypeElement)[] = [];
  const collect = (node: ts.Node): void => {
    if (
      ts.isClassDeclaration(node) ||
      ts.isInterfaceDeclaration(node) ||
      ts.isTypeLiteralNode(node)
    ) {
      members.push(...node.members.filter((member) => !isHidden(member)));
    } else if (ts.isTypeAliasDeclaration(node)) collect(node.type);
    else if (ts.isUnionTypeNode(node) || ts.isIntersectionTypeNode(node))
      node.types.forEach(collect);
    else if (ts.isParenthesizedTypeNode(node)) collect(node.type);
  };
  collect(declaration);
  return members.filter((member) => !ts.isIndexSignatureDeclaration(member));
}

function isHidden(node: ts.Node): boolean {
  if (ts.getJSDocTags(node).some((tag) => tag.tagName.text === 'internal')) return true;
  if (ts.isClassStaticBlockDeclaration(node)) return true;
  const name = ts.isClassElement(node) ? node.name : undefined;
  const flags = ts.isClassElement(node) ? ts.getCombinedModifierFlags(node) : 0;
  return (
    (name !== undefined && ts.isPrivateIdentifier(name)) || (flags & ts.ModifierFlags.Private) !== 0
  );
}

function isDocumented(node: ts.Node): boolean {
  return ts
    .getJSDocCommentsAndTags(documentedNode(node))
    .some((doc) => ts.isJSDoc(doc) && (doc.comment !== undefined || doc.tags !== undefined));
}

/** The docstring of a variable belongs to its statement. */
function documentedNode(node: ts.Node): ts.Node {
  return ts.isVariableDeclaration(node) ? node.parent.parent : node;
}

function memberName(member: ts.ClassElement | ts.TypeElement): string {
  return ts.isConstructorDeclaration(member) ? 'constructor' : (member.name?.getText() ?? '()');
}

function codeOf(comment: string): string {
  return /```ts\n([\s\S]*?)```/.exec(comment)?.[1] ?? comment;
}

function isOurs(symbol: ts.Symbol): boolean {
  const declaration = symbol.declarations?.[0];
  if (declaration === undefined || ts.isTypeParameterDeclaration(declaration)) return false;
  if (ts.isParameter(declaration)) return false;
  return !relative(join(ROOT, 'src'), declaration.getSourceFile().fileName).startsWith('..');
}

function resolveAlias(checker: ts.TypeChecker, symbol: ts.Symbol): ts.Symbol {
  return symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
}

/** A symbol and, where it is `type X = Y`, the symbol of Y. */
function withRenamed(checker: ts.TypeChecker, symbol: ts.Symbol): ts.Symbol[] {
  const target = symbol.declarations
    ?.filter(ts.isTypeAliasDeclaration)
    .map(({ type }) => type)
    .find((type) => ts.isTypeReferenceNode(type) && type.typeArguments === undefined);
  if (target === undefined) return [symbol];
  const named = checker.getSymbolAtLocation((target as ts.TypeReferenceNode).typeName)!;
  return [symbol, resolveAlias(checker, named)];
}

function fail(diagnostic: ts.Diagnostic): never {
  throw new Error(ts.flattenDiagnosticMessageText(diagnostic.messageText, '\n'));
}

const ROOT = resolve(import.meta.dirname, '../..');
