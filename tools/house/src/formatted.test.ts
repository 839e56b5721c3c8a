import { join, relative } from 'node:path';
import { getFileInfo } from 'prettier';
import { describe, expect, it } from 'vitest';
import { filesBelow, root } from './files.ts';

const ignorePath = ['.gitignore', '.prettierignore'].map((name) => join(root, name));

/** Of files that the formatter knows how to format, those that its ignore files keep from it. */
async function ignored(files: readonly string[]): Promise<string[]> {
  const facts = await Promise.all(files.map((file) => getFileInfo(file, { ignorePath, resolveConfig: false })));
  return files.filter((_, i) => facts[i]!.ignored).map((file) => relative(root, file));
}

describe('the formatter', () => {
  it('ignores no source of ours, whatever its folder is called', async () => {
    const sources = ['packages', 'apps', 'tools', 'examples', 'scripts', 'docs', 'recipes'].flatMap((folder) =>
      filesBelow(join(root, folder)),
    );
    expect(sources.length).toBeGreaterThan(500);
    expect(await ignored(sources.filter((file) => /\.(ts|tsx|[cm]?js|json|md|css|html)$/.test(file)))).toEqual([]);
    const names = ['models', 'data', 'runs', 'out', 'tokens'].map((name) => `packages/x/src/${name}/index.ts`);
    expect(await ignored(names.map((name) => join(root, name)))).toEqual([]);
  });

  it('ignores what is not ours', async () => {
    const others = ['models/x/model.json', 'apps/api/schema.graphql', 'packages/core/dist/index.js'];
    expect(await ignored(others.map((name) => join(root, name)))).toEqual(others);
  });
});
