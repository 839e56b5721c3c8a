import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseJson } from '@tessera/errors';

/** What a package.json says of its package. */
export interface PackageFacts {
  readonly name: string;
  readonly version: string | null;
  /** The versions of Node that it is made for. */
  readonly node: string | null;
}

/** The package that a specifier names, as `@acme/head` of `@acme/head/extra`; null for a path or an address. */
export function packageIn(specifier: string): string | null {
  return /^(?:@[\w.-]+\/)?[\w-][\w.-]*(?=\/|$)/.exec(specifier)?.[0] ?? null;
}

/** A package as it is installed for a folder: the folder's own, or one in the `node_modules` of it or above; null if none. */
export function findPackage(name: string, folder: string): PackageFacts | null {
  for (const above of andAbove(folder)) {
    const own = readPackage(above);
    if (own?.name === name) return own;
    const installed = readPackage(join(above, 'node_modules', name));
    if (installed) return installed;
  }
  return null;
}

/** The package that a folder belongs to; null where it belongs to none that has a name. */
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

/** Null where there is no package.json, or none that is one. */
function readPackage(folder: string): PackageFacts | null {
  try {
    const path = join(folder, 'package.json');
    const json = parseJson(readFileSync(path), { code: 'package-malformed', who: path, expected: 'a package' });
    const { name, version, engines } = json as { name?: unknown; version?: unknown; engines?: { node?: unknown } };
    if (typeof name !== 'string') return null;
    const text = (value: unknown) => (typeof value === 'string' ? value : null);
    return { name, version: text(version), node: text(engines?.node) };
  } catch {
    return null;
  }
}
