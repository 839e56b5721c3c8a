/** One tensor of a checkpoint under its official name, and how random weights for it are spread. */
export interface WeightSpec {
  readonly name: string;
  readonly shape: readonly number[];
  readonly spread: { readonly kind: 'constant'; readonly value: number } | { readonly kind: 'normal'; readonly std: number };
}

/** The sizes of a next-scale transformer. */
export interface TransformerSize {
  readonly depth: number;
  readonly heads: number;
  readonly width: number;
  readonly classes: number;
  readonly vocabulary: number;
  readonly channels: number;
  readonly patchNums: readonly number[];
}

/** The sizes of a multi-scale VQ-VAE; a channel count per level is `channels * multipliers[level]`. */
export interface VqSize {
  readonly vocabulary: number;
  readonly latent: number;
  readonly channels: number;
  readonly multipliers: readonly number[];
  readonly blocks: number;
  readonly scales: number;
  readonly phis: number;
}

const constant = (value: number): WeightSpec['spread'] => ({ kind: 'constant', value });
const normal = (std: number): WeightSpec['spread'] => ({ kind: 'normal', std });

/** Names and shapes of the published VAR transformers (arXiv 2404.02905), trained parameters only. */
export function transformerSpecs(size: TransformerSize): WeightSpec[] {
  const { depth, heads, width: C, classes, vocabulary, channels, patchNums } = size;
  const std = Math.sqrt(1 / (3 * C));
  const length = patchNums.reduce((sum, side) => sum + side * side, 0);
  const table = (name: string, shape: number[]): WeightSpec => ({ name, shape, spread: normal(std) });
  const linear = (name: string, outputs: number, inputs: number): WeightSpec[] => [
    table(`${name}.weight`, [outputs, inputs]),
    { name: `${name}.bias`, shape: [outputs], spread: normal(0.02) },
  ];
  const block = (i: number): WeightSpec[] => [
    table(`blocks.${i}.attn.mat_qkv.weight`, [3 * C, C]),
    { name: `blocks.${i}.attn.q_bias`, shape: [C], spread: normal(0.02) },
    { name: `blocks.${i}.attn.v_bias`, shape: [C], spread: normal(0.02) },
    { name: `blocks.${i}.attn.scale_mul_1H11`, shape: [1, heads, 1, 1], spread: constant(Math.log(4)) },
    ...linear(`blocks.${i}.attn.proj`, C, C),
    ...linear(`blocks.${i}.ffn.fc1`, 4 * C, C),
    ...linear(`blocks.${i}.ffn.fc2`, C, 4 * C),
    ...linear(`blocks.${i}.ada_lin.1`, 6 * C, C),
  ];
  return [
    table('pos_start', [1, patchNums[0]! ** 2, C]),
    table('pos_1LC', [1, length, C]),
    ...linear('word_embed', C, channels),
    table('class_emb.weight', [classes + 1, C]),
    table('lvl_embed.weight', [patchNums.length, C]),
    ...Array.from({ length: depth }, (_, i) => block(i)).flat(),
    ...linear('head_nm.ada_lin.1', 2 * C, C),
    ...linear('head', vocabulary, C),
  ];
}

/** Names and shapes of the published tokenizer, both halves. */
export function vqSpecs(size: VqSize): WeightSpec[] {
  const { vocabulary, latent, scales, phis } = size;
  return [
    ...encoderSpecs(size),
    ...decoderSpecs(size),
    { name: 'quantize.ema_vocab_hit_SV', shape: [scales, vocabulary], spread: constant(1) },
    ...Array.from({ length: phis }, (_, i) => conv(`quantize.quant_resi.qresi_ls.${i}`, latent, latent, 3)).flat(),
    { name: 'quantize.embedding.weight', shape: [vocabulary, latent], spread: normal(0.5) },
    ...conv('quant_conv', latent, latent, 3),
    ...conv('post_quant_conv', latent, latent, 3),
  ];
}

function conv(name: string, outputs: number, inputs: number, side: number): WeightSpec[] {
  return [
    { name: `${name}.weight`, shape: [outputs, inputs, side, side], spread: normal(1 / Math.sqrt(inputs * side * side)) },
    { name: `${name}.bias`, shape: [outputs], spread: normal(0.02) },
  ];
}

function groupNorm(name: string, channels: number): WeightSpec[] {
  return [
    { name: `${name}.weight`, shape: [channels], spread: constant(1) },
    { name: `${name}.bias`, shape: [channels], spread: constant(0) },
  ];
}

function residual(name: string, inputs: number, outputs: number): WeightSpec[] {
  return [
    ...groupNorm(`${name}.norm1`, inputs),
    ...conv(`${name}.conv1`, outputs, inputs, 3),
    ...groupNorm(`${name}.norm2`, outputs),
    ...conv(`${name}.conv2`, outputs, outputs, 3),
    ...(inputs === outputs ? [] : conv(`${name}.nin_shortcut`, outputs, inputs, 1)),
  ];
}

function attention(name: string, channels: number): WeightSpec[] {
  return [
    ...groupNorm(`${name}.norm`, channels),
    ...conv(`${name}.qkv`, 3 * channels, channels, 1),
    ...conv(`${name}.proj_out`, channels, channels, 1),
  ];
}

function middle(name: string, channels: number): WeightSpec[] {
  return [
    ...residual(`${name}.block_1`, channels, channels),
    ...attention(`${name}.attn_1`, channels),
    ...residual(`${name}.block_2`, channels, channels),
  ];
}

function encoderSpecs({ latent, channels, multipliers, blocks }: VqSize): WeightSpec[] {
  const specs = conv('encoder.conv_in', channels, 3, 3);
  let inputs = channels;
  for (const [level, multiplier] of multipliers.entries()) {
    const outputs = channels * multiplier;
    const last = level === multipliers.length - 1;
    for (let j = 0; j < blocks; j++) {
      specs.push(...residual(`encoder.down.${level}.block.${j}`, inputs, outputs));
      if (last) specs.push(...attention(`encoder.down.${level}.attn.${j}`, outputs));
      inputs = outputs;
    }
    if (!last) specs.push(...conv(`encoder.down.${level}.downsample.conv`, outputs, outputs, 3));
  }
  return [
    ...specs,
    ...middle('encoder.mid', inputs),
    ...groupNorm('encoder.norm_out', inputs),
    ...conv('encoder.conv_out', latent, inputs, 3),
  ];
}

function decoderSpecs({ latent, channels, multipliers, blocks }: VqSize): WeightSpec[] {
  let inputs = channels * multipliers.at(-1)!;
  const specs = [...conv('decoder.conv_in', inputs, latent, 3), ...middle('decoder.mid', inputs)];
  for (let level = multipliers.length - 1; level >= 0; level--) {
    const outputs = channels * multipliers[level]!;
    for (let j = 0; j <= blocks; j++) {
      specs.push(...residual(`decoder.up.${level}.block.${j}`, inputs, outputs));
      if (level === multipliers.length - 1) specs.push(...attention(`decoder.up.${level}.attn.${j}`, outputs));
      inputs = outputs;
    }
    if (level > 0) specs.push(...conv(`decoder.up.${level}.upsample.conv`, outputs, outputs, 3));
  }
  return [...specs, ...groupNorm('decoder.norm_out', inputs), ...conv('decoder.conv_out', 3, inputs, 3)];
}
