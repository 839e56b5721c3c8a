import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { TesseraError } from '@tessera/errors';
import { cacheFolder } from '@tessera/node-kit';
import { bindingFile, verifyBinding } from './binding.ts';

/** TensorFlow as `tessera setup tensorflow` has installed it. */
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
type Manifest = Omit<Installation, 'folder' | 'binding'>;

export function installationFolder(environment: NodeJS.ProcessEnv = process.env): string {
  return join(cacheFolder(environment), 'tensorflow');
}

/** The installation for this platform and this version of Tessera, or null. */
export function findInstallation(environment: NodeJS.ProcessEnv = process.env): Installation | null {
  const folder = installationFolder(environment);
  const manifest = readManifest(folder);
  if (manifest === null) return null;
  const binding = join(folder, bindingFile(manifest.variant));
  const kernels = join(folder, manifest.kernels);
  return existsSync(binding) && existsSync(kernels) ? { ...manifest, folder, binding, kernels } : null;
}

/** Why `findInstallation` gives null: never set up here, or by a Tessera with other ops. */
export function whyNotInstalled(environment: NodeJS.ProcessEnv = process.env): string {
  const isByAnother = readManifest(installationFolder(environment)) !== null;
  return isByAnother ? 'set up by another version of Tessera, to be set up again in half a minute' : 'not set up';
}

/** The manifest of a setup for this platform. It is written last: half a setup has none. */
function readManifest(folder: string): Manifest | null {
  try {
    const manifest = JSON.parse(readFileSync(join(folder, MANIFEST), 'utf8')) as Manifest;
    return manifest.platform === `${process.platform}-${process.arch}` ? manifest : null;
  } catch {
    return null;
  }
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

/** One line for health pages: TensorFlow's version and where it computes, or how to get it. */
export async function describeTensorFlow(environment: NodeJS.ProcessEnv = process.env): Promise<string> {
  const found = findInstallation(environment);
  if (!found) {
    const folder = installationFolder(environment);
    return `${whyNotInstalled(environment)} in ${folder} (optional: tessera setup tensorflow)`;
  }
  try {
    const { version, isOnGpu } = await verifyBinding(found.binding);
    return `${version}, computes on the ${isOnGpu ? 'GPU' : 'CPU'} (${found.folder})`;
  } catch (error) {
    return `broken: ${error instanceof Error ? error.message : String(error)}`;
  }
}
