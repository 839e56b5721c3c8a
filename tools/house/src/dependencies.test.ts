import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { expect, it } from 'vitest';
import { filesBelow, root } from './files.ts';

type Versions = Readonly<Record<string, string>>;

interface Manifest {
  readonly name: string;
  readonly dependencies?: Versions;
  readonly peerDependencies?: Versions;
}

/** What an installation without development dependencies runs: what it imports must be declared, or it is there by luck. */
function undeclared(folder: string): string[] {
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;
  const declared = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies });
  const shipped = filesBelow(join(folder, 'src')).filter((file) => /(?<!\.test|\.test-d|\.d)\.ts$/.test(file));
  return shipped
    .filter((file) => !file.includes('/testing/'))
    .flatMap((file) => {
      const imports = [
        ...readFileSync(file, 'utf8').matchAll(/^(?:import|export|\}) .*from '((?:@[\w-]+\/)?[\w-][\w.-]*)['/]/gm),
      ];
      return imports
        .map(([, name]) => name!)
        .filter((name) => name !== manifest.name && !declared.includes(name))
        .map((name) => `${relative(root, file)}: ${name}`);
    });
}

it('declares what it imports', () => {
  const folders = ['packages', 'apps/api', 'apps/cli'].flatMap((under) =>
    existsSync(join(root, under, 'package.json'))
      ? [join(root, under)]
      : readdirSync(join(root, under)).map((name) => join(root, under, name)),
  );
  expect(folders.length).toBeGreaterThan(20);
  expect(folders.flatMap(undeclared)).toEqual([]);
});
