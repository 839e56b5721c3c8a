import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pack, type Tarball } from './pack.ts';
import { command, packables, root } from './workspace.ts';

const all = [...packables('packages'), ...packables('examples')];

let folder: string;
let tarballs: ReadonlyMap<string, Tarball>;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tessera-tarballs-'));
  tarballs = pack(all, folder);
});
afterAll(() => rmSync(folder, { recursive: true }));

it('has everything built before it is packed', () => {
  const { devDependencies } = JSON.parse(readFileSync(join(root, 'tools/packing/package.json'), 'utf8'));
  expect(Object.keys(devDependencies)).toEqual(
    expect.arrayContaining([...all, ...command].map(({ manifest }) => manifest.name)),
  );
});

const isForWorkspace = (conditions: unknown): boolean =>
  typeof conditions === 'object' && conditions !== null && Object.keys(conditions).join() === '@tessera/source';

describe.each(all.map((one) => [one.manifest.name, one] as const))('%s', (name, { manifest }) => {
  it('passes publint', async () => {
    const bytes = new Uint8Array(readFileSync(tarballs.get(name)!.path));
    const { messages, pkg } = await publint({ pack: { tarball: bytes.buffer }, strict: true });
    expect(messages.map((message) => formatMessage(message, pkg))).toEqual([]);
  });

  it('resolves to types and code in ESM', async () => {
    // What only has sources is for tests inside of the workspace, and is not in the tarball.
    const inside = Object.entries(manifest.exports ?? {}).filter(([, one]) => isForWorkspace(one));
    const excludeEntrypoints = inside.map(([entry]) => entry);
    const tarball = createPackageFromTarballData(readFileSync(tarballs.get(name)!.path));
    const checked = await checkPackage(tarball, { excludeEntrypoints });
    if (!checked.types) throw new Error(`${name} has no types`);
    // Tessera is ESM alone: what `require` or the resolution of Node 10 would find does not count.
    const problems = checked.problems.filter(
      (problem) => !('resolutionKind' in problem) || ['node16-esm', 'bundler'].includes(problem.resolutionKind),
    );
    expect(problems).toEqual([]);
  });

  it('brings a readme, a licence and its sources, and no tests', () => {
    const { files } = tarballs.get(name)!;
    expect(files).toEqual(expect.arrayContaining(['README.md', 'LICENSE', 'src/index.ts', 'dist/index.d.ts']));
    expect(files.filter((file) => file.includes('.test.'))).toEqual([]);
    expect(manifest).toMatchObject({ license: 'MIT', engines: { node: '>=20.19' } });
  });

  it('leaves tfjs to the project, so that there is one', () => {
    const { dependencies = {}, peerDependencies = {} } = manifest;
    const computes = ['@tessera/engine', '@tessera/core', '@tessera/plugin-kit'].some(
      (one) => one in { ...dependencies, ...peerDependencies },
    );
    expect(dependencies).not.toHaveProperty('@tensorflow/tfjs');
    if (computes || name === '@tessera/engine') expect(peerDependencies['@tensorflow/tfjs']).toMatch(/^[~^]4\.22\.0$/);
  });
});
