import type { Pixels, Tokenizer } from '@tessera/core';
import type { Engine } from '@tessera/engine';
import { accuracy, fitGaussian, frechetDistance, type Gaussian, meanSsim, psnr } from '@tessera/evaluation';
import type { ClassifiedResults, FeatureProgram, JudgeNetwork } from '@tessera/features';
import type { Model } from '@tessera/models';
import type { Progress } from '@tessera/progress';
import type { DataSet, ImageSize, Split } from '../data/data-set.ts';
import { type Asked, askedOf } from './asked.ts';
import { generateSamples, joinPixels, reconstructAll } from './make-images.ts';
import { someOf } from './split-source.ts';

type Judged = Pick<ClassifiedResults, 'features_ND' | 'dims' | 'label_N'>;

/** What metrics of images are computed from. */
interface JudgedImages {
  /** What the judge finds in the images. */
  readonly found: Judged;
  /** The classes that the images should show. */
  readonly label_N: Int32Array;
  /** Features of training images. */
  readonly reference: Gaussian;
}

type Metrics<E> = Readonly<Record<string, (images: E) => number>>;
type FiguresOf<M> = { readonly [K in keyof M]: number };

/** Metrics of any judged images, by the name under which they are reported. A new metric is one more entry. */
const judgedMetrics = {
  /** Share of the images whose class the judge recognises. */
  recognised: ({ found, label_N }) => accuracy(found.label_N, label_N),
  /** Frechet distance on the judge's features (FD-CNN) to the reference. Never to be compared with FID. */
  fdCnn: ({ found, reference }) => frechetDistance(gaussianOf(found), reference),
} satisfies Metrics<JudgedImages>;

/** Metrics of generated images. */
const sampleMetrics = {
  ...judgedMetrics,
  /** The distance of equally many real test images to the same reference. Nothing below it can be expected. */
  fdCnnFloor: ({ real, reference }) => frechetDistance(real, reference),
} satisfies Metrics<JudgedImages & { readonly real: Gaussian }>;

/** Metrics of a tokenizer's reconstructions. */
const reconstructionMetrics = {
  /** dB. */
  psnr: ({ pixels, made }) => psnr(pixels, made),
  /** Mean structural similarity, 1 at best. */
  ssim: ({ pixels, made, image }) => meanSsim(pixels, made, image),
  ...judgedMetrics,
} satisfies Metrics<
  JudgedImages & { readonly pixels: Float32Array; readonly made: Float32Array; readonly image: ImageSize }
>;

function figuresOf<E, M extends Metrics<E>>(metrics: M, images: E): FiguresOf<M> {
  return Object.fromEntries(Object.entries(metrics).map(([name, of]) => [name, of(images)])) as FiguresOf<M>;
}

/** Figures of images that a judge has judged. */
export interface JudgedFigures extends FiguresOf<typeof sampleMetrics> {
  readonly samples: number;
  /** Number of training images in the reference. */
  readonly reference: number;
}

/** Figures of generated images. */
interface SampleFigures extends JudgedFigures {
  readonly imagesPerSecond: number;
}

interface EvaluationRequest {
  readonly engine: Engine;
  readonly model: Model;
  readonly judge: JudgeNetwork;
  readonly data: DataSet;
  /** Number of images to generate. */
  readonly samples: number;
  readonly seed: number;
  readonly guidance?: number;
  readonly options?: Readonly<Record<string, unknown>>;
  /** Is updated with the number of generated images. */
  readonly progress?: Progress;
}

const BATCH = 20;
const REFERENCE = 10_000;

/** Generated images, and what was measured of them. */
export interface EvaluatedSamples {
  readonly asked: Asked;
  readonly images: readonly Pixels[];
  readonly figures: SampleFigures;
}

