import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseJson } from '@tessera/errors';

/** Facts from a package.json. */
export interface PackageFacts {
  readonly name: string;
  readonly version: string | null;
  /** The versions of Node that it supports. */
  readonly node: string | null;
  /** Where it lies. */
  readonly folder: string;
}

/** The package in an import specifier: `@acme/head` in `@acme/head/extra`; null for a path or an address. */
export function packageIn(specifier: string): string | null {
  return /^(?:@[\w.-]+\/)?[\w-][\w.-]*(?=\/|$)/.exec(specifier)?.[0] ?? null;
}

/** The package of this name that a folder belongs to, or that is installed for it, there or above; null if none. */
export function findPackage(name: string, folder: string): PackageFacts | null {
  for (const above of andAbove(folder)) {
    const own = readPackage(above);
    if (own?.name === name) return own;
    const installed = readPackage(join(above, 'node_modules', name));
    if (installed) return installed;
  }
  return null;
}

/** The package that a folder belongs to; null if there is none with a name. */
export function packageAround(folder: string): PackageFacts | null {
  for (const above of andAbove(folder)) {
    const own = readPackage(above);
    if (own) return own;
  }
  return null;
}

function* andAbove(folder: string): Generator<string> {
  for (let above = folder; ; above = dirname(above)) {
    yield above;
    if (dirname(above) === above) return;
  }
}

/** Null if there is no valid package.json. */
function readPackage(folder: string): PackageFacts | null {
  try {
    const path = join(folder, 'package.json');
    const json = parseJson(readFileSync(path), { code: 'package-malformed', who: path, expected: 'a package' });
    const { name, version, engines } = json as { name?: unknown; version?: unknown; engines?: { node?: unknown } };
    if (typeof name !== 'string') return null;
    const text = (value: unknown) => (typeof value === 'string' ? value : null);
    return { name, version: text(version), node: text(engines?.node), folder };
  } catch {
    return null;
  }
}
