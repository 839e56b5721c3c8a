import { join } from 'node:path';
import type { JudgeNetwork } from '@tessera/features';
import { type Model, openModel } from '@tessera/models';
import { attributeReport } from '../evaluation/attribute-report.ts';
import {
  type EvaluatedSamples,
  evaluateReconstruction,
  evaluateSamples,
  judgeAccuracy,
} from '../evaluation/evaluate.ts';
import { askedOf } from '../evaluation/asked.ts';
import { drawSampleGrid, generateSamples, joinPixels, openTokenizer } from '../evaluation/make-images.ts';
import { type ToldReport, toldReport } from '../evaluation/told-report.ts';
import { nearestNeighbours } from '../evaluation/nearest-neighbours.ts';
import { splitImages, writePairs } from '../report/pictures.ts';
import type { CodebookUsage } from '../tokenizers/codebook.ts';
import type { TrainedModel } from './generator-run.ts';
import { writeCard } from './model-card.ts';
import { reconstructionMetrics } from './tokenizer-alone.ts';
import type { TrainingRun } from './training-run.ts';

const SEED = 1;

/** What is evaluated, and by which judge. */
interface Evaluated {
  readonly judge: JudgeNetwork;
  readonly trained: TrainedModel;
}

type EvaluatedRun = Pick<TrainingRun, 'recipe' | 'engine' | 'plugins' | 'data' | 'out' | 'log' | 'progress'>;

/** Measures a trained model folder and writes its card. Returns the figures by name. */
export async function evaluateRun(run: EvaluatedRun, evaluated: Evaluated): Promise<Record<string, number>> {
  const metrics = await measure(run, evaluated);
  await writeCard(run, evaluated, metrics);
  return metrics;
}

async function measure(run: EvaluatedRun, { judge, trained }: Evaluated): Promise<Record<string, number>> {
  const { engine, plugins, data, recipe, out } = run;
  const progress = run.progress('evaluation')(recipe.evaluation.samples);
  const model = await openModel(trained.folder, { engine, plugins });
  const tokenizer = await openTokenizer(trained.folder, { engine, plugins });
  try {
    const { samples, neighbours } = recipe.evaluation;
    progress.begin(`${samples} samples`);
    const {
      asked,
      figures: made,
      images,
    } = await evaluateSamples({
      engine,
      model,
      judge,
      data,
      samples,
      seed: SEED,
      progress,
    });
    const request = { engine, tokenizer, judge, data };
    progress.begin('test images through the tokenizer');
    const back = await evaluateReconstruction(request, { images: samples, seed: SEED });
    const attributes = await attributeFigures(run, judge, { asked, images });
    progress.begin('samples beside their nearest training images');
    await drawSampleGrid(model, data, join(out, 'pictures', 'samples.png'));
    const near = await drawNeighbours({ data, out }, model, neighbours);
    // Of small evaluations the judge's own accuracy would be the longest part.
    const judged = { count: 50 * samples, seed: SEED };
    return {
      parameters: model.parameters,
      judgeAccuracy: await judgeAccuracy({ engine, judge, data }, data.test, judged),
      ...renamed(made, (name) => (name === 'reference' ? 'fdCnnReference' : name)),
      ...reconstructionMetrics(back),
      neighbourDistance: near.samples,
      neighbourDistanceOfTestImages: near.test,
      ...attributes,
      ...(trained.usage && usageFigures(trained.usage)),
    };
  } finally {
    progress.end();
    tokenizer.dispose();
    model.dispose();
  }
}

/** Comparing with all training images takes half a second each. */
const MOST_ATTRIBUTED = 200;

/** What the attributes of samples tell, for data and a judge that know them; else nothing. */
async function attributeFigures(
  { engine, data }: EvaluatedRun,
  judge: JudgeNetwork,
  { asked, images }: Pick<EvaluatedSamples, 'asked' | 'images'>,
): Promise<Record<string, number>> {
  if (!data.attributes || !judge.config.attributes) return {};
  const program = judge.openAttributes(engine, data.image);
  try {
    const samples = joinPixels(images.slice(0, MOST_ATTRIBUTED));
    const { unseen, spread, nearest, nearer } = await attributeReport({ samples, judge: program, data });
    const { member_N } = asked;
    const told = member_N && (await toldReport({ samples: joinPixels(images), member_N, judge: program, data }));
    return {
      ...(told && toldFigures(told)),
      unseenCombinations: unseen.samples,
      unseenCombinationsOfTestImages: unseen.test,
      unseenCombinationsOfTrainingImages: unseen.train,
      attributeSpread: spread,
      nearestDistance: nearest.samples,
      nearestDistanceOfTestImages: nearest.test,
      nearerThanTestImages: nearer,
    };
  } finally {
    program.dispose();
  }
}

/** A figure of no input at all is left out. */
function toldFigures({ toldOf, ...told }: ToldReport): Record<string, number> {
  const figures = { ...told, ...renamed(toldOf, (name) => `toldOf.${name}`) };
  return Object.fromEntries(Object.entries(figures).filter(([, value]) => Number.isFinite(value)));
}

/** All figures of a record under other names. */
function renamed(figures: object, to: (name: string) => string): Record<string, number> {
  return Object.fromEntries(Object.entries(figures).map(([name, value]) => [to(name), value as number]));
}

function usageFigures({ union, scales }: CodebookUsage): Record<string, number> {
  const each = scales.map((usage, scale) => [`codebookUsage.${scale}`, usage]);
  return { codebookUsage: union, ...Object.fromEntries(each) };
}

const COLUMNS = 8;

/**
 * Draws samples above their nearest training images. Returns their mean squared pixel distance, and that of as many test
 * images. A generator that has memorised training images has a much smaller distance than the test images.
 */
async function drawNeighbours(
  { data, out }: Pick<TrainingRun, 'data' | 'out'>,
  model: Model,
  count: number,
): Promise<{ readonly samples: number; readonly test: number }> {
  const { conditions } = askedOf(model.condition, data, count);
  const images = await generateSamples(model, { conditions, seed: SEED, batch: count });
  const { index_N, distance_N } = await nearestNeighbours(
    images.map((image) => image.data),
    data.train,
  );
  const near = splitImages(await data.train.read(index_N), data.image);
  await writePairs(join(out, 'pictures', 'neighbours.png'), [images, near], COLUMNS);
  const members = Int32Array.from({ length: Math.min(count, data.test.count) }, (_, i) => i);
  const real = splitImages(await data.test.read(members), data.image).map((image) => image.data);
  const ofTest = await nearestNeighbours(real, data.train);
  return { samples: mean(distance_N), test: mean(ofTest.distance_N) };
}

function mean(values: Float32Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
