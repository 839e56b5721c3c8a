import { FsTree, flushChanges } from 'nx/src/generators/tree';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, relative, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

const root = resolve(import.meta.dirname, '../../..');

type Generator = (tree: FsTree, options: { name: string; directory?: string }) => Promise<() => void>;
const generators = createRequire(import.meta.url)('../generate.cjs') as Record<string, Generator>;

const kinds = [
  ['head', 'laplace', 'laplaceHead'],
  ['tokenizer', 'tiles', 'tilesTokenizer'],
  ['order', 'snake-walk', 'snakeWalkOrder'],
] as const;

/** Not a workspace, but inside of the repository: its packages resolve as those of others do. */
let place: string;
beforeAll(() => {
  mkdirSync(join(root, 'out'), { recursive: true });
  place = mkdtempSync(join(root, 'out/generated-'));
});
afterAll(() => rmSync(place, { recursive: true }));

describe.each(kinds)('a new %s', (kind, name, exported) => {
  it('touches nothing but its own folder', async () => {
    const tree = new FsTree(root, false);
    await generators[kind]!(tree, { name });
    const paths = tree.listChanges().map(({ path }) => path);
    expect(paths.filter((path) => !path.startsWith(`packages/${kind}-${name}/`))).toEqual([]);
    expect(paths).toEqual(expect.arrayContaining([`packages/${kind}-${name}/src/${name}-${kind}.test.ts`]));
  });

  it('passes its own test at once, under its own name', async () => {
    const tree = new FsTree(root, false);
    await generators[kind]!(tree, { name, directory: relative(root, place) });
    flushChanges(root, tree.listChanges());
    const folder = join(place, `${kind}-${name}`);
    const index = readFileSync(join(folder, 'src/index.ts'), 'utf8');
    expect(index).toContain(exported);
    const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    expect(manifest).toMatchObject({ name: `@local/${kind}-${name}`, private: true });
    const vitest = join(root, 'node_modules/vitest/vitest.mjs');
    execFileSync(process.execPath, [vitest, 'run', '--root', folder], { cwd: root, encoding: 'utf8' });
  });

  it('says what to run, with an install where npm links its folder', async () => {
    const said = vi.spyOn(console, 'log').mockImplementation(() => undefined);
    for (const options of [{ name }, { name, directory: 'packages/' }, { name, directory: 'out/plugins' }]) {
      (await generators[kind]!(new FsTree(root, false), options))();
    }
    const lines = said.mock.calls.flat();
    said.mockRestore();
    const inPackages = `Now: npm install && npx vitest run --root packages/${kind}-${name}`;
    expect(lines).toEqual([inPackages, inPackages, `Now: npx vitest run --root out/plugins/${kind}-${name}`]);
  });

  it.each(['/tmp/x', '../x', 'out/../../x'])(
    'refuses the directory %s, and says where to read on',
    async (directory) => {
      const tree = new FsTree(root, false);
      await expect(generators[kind]!(tree, { name, directory })).rejects.toThrow(
        `got the directory ${directory}, which is outside of this repository; expected one inside`,
      );
      const [page, section] = ['docs/plugins.md', 'Outside of this repository'];
      await expect(generators[kind]!(tree, { name, directory })).rejects.toThrow(`${page}, "${section}"`);
      expect(readFileSync(join(root, page), 'utf8')).toContain(`\n## ${section}\n`);
    },
  );

  it('takes an absolute directory inside, and no path for a name', async () => {
    const tree = new FsTree(root, false);
    await generators[kind]!(tree, { name, directory: join(root, 'out/plugins') });
    const paths = tree.listChanges().map(({ path }) => path);
    expect(paths.filter((path) => !path.startsWith(`out/plugins/${kind}-${name}/`))).toEqual([]);
    for (const path of ['../x', 'a/b', '..', ''])
      await expect(generators[kind]!(tree, { name: path })).rejects.toThrow(`got the name ${path}; expected words`);
  });

  it('refuses to write over another', async () => {
    const example = { head: 'gaussian', tokenizer: 'patches', order: 'checkerboard' }[kind];
    const again = generators[kind]!(new FsTree(root, false), { name: example, directory: 'examples' });
    await expect(again).rejects.toThrow('is there already');
  });
});
