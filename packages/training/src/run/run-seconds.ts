import { type Composition, disposeAll, type Held, sample } from '@tessera/core';
import { type Engine, keyedRng } from '@tessera/engine';
import { type JudgeConfig, type JudgeNetwork, judgeNetwork, openJudge } from '@tessera/features';
import { checkRequest, freshWeights, planOf } from '@tessera/models';
import { imagesOfClasses } from '@tessera/request';
import { encodingsOf } from '../data/augment.ts';
import type { DataSet, Split } from '../data/data-set.ts';
import { type JudgeRecipe, openNamedJudge, shapeOf } from '../evaluation/judge.ts';
import { GRID_IMAGES } from '../evaluation/make-images.ts';
import type { Recipe } from '../recipe/recipe.ts';
import { batchWithin } from '../stage/image-batches.ts';
import type { TrainingRecipe } from '../stage/optimiser.ts';
import type { Batch, Stage } from '../stage/stage.ts';
import { encodeImages } from '../tokenizers/encoded-split.ts';
import { ENCODE_BATCH } from './generator-run.ts';
import { buildTrained, manifestOf, type RecipeParts } from './recipe-parts.ts';

/** Time of one stage on this machine, in seconds. */
export interface StageSeconds {
  readonly perStep: number;
  /** Compiling all its programs. */
  readonly compiling: number;
  /** All its validations. */
  readonly validation: number;
}

interface StageTiming {
  readonly training: TrainingRecipe;
  /** Steps to time. */
  readonly measure: number;
  /** Images of the validation split. */
  readonly heldOut: number;
}

/**
 * Times a few late steps, each after an equal step that compiles (batches may differ in shape), and one validation batch.
 * The stage's parameters change.
 */
export async function timeStage(stage: Stage, { training, measure, heldOut }: StageTiming): Promise<StageSeconds> {
  const { trainStep, hyper, batches, programs = 1 } = stage;
  const { steps, batch, every } = training;
  const compiled: number[] = [];
  let running = 0;
  let validating = { first: 0, again: 0 };
  for (let i = 0; i < measure; i++) {
    const given = await batches(Math.max(0, steps - 1 - i));
    const { compiling } = await trainStep.run(given, hyper(steps - 1));
    if (compiling > 0) compiled.push(compiling / 1000);
    running += await secondsOf(() => trainStep.run(given, hyper(steps - 1)));
    if (i === 0 && stage.validate) validating = await twice(() => trainStep.evaluate(given[0]!, 0));
    disposeBatches(given);
  }
  const validations = stage.validate ? 1 + (every.validate > 0 ? Math.floor((steps - 1) / every.validate) : 0) : 0;
  const perValidation = validating.again * Math.floor(heldOut / batchWithin(batch, heldOut));
  return {
    perStep: running / measure,
    compiling: mean(compiled) * Math.max(programs, compiled.length) + (validating.first - validating.again) * programs,
    validation: validations * perValidation,
  };
}

/** Time of a run besides the steps of its stages, in seconds. */
export interface OtherSeconds {
  readonly encoding: number;
  /** Samples that are drawn while the generator trains. Each time a model is opened for it. */
  readonly pictures: number;
  /** Samples, reconstructions, and judging them. */
  readonly evaluation: number;
  readonly compiling: number;
}

interface Measured {
  readonly engine: Engine;
  readonly recipe: Recipe;
  readonly parts: RecipeParts;
  readonly data: DataSet;
}

interface Timed extends Measured {
  /** The recipe's folder. */
  readonly folder: string;
}

/** Number of images that are timed together. */
const SAMPLED = 4;

