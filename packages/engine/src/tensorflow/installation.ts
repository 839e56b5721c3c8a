import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { TesseraError } from '@tessera/errors';
import { bindingFile } from './native.ts';

/** TensorFlow as `tessera setup tensorflow` has left it. */
export interface Installation {
  /** The folder of everything; removing it undoes the setup. */
  readonly folder: string;
  /** Version of TensorFlow. */
  readonly version: string;
  readonly variant: 'cpu' | 'gpu';
  readonly platform: string;
  /** The native binding with our own ops, a file. */
  readonly binding: string;
  /** The folder of the package @tensorflow/tfjs-node-gpu. */
  readonly kernels: string;
}

export const MANIFEST = 'manifest.json';

/** Where this user's downloads lie; all clones share them. */
export function cacheFolder(environment: NodeJS.ProcessEnv = process.env): string {
  const { TESSERA_CACHE, XDG_CACHE_HOME } = environment;
  if (TESSERA_CACHE) return resolve(TESSERA_CACHE);
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Caches', 'tessera');
  // Its specification says to ignore a relative one.
  const base = XDG_CACHE_HOME && isAbsolute(XDG_CACHE_HOME) ? XDG_CACHE_HOME : join(homedir(), '.cache');
  return join(base, 'tessera');
}

export function installationFolder(environment: NodeJS.ProcessEnv = process.env): string {
  return join(cacheFolder(environment), 'tensorflow');
}

/** What the setup has left for this platform, or null. Its manifest is written last: half a setup has none. */
export function findInstallation(environment: NodeJS.ProcessEnv = process.env): Installation | null {
  const folder = installationFolder(environment);
  try {
    const manifest = JSON.parse(readFileSync(join(folder, MANIFEST), 'utf8')) as Omit<
      Installation,
      'folder' | 'binding'
    >;
    const found = {
      ...manifest,
      folder,
      binding: join(folder, bindingFile(manifest.variant)),
      kernels: join(folder, manifest.kernels),
    };
    const isWhole = existsSync(found.binding) && existsSync(found.kernels);
    const isHere = isWhole && manifest.platform === `${process.platform}-${process.arch}`;
    return isHere ? found : null;
  } catch {
    return null;
  }
}

/** Why `findInstallation` gives null: never set up, or by a Tessera with other ops. */
export function whyNotInstalled(environment: NodeJS.ProcessEnv = process.env): string {
  const hasManifest = existsSync(join(installationFolder(environment), MANIFEST));
  return hasManifest ? 'set up by another version of Tessera, to be set up again in 20 seconds' : 'not set up';
}

/** @throws TesseraError `tensorflow-missing` */
export function requireInstallation(environment: NodeJS.ProcessEnv = process.env): Installation {
  const found = findInstallation(environment);
  if (found) return found;
  throw new TesseraError({
    code: 'tensorflow-missing',
    who: 'tensorflow',
    got: `TensorFlow ${whyNotInstalled(environment)} in ${installationFolder(environment)}`,
    expected: `one for ${process.platform}-${process.arch}`,
    next: 'Run `tessera setup tensorflow`, or choose the target onnx.',
  });
}
