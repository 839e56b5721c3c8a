import * as tf from '@tensorflow/tfjs';
import type { Tensor2D, Tensor3D, Tensor4D } from '@tensorflow/tfjs';
import type { Canvas, Encoding, Layout, Row, Step, Tokenizer, Tokens } from '@tessera/core';
import { tensorFrom, type Engine, type TraceRng, type Tree } from '@tessera/engine';
import type { ImageSize } from '../data/data-set.ts';

const BATCH = 50;

/** Images in [0, 1] through a tokenizer and back: all that it can show of them. Distributions give their means. */
export async function reconstructAll(
  engine: Engine,
  tokenizer: Tokenizer,
  { pixels, image }: { pixels: Float32Array; image: ImageSize },
): Promise<Float32Array> {
  const { layout } = tokenizer;
  const program = engine.compile(
    (encoding: Readonly<Record<string, tf.Tensor>>) =>
      byScale(tokenizer.draw(encoding as Encoding, means), layout) as unknown as readonly Tree[],
    { name: 'reconstruct' },
  );
  const size = image.height * image.width * image.channels;
  const out = new Float32Array(pixels.length);
  for (let start = 0; start < pixels.length; start += BATCH * size) {
    const part = pixels.slice(start, start + BATCH * size);
    const count = part.length / size;
    const image_BHWC = tensorFrom(part, [count, image.height, image.width, image.channels]) as Tensor4D;
    const encoding = await tokenizer.encode(image_BHWC);
    const scales = (await program({ ...encoding })) as unknown as readonly Tokens[];
    const canvas = tokenizer.openCanvas(rowsOf(count), null);
    await writeAll(canvas, scales, { layout, count });
    for (let row = 0; row < count; row++) out.set((await canvas.render(row)).data, start + row * size);
    canvas.dispose();
    tf.dispose([image_BHWC, { ...encoding }, scales.map((tokens) => ({ ...tokens }))]);
  }
  program.dispose();
  return out;
}

/** Random numbers that leave a normal distribution at its mean. */
const means: TraceRng = {
  uniform: (_, shape) => tf.fill([...shape], 0.5),
  normal: (_, shape) => tf.zeros([...shape]),
};

function byScale({ values_BlC, index_Bl }: Tokens, { scales }: Layout): Tokens[] {
  const sizes = scales.map(({ height, width }) => height * width);
  const indices = index_Bl && (tf.split(index_Bl, sizes, 1) as Tensor2D[]);
  return tf
    .split(values_BlC, sizes, 1)
    .map((values, scale) => ({ values_BlC: values as Tensor3D, ...(indices && { index_Bl: indices[scale]! }) }));
}

/** Rows of nobody: canvases draw nothing at random. */
function rowsOf(count: number): Row[] {
  return Array.from({ length: count }, () => ({ seed: 0, label: -1 }));
}

async function writeAll(
  canvas: Canvas,
  tokens: readonly Tokens[],
  { layout: { length, scales }, count }: { layout: Layout; count: number },
): Promise<void> {
  for (const [index, { start, height, width }] of scales.entries()) {
    const size = height * width;
    const positions_Bl = Int32Array.from({ length: count * size }, (_, i) => start + (i % size));
    const before = length - start;
    const step: Step = { index, of: scales.length, before, after: before - size, positions_Bl };
    await canvas.write(step, tokens[index]!);
  }
}
