import { createEngine } from '@tessera/targets';
import { readGolden } from '@tessera/goldens';
import { afterAll, describe, expect, it } from 'vitest';
import { classifierScore } from './classifier-score.ts';
import { openFeatureProducts } from './feature-products.ts';
import { frechetDistance } from './frechet-distance.ts';
import { fitGaussian } from './gaussian.ts';
import { kernelDistance } from './kernel-distance.ts';
import { precisionAndRecall } from './precision-recall.ts';

const engine = createEngine({});
const products = openFeatureProducts(engine);
afterAll(() => engine.dispose());

/** What torch-fidelity and pytorch-fid compute from the same features. */
interface Expected {
  readonly frechetDistance: number;
  readonly frechetDistanceOfPytorchFid: number;
  readonly precision: number;
  readonly recall: number;
  readonly kernelDistance: number;
  readonly classifierScore: number;
}

describe.each(['many-images', 'few-images'])('figures of the reference implementations: %s', (name) => {
  const golden = readGolden(new URL(`../../fixtures/${name}.safetensors`, import.meta.url));
  const expected = JSON.parse(golden.metadata['expected']!) as Expected;
  const dims = golden.shape('in.real')[1]!;
  const real = { features_ND: golden.numbers('in.real') as Float32Array, dims };
  const generated = { features_ND: golden.numbers('in.generated') as Float32Array, dims };
  const within = (value: number, to: number, share: number) =>
    expect(Math.abs(value / to - 1), `${value} against ${to}`).toBeLessThan(share);

  it('Frechet distance', () => {
    const [a, b] = [fitGaussian(real.features_ND, dims), fitGaussian(generated.features_ND, dims)];
    within(frechetDistance(a, b), expected.frechetDistance, 1e-5);
    within(frechetDistance(b, a), expected.frechetDistanceOfPytorchFid, 1e-5);
  });

  it('precision and recall', async () => {
    const found = await precisionAndRecall(products, { real, generated });
    expect(found.precision).toBeCloseTo(expected.precision, 6);
    expect(found.recall).toBeCloseTo(expected.recall, 6);
  });

  it('kernel distance, on as many images of both', async () => {
    const size = Math.min(golden.shape('in.real')[0]!, golden.shape('in.generated')[0]!);
    const first = (features: Float32Array) => ({ features_ND: features.slice(0, size * dims), dims });
    const sets = { real: first(real.features_ND), generated: first(generated.features_ND) };
    within(await kernelDistance(products, sets), expected.kernelDistance, 1e-3);
  });

  it('score of a classifier', () => {
    const probabilities_NK = golden.numbers('in.probabilities') as Float32Array;
    within(classifierScore({ probabilities_NK, classes: 10 }), expected.classifierScore, 1e-5);
  });
});
