import { cp, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { parseManifest, weightedComponents, type WeightedComponent, type ModelManifest } from './manifest.ts';
import { sha256Of, writeWeights, type SavedDType, type SavedTensor } from './weight-files.ts';

interface SaveModelRequest {
  /** Its `weights` entries are replaced. */
  readonly manifest: ModelManifest;
  readonly tensors: Readonly<Record<WeightedComponent, readonly SavedTensor[]>>;
  readonly dtype: SavedDType;
}

/**
 * Writes a model folder completely or not at all: into a temporary folder beside it, which is then renamed. Other files of
 * a folder that existed before (a card, pictures) are kept.
 * @throws TesseraError as `writeWeights`, and field-... for a manifest that `readManifest` would refuse
 */
export async function saveModel(folder: string, { manifest, tensors, dtype }: SaveModelRequest): Promise<void> {
  await replaceFolder(folder, async (temporary) => {
    const entries = new Map<WeightedComponent, ModelManifest[WeightedComponent]>();
    for (const component of weightedComponents) {
      const file = `${component}.safetensors`;
      await writeWeights(join(temporary, file), tensors[component], { dtype, who: join(folder, file) });
      const weights = { file, sha256: await sha256Of(join(temporary, file)) };
      entries.set(component, { ...manifest[component], weights });
    }
    const whole = parseManifest({ ...manifest, ...Object.fromEntries(entries) }, join(folder, 'model.json'));
    await writeFile(join(temporary, 'model.json'), `${JSON.stringify(whole, null, 2)}\n`);
  });
}

/**
 * Fills a temporary folder and replaces `folder` by it; other entries of `folder` are kept. On failure nothing changes.
 */
export async function replaceFolder(folder: string, fill: (temporary: string) => Promise<void>): Promise<void> {
  const target = resolve(folder);
  const beside = (what: string): string => join(dirname(target), `.${basename(target)}.${process.pid}.${what}`);
  const [temporary, old] = [beside('new'), beside('old')];
  await mkdir(temporary, { recursive: true });
  try {
    await fill(temporary);
    await keepOthers(target, temporary);
    const replaced = await renameIfThere(target, old);
    try {
      await rename(temporary, target);
    } catch (error) {
      if (replaced) await rename(old, target);
      throw error;
    }
    if (replaced) await rm(old, { recursive: true });
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw error;
  }
}

async function keepOthers(from: string, to: string): Promise<void> {
  const written = new Set(await listing(to));
  for (const name of await listing(from)) {
    if (!written.has(name)) await cp(join(from, name), join(to, name), { recursive: true });
  }
}

async function listing(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

async function renameIfThere(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
