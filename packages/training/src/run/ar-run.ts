import { join } from 'node:path';
import { createEngine } from '@tessera/engine';
import { freshWeights, openModel, saveModel, savedTensors, type ModelManifest } from '@tessera/models';
import { generateSamples } from '../evaluation/generate-samples.ts';
import { writeGrid } from '../report/picture.ts';
import { arStage } from '../trainer/ar-stage.ts';
import { runStage } from '../trainer/run-stage.ts';
import { cachedTokens, codebookUsage, type CachedTokens } from '../trainer/token-cache.ts';
import { buildTrained } from './build-trained.ts';
import type { RecipeParts } from './parts.ts';
import { previewOf } from './preview-fit.ts';
import { deciding, stageRun, type Room } from './room.ts';
import type { OpenedTokenizer } from './vq-run.ts';
import { readWeightFile } from './weight-file.ts';

/** A finished model folder, and what its tokens use of the codebook. */
export interface TrainedModel {
  readonly folder: string;
  readonly usage: { readonly union: number; readonly scales: readonly number[] };
}

const ENCODE_BATCH = 50;

/** Stage two of a recipe: trains backbone and head on cached tokens, and writes the model. Null if it was interrupted. */
export async function runAr(
  room: Room,
  recipeParts: RecipeParts,
  opened: OpenedTokenizer,
): Promise<TrainedModel | null> {
  const { recipe, engine, out } = room;
  const ar = recipe.ar!;
  const tokens = await encodeData(room, opened);
  const weights = { backbone: freshWeights(recipe.seed), head: freshWeights(recipe.seed) };
  const { backbone, head } = buildTrained(engine, recipeParts, { tokenizer: opened.tokenizer, weights });
  const stage = arStage({
    engine,
    tokenizer: opened.tokenizer,
    backbone,
    head,
    weights,
    tokens,
    recipe: ar,
    seed: recipe.seed,
  });
  const manifest = await manifestOf(room, opened);
  const save = async (folder: string): Promise<void> => {
    await stage.trainStep.sync(ar.optimiser.ema > 0 ? 'ema' : 'params');
    const tokenizer = await readWeightFile(opened.path);
    const tensors = { tokenizer, backbone: savedTensors(weights.backbone), head: savedTensors(weights.head) };
    await saveModel(folder, { manifest, tensors, dtype: 'float16' });
  };
  try {
    const run = stageRun(room, { name: 'ar', every: ar.every, decides: [deciding(ar), recipe.model, opened.sha256] });
    const draw = (step: number) => drawSamples(room, save, step);
    const { finished } = await runStage({ ...stage, picture: draw }, run);
    if (!finished) return null;
    const folder = join(out, 'model');
    await save(folder);
    const scales = opened.tokenizer.layout.scales;
    return { folder, usage: codebookUsage(tokens.validation, { vocabulary: recipeParts.vqConfig.V, scales }) };
  } finally {
    stage.dispose();
    for (const part of [backbone, head, weights.backbone, weights.head]) part.dispose();
  }
}

async function encodeData(
  { recipe, data, out, progress }: Room,
  { tokenizer, sha256 }: OpenedTokenizer,
): Promise<{ train: CachedTokens; validation: CachedTokens }> {
  const fingerprint = `${sha256} ${JSON.stringify(recipe.data)} ${recipe.seed}`;
  const encode = (split: 'train' | 'validation') =>
    cachedTokens(data[split], {
      path: join(out, 'tokens', `${split}.safetensors`),
      fingerprint,
      tokenizer,
      batch: ENCODE_BATCH,
      progress: progress(`encode ${split}`),
    });
  return { train: await encode('train'), validation: await encode('validation') };
}

/** `model.json` of the recipe, with the preview that its tokenizer was fitted. */
async function manifestOf({ recipe, engine, data }: Room, { tokenizer }: OpenedTokenizer): Promise<ModelManifest> {
  const { tokenizer: part, order, backbone, head, defaults } = recipe.model!;
  const preview = await previewOf(engine, tokenizer.model, data);
  return {
    format: 'tessera-model',
    version: 1,
    name: recipe.name,
    title: recipe.title,
    description: recipe.description,
    licence: recipe.licence,
    data: data.name,
    classes: data.classes,
    tokenizer: { plugin: part.plugin, config: { ...(part.config as object), preview } },
    order,
    backbone,
    head,
    defaults,
  };
}

const COLUMNS = 10;
const ROWS = 5;

/** A grid of samples, one class a column, made by the model as a user would open it. */
async function drawSamples({ out, data }: Room, save: (folder: string) => Promise<void>, step: number): Promise<void> {
  const folder = join(out, 'pictures', 'model');
  await save(folder);
  const engine = createEngine();
  const model = await openModel(folder, { engine });
  const columns = Math.min(COLUMNS, data.classes.length);
  const labels = Array.from({ length: columns * ROWS }, (_, n) => n % columns);
  const images = await generateSamples(model, { labels, seed: 0, batch: labels.length });
  await writeGrid(join(out, 'pictures', `ar-${String(step + 1).padStart(6, '0')}.png`), images, { columns });
  model.dispose();
  engine.dispose();
}
