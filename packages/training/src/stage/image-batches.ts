import { tensorFrom, type TrainStep } from '@tessera/engine';
import { type Augmentation, augmentImages } from '../data/augment.ts';
import { batchOrder, shiftImages } from '../data/batches.ts';
import type { ImageSize, Split } from '../data/data-set.ts';
import type { Batch, Figures } from './stage.ts';

interface ImageBatches {
  readonly batch: number;
  readonly accumulate: number;
  readonly seed: number;
  /** Images move by up to this many pixels, filled with black; 0 for none. */
  readonly shift: number;
  /** How images vary besides. */
  readonly augmentation: Augmentation;
  /** What a batch holds besides images and labels. */
  readonly more?: (split: Split, indices: Int32Array) => Batch;
}

/** Makes the batch of some members of a split: `image_BHWC` in [0, 1], `label_B`, and what `more` gives. */
export function imageBatch(
  image: ImageSize,
  more?: ImageBatches['more'],
): (split: Split, indices: Int32Array) => Promise<Batch> {
  return async (split, indices) => ({
    ...toTensors(await split.read(indices), image, labelsOf(split, indices)),
    ...more?.(split, indices),
  });
}

/**
 * A split from its first to its last member, in batches of one size. A split smaller than a batch is one batch. A last
 * batch that is not full is left out.
 */
export async function* chunks(
  split: Split,
  batch: number,
  make: (split: Split, indices: Int32Array) => Promise<Batch>,
): AsyncGenerator<Batch> {
  const size = batchWithin(batch, split.count);
  for (let start = 0; start + size <= split.count; start += size) {
    yield make(
      split,
      Int32Array.from({ length: size }, (_, i) => start + i),
    );
  }
}

/** The batches of every optimiser step: `image_BHWC` in [0, 1] and `label_B`. */
export function imageBatches(
  split: Split,
  image: ImageSize,
  { batch, accumulate, seed, shift, augmentation, more }: ImageBatches,
): (step: number) => Promise<readonly Batch[]> {
  const order = batchOrder(split.count, { batch, seed });
  const one = async (number: number): Promise<Batch> => {
    const indices = order.batch(number);
    const pixels = await split.read(indices);
    const moved = shift > 0 ? shiftImages(pixels, image, { most: shift, seed, step: number }) : pixels;
    const seen = augmentImages(moved, image, { ...augmentation, key: { seed, number } });
    return { ...toTensors(seen, image, labelsOf(split, indices)), ...more?.(split, indices) };
  };
  return (step) => Promise.all(Array.from({ length: accumulate }, (_, part) => one(step * accumulate + part)));
}

function labelsOf(split: Split, indices: Int32Array): Int32Array {
  return indices.map((index) => split.label_N[index]!);
}

function toTensors(pixels: Float32Array, { height, width, channels }: ImageSize, label_B: Int32Array): Batch {
  return {
    image_BHWC: tensorFrom(pixels, [label_B.length, height, width, channels]),
    label_B: tensorFrom(label_B, [label_B.length], 'int32'),
  };
}

/** The size of validation batches: as in training, or the whole split if that is smaller. */
export function batchWithin(batch: number, count: number): number {
  return Math.max(1, Math.min(batch, count));
}

/**
 * Means of the loss and the named aux values over validation batches. Random numbers are the same each time, so that two
 * validations differ only by the parameters. Names get the prefix `validation.`.
 */
export async function validate(
  trainStep: TrainStep,
  batches: AsyncIterable<Batch>,
  names: readonly string[],
): Promise<Figures> {
  const sums = new Map<string, Float64Array>();
  let count = 0;
  for await (const batch of batches) {
    const { loss, aux } = await trainStep.evaluate(batch, count);
    for (const tensor of Object.values(batch)) tensor.dispose();
    add(sums, 'loss', [loss]);
    for (const name of names) add(sums, name, aux[name]!);
    count++;
  }
  return Object.fromEntries(
    [...sums].map(([name, sum]) => {
      const means = Array.from(sum, (value) => value / count);
      return [`validation.${name}`, means.length === 1 ? means[0]! : means];
    }),
  );
}

function add(sums: Map<string, Float64Array>, name: string, values: ArrayLike<number>): void {
  const sum = sums.get(name) ?? new Float64Array(values.length);
  for (let i = 0; i < sum.length; i++) sum[i]! += values[i]!;
  sums.set(name, sum);
}
