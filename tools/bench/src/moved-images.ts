import { fileURLToPath } from 'node:url';
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
import sharp, { type KernelEnum } from 'sharp';
import type { BenchmarkRun } from './arguments.ts';
import { markdownTable } from './format.ts';

const RECIPE = fileURLToPath(new URL('../../../recipes/digits-var.json', import.meta.url));
const NETWORK = 'mnist-32';
const [REFERENCE, SEED] = [10_000, 1];

/** What a program may do to real images before they are measured. */
interface Change {
  readonly name: string;
  apply(bytes: Buffer, image: ImageSize): Promise<Buffer>;
}

const raw = ({ width, height }: ImageSize) => ({ raw: { width, height, channels: 1 as const } });

/** Half of the size and back, as images do that were stored small. */
const resized = (kernel: keyof KernelEnum): Change => ({
  name: `to half the size and back, ${kernel}`,
  async apply(bytes, image) {
    const half = { ...image, width: image.width / 2, height: image.height / 2 };
    const small = sharp(bytes, raw(image)).resize(half.width, half.height, { kernel }).extractChannel(0).raw();
    const large = sharp(await small.toBuffer(), raw(half)).resize(image.width, image.height, { kernel });
    return large.extractChannel(0).raw().toBuffer();
  },
});

const compressed = (quality: number): Change => ({
  name: `JPEG, quality ${quality}`,
  async apply(bytes, image) {
    const jpeg = await sharp(bytes, raw(image)).jpeg({ quality }).toBuffer();
    return sharp(jpeg).extractChannel(0).raw().toBuffer();
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
  const { recipe, folder } = await readRecipe(RECIPE);
  const data = await openData(recipe.data, { folder, seed: recipe.seed });
  const network = await openFeatureNetwork(NETWORK);
  const gaussianOf = async (images: ImageSource): Promise<Gaussian> => {
    const { features_ND, dims } = await measure({ engine, network }, images);
    return fitGaussian(features_ND, dims);
  };
  try {
    const reference = await gaussianOf(splitSource(data, { split: 'train', count: REFERENCE, seed: SEED }));
    const test = splitSource(data, { split: 'test', count: samples, seed: SEED });
    const rows: { readonly name: string; readonly distance: number }[] = [];
    for (const change of changes) {
      const distance = frechetDistance(await gaussianOf(await changed(test, change)), reference);
      rows.push({ name: change.name, distance });
    }
    for (const count of [100, 200, 500, 1000, 2000, 5000, 10_000].filter((few) => few <= data.test.count)) {
      const few = splitSource(data, { split: 'test', count, seed: SEED });
      rows.push({ name: `${count} images`, distance: frechetDistance(await gaussianOf(few), reference) });
    }
    print(`${samples} real test images of ${recipe.name} against ${REFERENCE} training images, network ${NETWORK}\n`);
    print(
      markdownTable([['images', 'Frechet distance'], ...rows.map(({ name, distance }) => [name, distance.toFixed(3)])]),
    );
    return { rows };
  } finally {
    network.dispose();
    engine.dispose();
  }
};

async function changed(source: ImageSource, { apply }: Change): Promise<ImageSource> {
  const bytes = bytesPerImage(source.image);
  const pixels = new Uint8Array(source.count * bytes);
  let n = 0;
  for await (const image of source.batches(1)) pixels.set(await apply(Buffer.from(image), source.image), n++ * bytes);
  return byteSource({ ...source, pixels });
}
