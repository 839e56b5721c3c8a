import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { kinds, type KindName } from './kinds.ts';
import { projectFiles } from './project-files.ts';
import { namesOf, type PartNames } from './part-names.ts';
import { Refusal } from './refusal.ts';
import { readTemplates, type Templates } from './templates.ts';

export interface PluginRequest {
  /** Of the package, with its scope if it has one: `@acme/my-head`. */
  readonly name: string;
  readonly kind: KindName;
  /** The folder that the new folder is made in. */
  readonly into: string;
}

export interface CreatedPlugin {
  readonly name: string;
  /** Relative to `into`. */
  readonly folder: string;
  /** Relative to `folder`. */
  readonly files: readonly string[];
}

/**
 * Writes a package with a small part that works: one new folder, and nothing outside of it.
 * @throws Refusal `name-invalid`, `folder-taken`
 */
export function createPlugin({ name, kind, into }: PluginRequest): CreatedPlugin {
  const names = namesOf(name, kind);
  const target = join(into, names.folder);
  if (existsSync(target) && readdirSync(target).length > 0) {
    const next = 'Choose another name, or move the folder away.';
    throw new Refusal({
      code: 'folder-taken',
      got: `the folder ${target}, which has files`,
      expected: 'a new one',
      next,
    });
  }
  const templates = readTemplates();
  const sources = sourcesOf(templates, kind, names);
  const files = { ...projectFiles({ kind, names, sources, templates }), ...sources };
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(target, file)), { recursive: true });
    writeFileSync(join(target, file), text);
  }
  return { name, folder: names.folder, files: Object.keys(files).sort() };
}

/** The example of a kind under another name, by path: `src/index.ts`. */
function sourcesOf(
  { sources }: Templates,
  kind: KindName,
  { pkg, file, identifier }: PartNames,
): Record<string, string> {
  const own = kinds[kind].example.slice(`${kind}-`.length);
  const Kind = `${kind[0]!.toUpperCase()}${kind.slice(1)}`;
  const renamed = (text: string): string =>
    text
      .replaceAll(`@tessera-examples/${kinds[kind].example}`, pkg)
      .replaceAll(`${own}${Kind}`, identifier)
      .replaceAll(`${own}-${kind}`, file);
  // Model folders name plug-ins, and an error must say what to install: without a scope, the name is no address.
  const homed = (text: string): string =>
    pkg.includes('/')
      ? text
      : text.replace(/^(\s*)name: .*,$/m, (line, indent: string) => `${line}\n${indent}package: '${pkg}',`);
  return Object.fromEntries(
    Object.entries(sources[kind]).map(([path, text]) => [
      renamed(path),
      /(?<!\.test)\.ts$/.test(path) ? homed(renamed(text)) : renamed(text),
    ]),
  );
}
