import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { delimiter, dirname, join, relative } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { filesBelow, root } from './files.ts';

/** READMEs, docs and model cards. */
function documents(): string[] {
  const below = (folder: string): string[] =>
    readdirSync(join(root, folder), { withFileTypes: true, recursive: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith('.md') && !entry.parentPath.includes('node_modules'))
      .map((entry) => join(entry.parentPath, entry.name));
  return [join(root, 'README.md'), ...['docs', 'models', 'examples', 'packages', 'apps'].flatMap(below)].filter(
    (file) => existsSync(file),
  );
}

const sources = filesBelow(root).map((file) => relative(root, file).replaceAll('\\', '/'));

/** A reader's `out/plugins` must not be removed: the blocks write to this folder instead. */
const plugins = 'out/documents-plugins';
beforeAll(() => rmSync(join(root, plugins), { recursive: true, force: true }));

const seen = new Set<string>();

/** Blocks that a comment `<!-- run -->` marks as to be executed, without those that an earlier document has, too. */
function runnable(file: string): string[] {
  const blocks = readFileSync(file, 'utf8').matchAll(/<!-- run -->\s*```(?:bash|sh)\n([\s\S]*?)```/g);
  const all = [...blocks].map((block) => block[1]!.replaceAll('out/plugins', plugins));
  return all.filter((block) => !seen.has(block) && seen.add(block));
}

describe.each(documents().map((file) => [relative(root, file), file]))('%s', (_, file) => {
  it('links only to what exists', () => {
    const links = [...readFileSync(file, 'utf8').matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)[^)]*\)/g)];
    const broken = links.map((link) => link[1]!).filter((link) => !existsSync(join(dirname(file), link)));
    expect(broken).toEqual([]);
  });

  it('names only files that are there', () => {
    const named = [...readFileSync(file, 'utf8').matchAll(/`((?:[\w@.-]+\/)+[\w.-]+\.(?:[cm]?[tj]sx?|py|cc))`/g)];
    const gone = named
      .map(([, path]) => path!)
      .filter((path) => !sources.some((source) => `/${source}`.endsWith(`/${path}`)));
    expect(gone).toEqual([]);
  });

  it('quotes files as they are', () => {
    const quotes = [...readFileSync(file, 'utf8').matchAll(/<!-- from (\S+) -->\s*```ts\n([\s\S]*?)```/g)];
    for (const [, path, code] of quotes) expect(code, path).toBe(readFileSync(join(root, path!), 'utf8'));
  });

  it.each(runnable(file))(
    'runs: %s',
    (block) => {
      const PATH = [join(root, 'node_modules/.bin'), process.env['PATH']].join(delimiter);
      const env: NodeJS.ProcessEnv = { ...process.env, PATH };
      // Node alone does not read a configuration in TypeScript: the command runs from its sources there.
      if (block.includes('tessera.config.ts')) env['TESSERA_BUILT'] = '';
      // npx itself takes half a second: the README's blocks have it, and others find the same programs on their PATH.
      const script = file.endsWith('/README.md') ? block : `npx() { "$@"; }\n${block}`;
      const result = spawnSync('bash', ['-euo', 'pipefail', '-c', script], { cwd: root, encoding: 'utf8', env });
      expect(result.status, `${result.stdout}\n${result.stderr}`).toBe(0);
    },
    300_000,
  );
});
