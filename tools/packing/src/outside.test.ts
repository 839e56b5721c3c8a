import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pack } from './pack.ts';
import { packables, root } from './workspace.ts';

const published = packables('packages');
const examples = packables('examples');

/** A project that has what an author of plug-ins installs: tarballs, and not a file of this workspace. */
let outside: string;

/** npm and Turbo tell their children about this workspace; a project outside knows nothing of it. */
const env = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(npm_|turbo_|node_|vite)/i.test(name)),
);

function run(command: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: outside, env, encoding: 'utf8' });
  expect(status, `${command} ${args.join(' ')}\n${stdout}\n${stderr}`).toBe(0);
  return stdout;
}

beforeAll(() => {
  outside = mkdtempSync(join(tmpdir(), 'tessera-outside-'));
  const tarballs = pack([...published, ...examples], outside);
  const files = [...tarballs].map(([name, { path }]) => [name, `file:${basename(path)}`]);
  const dependencies = { '@tensorflow/tfjs': '4.22.0', ...Object.fromEntries(files) };
  writeFileSync(join(outside, 'package.json'), JSON.stringify({ private: true, type: 'module', dependencies }));
  cpSync(join(root, '.npmrc'), join(outside, '.npmrc'));
  cpSync(join(root, 'tools/packing/outside'), outside, { recursive: true });
  run('npm', 'install', '--prefer-offline', '--ignore-scripts');
}, 400_000);
afterAll(() => rmSync(outside, { recursive: true, force: true }));

describe('a project outside of the workspace', () => {
  it('has one copy of each package, none of them linked to its sources', () => {
    const lock = JSON.parse(readFileSync(join(outside, 'node_modules/.package-lock.json'), 'utf8'));
    const places = Object.keys(lock.packages).filter((place) => /@tessera|tfjs$/.test(place));
    expect(places.filter((place) => place.lastIndexOf('node_modules') > 0)).toEqual([]);
    expect(places).toHaveLength(published.length + examples.length + 1);
    expect(Object.values<{ link?: boolean }>(lock.packages).filter(({ link }) => link)).toEqual([]);
  });

  it('checks the types of the examples of all readmes', () => {
    mkdirSync(join(outside, 'readmes'));
    for (const { folder, manifest } of [...published, ...examples]) {
      const blocks = readFileSync(join(folder, 'README.md'), 'utf8').matchAll(/```ts\n([\s\S]*?)```/g);
      const name = manifest.name.replaceAll(/[@/]/g, '_');
      for (const [i, block] of [...blocks].entries())
        writeFileSync(join(outside, `readmes/${name}-${i}.ts`), block[1]!);
    }
    const compilerOptions = {
      strict: true,
      noEmit: true,
      target: 'es2023',
      module: 'nodenext',
      skipLibCheck: true, // tfjs 4.22 fails its own check
      types: ['node'],
      typeRoots: [join(root, 'node_modules/@types')],
    };
    writeFileSync(join(outside, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['readmes'] }));
    run(process.execPath, join(root, 'node_modules/typescript/bin/tsc'), '-p', '.');
  });

  it('certifies a head of its own', () => {
    expect(run(process.execPath, 'certify.mjs').split('\n').length).toBeGreaterThan(5);
  });

  it('draws digits that can be read with a head of its own', () => {
    const model = join(root, 'examples/head-flow-matching/model');
    const { recognised } = JSON.parse(run(process.execPath, 'sample.mjs', model)) as { recognised: number };
    expect(recognised).toBeGreaterThanOrEqual(9);
    expect(existsSync(join(outside, 'digits.png'))).toBe(true);
  });
});
