import { byteSource, bytesPerImage, toBytes, type ImageSource } from '@tessera/evaluation';
import { askedOf, generateSamples } from '@tessera/training';
import type { ModelSession } from './model-session.ts';
import type { Settings } from './settings.ts';

/** Images of one set at most. */
export const MOST_SAMPLES = 100_000;
const BATCH = 20;

/** A set of images to generate: its seed in reports, and that of its first image. */
interface SeededSet {
  readonly seed: number;
  readonly first: number;
}

/** The sets that were asked for. No two of `seeds` share an image; the first image of set 1 has seed 1. */
export function setsOf({
  seed,
  seeds,
}: {
  readonly seed?: number | undefined;
  readonly seeds: readonly number[] | undefined;
}): readonly SeededSet[] {
  if (seed !== undefined) return [{ seed, first: seed }];
  return (seeds ?? [1]).map((set) => ({ seed: set, first: 1 + (set - 1) * MOST_SAMPLES }));
}

interface Generation extends Settings {
  readonly samples: number;
  /** Seed of the first image. */
  readonly seed: number;
  /** Called with the number of images so far. */
  readonly made?: (images: number) => void;
}

interface GeneratedSet {
  readonly images: ImageSource;
  readonly seconds: number;
  /** Of all cores: other work on the machine hardly changes it. */
  readonly processorSeconds: number;
}

/**
 * Generates images, equally many of each class or with the inputs of test images, as bytes: a file with the same images gives the
 * same figures.
 */
export async function generateSet(
  { model, opened }: Pick<ModelSession, 'model' | 'opened'>,
  { samples, ...order }: Generation,
): Promise<GeneratedSet> {
  const { conditions, label_N } = askedOf(model.condition, opened.data, samples);
  const [start, startOfProcessor] = [performance.now(), process.cpuUsage()];
  const made = await generateSamples(model, { conditions, batch: BATCH, ...order });
  const seconds = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(startOfProcessor);
  const bytes = bytesPerImage(model.image);
  const pixels = new Uint8Array(samples * bytes);
  for (const [n, { data }] of made.entries()) pixels.set(toBytes(data), n * bytes);
  return {
    images: byteSource({ name: model.name, image: model.image, label_N, pixels }),
    seconds,
    processorSeconds: (user + system) / 1e6,
  };
}
