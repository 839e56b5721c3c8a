import type { ClassModulatedConfig } from '@tessera/backbones';
import type { VqConfig } from '@tessera/tokenizer-vq';
import { patchNumsOf } from './scales.ts';

/** A published VAR model (arXiv 2404.02905, table 1 and the official model zoo). */
export interface VarPreset {
  readonly backbone: ClassModulatedConfig;
  readonly patchNums: readonly number[];
}

export type VarName = 'd16' | 'd20' | 'd24' | 'd30' | 'd36';

/** Width 64 times the depth, heads of 64, a drop-path rate of 0.1 at depth 24. */
function preset(depth: number, initGate: number, { large = false } = {}): VarPreset {
  return {
    patchNums: patchNumsOf[large ? 512 : 256],
    backbone: {
      classes: 1000,
      depth,
      width: 64 * depth,
      heads: depth,
      mlpRatio: 4,
      qkNorm: true,
      sharedAdaLN: large,
      dropPath: (0.1 * depth) / 24,
      initModulation: 0.5,
      initGate,
      cache: 'kv',
    },
  };
}

/** d36 makes 512-pixel images, the others 256. */
export const varPresets: Readonly<Record<VarName, VarPreset>> = {
  d16: preset(16, 1e-3),
  d20: preset(20, 1e-3),
  d24: preset(24, 1e-4),
  d30: preset(30, 1e-5),
  d36: preset(36, 5e-6, { large: true }),
};

/** The tokenizer of all published VAR models, for the given scales. */
export function varTokenizer(patchNums: readonly number[]): VqConfig {
  return {
    V: 4096,
    Cvae: 32,
    ch: 160,
    ch_mult: [1, 1, 2, 2, 4],
    num_res_blocks: 2,
    in_channels: 3,
    patch_nums: patchNums,
    quant_resi: 0.5,
    share_quant_resi: 4,
    default_qresi_counts: 0,
    using_znorm: false,
    beta: 0.25,
    quant_conv_ks: 3,
    groups: 32,
    preview: null,
  };
}
