import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import type { Tensor4D } from '@tensorflow/tfjs';
import {
  classOf,
  type Condition,
  disposeAll,
  type Encoding,
  type Layout,
  type Pixels,
  type Row,
  type Step,
  type Tokenizer,
} from '@tessera/core';
import { type Engine, tensorFrom } from '@tessera/engine';
import { fileWeights, type Model, type OpenModelOptions, readManifest, resolveParts } from '@tessera/models';
import { batchOf } from '@tessera/request';
import type { DataSet, ImageSize } from '../data/data-set.ts';
import { writeGrid } from '../report/pictures.ts';
import { askedOf } from './asked.ts';

interface SampleOptions {
  readonly conditions: readonly Condition[];
  /** Seed of the first image. Image i has seed + i. */
  readonly seed: number;
  readonly batch: number;
  readonly guidance?: number;
  readonly options?: Readonly<Record<string, unknown>>;
  readonly signal?: AbortSignal;
  /** Called after every batch with the number of images so far. */
  readonly made?: (images: number) => void;
}

/** Generates images in batches, at the model's default settings or the given ones. */
export async function generateSamples(model: Model, order: SampleOptions): Promise<Pixels[]> {
  const { conditions, seed, batch, guidance, options, signal, made } = order;
  const request = model.check({
    images: conditions.map((condition) => ({ condition })),
    seed,
    preview: 'none',
    ...(guidance !== undefined && { guidance }),
    ...(options && { options }),
  });
  const images: Pixels[] = [];
  for (let start = 0; start < conditions.length; start += batch) {
    const events = model.run(batchOf(request, start, batch), signal && { signal });
    for await (const event of events) if (event.type === 'image') images.push(event.pixels);
    made?.(images.length);
  }
  return images;
}

/** Joins the pixels of several images into one batch. */
export function joinPixels(images: readonly Pixels[]): Float32Array {
  const size = images[0]?.data.length ?? 0;
  const all = new Float32Array(size * images.length);
  for (const [n, { data }] of images.entries()) all.set(data, n * size);
  return all;
}

const COLUMNS = 10;
const ROWS = 5;
/** Number of images in a grid of ten or more classes. */
export const GRID_IMAGES = COLUMNS * ROWS;

/** Draws a grid of samples at the model's default settings, one class or one input per column. */
export async function drawSampleGrid(model: Model, data: DataSet, path: string): Promise<void> {
  const { classes } = model.condition;
  const columns = Math.min(COLUMNS, classes ?? data.test.count);
  const { conditions: one } = askedOf(model.condition, data, columns);
  const conditions = Array.from({ length: ROWS }, () => one).flat();
  await writeGrid(path, await generateSamples(model, { conditions, seed: 0, batch: conditions.length }), { columns });
}

/** Opens only the tokenizer of a model folder. `dispose` also releases its weights. */
export async function openTokenizer(folder: string, { engine, plugins }: OpenModelOptions): Promise<Tokenizer> {
  const manifest = await readManifest(folder);
  const { plugin, config } = resolveParts(manifest, folder, plugins).tokenizer;
  const weights = await fileWeights(join(folder, manifest.tokenizer.weights!.file));
  const tokenizer = plugin.build(plugin.config.parse(config, folder), { engine, weights });
  weights.finish();
  return {
    ...tokenizer,
    dispose() {
      disposeAll([tokenizer, weights]);
    },
  };
}

const BATCH = 50;

/** Encodes and decodes images in [0, 1]. Of distributions the means are decoded. */
export async function reconstructAll(
  engine: Engine,
  tokenizer: Tokenizer,
  { pixels, image }: { pixels: Float32Array; image: ImageSize },
): Promise<Float32Array> {
  const { layout } = tokenizer;
  const program = engine.compile(
    (encoding: Readonly<Record<string, tf.Tensor>>) => tokenizer.draw(encoding as Encoding, null).values_BlC,
    { name: 'reconstruct' },
  );
  const size = image.height * image.width * image.channels;
  const out = new Float32Array(pixels.length);
  for (let start = 0; start < pixels.length; start += BATCH * size) {
    const part = pixels.slice(start, start + BATCH * size);
    const count = part.length / size;
    const image_BHWC = tensorFrom(part, [count, image.height, image.width, image.channels]) as Tensor4D;
    const encoding = await tokenizer.encode(image_BHWC);
    const values_BlC = await program({ ...encoding });
    const canvas = tokenizer.openCanvas(rowsOf(count), null, 'known');
    await canvas.write(allAtOnce(layout, count), { values_BlC });
    for (let row = 0; row < count; row++) out.set((await canvas.render(row)).data, start + row * size);
    canvas.dispose();
    tf.dispose([image_BHWC, { ...encoding }, values_BlC]);
  }
  program.dispose();
  return out;
}

/** Rows without a meaning: a canvas does not depend on seeds and conditions. */
function rowsOf(count: number): Row[] {
  return Array.from({ length: count }, () => ({ seed: 0, condition: classOf(-1) }));
}

function allAtOnce({ length }: Layout, count: number): Step {
  const positions_Bl = Int32Array.from({ length: count * length }, (_, i) => i % length);
  return { index: 0, of: 1, before: length, after: 0, positions_Bl };
}
