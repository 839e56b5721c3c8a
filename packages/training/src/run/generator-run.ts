import { join } from 'node:path';
import { thenDispose, type Tokenizer } from '@tessera/core';
import { TesseraError } from '@tessera/errors';
import { fileWeights, openModel, saveModel, withOrigins } from '@tessera/models';
import { createEngine } from '@tessera/targets';
import { varietyOf } from '../data/augment.ts';
import { drawSampleGrid } from '../evaluation/make-images.ts';
import { codebookUsage, type CodebookUsage } from '../tokenizers/codebook.ts';
import { encodedSplit, type EncodedSplit } from '../tokenizers/encoded-split.ts';
import { measuredConfigOf } from '../tokenizers/tokenizer-stage.ts';
import { generatorProvenance } from './provenance.ts';
import { writeAdapter } from './adapter-file.ts';
import { openGenerator } from './open-generator.ts';
import { manifestOf, type RecipeParts } from './recipe-parts.ts';
import { openTokenizerFile } from './tokenizer-run.ts';
import type { TrainingRun } from './training-run.ts';
import { fingerprint, readWeightFile, type WeightFile, withoutStaleCard } from './weight-files.ts';

/** A finished model folder. */
export interface TrainedModel {
  readonly folder: string;
  /** How much of the codebook its tokens use; null without a codebook. */
  readonly usage: CodebookUsage | null;
}

type GeneratorRun = Pick<
  TrainingRun,
  'recipe' | 'engine' | 'plugins' | 'data' | 'digests' | 'start' | 'out' | 'train' | 'progress' | 'note'
>;

/**
 * Stage two of a recipe: encodes the data with the trained tokenizer, trains backbone and head on it, and writes the model.
 * Returns null if the training was interrupted.
 */
export async function trainGenerator(
  run: GeneratorRun,
  recipeParts: RecipeParts,
  file: WeightFile,
): Promise<TrainedModel | null> {
  const encoded = await encodeData(run, recipeParts, file);
  const config = await measuredConfig(run, recipeParts, { file, encoded });
  const { tokenizer, dispose } = await openTokenizerFile(run.engine, recipeParts, { path: file.path, config });
  try {
    return await trainOn(run, recipeParts, { file, encoded, config, tokenizer });
  } finally {
    dispose();
  }
}

/** The images as the trained tokenizer encodes them. */
interface EncodedData {
  readonly train: EncodedSplit;
  /** Null if no images are held out for validation. */
  readonly validation: EncodedSplit | null;
}

/** Images that are encoded at a time. */
export const ENCODE_BATCH = 50;

/** Encodes both splits, or reads them from disk. Encodings do not depend on what is measured of the tokenizer later. */
async function encodeData(
  { recipe, data, out, progress, note, engine }: GeneratorRun,
  recipeParts: RecipeParts,
  { path, sha256 }: WeightFile,
): Promise<EncodedData> {
  const config = recipeParts.facts.configs.tokenizer;
  const { tokenizer, dispose } = await openTokenizerFile(engine, recipeParts, { path, config });
  const encode = (split: 'train' | 'validation') =>
    encodedSplit(data[split], {
      path: join(out, 'tokens', `${split}.safetensors`),
      tokenizerDigest: fingerprint(sha256, recipe.model!.tokenizer),
      tokenizer,
      batch: ENCODE_BATCH,
      ...(split === 'train' && { varied: { ...varietyOf(recipe.data), seed: recipe.seed } }),
      progress: progress(`encode ${split}`),
      note,
    });
  try {
    const train = await encode('train');
    return { train, validation: data.validation.count > 0 ? await encode('validation') : null };
  } finally {
    dispose();
  }
}

/**
 * The recipe's configuration of the tokenizer, with the fields that are measured after its training. A generator that is
 * trained on knows the tokens by the scales of its model, which are kept.
 */
