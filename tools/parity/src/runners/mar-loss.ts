import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor1D, Tensor2D, Tensor3D } from '@tensorflow/tfjs';
import {
  bufferTokens,
  decode,
  embedTokens,
  encode,
  type MaskedModel,
  runMaskedBlock,
  spread,
} from '@tessera/backbones';
import type { Engine } from '@tessera/engine';
import { toTokens } from '@tessera/tokenizer-continuous';
import { type CaseFile, metadataOf, tensorOf } from '../case-file.ts';
import { imageTensor, indexTensor } from '../case-tensors.ts';
import { classVectors } from '../class-vectors.ts';
import type { Checks, CaseRunner } from '../comparison.ts';
import { type MarParts, openMarParts } from '../mar-case.ts';
import { exact, linearStack, loss as lossTolerance } from '../tolerance.ts';
import { checkGradients, gradientsOf } from '../training-cases.ts';
import { CONDITION_DROP, batchOf, recordedOrder, type RecordedOrder, marTrainStep } from './mar-training.ts';

interface Run {
  readonly file: CaseFile;
  readonly checks: Checks;
  readonly engine: Engine;
  readonly parts: MarParts;
  readonly maskRate: number;
  readonly recorded: RecordedOrder;
}

const BETAS = [0.9, 0.95] as const;

/** One batch of masked generation: layers of the transformers, the loss, and gradients through both and the head. */
export const marLossRunner: CaseRunner = {
  kind: 'mar.loss',
  async run(file, { checks, engine }) {
    const parts = await openMarParts(file, { engine, train: true });
    const maskRate = metadataOf(file, 'mask_rate') as number;
    const recorded = recordedOrder(file, { suffix: '', maskRate });
    const run = { file, checks, engine, parts, maskRate, recorded };
    const hidden = Int32Array.from(recorded.rank, (rank) => (rank < recorded.known ? 0 : 1));
    checks.check('out.mask', { data: hidden, shape: tensorOf(file, 'rand.orders').shape }, exact);
    await checkLayers(run);
    await checkLoss(run);
    parts.dispose();
  },
};

/** The loss by the trainer's own function; a cut whose bounds are equal hides nothing by masks. */
async function checkLoss({ file, checks, engine, parts, maskRate, recorded }: Run): Promise<void> {
  const bounds = { least: recorded.known, most: recorded.known };
  const step = marTrainStep(engine, parts, { bounds, betas: BETAS, eps: 1e-8, clip: null, ema: false });
  const batch = batchOf(file, parts, { suffix: '', maskRate, bounds });
  const gradients = await gradientsOf(step, batch, BETAS[0]);
  checks.checkNumber('out.loss', gradients.loss, lossTolerance);
  checks.checkNumber('out.global_grad_norm', gradients.gradNorm, { absolute: 0, relative: 1e-4 });
  checkGradients({ file, checks }, gradients, 'bound');
  tf.dispose(batch);
  step.dispose();
}

/** Layer by layer, with known tokens in the order of their positions, as the official code keeps them. */
async function checkLayers({ file, checks, engine, parts, recorded }: Run): Promise<void> {
  const { model, sizes } = parts;
  const [batch, length] = tensorOf(file, 'rand.orders').shape as [number, number];
  const { known_Bk, rank } = ascending(recorded, batch, length);
  const given = {
    latent: imageTensor(tensorOf(file, 'in.latents')),
    label_B: indexTensor<Tensor1D>({ data: labelsOf(file), shape: [batch] }),
    known_Bk: indexTensor<Tensor2D>({ data: known_Bk, shape: [batch, recorded.known] }),
    rank_BL: indexTensor<Tensor2D>({ data: rank, shape: [batch, length] }),
    count: indexTensor<Tensor>({ data: [recorded.known], shape: [] }),
  };
  const program = engine.compile(
    ({ latent, label_B, ...rest }: typeof given) => {
      const { classes, encoder } = model.config;
      const table = { classes, width: encoder.width, none: 'parameter' } as const;
      const vector_BD = classVectors(parts.weights, table, { label_B, engine });
      return throughLayers(model, { ...rest, vector_BD, values_BLC: toTokens(latent, sizes.patch) });
    },
    { name: 'parity.mar-layers' },
  );
  for (const [name, tensor] of Object.entries(await program(given))) {
    await checks.checkTensor(`out.${name}`, tensor, { tolerance: linearStack });
  }
  tf.dispose(given);
  program.dispose();
}

interface Known {
  readonly values_BLC: Tensor3D;
  readonly vector_BD: Tensor2D;
  readonly known_Bk: Tensor2D;
  readonly rank_BL: Tensor2D;
  readonly count: Tensor;
}

function throughLayers(model: MaskedModel, { values_BLC, vector_BD, known_Bk, rank_BL, count }: Known) {
  const { config, params } = model;
  const [batch, length] = rank_BL.shape;
  const everywhere = tf.tile(tf.reshape(tf.range(0, length, 1, 'int32'), [1, length]), [batch, 1]) as Tensor2D;
  const buffer = bufferTokens(model, vector_BD);
  const tokens = (known: Tensor2D): Tensor3D =>
    known.shape[1] === 0 ? buffer : tf.concat([buffer, embedTokens(model, { values_BLC, known_Bk: known })], 1);
  const common = { sequence: null, bias: null, at_Rl: null, drop: null };
  const x_RtD = tokens(known_Bk);
  const encoded_RtD = encode(model, { x_RtD, sequence: null, bias: null, drop: null });
  const scattered = { encoded_RtD, sequence: null, rank_RL: rank_BL, known: count };
  const placed = tf.add(spread(model, scattered), params.decoder.places) as Tensor3D;
  const [encoderBlock, decoderBlock] = [params.encoder.blocks[0]!, params.decoder.blocks[0]!];
  return {
    patchified: values_BLC,
    z_proj_ln: tokens(everywhere),
    encoder_block0: runMaskedBlock(encoderBlock, { ...common, x_RtD, heads: config.encoder.heads }),
    encoder: encoded_RtD,
    decoder_block0: runMaskedBlock(decoderBlock, { ...common, x_RtD: placed, heads: config.decoder.heads }),
    decoder_z: decode(model, { ...scattered, positions_Rl: everywhere, drop: null }),
  };
}

/** Known positions ascending, and the place of every position among them; `known` for those that are hidden. */
function ascending({ rank, known }: RecordedOrder, batch: number, length: number) {
  const places = new Int32Array(rank.length).fill(known);
  const known_Bk: number[] = [];
  for (let row = 0; row < batch; row++) {
    let place = 0;
    for (let position = 0; position < length; position++) {
      if (rank[row * length + position]! >= known) continue;
      places[row * length + position] = place++;
      known_Bk.push(position);
    }
  }
  return { known_Bk, rank: places };
}

/** Labels after the recorded label drop. */
function labelsOf(file: CaseFile): number[] {
  const drop = file.tensors.get('rand.label_drop');
  return Array.from(tensorOf(file, 'in.label').data, (label, row) =>
    drop && drop.data[row]! < CONDITION_DROP ? -1 : label,
  );
}
