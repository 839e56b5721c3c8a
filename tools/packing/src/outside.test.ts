import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { minVersion, satisfies } from 'semver';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pack } from './pack.ts';
import { command, packables, root } from './workspace.ts';

const published = packables('packages');
const examples = packables('examples');

/** What docs/plugins.md tells an author to run in a folder outside of a clone: to install, to certify, to sample, to build. */
const guide = readFileSync(join(root, 'docs/plugins.md'), 'utf8');
const [install, certify, sample, build] = [...guide.matchAll(/<!-- run outside -->\s*```bash\n([\s\S]*?)```/g)].map(
  (block) => block[1]!,
) as [string, string, string, string];

/** What of a lock file is read here. */
interface Lock {
  readonly packages: Readonly<Record<string, { readonly engines?: { readonly node?: string } }>>;
}

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

/** A block of the guide, with what the blocks before it exported. */
function runGuide(block: string): string {
  // With engine-strict, a package that asks for a newer Node ends the install.
  const npm = 'npm_config_prefer_offline=true npm_config_engine_strict=true';
  const variables = `export CLONE='${root}' TARBALLS='${outside}/tarballs' ${npm}`;
  return run('bash', '-euo', 'pipefail', '-c', `${variables}\n${block}`);
}

beforeAll(() => {
  outside = mkdtempSync(join(tmpdir(), 'tessera-outside-'));
  mkdirSync(join(outside, 'tarballs'));
  pack([...published, ...command, ...examples], join(outside, 'tarballs'));
  cpSync(join(root, '.npmrc'), join(outside, '.npmrc'));
  runGuide(install);
  cpSync(join(root, 'tools/packing/outside'), outside, { recursive: true });
}, 400_000);
afterAll(() => rmSync(outside, { recursive: true, force: true }), 60_000);

describe('a project outside of the workspace', () => {
  it('has one copy of each package, none of them linked to its sources', () => {
    const lock = JSON.parse(readFileSync(join(outside, 'node_modules/.package-lock.json'), 'utf8'));
    const places = Object.keys(lock.packages).filter((place) => /@tessera|create-tessera|tfjs$/.test(place));
    expect(places.filter((place) => place.lastIndexOf('node_modules') > 0)).toEqual([]);
    expect(places).toHaveLength(published.length + command.length + examples.length + 1);
    expect(Object.values<{ link?: boolean }>(lock.packages).filter(({ link }) => link)).toEqual([]);
  });

  it('asks for no newer Node than Tessera itself, whatever Node runs this', () => {
    const oldest = minVersion('>=20.19')!;
    for (const lock of [join(outside, 'node_modules/.package-lock.json'), join(root, 'package-lock.json')]) {
      const { packages } = JSON.parse(readFileSync(lock, 'utf8')) as Lock;
      const newer = Object.entries(packages).filter(([, { engines }]) => !satisfies(oldest, engines?.node ?? '*'));
      expect(newer.map(([place, { engines }]) => `${place} ${engines!.node}`)).toEqual([]);
    }
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
    run(process.execPath, join(root, 'node_modules/@typescript/native/bin/tsc'), '-p', '.');
  });

  it('certifies a new head and samples with it by the command, as the guide says', () => {
    expect(runGuide(certify)).toMatch(/Tests.* passed/);
    runGuide(sample);
    expect(readdirSync(join(outside, 'samples'))).toHaveLength(5);
    const { head } = JSON.parse(readFileSync(join(outside, 'run/model/model.json'), 'utf8'));
    expect(head).toMatchObject({ package: '@acme/head-gaussian', version: '0.1.0' });
    runGuide(build);
    expect(readdirSync(join(outside, 'dist'))).toEqual(['index.d.ts', 'index.js']);
  }, 300_000);

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
