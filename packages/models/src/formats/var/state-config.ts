import { nextScaleTransformer, type ClassModulatedConfig } from '@tessera/backbones';
import { TesseraError } from '@tessera/errors';
import { vqConfig, type VqConfig } from '@tessera/tokenizer-vq';
import type { Shapes } from '../../weights.ts';
import { countModules, officialGroups, shapeOf, type Assume } from '../weight-format.ts';
import { inferSides, patchNumsOf, type ScaleCounts } from './scales.ts';

export interface VarStateConfig {
  readonly backbone: ClassModulatedConfig & { readonly classes: number };
  readonly patchNums: readonly number[];
}

/** Settings that shapes do not show. */
interface VarStateHints {
  readonly who: string;
  /** Default: the only sides that fit the counts of tokens, or those of a published model. */
  readonly patchNums?: readonly number[] | undefined;
  /** Only for models without query-key normalisation, whose weights do not show the heads. */
  readonly heads?: number | undefined;
  /** Settings that only matter for training and speed. */
  readonly settings?: Partial<Pick<ClassModulatedConfig, 'dropPath' | 'initModulation' | 'initGate' | 'cache'>>;
  /** Called with each assumed setting. */
  readonly assume?: Assume;
}

/**
 * Configuration of a VAR transformer from the shapes of its official state dict.
 * @throws TesseraError state-shape, patch-nums-ambiguous, patch-nums-impossible, heads-unknown
 */
export function configOfVarState(shapes: Shapes, hints: VarStateHints): VarStateConfig {
  const { who, assume } = hints;
  const shape = (name: string, rank: number) => shapeOf(shapes, name, { rank, who });
  const [, first, width] = shape('pos_start', 3) as [number, number, number];
  const [, length] = shape('pos_1LC', 3) as [number, number];
  const [scales] = shape('lvl_embed.weight', 2) as [number];
  const [embeddings] = shape('class_emb.weight', 2) as [number];
  const [hidden] = shape('blocks.0.ffn.fc1.weight', 2) as [number];
  const depth = countModules(shapes, 'blocks');
  const backbone = {
    classes: embeddings - 1,
    depth,
    width,
    heads: headsShown(shapes) ?? hints.heads ?? officialHeads({ depth, width }, hints),
    mlpRatio: hidden / width,
    qkNorm: shapes.has(SCALE_MUL),
    sharedAdaLN: shapes.has('shared_ada_lin.1.weight'),
    dropPath: (0.1 * depth) / 24,
    ...hints.settings,
  };
  return {
    backbone: { ...nextScaleTransformer.config.parse(backbone, who), classes: backbone.classes },
    patchNums: hints.patchNums ?? inferredSides({ length, scales, first }, who, assume),
  };
}

const SCALE_MUL = 'blocks.0.attn.scale_mul_1H11';

/** The heads of a model with query-key normalisation: it has a scale for each. */
export function headsShown(shapes: Shapes): number | undefined {
  return shapes.get(SCALE_MUL)?.[1];
}

/** The official code derives all sizes from the depth: as many heads as blocks, each 64 wide. */
function officialHeads(
  { depth, width }: { readonly depth: number; readonly width: number },
  { who, assume }: VarStateHints,
): number {
  if (width === 64 * depth) {
    assume?.(`${depth} heads (--heads), as the official code gives to models of depth ${depth} and width ${width}`);
    return depth;
  }
  throw new TesseraError({
    code: 'heads-unknown',
    who,
    got: `a depth of ${depth} and a width of ${width}, which the official code does not build`,
    expected: 'the number of attention heads, which weights without query-key normalisation do not show',
    next: 'State them: --heads.',
  });
}

function inferredSides(counts: ScaleCounts, who: string, assume: Assume | undefined): readonly number[] {
  const { sides, certain } = inferSides(counts, who);
  if (!certain) assume?.(`the sides ${sides.join(' ')} (--patch-nums), those of a published model with as many tokens`);
  return sides;
}

/** Settings that shapes do not show. */
interface VqStateHints {
  readonly who: string;
  readonly patchNums: readonly number[];
  readonly quantResi?: number | undefined;
  readonly usingZnorm?: boolean | undefined;
  readonly beta?: number | undefined;
  readonly groups?: number | undefined;
  /** Called with each assumed setting. */
  readonly assume?: Assume;
}

/**
 * Configuration of the VQ-VAE from the shapes of its official state dict. Settings that shapes do not show default to those
 * of the official code.
 * @throws TesseraError state-shape, field-invalid
 */
export function configOfVqState(shapes: Shapes, hints: VqStateHints): VqConfig {
  const { who, patchNums, quantResi = 0.5, usingZnorm = false, beta = 0.25 } = hints;
  const phi = phiConfig(shapes, quantResi);
  const assumed = [
    ...(hints.quantResi === undefined && phi.quant_resi !== 0 ? [`quant_resi ${quantResi} (--quant-resi)`] : []),
    ...(hints.usingZnorm === undefined ? [`using_znorm ${usingZnorm} (--using-znorm)`] : []),
  ];
  if (assumed.length > 0) hints.assume?.(`${assumed.join(', ')}, as in the official code`);
  const shape = (name: string, rank: number) => shapeOf(shapes, name, { rank, who });
  const [V, Cvae] = shape('quantize.embedding.weight', 2);
  const [ch, in_channels] = shape('encoder.conv_in.weight', 4);
  const levels = countModules(shapes, 'encoder.down');
  const ch_mult = Array.from({ length: levels }, (_, level) => {
    return shape(`encoder.down.${level}.block.0.conv1.weight`, 4)[0]! / ch!;
  });
  const groups = hints.groups ?? officialGroups({ ch: ch!, ch_mult }, hints);
  const config = {
    V,
    Cvae,
    ch,
    ch_mult,
    num_res_blocks: countModules(shapes, 'encoder.down.0.block'),
    in_channels,
    patch_nums: patchNums,
    ...phi,
    using_znorm: usingZnorm,
    beta,
    quant_conv_ks: shape('quant_conv.weight', 4)[2],
    groups,
  };
  return vqConfig.parse(config, who);
}

/** The convolutions phi (VAR, section 3.2) may be shared by all scales, by neighbouring ones, or by none, or be absent. */
function phiConfig(shapes: Shapes, quantResi: number): Partial<VqConfig> {
  const shared = countModules(shapes, 'quantize.quant_resi.qresi_ls');
  if (shared > 0) return { quant_resi: quantResi, share_quant_resi: shared };
  if (shapes.has('quantize.quant_resi.qresi.weight')) return { quant_resi: quantResi, share_quant_resi: 1 };
  const own = countModules(shapes, 'quantize.quant_resi');
  if (own > 0) return { quant_resi: quantResi, share_quant_resi: 0, default_qresi_counts: own };
  return { quant_resi: 0 };
}

/** A published VAR model (arXiv 2404.02905, table 1 and the official model zoo). */
export interface VarPreset {
  readonly backbone: ClassModulatedConfig & { readonly classes: number };
  readonly patchNums: readonly number[];
}

export type VarName = 'd16' | 'd20' | 'd24' | 'd30' | 'd36';

/** Width 64 times the depth, heads of 64, a drop-path rate of 0.1 at depth 24. */
function preset(depth: number, initGate: number, { large = false } = {}): VarPreset {
  return {
    patchNums: patchNumsOf[large ? 512 : 256],
    backbone: {
      attends: false,
      map: false,
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
    picture: undefined,
  };
}
