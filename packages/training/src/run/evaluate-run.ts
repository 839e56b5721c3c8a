import { join } from 'node:path';
import { evaluateReconstruction, evaluateSamples, judgeAccuracy } from '../evaluation/evaluate.ts';
import { balancedLabels, generateSamples } from '../evaluation/generate-samples.ts';
import { nearestNeighbours } from '../evaluation/neighbours.ts';
import { openTokenizer } from '../evaluation/open-tokenizer.ts';
import { openModel, type Model } from '@tessera/models';
import { splitImages, writePairs } from '../report/picture.ts';
import type { TrainedModel } from './generator-run.ts';
import type { CodebookUsage } from '../trainer/codebook-usage.ts';
import type { OpenedJudge } from './judge-run.ts';
import type { Room } from './room.ts';
import { drawSampleGrid } from './sample-grid.ts';

const SEED = 1;

/** Measures a trained model folder, and draws samples above their nearest training images. */
export async function evaluateRun(
  room: Room,
  { judge: { judge }, trained }: { judge: OpenedJudge; trained: TrainedModel },
): Promise<Record<string, number>> {
  const { engine, plugins = {}, data, recipe } = room;
  const progress = room.progress('evaluation')(recipe.evaluation.samples);
  const model = await openModel(trained.folder, { engine, plugins });
  const tokenizer = await openTokenizer(trained.folder, { engine, plugins });
  try {
    const { samples, neighbours } = recipe.evaluation;
    progress.begin(`${samples} samples`);
    const made = await evaluateSamples({ engine, model, judge, data, samples, seed: SEED, progress });
    const request = { engine, tokenizer, judge, data };
    progress.begin('test images through the tokenizer');
    const back = await evaluateReconstruction(request, { images: samples, seed: SEED });
    progress.begin('samples beside their nearest training images');
    await drawSampleGrid(model, join(room.out, 'pictures', 'samples.png'));
    const near = await drawNeighbours(room, model, neighbours);
    return {
      parameters: model.parameters,
      judgeAccuracy: await judgeAccuracy({ engine, judge, data }, data.test),
      samples,
      recognised: made.recognised,
      fdCnn: made.fdCnn,
      fdCnnFloor: made.fdCnnFloor,
      fdCnnReference: made.reference,
      imagesPerSecond: made.imagesPerSecond,
      reconstructionPsnr: back.psnr,
      reconstructionSsim: back.ssim,
      reconstructionRecognised: back.recognised,
      reconstructionFdCnn: back.fdCnn,
      neighbourDistance: near.samples,
      neighbourDistanceOfTestImages: near.test,
      ...(trained.usage && usageFigures(trained.usage)),
    };
  } finally {
    progress.end();
    tokenizer.dispose();
    model.dispose();
  }
}

function usageFigures({ union, scales }: CodebookUsage): Record<string, number> {
  const each = scales.map((usage, scale) => [`codebookUsage.${scale}`, usage]);
  return { codebookUsage: union, ...Object.fromEntries(each) };
}

const COLUMNS = 8;

/**
 * Draws samples above their nearest training images. Returns their mean squared pixel distance, and that of as many
 * test images: a generator that has learned by heart comes much nearer than those.
 */
async function drawNeighbours(
  { data, out }: Room,
  model: Model,
  count: number,
): Promise<{ readonly samples: number; readonly test: number }> {
  const labels = balancedLabels(count, data.classes.length);
  const images = await generateSamples(model, { labels, seed: SEED, batch: count });
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
