import { join } from 'node:path';
import { fileWeights } from '@tessera/models';
import { vqTokenizer, type VqConfig, type VqTokenizer } from '@tessera/tokenizer-vq';
import type { FeatureNetwork } from '../loss/perceptual.ts';
import { pairRows, splitImages, writeGrid } from '../report/picture.ts';
import { runStage } from '../trainer/run-stage.ts';
import { vqStage, type VqStage } from '../trainer/vq-stage.ts';
import { deciding, stageRun, type Room } from './room.ts';
import { writeWeightFile } from './weight-file.ts';

/** A trained tokenizer, as float16 wrote it. */
export interface OpenedTokenizer {
  readonly tokenizer: VqTokenizer;
  readonly path: string;
  readonly sha256: string;
  dispose(): void;
}

const COLUMNS = 8;

/** Stage one of a recipe: trains the tokenizer, or goes on with it. Null if it was interrupted. */
export async function runVq(
  room: Room,
  { config, network }: { config: VqConfig; network: FeatureNetwork | null },
): Promise<OpenedTokenizer | null> {
  const { recipe, engine, data, out } = room;
  const vq = recipe.vq!;
  const stage = vqStage({ engine, data, recipe: vq, config, seed: recipe.seed, network });
  const path = join(out, 'tokenizer.safetensors');
  try {
    const decides = [deciding(vq), recipe.model!.tokenizer, vq.loss.perceptual > 0 ? recipe.judge : null];
    const run = stageRun(room, { name: 'vq', every: vq.every, decides });
    const drawing = { ...stage, picture: (step: number) => drawReconstructions(room, stage, step) };
    const { finished } = await runStage(drawing, run);
    if (!finished) return null;
    await stage.trainStep.sync(vq.optimiser.ema > 0 ? 'ema' : 'params');
    const sha256 = await writeWeightFile(path, stage.weights);
    return { path, sha256, ...(await openTokenizerFile(room, { path, config })) };
  } finally {
    stage.dispose();
  }
}

/** Opens a tokenizer's weights. */
export async function openTokenizerFile(
  { engine }: Pick<Room, 'engine'>,
  { path, config }: { path: string; config: VqConfig },
): Promise<{ tokenizer: VqTokenizer; dispose(): void }> {
  const weights = await fileWeights(path);
  const tokenizer = vqTokenizer.build(config, { engine, weights });
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
async function drawReconstructions({ data, out }: Room, stage: VqStage, step: number): Promise<void> {
  const { real, made } = await stage.reconstruct();
  const rows = pairRows(splitImages(real, data.image), splitImages(made, data.image), COLUMNS);
  await writeGrid(join(out, 'pictures', `vq-${String(step + 1).padStart(6, '0')}.png`), rows, { columns: COLUMNS });
}
