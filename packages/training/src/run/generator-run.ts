import { join } from 'node:path';
import { thenDispose, type SpaceShape, type Tokenizer } from '@tessera/core';
import { createEngine } from '@tessera/targets';
import { TesseraError } from '@tessera/errors';
import { freshWeights, openModel, saveModel, savedTensors, withOrigins } from '@tessera/models';
import { codebookUsage, type CodebookUsage } from '../trainer/codebook-usage.ts';
import type { EncodedSplit } from '../trainer/encoded-split.ts';
import { generatorStage } from '../trainer/generator-stage.ts';
import { runStage } from '../trainer/run-stage.ts';
import { buildTrained } from './build-trained.ts';
import { withoutStaleCard } from './stale-card.ts';
import { encodeData, settledConfig, type EncodedData } from './encode-data.ts';
import { manifestOf } from './manifest-of.ts';
import type { RecipeParts } from './parts.ts';
import { stageRun, type Room } from './room.ts';
import { drawSampleGrid } from './sample-grid.ts';
import { generatorMadeOf } from './stage-ingredients.ts';
import { openTokenizerFile, type TokenizerFile } from './tokenizer-file.ts';
import { readWeightFile } from './weight-file.ts';

/** A finished model folder. */
export interface TrainedModel {
  readonly folder: string;
  /** What its tokens use of the codebook, where there is one. */
  readonly usage: CodebookUsage | null;
}

/** Stage two of a recipe: trains backbone and head on encoded data, and writes the model. Null if it was interrupted. */
export async function runGenerator(
  room: Room,
  recipeParts: RecipeParts,
  file: TokenizerFile,
): Promise<TrainedModel | null> {
  const encoded = await encodeData(room, recipeParts, file);
  const config = await settledConfig(room, { file, encoded, drafted: recipeParts.facts.configs.tokenizer });
  const { tokenizer, dispose } = await openTokenizerFile(room.engine, recipeParts, { path: file.path, config });
  try {
    return await trainOn(room, recipeParts, { file, encoded, config, tokenizer });
  } finally {
    dispose();
  }
}

interface Prepared {
  readonly file: TokenizerFile;
  readonly encoded: EncodedData;
  /** The tokenizer's, with what was measured. */
  readonly config: object;
  readonly tokenizer: Tokenizer;
}

async function trainOn(room: Room, recipeParts: RecipeParts, prepared: Prepared): Promise<TrainedModel | null> {
  const { recipe, engine, out } = room;
  const { file, encoded, config, tokenizer } = prepared;
  const own = recipe.generator!;
  const weights = { backbone: freshWeights(recipe.seed), head: freshWeights(recipe.seed) };
  const { order, backbone, head } = buildTrained(engine, recipeParts, { tokenizer, weights });
  const parts = { engine, tokenizer, order, backbone, head, weights, encoded };
  const stage = generatorStage({ ...parts, recipe: own, seed: recipe.seed });
  const manifest = withOrigins(manifestOf(recipe, room.data, config), room.plugins ?? {});
  const save = async (folder: string): Promise<void> => {
    await stage.trainStep.sync(own.optimiser.ema > 0 ? 'ema' : 'params');
    const tensors = {
      tokenizer: await readWeightFile(file.path),
      backbone: savedTensors(weights.backbone),
      head: savedTensors(weights.head),
    };
    await saveModel(folder, { manifest, tensors, dtype: 'float16' });
  };
  const train = async () => {
    const run = stageRun(room, { name: stage.name, every: own.every, madeOf: generatorMadeOf(room, file.sha256) });
    const draw = (step: number) => drawSamples(room, save, step);
    const { finished } = await runStage({ ...stage, picture: draw }, run).catch((error: unknown) => {
      throw withHead(error, recipe.model!.head.plugin);
    });
    if (!finished) return null;
    const folder = join(out, 'model');
    await withoutStaleCard(folder, () => save(folder));
    return { folder, usage: usageOf(encoded.validation ?? encoded.train, tokenizer) };
  };
  return thenDispose(() => [stage, backbone, head, weights.backbone, weights.head], train);
}

/** Says whose loss was not finite: it is computed within a program, where no guard of the head's sees it. */
function withHead(error: unknown, head: string): unknown {
  if (!(error instanceof TesseraError) || !error.code.endsWith('-not-finite')) return error;
  return new TesseraError({ ...error.parts, got: `${error.parts.got} with the head ${head}`, cause: error });
}

function usageOf(encoded: EncodedSplit, { space, layout }: { space: SpaceShape } & Pick<Tokenizer, 'layout'>) {
  return space.kind === 'discrete' ? codebookUsage(encoded, { vocabulary: space.vocabulary, layout }) : null;
}

/** Draws what the model makes now, as a user would open it. */
async function drawSamples(
  { engine: training, out, plugins = {} }: Room,
  save: (folder: string) => Promise<void>,
  step: number,
): Promise<void> {
  const folder = join(out, 'pictures', 'model');
  await save(folder);
  const engine = createEngine({ target: training.target });
  const model = await openModel(folder, { engine, plugins });
  await drawSampleGrid(model, join(out, 'pictures', `generator-${String(step + 1).padStart(6, '0')}.png`));
  model.dispose();
  engine.dispose();
}
