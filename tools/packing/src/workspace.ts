import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';

export const root = resolve(import.meta.dirname, '../../..');

/** What this room reads of a package.json. */
export interface Manifest {
  readonly exports?: Readonly<Record<string, unknown>>;
  readonly name: string;
  readonly private?: boolean;
  readonly license?: string;
  readonly engines?: { readonly node?: string };
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

/** A package of this workspace, as one would publish it. */
export interface Packable {
  readonly folder: string;
  readonly manifest: Manifest;
}

/** Packages under a folder of the workspace that are not private, by name. */
export function packables(under: 'packages' | 'examples'): Packable[] {
  return readdirSync(join(root, under), { withFileTypes: true })
    .filter((entry) => existsSync(join(root, under, entry.name, 'package.json')))
    .map((entry) => packable(`${under}/${entry.name}`))
    .filter(({ manifest }) => manifest.private !== true)
    .sort((a, b) => (a.manifest.name < b.manifest.name ? -1 : 1));
}

/** The command `tessera` and what it serves: private, so not published, but packed for who has a clone. */
export const command: readonly Packable[] = [packable('apps/api'), packable('apps/cli')];

function packable(path: string): Packable {
  const folder = join(root, path);
  return { folder, manifest: JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest };
}
