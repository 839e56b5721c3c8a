import { join } from 'node:path';
import { disposeAll, type Tokenizer } from '@tessera/core';
import type { Engine } from '@tessera/engine';
import type { TraceableNetwork } from '@tessera/features';
import { fileWeights, savedTensors } from '@tessera/models';
import { augmentationOf } from '../data/augment.ts';
import { reconstructAll } from '../evaluation/make-images.ts';
import { drawReconstructions } from '../report/pictures.ts';
import { type TokenizerRecipe, tokenizerStage } from '../tokenizers/tokenizer-stage.ts';
import { tokenizerProvenance } from './provenance.ts';
import type { FittedParts, RecipeParts } from './recipe-parts.ts';
import type { TrainingRun } from './training-run.ts';
import { readWeightFile, type WeightFile, writeWeightFile } from './weight-files.ts';

/**
 * Stage one by training, from its checkpoint if there is one. The perceptual term looks through the network, if one is given. Returns
 * null if the training was interrupted.
 */
export async function trainTokenizer(
  run: Pick<TrainingRun, 'recipe' | 'engine' | 'data' | 'digests' | 'out' | 'train'>,
  { facts }: Pick<RecipeParts, 'facts'>,
  { section, network }: { section: TokenizerRecipe; network: TraceableNetwork | null },
): Promise<WeightFile | null> {
  const { recipe, engine, data, out, train } = run;
  const stage = tokenizerStage({
    engine,
    data,
    recipe: section,
    config: facts.configs.tokenizer,
    seed: recipe.seed,
    augmentation: augmentationOf(recipe.data),
    network,
  });
  try {
    const picture = async (step: number) => drawReconstructions({ data, out }, await stage.reconstruct(), step + 1);
    const provenance = tokenizerProvenance(run, network?.sha256 ?? null);
    if (!(await train({ ...stage, picture }, { every: section.every, provenance }))) return null;
    await stage.trainStep.sync(section.optimiser.ema > 0 ? 'ema' : 'params');
    return await writeWeightFile(join(out, 'tokenizer.safetensors'), savedTensors(stage.weights));
  } finally {
    stage.dispose();
  }
}

/** Opens a tokenizer with its weights from a file. */
export async function openTokenizerFile(
  engine: Engine,
  { parts }: Pick<RecipeParts, 'parts'>,
  { path, config }: { path: string; config: unknown },
): Promise<{ tokenizer: Tokenizer; dispose(): void }> {
  const { plugin } = parts.tokenizer;
  const weights = await fileWeights(path);
  const tokenizer = plugin.build(plugin.config.parse(config, path), { engine, weights });
  weights.finish();
  return {
    tokenizer,
    dispose() {
      disposeAll([tokenizer, weights]);
    },
  };
}

/** Images in the picture of reconstructions. */
const SHOWN = 32;

/** Stage one without training: copies the taken weights (or none) as float16, and draws reconstructions. */
export async function copyTokenizer(
  { engine, data, out }: Pick<TrainingRun, 'engine' | 'data' | 'out'>,
  parts: FittedParts,
): Promise<WeightFile> {
  const tensors = parts.taken ? await readWeightFile(parts.taken.path) : [];
  const own = tensors.filter(({ buffer }) => !buffer);
  const file = await writeWeightFile(join(out, 'tokenizer.safetensors'), own);
  const config = parts.facts.configs.tokenizer;
  const { tokenizer, dispose } = await openTokenizerFile(engine, parts, { path: file.path, config });
  try {
    const split = data.validation.count > 0 ? data.validation : data.train;
    const real = await split.read(Int32Array.from({ length: Math.min(SHOWN, split.count) }, (_, i) => i));
    const made = await reconstructAll(engine, tokenizer, { pixels: real, image: data.image });
    await drawReconstructions({ data, out }, { real, made }, 0);
  } finally {
    dispose();
  }
  return file;
}
