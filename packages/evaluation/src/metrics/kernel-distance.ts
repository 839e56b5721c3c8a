import { countOf, type FeatureProducts, type Features } from './feature-products.ts';

/**
 * Squared maximum mean discrepancy of two sets of features with the kernel `(x y / D + 1)^3`, unbiased and over all pairs
 * (Binkowski et al. 2018, equation 4). On features of the Inception network it is KID. It needs no Gaussian and has no bias
 * at small counts; it may be slightly negative.
 */
export async function kernelDistance(
  products: FeatureProducts,
  { real, generated }: { readonly real: Features; readonly generated: Features },
): Promise<number> {
  const [n, m] = [countOf(real), countOf(generated)];
  const within = (sum: number, count: number): number => sum / (count * (count - 1));
  return (
    within(await kernelSum(products, [real, real], { diagonal: false }), n) +
    within(await kernelSum(products, [generated, generated], { diagonal: false }), m) -
    (2 * (await kernelSum(products, [real, generated], { diagonal: true }))) / (n * m)
  );
}

async function kernelSum(
  products: FeatureProducts,
  [a, b]: readonly [Features, Features],
  { diagonal }: { readonly diagonal: boolean },
): Promise<number> {
  const count = countOf(b);
  let sum = 0;
  for await (const { start, products_nM } of products.tiles(a, b)) {
    for (let i = 0; i < products_nM.length; i++) {
      if (!diagonal && start + Math.floor(i / count) === i % count) continue;
      sum += (products_nM[i]! / a.dims + 1) ** 3;
    }
  }
  return sum;
}