/** Generates samples, equally many of each class or with inputs of the test images, and compares them with real images. */
export async function evaluateSamples(request: EvaluationRequest): Promise<EvaluatedSamples> {
  const { model, data, samples, seed, guidance, options, progress } = request;
  const asked = askedOf(model.condition, data, samples);
  const made = (images: number) => progress?.update(images, 'samples');
  const start = performance.now();
  const given = { ...(guidance !== undefined && { guidance }), ...(options && { options }) };
  const images = await generateSamples(model, { conditions: asked.conditions, seed, batch: BATCH, ...given, made });
  const seconds = (performance.now() - start) / 1000;
  const figures = {
    ...(await judgeSamples(request, { images, label_N: asked.label_N })),
    imagesPerSecond: samples / seconds,
  };
  return { asked, images, figures };
}

/** Compares images with real ones of the data. `seed` chooses the real ones. */
export async function judgeSamples(
  { engine, judge, data, seed }: Pick<EvaluationRequest, 'engine' | 'judge' | 'data' | 'seed'>,
  { images, label_N }: { readonly images: readonly Pixels[]; readonly label_N: Int32Array },
): Promise<JudgedFigures> {
  const program = judge.open(engine, data.image);
  const samples = images.length;
  try {
    const found = await program.run(joinPixels(images));
    const reference = await gaussianOfSplit(program, data.train, { count: REFERENCE, seed });
    const real = await gaussianOfSplit(program, data.test, { count: samples, seed });
    const figures = figuresOf(sampleMetrics, { found, label_N, reference, real });
    return { samples, ...figures, reference: reference.count };
  } finally {
    program.dispose();
  }
}

/** Figures of a tokenizer's reconstructions. */
export interface ReconstructionFigures extends FiguresOf<typeof reconstructionMetrics> {
  readonly images: number;
}

/** Encodes and decodes test images, and compares the results with the originals. */
export async function evaluateReconstruction(
  request: {
    readonly engine: Engine;
    readonly tokenizer: Tokenizer;
    readonly judge: JudgeNetwork;
    readonly data: DataSet;
  },
  { images, seed }: { images: number; seed: number },
): Promise<ReconstructionFigures> {
  const { engine, tokenizer, judge, data } = request;
  const { image, test, train } = data;
  const program = judge.open(engine, image);
  try {
    const members = someOf(test, { count: images, seed });
    const pixels = await test.read(members);
    const made = await reconstructAll(engine, tokenizer, { pixels, image });
    const found = await program.run(made);
    const reference = await gaussianOfSplit(program, train, { count: REFERENCE, seed });
    const label_N = members.map((member) => test.label_N[member]!);
    const figures = figuresOf(reconstructionMetrics, { pixels, made, image, found, label_N, reference });
    return { images: members.length, ...figures };
  } finally {
    program.dispose();
  }
}

/** Share of a split's images whose class the judge recognises: of all, or of `count` that `seed` chooses. */
export async function judgeAccuracy(
  request: { readonly engine: Engine; readonly judge: JudgeNetwork; readonly data: DataSet },
  split: Split,
  { count = split.count, seed = 0 }: { readonly count?: number; readonly seed?: number } = {},
): Promise<number> {
  const program = request.judge.open(request.engine, request.data.image);
  const members = someOf(split, { count, seed });
  const { label_N } = await judgeSplit(program, split, members);
  program.dispose();
  return accuracy(
    label_N,
    members.map((member) => split.label_N[member]!),
  );
}

function gaussianOf({ features_ND, dims }: Pick<Judged, 'features_ND' | 'dims'>): Gaussian {
  return fitGaussian(features_ND, dims);
}

async function gaussianOfSplit(
  program: FeatureProgram<ClassifiedResults>,
  split: Split,
  some: { count: number; seed: number },
): Promise<Gaussian> {
  return gaussianOf(await judgeSplit(program, split, someOf(split, some)));
}

const CHUNK = 1000;

/** Judges a thousand images at a time, so that a large split is never in memory as a whole. */
async function judgeSplit(
  program: FeatureProgram<ClassifiedResults>,
  split: Split,
  members: Int32Array,
): Promise<Judged> {
  const parts = [];
  for (let start = 0; start < members.length; start += CHUNK) {
    parts.push(await program.run(await split.read(members.subarray(start, start + CHUNK))));
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
