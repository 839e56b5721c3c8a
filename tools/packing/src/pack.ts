import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { root, type Packable } from './workspace.ts';

export interface Tarball {
  readonly path: string;
  /** What it holds, relative to the package. */
  readonly files: readonly string[];
}

interface Packed {
  readonly name: string;
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}

/** Makes a tarball of each package as `npm publish` would, from what has been built: the tarballs by package name. */
export function pack(packages: readonly Packable[], into: string): ReadonlyMap<string, Tarball> {
  const chosen = packages.flatMap(({ manifest }) => ['--workspace', manifest.name]);
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', into, ...chosen];
  const stdout = execFileSync('npm', args, { cwd: root, encoding: 'utf8', maxBuffer: 2 ** 26 });
  const packed = JSON.parse(stdout) as readonly Packed[];
  return new Map(
    packed.map(({ name, filename, files }) => [
      name,
      { path: join(into, filename), files: files.map(({ path }) => path) },
    ]),
  );
}
