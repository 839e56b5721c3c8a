import { join } from 'node:path';
import type { Tokenizer } from '@tessera/core';
import type { Engine } from '@tessera/engine';
import { fileWeights } from '@tessera/models';
import type { FeatureNetwork } from '../loss/perceptual.ts';
import { pairRows, splitImages, writeGrid } from '../report/picture.ts';
import { runStage } from '../trainer/run-stage.ts';
import { tokenizerStage, type TokenizerStage } from '../trainer/tokenizer-stage.ts';
import type { RecipeParts } from './parts.ts';
import { deciding, flipsOf, stageRun, type Room } from './room.ts';
import { writeWeightFile } from './weight-file.ts';

/** The weights of a trained tokenizer, as float16 wrote them. */
export interface TokenizerFile {
  readonly path: string;
  readonly sha256: string;
}

const COLUMNS = 8;

/** Stage one of a recipe: trains the tokenizer, or goes on with it. Null if it was interrupted. */
export async function runTokenizer(
  room: Room,
  { facts }: RecipeParts,
  network: FeatureNetwork | null,
): Promise<TokenizerFile | null> {
  const { recipe, engine, data, out } = room;
  const own = recipe.tokenizer!;
  const config = facts.configs.tokenizer;
  const flips = flipsOf(recipe);
  const stage = tokenizerStage({ engine, data, recipe: own, config, seed: recipe.seed, flips, network });
  const path = join(out, 'tokenizer.safetensors');
  try {
    const decides = [deciding(own), recipe.model!.tokenizer, own.loss.perceptual > 0 ? recipe.judge : null];
    const run = stageRun(room, { name: stage.name, every: own.every, decides });
    const drawing = { ...stage, picture: (step: number) => drawReconstructions(room, stage, step) };
    const { finished } = await runStage(drawing, run);
    if (!finished) return null;
    await stage.trainStep.sync(own.optimiser.ema > 0 ? 'ema' : 'params');
    return { path, sha256: await writeWeightFile(path, stage.weights) };
  } finally {
    stage.dispose();
  }
}

/** A tokenizer with its weights from a file. */
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
      tokenizer.dispose();
      weights.dispose();
    },
  };
}

/** Rows of images of the validation split, each above what the tokenizer makes of them. */
async function drawReconstructions({ data, out }: Room, stage: TokenizerStage, step: number): Promise<void> {
  const { real, made } = await stage.reconstruct();
  const rows = pairRows(splitImages(real, data.image), splitImages(made, data.image), COLUMNS);
  const name = `tokenizer-${String(step + 1).padStart(6, '0')}.png`;
  await writeGrid(join(out, 'pictures', name), rows, { columns: COLUMNS });
}
