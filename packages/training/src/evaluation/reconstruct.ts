import * as tf from '@tensorflow/tfjs';
import type { Tensor4D } from '@tensorflow/tfjs';
import type { Encoding, Layout, Row, Step, Tokenizer } from '@tessera/core';
import { tensorFrom, type Engine } from '@tessera/engine';
import type { ImageSize } from '../data/data-set.ts';
import { classOf } from '@tessera/core';

const BATCH = 50;

/** Images in [0, 1] through a tokenizer and back: all that it can show of them. Distributions give their means. */
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

/** Rows of nobody: canvases draw nothing at random. */
function rowsOf(count: number): Row[] {
  return Array.from({ length: count }, () => ({ seed: 0, condition: classOf(-1) }));
}

function allAtOnce({ length }: Layout, count: number): Step {
  const positions_Bl = Int32Array.from({ length: count * length }, (_, i) => i % length);
  return { index: 0, of: 1, before: length, after: 0, positions_Bl };
}
