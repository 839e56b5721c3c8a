import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import type { Plugin } from 'vite';

/**
 * Writes trusted-documents.json beside the page: the operations of the page and of @tessera/client, by `sha256:` and the hash of
 * their text. A server with TRUSTED_DOCUMENTS=only runs these alone.
 */
export function trustedDocuments(): Plugin {
  return {
    name: 'trusted-documents',
    generateBundle() {
      const source = `${JSON.stringify(manifest(), null, 2)}\n`;
      this.emitFile({ type: 'asset', fileName: 'trusted-documents.json', source });
    },
  };
}

export function manifest(): Readonly<Record<string, string>> {
  const ofClient = readFileSync(join(import.meta.dirname, '../../packages/client/trusted-documents.json'), 'utf8');
  const hashOf = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`;
  const ofPage = documentsOfPage(join(import.meta.dirname, 'src')).map((text) => [hashOf(text), text]);
  return { ...(Object.fromEntries(ofPage) as Record<string, string>), ...(JSON.parse(ofClient) as object) };
}

interface Document {
  readonly text: string;
  /** Names of the documents that it spreads. */
  readonly fragments: readonly string[];
}

/** What `graphql(text, fragments)` makes wherever the page calls it, without running the page. */
export function documentsOfPage(folder: string): string[] {
  const found = new Map<string, Document>();
  for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!/\.tsx?$/.test(file) || /\.(test|d)\.ts$/.test(file)) continue;
    for (const [name, document] of documentsIn(readFileSync(join(folder, file), 'utf8'))) {
      if (found.has(name)) throw new Error(`Two documents are called ${name}: name one otherwise.`);
      found.set(name, document);
    }
  }
  const whole = ({ text, fragments }: Document): string =>
    [text, ...fragments.map((name) => whole(found.get(name)!))].join('\n');
  return [...found.values()].map(whole).filter((text) => !/^\s*fragment\b/.test(text));
}

function documentsIn(source: string): [string, Document][] {
  const found: [string, Document][] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && node.expression.getText() === 'graphql') found.push(documentOf(node));
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile('page.tsx', source, ts.ScriptTarget.Latest, true, ts.ScriptKind.TSX));
  return found;
}

function documentOf({ parent, arguments: [text, fragments] }: ts.CallExpression): [string, Document] {
  const isNamed = ts.isVariableDeclaration(parent) && ts.isIdentifier(parent.name);
  if (!isNamed || !text || !ts.isStringLiteralLike(text) || (fragments && !ts.isArrayLiteralExpression(fragments))) {
    throw new Error(`Write it as const name = graphql(\`...\`, [fragments]): ${parent.getText().slice(0, 100)}`);
  }
  const names = fragments?.elements.map((one) => one.getText()) ?? [];
  return [parent.name.getText(), { text: text.text, fragments: names }];
}
