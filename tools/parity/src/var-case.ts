import type { Tensor } from '@tensorflow/tfjs';
import { nextScaleTransformer } from '@tessera/backbones';
import { buildBackbone, type BoundBackbone, type Head, nextScaleOrder, type Order } from '@tessera/core';
import type { Engine } from '@tessera/engine';
import { TesseraError } from '@tessera/errors';
import { categoricalHead, type CategoricalOptions } from '@tessera/head-categorical';
import { vqConfig, type VqConfig, vqTokenizer, type VqTokenizer } from '@tessera/tokenizer-vq';
import { type CaseFile, metadataOf, readWeights } from './case-file.ts';
import { CaseWeights } from './case-weights.ts';

/** Tokenizer, order, transformer and head of a case, with the weight files that it names. */
export interface VarParts {
  readonly config: CaseConfig;
  readonly classes: number;
  readonly tokenizer: VqTokenizer;
  readonly order: Order;
  readonly backbone: BoundBackbone;
  readonly head: Head<CategoricalOptions>;
  /** Weights of transformer and head. */
  readonly weights: CaseWeights;
  /** The head's linear layer. */
  readonly headLayer: { readonly weight_VD: Tensor; readonly bias_V: Tensor };
  dispose(): void;
}

interface VarPartsOptions {
  readonly engine: Engine;
  /** Makes variables of the transformer's and head's parameters. */
  readonly train?: boolean;
  readonly labelSmoothing?: number;
}

export async function openVarParts(file: CaseFile, options: VarPartsOptions): Promise<VarParts> {
  const { engine, train = false, labelSmoothing = 0 } = options;
  const config = configOf(file);
  const frozen = new CaseWeights(await readWeights(file, weightFileOf(file, 'weights_vae')));
  const weights = new CaseWeights(await readWeights(file, weightFileOf(file, 'weights_var')), { train });
  const tokenizer = vqTokenizer.build(vqConfigOf(config, file.name), { engine, weights: frozen });
  const { space, layout } = tokenizer;
  const size = nextScaleTransformer.config.parse(transformerConfig(config), file.name);
  const backbone = buildBackbone(
    { plugin: nextScaleTransformer, config: size },
    { layout, space },
    { engine, weights },
  );
  const headConfig = categoricalHead.config.parse({ labelSmoothing }, file.name);
  const head = categoricalHead.build(headConfig, { width: size.width, space }, { engine, weights });
  return {
    config,
    classes: size.classes!,
    tokenizer,
    order: nextScaleOrder.build({}),
    backbone,
    head,
    weights,
    headLayer: { weight_VD: weights.taken('head.weight'), bias_V: weights.taken('head.bias') },
    dispose() {
      for (const part of [head, backbone, tokenizer, weights, frozen]) part.dispose();
    },
  };
}

/** From the official constructor's arguments. */
export function transformerConfig(config: CaseConfig): Readonly<Record<string, unknown>> {
  return {
    classes: config['num_classes'],
    depth: config['depth'],
    width: config['embed_dim'],
    heads: config['num_heads'],
    qkNorm: config['attn_l2_norm'] ?? false,
    sharedAdaLN: config['shared_aln'] ?? false,
    dropPath: config['drop_path_rate'] ?? 0,
    ...(config['mlp_ratio'] !== undefined && { mlpRatio: config['mlp_ratio'] }),
  };
}

/** Constructor arguments of the official tokenizer and transformer, as case files write them. */
export type CaseConfig = Readonly<Record<string, unknown>>;

const TOKENIZER_FIELDS = [
  'V',
  'Cvae',
  'ch',
  'ch_mult',
  'num_res_blocks',
  'in_channels',
  'patch_nums',
  'quant_resi',
  'share_quant_resi',
  'default_qresi_counts',
  'using_znorm',
  'beta',
  'quant_conv_ks',
];

export function configOf(file: CaseFile): CaseConfig {
  return metadataOf(file, 'config') as CaseConfig;
}

/** The tokenizer's part of a configuration. */
export function vqConfigOf(config: CaseConfig, who: string): VqConfig {
  const known = TOKENIZER_FIELDS.filter((field) => config[field] !== undefined);
  return vqConfig.parse(Object.fromEntries(known.map((field) => [field, config[field]])), who);
}

/** The path of a weight file, from the metadata. @throws TesseraError `case-metadata` */
export function weightFileOf(file: CaseFile, key: 'weights' | 'weights_vae' | 'weights_var' | 'weights_kl'): string {
  const path = file.metadata.get(key);
  if (path !== undefined) return path;
  throw new TesseraError({
    code: 'case-metadata',
    who: file.name,
    got: `no metadata ${key}`,
    expected: 'the path of a weight file, relative to the folder of the case',
  });
}
