import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor2D, Tensor3D, Tensor4D } from '@tensorflow/tfjs';
import type { BackboneDims, Layout } from '@tessera/core';
import { nn, tensorFrom } from '@tessera/engine';

/** Index of the scale of each of the first `length` positions. */
export function scaleOfPositions({ scales }: Layout, length: number): Int32Array {
  const scaleOf = new Int32Array(length);
  for (const [index, { start }] of scales.entries()) scaleOf.fill(index, start);
  return scaleOf;
}

/**
 * Learnt places, one a token, for the layout of a model: where its weights are of another, each scale's map is brought to its
 * size by bicubic interpolation, so that places stretch with the picture (FlexVAR, arXiv 2502.20313, section 3.2). Tables of the
 * first scales alone will do: [n, D] -> [l, D]. Traceable.
 */
export function placesIn({ layout, trained }: BackboneDims, table_nD: Tensor2D): Tensor2D {
  if (!trained) return table_nD;
  const [n, D] = table_nD.shape;
  const maps = trained.scales
    .filter(({ start }) => start < n)
    .map(({ start, height, width }, scale) => {
      const map_1hwD: Tensor4D = tf.reshape(tf.slice(table_nD, [start, 0], [height * width, D]), [1, height, width, D]);
      const to = layout.scales[scale]!;
      return tf.reshape(nn.resize(map_1hwD, to.height, to.width, 'bicubic'), [to.height * to.width, D]) as Tensor2D;
    });
  return maps.length === 1 ? maps[0]! : tf.concat(maps, 0);
}

/** For each row its own entries along the second axis: `x` [B, n, D] at `index_Bl` (int32) -> [B, l, D]. Traceable. */
export function rowsAt(x_BnD: Tensor3D, index_Bl: Tensor2D): Tensor3D {
  const [B, n, D] = x_BnD.shape;
  return tf.gather(tf.reshape(x_BnD, [B * n, D]), flatIndex(index_Bl, n)) as Tensor as Tensor3D;
}

/** Indices within each row as indices into all rows laid end to end. Traceable. */
export function flatIndex(index_Bl: Tensor2D, rowLength: number): Tensor2D {
  const B = index_Bl.shape[0];
  const starts_B1 = tf.reshape(tf.range(0, B * rowLength, rowLength, 'int32'), [B, 1]);
  return tf.add(index_Bl, starts_B1);
}

/** An int32 tensor; a vector unless a shape is given. */
export function intTensor(values: ArrayLike<number>, shape: readonly number[] = [values.length]): Tensor {
  return tensorFrom(Int32Array.from(values), shape, 'int32');
}
