import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor2D } from '@tensorflow/tfjs';
import { type Engine, tensorFrom } from '@tessera/engine';

/** Feature vectors of images, row-major. */
export interface Features {
  readonly features_ND: Float32Array;
  readonly dims: number;
}

/** Products of some rows with all rows of another matrix. */
interface Tile {
  /** The first of these rows. */
  readonly start: number;
  /** `[n, M]` row-major. */
  readonly products_nM: Float32Array;
}

/** The products of all pairs of feature vectors, some rows at a time, on the engine in float32. */
export interface FeatureProducts {
  tiles(a: Features, b: Features): AsyncGenerator<Tile>;
  dispose(): void;
}

/** Numbers in a tile: 64 MB. */
const TILE = 1 << 24;

/** Compiles the products. */
export function openFeatureProducts(engine: Engine): FeatureProducts {
  const program = engine.compile(
    (a_ND: Tensor, b_MD: Tensor) => tf.matMul(a_ND as Tensor2D, b_MD as Tensor2D, false, true),
    { name: 'feature-products', axes: ['N D', 'M D'] },
  );
  async function* tiles(a: Features, b: Features): AsyncGenerator<Tile> {
    const { dims } = a;
    const [countA, countB] = [countOf(a), countOf(b)];
    const rows = Math.max(1, Math.floor(TILE / countB));
    const b_MD = tensorFrom(b.features_ND, [countB, dims]);
    try {
      for (let start = 0; start < countA; start += rows) {
        const end = Math.min(start + rows, countA);
        const a_ND = tensorFrom(a.features_ND.slice(start * dims, end * dims), [end - start, dims]);
        const product_NM = await program(a_ND, b_MD);
        const products_nM = await product_NM.data<'float32'>();
        tf.dispose([a_ND, product_NM]);
        yield { start, products_nM };
      }
    } finally {
      b_MD.dispose();
    }
  }
  return { tiles, dispose: () => program.dispose() };
}

/** Number of vectors. */
export function countOf({ features_ND, dims }: Features): number {
  return features_ND.length / dims;
}
