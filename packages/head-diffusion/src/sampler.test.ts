import * as tf from '@tensorflow/tfjs';
import type { Tensor2D } from '@tensorflow/tfjs';
import { tensorFrom } from '@tessera/engine';
import { createEngine } from '@tessera/targets';
import { furthest, goldenWeights, readGolden } from '@tessera/goldens';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDenoiser, timestepFeatures } from './denoiser.ts';
import { takeStep } from './sampler.ts';
import { keptTimesteps, openChain, type Chain } from './schedule.ts';

const C = 4;
const D = 48;

interface Recorded {
  readonly i: number;
  readonly respacing?: string;
  readonly temperature: number;
  readonly cfg: number;
}

beforeAll(() => tf.setBackend('cpu'));

describe.each(['eager', 'onnx'] as const)('a chain on %s', (target) => {
  const engine = createEngine({ target, threads: 1 });
  const weights = goldenWeights(readGolden('weights/mar_tiny'));
  const denoiser = openDenoiser({ blocks: 2, width: 64, channels: C, condition: D }, weights);
  const program = engine.compile(
    (x_NC: Tensor2D, z_ND: Tensor2D, features: Tensor2D) =>
      denoiser.denoise(x_NC, tf.add(denoiser.embedCondition(z_ND), denoiser.embedTime(features))),
    { name: 'denoise' },
  );
  afterAll(() => {
    engine.dispose();
    weights.dispose();
  });

  /** What the denoiser makes of these tokens, twice where there are twice as many conditions, each at a trained timestep. */
  async function ask(x: Float32Array, z: Float32Array, timesteps: readonly number[]): Promise<Float32Array> {
    const rows = z.length / D;
    const copies = Array.from({ length: (rows * C) / x.length }, () => [...x]).flat();
    const times = Array.from({ length: rows }, (_, row) => timesteps[row % timesteps.length]!);
    const inputs = [
      tensorFrom(copies, [rows, C]) as Tensor2D,
      tensorFrom(z, [rows, D]) as Tensor2D,
      tensorFrom(timestepFeatures(times), [rows, 256]) as Tensor2D,
    ] as const;
    const result = await program(...inputs);
    const data = (await result.data<'float32'>()).slice();
    tf.dispose([...inputs, result]);
    return data;
  }

  const steps = readGolden('mar_tiny_psteps');
  it.each<Recorded>(JSON.parse(steps.metadata['cases']!))(
    'takes the recorded steps of $respacing at temperature $temperature, guidance $cfg',
    async ({ i, respacing, temperature, cfg: weight }) => {
      const chain = openChain(keptTimesteps(respacing!));
      const of = (name: string) => steps.numbers(`${i}.${name}`) as Float32Array;
      const at = [...of('in.t')];
      const x = of('in.x');
      const denoised = await ask(
        x,
        of('in.z'),
        at.map((step) => chain.timesteps[step]!),
      );
      const rows = at.length;
      for (const [row, step] of at.entries()) {
        const conditional = denoised.subarray(row * 2 * C, (row + 1) * 2 * C);
        const other = denoised.subarray((row + rows) * 2 * C, (row + rows + 1) * 2 * C);
        const next = x.slice(row * C, (row + 1) * C);
        const noise = { data: of('rand.noise'), stride: C, offset: row * C };
        takeStep({
          chain,
          step,
          x: next,
          denoised: Float32Array.from([...conditional, ...other]),
          channels: C,
          weight,
          temperature,
          noise,
        });
        const expected = of('out.sample').subarray(row * C, (row + 1) * C);
        const largest = Math.max(...expected.map(Math.abs));
        expect(furthest(next, expected) / largest).toBeLessThan(2e-4);
      }
    },
  );

  const chains = readGolden('mar_tiny_psample');
  it.each<Recorded>(JSON.parse(chains.metadata['cases']!))(
    'goes the recorded way at temperature $temperature, guidance $cfg',
    async ({ i, temperature, cfg: weight }) => {
      const chain: Chain = openChain(keptTimesteps('10,0'));
      expect([...chain.timesteps]).toEqual([...chains.numbers('in.timestep_map')]);
      const of = (name: string) => chains.numbers(`${i}.${name}`) as Float32Array;
      const [z, data, samples] = [of('in.z'), of('rand.step_noise'), of('out.sample')];
      const rows = z.length / D;
      const x = of('rand.init');
      for (let step = chain.steps - 1; step >= 0; step--) {
        const denoised = await ask(x, z, [chain.timesteps[step]!]);
        const taken = chain.steps - 1 - step;
        const noise = { data, stride: C, offset: taken * rows * C };
        takeStep({ chain, step, x, denoised, channels: C, weight, temperature, noise });
        const expected = samples.subarray(taken * rows * C, taken * rows * C + x.length);
        const largest = Math.max(...expected.map(Math.abs));
        expect(furthest(x, expected) / largest).toBeLessThan(1e-4);
      }
    },
  );
});