async function measuredConfig(
  { recipe, engine, data, start }: GeneratorRun,
  { facts }: RecipeParts,
  { file, encoded }: { file: WeightFile; encoded: EncodedData },
): Promise<object> {
  if (start) return start.manifest.tokenizer.config as object;
  const { plugin, config } = recipe.model!.tokenizer;
  const weights = await fileWeights(file.path);
  try {
    const initial = facts.configs.tokenizer;
    const request = { engine, data, config: initial, weights, encoded: encoded.train };
    return { ...(config as object), ...(await measuredConfigOf(plugin).measure(request)) };
  } finally {
    weights.dispose();
  }
}

interface Prepared {
  readonly file: WeightFile;
  readonly encoded: EncodedData;
  /** The tokenizer's configuration, with the measured fields. */
  readonly config: object;
  readonly tokenizer: Tokenizer;
}

async function trainOn(
  run: GeneratorRun,
  recipeParts: RecipeParts,
  { file, encoded, config, tokenizer }: Prepared,
): Promise<TrainedModel | null> {
  const { recipe, plugins, out, data } = run;
  const generator = await openGenerator(run, recipeParts, { tokenizer, encoded });
  const { stage, fresh } = generator;
  if (fresh.length > 0) run.note(`${recipe.start} lacks ${fresh.length} parameters that begin new: ${firstOf(fresh)}.`);
  const manifest = withOrigins(manifestOf(recipe, data, { facts: recipeParts.facts, config }), plugins);
  const sync = () => stage.trainStep.sync(recipe.generator!.optimiser.ema > 0 ? 'ema' : 'params');
  const save = async (folder: string): Promise<void> => {
    await sync();
    const tensors = { tokenizer: await readWeightFile(file.path), ...generator.tensors() };
    await saveModel(folder, { manifest, tensors, dtype: 'float16' });
  };
  const train = async () => {
    const picture = (step: number) => drawSamples(run, save, step);
    const provenance = generatorProvenance(run, file.sha256);
    const finished = await run
      .train({ ...stage, picture }, { every: recipe.generator!.every, provenance })
      .catch((error) => {
        throw namingHead(error, recipe.model!.head.plugin);
      });
    if (!finished) return null;
    const folder = join(out, 'model');
    await withoutStaleCard(folder, () => save(folder));
    if (generator.adapter) await writeAdapter(join(out, 'adapter.safetensors'), generator.adapter, run);
    return { folder, usage: usageOf(encoded.validation ?? encoded.train, tokenizer) };
  };
  return thenDispose(() => [generator], train);
}

/** A few of the names. */
function firstOf(names: readonly string[]): string {
  return `${names.slice(0, 3).join(', ')}${names.length > 3 ? ' and others' : ''}`;
}

/** Names the head whose loss was not finite. The loss is computed within a program, where no check sees the head. */
function namingHead(error: unknown, head: string): unknown {
  if (!(error instanceof TesseraError) || !error.code.endsWith('-not-finite')) return error;
  return new TesseraError({ ...error.parts, got: `${error.parts.got} with the head ${head}`, cause: error });
}

function usageOf(encoded: EncodedSplit, { space, layout }: Pick<Tokenizer, 'space' | 'layout'>): CodebookUsage | null {
  return space.kind === 'discrete' ? codebookUsage(encoded, { vocabulary: space.vocabulary, layout }) : null;
}

/** Draws samples of the current parameters, by a model that is opened as a user would open it. */
async function drawSamples(
  { engine: training, data, out, plugins }: Pick<TrainingRun, 'engine' | 'data' | 'out' | 'plugins'>,
  save: (folder: string) => Promise<void>,
  step: number,
): Promise<void> {
  const folder = join(out, 'pictures', 'model');
  await save(folder);
  const engine = createEngine({ target: training.target });
  const model = await openModel(folder, { engine, plugins });
  await drawSampleGrid(model, data, join(out, 'pictures', `generator-${String(step + 1).padStart(6, '0')}.png`));
  model.dispose();
  engine.dispose();
}
