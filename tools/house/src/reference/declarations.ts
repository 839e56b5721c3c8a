import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import ts from 'typescript';
import { root } from '../files.ts';

/** What a package exports under a name, as its source says it. */
export interface Declared {
  readonly name: string;
  /** The text of its comment. */
  readonly comment: string;
  /** Its declaration without the code of functions. */
  readonly code: string;
}

const parsed = new Map<string, ts.SourceFile>();

function sourceOf(file: string): ts.SourceFile {
  const known = parsed.get(file);
  if (known) return known;
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true);
  parsed.set(file, source);
  return source;
}

/** Everything that a module exports by name, in its order. Nothing is compiled: exports are followed from file to file. */
export function declarationsOf(file: string): Declared[] {
  return sourceOf(file).statements.flatMap((statement) => {
    if (!ts.isExportDeclaration(statement) || !statement.exportClause || !ts.isNamedExports(statement.exportClause))
      return [];
    return statement.exportClause.elements.map(({ name }) => find(file, name.text));
  });
}

/** @throws Error where a module does not declare the name */
function find(file: string, name: string): Declared {
  const { statements } = sourceOf(file);
  const own = statements.filter((statement) => namesOf(statement).includes(name));
  if (own.length > 0) return declared(name, own, file);
  for (const statement of statements) {
    const found = fromElsewhere(statement, name);
    if (found) return find(moduleFile(found.from, file), found.name);
  }
  throw new Error(`${file} declares no ${name}`);
}

function namesOf(statement: ts.Statement): string[] {
  if (ts.isVariableStatement(statement))
    return statement.declarationList.declarations.map(({ name }) => name.getText());
  const isNamed =
    ts.isFunctionDeclaration(statement) ||
    ts.isInterfaceDeclaration(statement) ||
    ts.isTypeAliasDeclaration(statement) ||
    ts.isClassDeclaration(statement);
  return isNamed && statement.name ? [statement.name.text] : [];
}

interface Elsewhere {
  readonly from: string;
  readonly name: string;
}

/** The module that an import or export takes the name from; null if it takes none. */
function fromElsewhere(statement: ts.Statement, name: string): Elsewhere | null {
  const clause = ts.isExportDeclaration(statement)
    ? statement.exportClause
    : ts.isImportDeclaration(statement)
      ? statement.importClause?.namedBindings
      : undefined;
  if (!clause || !(ts.isNamedExports(clause) || ts.isNamedImports(clause))) return null;
  const element = clause.elements.find((one) => one.name.text === name);
  const specifier = (statement as ts.ExportDeclaration).moduleSpecifier;
  if (!element || !specifier || !ts.isStringLiteral(specifier)) return null;
  return { from: specifier.text, name: (element.propertyName ?? element.name).text };
}

/** The source of a module that another imports: a path, or a package of this repository. */
function moduleFile(specifier: string, from: string): string {
  if (specifier.startsWith('.')) return join(dirname(from), specifier);
  return entryOf(specifier);
}

/** The source behind `@tessera/core` or `@tessera/plugin-kit/conformance`. */
export function entryOf(specifier: string): string {
  const [, folder, rest] = /^@tessera\/([\w-]+)(\/.+)?$/.exec(specifier)!;
  const manifest = JSON.parse(readFileSync(join(root, 'packages', folder!, 'package.json'), 'utf8')) as {
    readonly exports: Readonly<Record<string, { readonly '@tessera/source': string }>>;
  };
  return join(root, 'packages', folder!, manifest.exports[`.${rest ?? ''}`]!['@tessera/source']);
}

/** Overloads of a function are several statements. An object of functions (`nn`) is shown by these. */
function declared(name: string, statements: readonly ts.Statement[], file: string): Declared {
  const comments = statements.flatMap((statement) => commentOf(statement));
  const members = statements.flatMap(membersOf).map((member) => find(file, member));
  const shown = members.map(
    ({ comment, code }) => `${comment === '' ? '' : `/** ${comment.replaceAll('\n', '\n * ')} */\n`}${code}`,
  );
  const code = members.length > 0 ? shown.join('\n\n') : statements.map(codeOf).join('\n');
  return { name, comment: comments.join('\n\n'), code };
}

/** Names in `{ linear, layerNorm } as const`. */
function membersOf(statement: ts.Statement): string[] {
  const initializer = ts.isVariableStatement(statement)
    ? statement.declarationList.declarations[0]!.initializer
    : undefined;
  const object = initializer && ts.isAsExpression(initializer) ? initializer.expression : undefined;
  if (!object || !ts.isObjectLiteralExpression(object)) return [];
  return object.properties.filter(ts.isShorthandPropertyAssignment).map(({ name }) => name.text);
}

function commentOf(node: ts.Node): string[] {
  const { jsDoc = [] } = node as { readonly jsDoc?: readonly ts.JSDoc[] };
  const last = jsDoc.at(-1);
  if (!last) return [];
  const lines = last
    .getText()
    .replace(/^\/\*\*/, '')
    .replace(/\*\/$/, '')
    .split('\n');
  return [
    lines
      .map((line) => line.replace(/^\s*\* ?/, '').trimEnd())
      .join('\n')
      .trim(),
  ];
}

function codeOf(statement: ts.Statement): string {
  if (ts.isFunctionDeclaration(statement)) return withoutBody(statement, statement.body);
  if (ts.isVariableStatement(statement)) return constantCode(statement);
  if (!ts.isClassDeclaration(statement)) return statement.getText();
  const open = statement.getText().slice(0, statement.members.pos - statement.getStart());
  return `${open}\n${statement.members.flatMap(memberCode).join('\n')}\n}`;
}

/** What is not for others (`private`, `#field`) is left out. */
function memberCode(member: ts.ClassElement): string[] {
  if (member.name && ts.isPrivateIdentifier(member.name)) return [];
  const comment = (member as { readonly jsDoc?: readonly ts.JSDoc[] }).jsDoc?.at(-1)?.getText();
  const code = 'body' in member ? withoutBody(member, member.body as ts.Node | undefined) : member.getText();
  return [`${comment === undefined ? '' : `  ${comment}\n`}  ${code}`];
}

function withoutBody(node: ts.Node, body: ts.Node | undefined): string {
  if (!body) return node.getText();
  return `${node
    .getText()
    .slice(0, body.getFullStart() - node.getStart())
    .trimEnd()};`;
}

/** A constant by its type; an object by its fields; a function by its arguments. */
function constantCode(statement: ts.VariableStatement): string {
  const [{ name, type, initializer }] = statement.declarationList.declarations as unknown as [ts.VariableDeclaration];
  if (type) return `export const ${name.getText()}: ${type.getText()};`;
  if (initializer && ts.isArrowFunction(initializer)) {
    const start = initializer.getStart();
    const head = initializer.getText().slice(0, initializer.equalsGreaterThanToken.getStart() - start);
    return `export function ${name.getText()}${head.trimEnd()};`;
  }
  return statement.getText();
}
