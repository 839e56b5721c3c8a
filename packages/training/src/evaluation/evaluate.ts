import type { Pixels, Tokenizer } from '@tessera/core';
import type { Engine } from '@tessera/engine';
import type { Model } from '@tessera/models';
import type { Progress } from '@tessera/progress';
import { permutation } from '../data/batches.ts';
import type { DataSet, Split } from '../data/data-set.ts';
import { accuracy, type Examiner, type Judge, openExaminer } from '../judge/judge.ts';
import { fitGaussian, frechetDistance, type Gaussian } from './frechet.ts';
import { balancedLabels, generateSamples, joinPixels, reconstructAll } from './make-images.ts';
import { meanSsim, psnr } from './pixel-distances.ts';

export interface EvaluationRequest {
  readonly engine: Engine;
  readonly model: Model;
  readonly judge: Judge;
  readonly data: DataSet;
  /** How many images are made. */
  readonly samples: number;
  readonly seed: number;
  readonly guidance?: number;
  readonly options?: Readonly<Record<string, unknown>>;
  /** Told how many images are made. */
  readonly progress?: Progress;
}

/** What a judge says of images. Distances are FD-CNN: never to be compared with FID. */
export interface JudgedFigures {
  readonly samples: number;
  /** Share of the samples that the judge takes for their class. */
  readonly recognised: number;
  /** Frechet distance on the judge's features, to `reference` training images. */
  readonly fdCnn: number;
  /** The distance of as many real test images to the same reference: nothing can be expected below. */
  readonly fdCnnFloor: number;
  readonly reference: number;
}

/** Figures of generated images. */
export interface SampleFigures extends JudgedFigures {
  readonly imagesPerSecond: number;
}

const BATCH = 20;
const REFERENCE = 10_000;

/** Makes samples of all classes alike and holds them against real images. */
export async function evaluateSamples(request: EvaluationRequest): Promise<SampleFigures> {
  const { model, data, samples, seed, guidance, options, progress } = request;
  const labels = balancedLabels(samples, data.classes.length);
  const made = (images: number) => progress?.update(images, 'samples');
  const start = performance.now();
  const given = { ...(guidance !== undefined && { guidance }), ...(options && { options }) };
  const images = await generateSamples(model, { labels, seed, batch: BATCH, ...given, made });
  const seconds = (performance.now() - start) / 1000;
  return { ...(await judgeSamples(request, { images, labels })), imagesPerSecond: samples / seconds };
}

/** Holds images against real ones of the data. `seed` chooses which. */
export async function judgeSamples(
  { engine, judge, data, seed }: Pick<EvaluationRequest, 'engine' | 'judge' | 'data' | 'seed'>,
  { images, labels }: { readonly images: readonly Pixels[]; readonly labels: readonly number[] },
): Promise<JudgedFigures> {
  const examiner = openExaminer(engine, judge, data.image);
  const samples = images.length;
  try {
    const verdict = await examiner.examine(joinPixels(images));
    const reference = await gaussianOf(examiner, data.train, { count: REFERENCE, seed });
    const floor = await gaussianOf(examiner, data.test, { count: samples, seed });
    return {
      samples,
      recognised: accuracy(verdict.label_N, Int32Array.from(labels)),
      fdCnn: frechetDistance(fitGaussian(verdict.features_ND, verdict.dims), reference),
      fdCnnFloor: frechetDistance(floor, reference),
      reference: reference.count,
    };
  } finally {
    examiner.dispose();
  }
}

export interface ReconstructionFigures {
  readonly images: number;
  readonly psnr: number;
  /** Mean structural similarity, 1 at best. */
  readonly ssim: number;
  /** Share of the reconstructions that the judge takes for their class; null without labels. */
  readonly recognised: number;
  readonly fdCnn: number;
}

/** Sends test images through a tokenizer and holds them against themselves. */
export async function evaluateReconstruction(
  request: { readonly engine: Engine; readonly tokenizer: Tokenizer; readonly judge: Judge; readonly data: DataSet },
  { images, seed }: { images: number; seed: number },
): Promise<ReconstructionFigures> {
  const { engine, tokenizer, judge, data } = request;
  const examiner = openExaminer(engine, judge, data.image);
  try {
    const members = someOf(data.test, { count: images, seed });
    const pixels = await data.test.read(members);
    const made = await reconstructAll(engine, tokenizer, { pixels, image: data.image });
    const verdict = await examiner.examine(made);
    const reference = await gaussianOf(examiner, data.train, { count: REFERENCE, seed });
    return {
      images: members.length,
      psnr: psnr(pixels, made),
      ssim: meanSsim(pixels, made, data.image),
      recognised: accuracy(
        verdict.label_N,
        members.map((member) => data.test.label_N[member]!),
      ),
      fdCnn: frechetDistance(fitGaussian(verdict.features_ND, verdict.dims), reference),
    };
  } finally {
    examiner.dispose();
  }
}

/** Share of a split's images that a judge names rightly. */
export async function judgeAccuracy(
  request: { readonly engine: Engine; readonly judge: Judge; readonly data: DataSet },
  split: Split,
): Promise<number> {
  const examiner = openExaminer(request.engine, request.judge, request.data.image);
  const { label_N } = await examineSplit(
    examiner,
    split,
    Int32Array.from({ length: split.count }, (_, i) => i),
  );
  examiner.dispose();
  return accuracy(label_N, split.label_N);
}

async function gaussianOf(examiner: Examiner, split: Split, some: { count: number; seed: number }): Promise<Gaussian> {
  const { features_ND, dims } = await examineSplit(examiner, split, someOf(split, some));
  return fitGaussian(features_ND, dims);
}

const CHUNK = 1000;

/** A thousand images at a time, so that a large split never lies in memory as a whole. */
async function examineSplit(examiner: Examiner, split: Split, members: Int32Array) {
  const parts = [];
  for (let start = 0; start < members.length; start += CHUNK) {
    parts.push(await examiner.examine(await split.read(members.subarray(start, start + CHUNK))));
  }
  const dims = parts[0]?.dims ?? 0;
  const features_ND = new Float32Array(members.length * dims);
  const label_N = new Int32Array(members.length);
  for (const [index, part] of parts.entries()) {
    features_ND.set(part.features_ND, index * CHUNK * dims);
    label_N.set(part.label_N, index * CHUNK);
  }
  return { features_ND, label_N, dims };
}

/** Some members of a split at random: the same seed gives the same ones. */
function someOf({ count: all }: Split, { count, seed }: { count: number; seed: number }): Int32Array {
  return permutation(all, { seed, epoch: -2 }).slice(0, count).sort();
}