/** Times encoding, sampling and judging with untrained parts. Times do not depend on the contents of images. */
export async function timeOthers({ engine, recipe, folder, parts, data }: Timed): Promise<OtherSeconds> {
  const { judge, generator, evaluation, seed } = recipe;
  const weights = { tokenizer: freshWeights(seed), backbone: freshWeights(seed), head: freshWeights(seed) };
  const held: Held[] = [weights.tokenizer, weights.backbone, weights.head];
  try {
    const { configs } = parts.facts;
    const tokenizer = parts.parts.tokenizer.plugin.build(configs.tokenizer, {
      engine,
      weights: weights.tokenizer,
    });
    held.unshift(tokenizer);
    const built = buildTrained(engine, parts, { tokenizer, weights });
    held.unshift(built.backbone, built.head);
    const some = Math.min(ENCODE_BATCH, data.train.count);
    const pixels = await firstOf(data.train, some);
    const encode = await twice(() => encodeImages(tokenizer, pixels, some));
    const draw = await twice(() => drawImages({ ...built, tokenizer }, { recipe, parts, data }));
    const examine = judge ? await timeJudge(engine, judge, { data, folder }) : { first: 0, again: 0 };
    const [perEncoding, perImage] = [encode.again / some, draw.again / SAMPLED];
    const encoded = data.train.count * encodingsOf(recipe.data) + data.validation.count;
    const pictures = picturesOf(generator!);
    const drawn = evaluation.samples + evaluation.neighbours + GRID_IMAGES;
    const back = Math.min(evaluation.samples, data.test.count);
    const judged = evaluation.samples + 2 * data.train.count + 2 * data.test.count + back;
    return {
      encoding: encoded * perEncoding,
      pictures: pictures * (GRID_IMAGES * perImage + draw.first - draw.again),
      evaluation: judge ? drawn * perImage + 2 * back * perEncoding + judged * examine.again : 0,
      compiling: encode.first - encode.again + (judge ? draw.first - draw.again + examine.first : 0),
    };
  } finally {
    disposeAll(held);
  }
}

function picturesOf({ steps, every }: TrainingRecipe): number {
  return 1 + (every.picture > 0 ? Math.floor((steps - 1) / every.picture) : 0);
}

/** A few images at the model's defaults. */
async function drawImages(composition: Composition, { recipe, parts, data }: Omit<Measured, 'engine'>): Promise<void> {
  const manifest = manifestOf(recipe, data, parts);
  const outlined = { manifest, ...parts };
  const images = imagesOfClasses(new Array<number>(SAMPLED).fill(-1));
  const request = planOf(outlined, checkRequest(outlined, { images, seed: 0 }));
  const { signal } = new AbortController();
  const rng = keyedRng(request.rows.map(({ seed }) => seed));
  const events = sample(composition, { ...request, rng, signal, preview: 'none', kept: null, written: [] });
  for await (const event of events) if (event.type === 'image') continue;
}

/** Seconds to compile a judge, and to look at one image. */
async function timeJudge(
  engine: Engine,
  recipe: JudgeRecipe,
  { data, folder }: { readonly data: DataSet; readonly folder: string },
): Promise<Seconds> {
  const { image, classes, train } = data;
  const opened =
    recipe.kind === 'train'
      ? freshJudge({ channels: image.channels, classes: classes.length, ...shapeOf(recipe) })
      : (await openNamedJudge(recipe, folder))!;
  const judgeProgram = opened.open(engine, image);
  try {
    const some = Math.min(100, train.count);
    const pixels = await firstOf(train, some);
    const { first, again } = await twice(() => judgeProgram.run(pixels));
    return { first: first - again, again: again / some };
  } finally {
    judgeProgram.dispose();
    opened.dispose();
  }
}

function freshJudge(config: JudgeConfig): JudgeNetwork {
  const weights = freshWeights(0);
  const facts = { name: 'fresh', sha256: '', licence: '', dispose: () => weights.dispose() };
  return judgeNetwork(openJudge(weights, config), facts);
}

function firstOf(split: Split, count: number): Promise<Float32Array> {
  return split.read(Int32Array.from({ length: count }, (_, i) => i));
}

interface Seconds {
  /** The first time, with all that is done once, mainly compiling. */
  readonly first: number;
  readonly again: number;
}

async function twice(work: () => Promise<unknown>): Promise<Seconds> {
  const first = await secondsOf(work);
  const again = await secondsOf(work);
  return { first: Math.max(first, again), again };
}

async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}

function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}

function disposeBatches(batches: readonly Batch[]): void {
  for (const batch of batches) for (const tensor of Object.values(batch)) tensor.dispose();
}
