import type { Tensor2D } from '@tensorflow/tfjs';
import * as tf from '@tensorflow/tfjs';
import type { Engine } from '@tessera/engine';
import { diffusionHead, openDenoiser, timestepFeatures, type Denoiser } from '@tessera/head-diffusion';
import { configOf, weightFileOf } from './case-config.ts';
import { readWeights, type CaseFile } from './case-file.ts';
import { CaseWeights } from './case-weights.ts';
import type { Computed } from './comparison.ts';
import { diffusionConfigOf, marSizes, maskedWidths, type MarSizes } from './mar-config.ts';
import { floatTensor } from './tensors.ts';

/** The denoiser of a case, alone. */
export interface CaseDenoiser {
  readonly sizes: MarSizes;
  /** Width of the hidden states. */
  readonly condition: number;
  readonly weights: CaseWeights;
  readonly denoiser: Denoiser;
}

export async function openCaseDenoiser(file: CaseFile, { train = false } = {}): Promise<CaseDenoiser> {
  const config = configOf(file);
  const sizes = marSizes(config, file.name);
  const { blocks, width } = diffusionHead.config.parse(diffusionConfigOf(config, file.name), file.name);
  const condition = maskedWidths(config, file.name).decoder;
  const weights = new CaseWeights(await readWeights(file, weightFileOf(file, 'weights')), { train });
  const denoiser = openDenoiser({ blocks, width, channels: sizes.channels, condition }, weights);
  return { sizes, condition, weights, denoiser };
}

/** Noised tokens [N, C], timesteps of the trained chain [N] and hidden states [N, D] -> [N, 2C]. */
export type Denoise = (given: {
  readonly noised: Computed;
  readonly timesteps: ArrayLike<number>;
  readonly hidden: Computed;
}) => Promise<Float32Array>;

export function compileDenoise({ denoiser }: CaseDenoiser, engine: Engine): { denoise: Denoise; dispose(): void } {
  const program = engine.compile(
    (noised_NC: Tensor2D, features_NF: Tensor2D, hidden_ND: Tensor2D) =>
      denoiser.denoise(noised_NC, tf.add(denoiser.embedTime(features_NF), denoiser.embedCondition(hidden_ND))),
    { name: 'parity.denoise', axes: ['N .', 'N .', 'N .'] },
  );
  return {
    async denoise({ noised, timesteps, hidden }) {
      const features = timestepFeatures(timesteps);
      const rows = timesteps.length;
      const given = [noised, { data: features, shape: [rows, features.length / rows] }, hidden] as const;
      const tensors = given.map((value) => floatTensor<Tensor2D>(value)) as [Tensor2D, Tensor2D, Tensor2D];
      const denoised = await program(...tensors);
      const data = await denoised.data<'float32'>();
      tf.dispose([...tensors, denoised]);
      return data;
    },
    dispose: () => program.dispose(),
  };
}

/**
 * What guidance makes of both halves, [2n, 2C]: the noise is mixed and the same for both, the variance stays each row's
 * own. The noised tokens of the first half must have served for both.
 */
export function guideHalves(denoised: Float32Array, { channels, weight }: { channels: number; weight: number }) {
  const half = denoised.length / 2;
  return denoised.map((value, i) => {
    if (i % (2 * channels) >= channels) return value;
    const [conditional, other] = [denoised[i % half]!, denoised[half + (i % half)]!];
    return other + weight * (conditional - other);
  });
}
