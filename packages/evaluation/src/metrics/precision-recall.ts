import { TesseraError } from '@tessera/errors';
import { countOf, type FeatureProducts, type Features } from './feature-products.ts';

/** Shares from 0 to 1. */
export interface PrecisionRecall {
  /** Share of the generated images that lie in the manifold of the real ones: quality. */
  readonly precision: number;
  /** Share of the real images that lie in the manifold of the generated ones: diversity. */
  readonly recall: number;
}

const NEIGHBOURS = 3;

/**
 * Improved precision and recall (Kynkaanniemi et al. 2019, equations 1 and 2, k = 3): a manifold is the union of the balls
 * around its images that reach to their third nearest neighbour. Both depend on the counts: compare equal ones only.
 * @throws TesseraError `too-few-images`, `features-differ`
 */
export async function precisionAndRecall(
  products: FeatureProducts,
  { real, generated }: { readonly real: Features; readonly generated: Features },
): Promise<PrecisionRecall> {
  for (const [name, features] of Object.entries({ real, generated })) requireNeighbours(name, features);
  if (real.dims !== generated.dims) {
    const got = `features of ${real.dims} and ${generated.dims} dimensions`;
    const expected = 'one feature network for both';
    throw new TesseraError({ code: 'features-differ', who: 'precisionAndRecall', got, expected });
  }
  const centre = meanOf(real);
  const [a, b] = [centred(real, centre), centred(generated, centre)];
  const [radii, others] = [await squaredRadii(products, a), await squaredRadii(products, b)];
  const inReal = new Uint8Array(countOf(b));
  const inGenerated = new Uint8Array(countOf(a));
  for await (const { start, distances_nM } of squaredDistances(products, a, b)) {
    for (let i = 0; i < distances_nM.length; i++) {
      const [n, m] = [start + Math.floor(i / inReal.length), i % inReal.length];
      const distance = distances_nM[i]!;
      if (distance <= radii[n]!) inReal[m] = 1;
      if (distance <= others[m]!) inGenerated[n] = 1;
    }
  }
  return { precision: share(inReal), recall: share(inGenerated) };
}

function requireNeighbours(name: string, features: Features): void {
  if (countOf(features) > NEIGHBOURS) return;
  throw new TesseraError({
    code: 'too-few-images',
    who: 'precisionAndRecall',
    got: `${countOf(features)} ${name} images`,
    expected: `more than ${NEIGHBOURS}, since each is compared with its ${NEIGHBOURS} nearest neighbours`,
  });
}

/** Vectors around their centre: sums of squares of small numbers lose fewer digits. */
interface Centred extends Features {
  readonly norm_N: Float64Array;
}

function meanOf({ features_ND, dims }: Features): Float64Array {
  const mean_D = new Float64Array(dims);
  for (let i = 0; i < features_ND.length; i++) mean_D[i % dims]! += (features_ND[i]! * dims) / features_ND.length;
  return mean_D;
}

function centred({ features_ND, dims }: Features, centre_D: Float64Array): Centred {
  const values = features_ND.map((value, i) => value - centre_D[i % dims]!);
  const norm_N = new Float64Array(values.length / dims);
  for (let i = 0; i < values.length; i++) norm_N[Math.floor(i / dims)]! += values[i]! * values[i]!;
  return { features_ND: values, dims, norm_N };
}

async function* squaredDistances(
  products: FeatureProducts,
  a: Centred,
  b: Centred,
): AsyncGenerator<{ readonly start: number; readonly distances_nM: Float64Array }> {
  const count = countOf(b);
  for await (const { start, products_nM } of products.tiles(a, b)) {
    const distances_nM = Float64Array.from(products_nM, (value, i) => {
      const [n, m] = [start + Math.floor(i / count), i % count];
      return a.norm_N[n]! + b.norm_N[m]! - 2 * value;
    });
    yield { start, distances_nM };
  }
}

/** Squared distance of each vector to its third nearest neighbour, without itself. */
async function squaredRadii(products: FeatureProducts, features: Centred): Promise<Float64Array> {
  const count = countOf(features);
  const radii = new Float64Array(count);
  for await (const { start, distances_nM } of squaredDistances(products, features, features)) {
    for (let row = 0; row < distances_nM.length / count; row++) {
      const others = distances_nM.subarray(row * count, (row + 1) * count);
      others[start + row] = Infinity;
      radii[start + row] = kthSmallest(others, NEIGHBOURS);
    }
  }
  return radii;
}

function kthSmallest(values: Float64Array, k: number): number {
  const nearest = new Float64Array(k).fill(Infinity);
  for (const value of values) {
    if (value >= nearest[k - 1]!) continue;
    let place = k - 1;
    for (; place > 0 && nearest[place - 1]! > value; place--) nearest[place] = nearest[place - 1]!;
    nearest[place] = value;
  }
  return nearest[k - 1]!;
}

function share(flags: Uint8Array): number {
  return flags.reduce((sum, value) => sum + value, 0) / flags.length;
}
