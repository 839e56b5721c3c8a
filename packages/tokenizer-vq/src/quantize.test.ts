import * as tf from '@tensorflow/tfjs';
import type { Tensor4D } from '@tensorflow/tfjs';
import { createEngine } from '@tessera/targets';
import { furthest, goldenNames, goldenWeights, readGolden, type Golden } from '@tessera/goldens';
import { estimatesOf, type Size } from '@tessera/autoencoder';
import { afterAll, describe, expect, it } from 'vitest';
import { pyramidOf } from './accumulate.ts';
import { vqConfig } from './config.ts';
import { quantize, type Quantized } from './quantize.ts';
import { lookUp, takeQuantizer, type Quantizer } from './quantizer.ts';

function quantizerOf(golden: Golden, who: string): Quantizer {
  const keys = ['V', 'Cvae', 'patch_nums', 'quant_resi', 'share_quant_resi', 'using_znorm'];
  const fields = Object.fromEntries(keys.map((key) => [key, JSON.parse(golden.metadata[key]!)]));
  const config = vqConfig.parse({ ch: 32, ...fields }, who);
  return takeQuantizer(
    goldenWeights(golden, (name) => name.replace('quantize.', 'w.')),
    config,
  );
}

/** Scales given at the call, for a map that is not square. */
function sizesOf(golden: Golden): readonly Size[] | null {
  const given: [number, number][] | null = JSON.parse(golden.metadata.v_patch_nums_argument!);
  return given?.map(([height, width]) => ({ height, width })) ?? null;
}

describe.each(['eager', 'onnx'] as const)('quantize on %s', (target) => {
  const engine = createEngine({ target });
  afterAll(() => engine.dispose());

  it.each(goldenNames('quant_'))('equals the official quantiser: %s', async (name) => {
    const golden = readGolden(name);
    const quantizer = quantizerOf(golden, name);
    const sizes = sizesOf(golden);
    const features = golden.image('in.f');
    const program = engine.compile(
      (features_BHWC: Tensor4D) => {
        const { index_Bl, map_BHWC }: Quantized = quantize(quantizer, features_BHWC, sizes ?? quantizer.sizes);
        const teacher = sizes
          ? null
          : estimatesOf(pyramidOf(quantizer), lookUp(quantizer, tf.concat([...index_Bl], 1)));
        return { index_Bl, map_BHWC, teacher };
      },
      { name: 'quantize', axes: ['B . . .'] },
    );
    const { index_Bl, map_BHWC, teacher } = await program(features);
    for (const [scale, index] of index_Bl.entries()) {
      expect([...(await index.data())]).toEqual([...golden.numbers(`out.idx.${scale}`)]);
      const expected = golden.image(`out.f_hat.${scale}`);
      expect(furthest(await map_BHWC[scale]!.data(), expected.dataSync())).toBeLessThan(1e-5);
      expected.dispose();
    }
    if (teacher) expect(furthest(await teacher.data(), golden.numbers('out.var_input'))).toBeLessThan(1e-5);
    tf.dispose([features, ...index_Bl, ...map_BHWC, teacher ?? []]);
    program.dispose();
  });
});
