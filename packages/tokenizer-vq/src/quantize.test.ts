import { readdirSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { furthest, goldenWeights, readGolden } from '../fixtures/golden.ts';
import { estimatesOf } from './accumulate.ts';
import { vqConfig } from './config.ts';
import { quantize } from './quantize.ts';
import { lookUp, takeQuantizer, type Size } from './quantizer.ts';

const files = readdirSync(new URL('../fixtures/quantizers', import.meta.url));
describe('quantize', () => {
  it.each(files)('equals the official quantiser: %s', (file) => {
    const before = tf.memory().numTensors;
    tf.tidy(() => {
      const golden = readGolden(`quantizers/${file}`);
      const of = (key: string) => JSON.parse(golden.metadata[key]!);
      const keys = ['V', 'Cvae', 'patch_nums', 'quant_resi', 'share_quant_resi', 'using_znorm'];
      const config = vqConfig.parse({ ch: 32, ...Object.fromEntries(keys.map((k) => [k, of(k)])) }, file);
      const quantizer = takeQuantizer(
        goldenWeights(golden, (name) => name.replace('quantize.', 'w.')),
        config,
      );
      const given: [number, number][] | null = of('v_patch_nums_argument');
      const sizes: readonly Size[] = given?.map(([height, width]) => ({ height, width })) ?? quantizer.sizes;
      const { index_Bl, map_BHWC } = quantize(quantizer, golden.image('in.f'), sizes);
      for (const scale of sizes.keys()) {
        expect([...index_Bl[scale]!.dataSync()]).toEqual([...golden.numbers(`out.idx.${scale}`)]);
        expect(furthest(map_BHWC[scale]!.dataSync(), golden.image(`out.f_hat.${scale}`).dataSync())).toBeLessThan(1e-5);
      }
      if (given === null) {
        const estimates = estimatesOf(quantizer, lookUp(quantizer, tf.concat([...index_Bl], 1)));
        expect(furthest(estimates.dataSync(), golden.numbers('out.var_input'))).toBeLessThan(1e-5);
      }
    });
    expect(tf.memory().numTensors).toBe(before);
  });
});
