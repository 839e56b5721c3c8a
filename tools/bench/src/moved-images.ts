import { fileURLToPath } from 'node:url';
import type { Engine } from '@tessera/engine';
import {
  byteSource,
  bytesPerImage,
  fitGaussian,
  frechetDistance,
  type Gaussian,
  type ImageSource,
  measure,
} from '@tessera/evaluation';
import { type ImageSize, openFeatureNetwork } from '@tessera/features';
import { createEngine } from '@tessera/targets';
import { openData, readRecipe, splitSource } from '@tessera/training';
import sharp, { type KernelEnum, type Sharp } from 'sharp';
import type { BenchmarkRun } from './arguments.ts';
import { markdownTable } from './format.ts';

/** A set of images, the network that measures it, and how many of its training images are the reference. */
interface Measured {
  readonly recipe: string;
  readonly network: string;
  readonly reference: number;
  /** The most test images: a large network is slow. */
  readonly most: number;
}

const sets: readonly Measured[] = [
  { recipe: 'digits-var', network: 'mnist-32', reference: 10_000, most: 10_000 },
  { recipe: 'avatars-var', network: 'efficientnet-lite0', reference: 1000, most: 500 },
];
const SEED = 1;

/** What a program may do to real images before they are measured. */
interface Change {
  readonly name: string;
  apply(bytes: Buffer, image: ImageSize): Promise<Buffer>;
}

const raw = ({ width, height, channels }: ImageSize) => ({ raw: { width, height, channels: channels as 1 | 3 } });

/** Gray pictures come back from sharp in three equal channels. */
const bytesOf = (pipeline: Sharp, { channels }: ImageSize): Promise<Buffer> =>
  (channels === 1 ? pipeline.extractChannel(0) : pipeline.removeAlpha()).raw().toBuffer();

/** Half of the size and back, as images do that were stored small. */
const resized = (kernel: keyof KernelEnum): Change => ({
  name: `to half the size and back, ${kernel}`,
  async apply(bytes, image) {
    const half = { ...image, width: image.width / 2, height: image.height / 2 };
    const small = await bytesOf(sharp(bytes, raw(image)).resize(half.width, half.height, { kernel }), image);
    return bytesOf(sharp(small, raw(half)).resize(image.width, image.height, { kernel }), image);
  },
});

const compressed = (quality: number): Change => ({
  name: `JPEG, quality ${quality}`,
  async apply(bytes, image) {
    const jpeg = await sharp(bytes, raw(image)).jpeg({ quality }).toBuffer();
    return bytesOf(sharp(jpeg), image);
  },
});

const changes: readonly Change[] = [
  { name: 'unchanged', apply: async (bytes) => bytes },
  ...(['nearest', 'linear', 'cubic', 'lanczos3'] as const).map(resized),
  ...[95, 75, 50, 25].map(compressed),
];

/** Frechet distances of the same real test images, changed in several ways, and of fewer of them. */
export const benchMovedImages: BenchmarkRun = async ({ samples, threads }, print) => {
  const engine = createEngine({ threads });
  const tables: Record<string, readonly Row[]> = {};
  try {
    for (const set of sets) {
      const count = Math.min(samples, set.most);
      const rows = await measureSet(engine, set, count);
      print(`${set.recipe}: ${count} test images against ${set.reference} training images, ${set.network}\n`);
      print(`${markdownTable([['images', 'Frechet distance'], ...rows.map(cellsOf)])}\n`);
      tables[set.recipe] = rows;
    }
    return tables;
  } finally {
    engine.dispose();
  }
};

interface Row {
  readonly name: string;
  readonly distance: number;
}

function cellsOf({ name, distance }: Row): readonly string[] {
  return [name, String(Number(distance.toPrecision(3)))];
}

async function measureSet(engine: Engine, set: Measured, samples: number): Promise<readonly Row[]> {
  const path = fileURLToPath(new URL(`../../../recipes/${set.recipe}.json`, import.meta.url));
  const { recipe, folder } = await readRecipe(path);
  const data = await openData(recipe.data, { folder, seed: recipe.seed });
  const network = await openFeatureNetwork(set.network);
  const gaussianOf = async (images: ImageSource): Promise<Gaussian> => {
    const { features_ND, dims } = await measure({ engine, network }, images);
    return fitGaussian(features_ND, dims);
  };
  try {
    const reference = await gaussianOf(splitSource(data, { split: 'train', count: set.reference, seed: SEED }));
    const test = splitSource(data, { split: 'test', count: samples, seed: SEED });
    const rows: Row[] = [];
    for (const change of changes) {
      const distance = frechetDistance(await gaussianOf(await changed(test, change)), reference);
      rows.push({ name: change.name, distance });
    }
    for (const count of [100, 200, 500, 1000, 2000, 5000, 10_000].filter(
      (few) => few <= Math.min(set.most, data.test.count),
    )) {
      const few = splitSource(data, { split: 'test', count, seed: SEED });
      rows.push({ name: `${count} images`, distance: frechetDistance(await gaussianOf(few), reference) });
    }
    return rows;
  } finally {
    network.dispose();
  }
}

async function changed(source: ImageSource, { apply }: Change): Promise<ImageSource> {
  const bytes = bytesPerImage(source.image);
  const pixels = new Uint8Array(source.count * bytes);
  let n = 0;
  for await (const image of source.batches(1)) pixels.set(await apply(Buffer.from(image), source.image), n++ * bytes);
  return byteSource({ ...source, pixels });
}
