import { join } from 'node:path';
import { nextScaleTransformer, type NextScaleConfig } from '@tessera/backbones';
import { openCheckpoint, writeSafetensors, type Checkpoint, type WritableTensor } from '@tessera/checkpoints';
import { TesseraError } from '@tessera/errors';
import { USAGE_BUFFER, vqConfig, type VqConfig } from '@tessera/tokenizer-vq';
import { readManifest, weightedComponents, type WeightedComponent } from '../manifest.ts';
import type { ModelManifest } from '../model.ts';
import { replaceFolder } from '../save-model.ts';
import { derivedTensors } from './official-buffers.ts';
import { tokenizerMetadata, transformerMetadata } from './state-notes.ts';

/** Where `exportModel` put the weights. */
export interface ExportedFiles {
  readonly transformer: string;
  readonly tokenizer: string;
}

const plugins = {
  tokenizer: 'vq',
  order: 'next-scale',
  backbone: 'next-scale-transformer',
  head: 'categorical',
} as const;

/**
 * Writes a VAR model folder back as the two official state dicts, `var.safetensors` and `vae.safetensors`, complete with
 * the tensors that follow from the configuration. What was imported as float32 comes out bit for bit. The files' metadata
 * say what shapes do not tell, so that `importModel` gives the same model again.
 * @throws TesseraError export-unsupported for models of other parts, and what `readManifest` and the formats throw
 */
export async function exportModel(folder: string, out: string): Promise<ExportedFiles> {
  const manifest = await readManifest(folder);
  checkParts(folder, manifest);
  const files = new Map<WeightedComponent, Checkpoint>();
  try {
    for (const component of weightedComponents) {
      files.set(component, await openCheckpoint(join(folder, manifest[component].weights!.file)));
    }
    const config = nextScaleTransformer.config.parse(manifest.backbone.config, folder);
    const vq = vqConfig.parse(manifest.tokenizer.config, folder);
    const transformer = transformerTensors(config, vq, [files.get('backbone')!, files.get('head')!]);
    const tokenizer = tokenizerTensors(vq, files.get('tokenizer')!);
    await replaceFolder(out, async (temporary) => {
      const notes = transformerMetadata(manifest, vq, config);
      await writeSafetensors(join(temporary, 'var.safetensors'), transformer, notes);
      const counted = files.get('tokenizer')!.tensors.has(USAGE_BUFFER);
      await writeSafetensors(join(temporary, 'vae.safetensors'), tokenizer, tokenizerMetadata(vq, counted));
    });
    return { transformer: join(out, 'var.safetensors'), tokenizer: join(out, 'vae.safetensors') };
  } finally {
    for (const file of files.values()) await file.close();
  }
}

function checkParts(folder: string, manifest: ModelManifest): void {
  for (const [kind, plugin] of Object.entries(plugins) as [keyof typeof plugins, string][]) {
    if (manifest[kind].plugin === plugin && (kind === 'order' || manifest[kind].weights)) continue;
    throw new TesseraError({
      code: 'export-unsupported',
      who: folder,
      got: `the ${kind} ${manifest[kind].plugin}`,
      expected: `${plugin} with its weights, since official files exist for VAR only`,
    });
  }
}

function transformerTensors(
  { depth, width }: NextScaleConfig,
  { patch_nums }: VqConfig,
  files: readonly Checkpoint[],
): WritableTensor[] {
  const stored = files.flatMap((file) => storedTensors(file));
  const dtype = stored.some((tensor) => tensor.dtype === 'float16') ? 'float16' : 'float32';
  return [...stored, ...derivedTensors({ depth, width, patchNums: patch_nums, dtype })];
}

/** The official file always holds how often codes were used; where nobody counted, it says zero. */
function tokenizerTensors({ patch_nums, V }: VqConfig, file: Checkpoint): WritableTensor[] {
  const stored = storedTensors(file);
  if (file.tensors.has(USAGE_BUFFER)) return stored;
  const shape = [patch_nums.length, V];
  const unused = {
    name: USAGE_BUFFER,
    dtype: 'float32',
    shape,
    bytes: () => new Uint8Array(shape[0]! * V * 4),
  } as const;
  return [...stored, unused];
}

function storedTensors(file: Checkpoint): WritableTensor[] {
  return [...file.tensors.values()].map(({ name, dtype, shape }) => ({
    name,
    dtype,
    shape,
    bytes: () => file.read(name),
  }));
}
