import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { checkWeightFile } from '@tessera/checkpoints';
import type { GuardOptions } from '@tessera/plugin-kit';
import {
  decodeManifest,
  manifestMissing,
  weightedComponents,
  weightsAltered,
  weightsMissing,
  type ModelManifest,
  type WeightedComponent,
} from './manifest.ts';
import { loadModel, type Model, type ModelSource, type OpenModelOptions } from './model.ts';
import { outlineOf, type ModelOutline } from './outline.ts';
import type { Plugins } from './plugins/built-in.ts';
import { fileHeader, fileWeights, sha256Of } from './weight-files.ts';
import type { FileWeights, ModelWeights } from './weights.ts';

/**
 * Loads a model folder: reads `model.json`, finds the plug-ins by name, checks that they agree, compares every weight
 * file with its digest, and builds the parts. Runs no code of the folder.
 * @throws TesseraError manifest-missing, manifest-malformed, field-..., plugin-unknown, classes-mismatch,
 * weights-missing, weights-altered, weights-mismatch, and what `compose` and the file formats throw
 */
export async function openModel(folder: string, options: OpenModelOptions): Promise<Model> {
  return loadModel(modelFolder(folder), options);
}

/**
 * Builds a model from the headers of its weight files, which takes no time and no memory: enough to describe it, and to
 * find a folder that is damaged. Digests are compared when it is really opened. It cannot run; the caller disposes it.
 * @throws TesseraError as `openModel`, weights-altered aside
 */
export async function inspectModel(folder: string, options: OpenModelOptions): Promise<Model> {
  return loadModel(
    { ...modelFolder(folder), openWeights: (manifest) => openFiles(folder, manifest, fileHeader) },
    options,
  );
}

/**
 * Describes a model folder without opening its weights.
 * @throws TesseraError manifest-missing, manifest-malformed, field-..., and the codes of `outlineOf`
 */
export async function outlineModel(
  folder: string,
  plugins?: Partial<Plugins>,
  guard?: GuardOptions,
): Promise<ModelOutline> {
  return outlineOf(await readManifest(folder), manifestPath(folder), { plugins, guard });
}

/**
 * Reads `model.json` of a folder; nothing else is opened.
 * @throws TesseraError manifest-missing, manifest-malformed, or field-missing, field-invalid, field-unknown with the
 * field's path
 */
export async function readManifest(folder: string): Promise<ModelManifest> {
  const path = manifestPath(folder);
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw manifestMissing(folder, cause);
  });
  return decodeManifest(bytes, path);
}

function manifestPath(folder: string): string {
  return join(folder, 'model.json');
}

/** A folder as the source of a model. */
export function modelFolder(folder: string): ModelSource {
  return {
    who: manifestPath(folder),
    readManifest: () => readManifest(folder),
    openWeights: async (manifest) => {
      await Promise.all(weightedComponents.map((component) => checkFile(folder, manifest, component)));
      return openFiles(folder, manifest, fileWeights);
    },
  };
}

async function openFiles(
  folder: string,
  manifest: ModelManifest,
  openFile: (path: string) => Promise<FileWeights>,
): Promise<ModelWeights> {
  const open = async (component: WeightedComponent) => openFile(await fileOf(folder, manifest, component));
  return { tokenizer: await open('tokenizer'), backbone: await open('backbone'), head: await open('head') };
}

async function fileOf(folder: string, manifest: ModelManifest, component: WeightedComponent): Promise<string> {
  const { weights } = manifest[component];
  const path = join(folder, weights?.file ?? '');
  if (!weights || !(await isFile(path))) throw weightsMissing(folder, component, weights?.file);
  return path;
}

async function checkFile(folder: string, manifest: ModelManifest, component: WeightedComponent): Promise<void> {
  const path = await fileOf(folder, manifest, component);
  const weights = manifest[component].weights!;
  const found = await sha256Of(path);
  if (found === weights.sha256) return;
  await checkWeightFile(path); // reports a pointer of Git LFS, for example, as such
  throw weightsAltered(path, found, weights.sha256);
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}
