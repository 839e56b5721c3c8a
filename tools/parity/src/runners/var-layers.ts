import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor1D, Tensor2D, Tensor3D } from '@tensorflow/tfjs';
import { estimatesOf } from '@tessera/autoencoder';
import {
  attend,
  blockCausalMask,
  forward,
  modulate,
  modulationsOf,
  nextScaleTransformer,
  placesOf,
  runBlock,
  startOf,
  takeParams,
  wordsOf,
} from '@tessera/backbones';
import { type Engine, nn } from '@tessera/engine';
import { lookUp, pyramidOf } from '@tessera/tokenizer-vq';
import { type CaseFile, seriesOf, tensorOf } from '../case-file.ts';
import { floatTensor, indexTensor, neverAsked, nullLabels } from '../case-tensors.ts';
import { classVectors } from '../class-vectors.ts';
import type { Checks, CaseRunner } from '../comparison.ts';
import { convStack, linearStack } from '../tolerance.ts';
import { configOf, openVarParts, transformerConfig, type VarParts } from '../var-case.ts';

/** Hidden states of a whole image at once: what goes in, every block, the head. */
export const varTeacherForcingRunner: CaseRunner = {
  kind: 'var.teacher_forcing',
  async run(file, { checks, engine }) {
    const parts = await openVarParts(file, { engine });
    const config = nextScaleTransformer.config.parse(transformerConfig(configOf(file)), file.name);
    const program = engine.compile(
      (estimates_BLC: Tensor3D, label_B: Tensor1D) => ({
        ...throughBlocks({ ...parts, engine }, config, { estimates_BLC, label_B }),
        logits: throughBackbone(parts, { estimates_BLC, label_B }),
      }),
      { name: 'parity.teacher-forcing' },
    );
    const estimates_BLC = floatTensor<Tensor3D>(tensorOf(file, 'in.x_BLCv_wo_first_l'));
    const label_B = indexTensor<Tensor1D>(nullLabels(tensorOf(file, 'in.label'), parts.classes));
    for (const [name, tensor] of Object.entries(await program(estimates_BLC, label_B))) {
      await checks.checkTensor(`out.${name}`, tensor, { tolerance: linearStack });
    }
    tf.dispose([estimates_BLC, label_B]);
    program.dispose();
    await checkEstimates(parts, { file, checks, engine });
    parts.dispose();
  },
};

interface Case {
  readonly file: CaseFile;
  readonly checks: Checks;
  readonly engine: Engine;
}

/** Where a case names its tokens, what goes in is what follows from them. */
async function checkEstimates({ tokenizer }: VarParts, { file, checks, engine }: Case): Promise<void> {
  const index = seriesOf(file, 'in.idx');
  if (index.length === 0) return;
  const { quantizer } = tokenizer.model;
  const index_Bl = index.map((scale) => indexTensor<Tensor2D>(scale));
  const program = engine.compile(
    (given: Tensor2D[]) => {
      const values = given.map((scale_Bl) => lookUp(quantizer, scale_Bl));
      return estimatesOf(pyramidOf(quantizer), tf.concat(values, 1));
    },
    { name: 'parity.estimates' },
  );
  const estimates_BLC = await program(index_Bl);
  const name = 'in.x_BLCv_wo_first_l';
  const computed = { data: await estimates_BLC.data<'float32'>(), shape: estimates_BLC.shape };
  checks.checkView(name, { expected: tensorOf(file, name), computed }, convStack);
  tf.dispose([estimates_BLC, ...index_Bl]);
  program.dispose();
}

interface Given {
  readonly estimates_BLC: Tensor3D;
  readonly label_B: Tensor1D;
}

type Config = Parameters<typeof takeParams>[0];

interface EngineOf {
  readonly engine: Engine;
}

/** Block by block, as `forward` runs them. */
function throughBlocks(
  { tokenizer, weights, engine }: VarParts & EngineOf,
  config: Config,
  { estimates_BLC, label_B }: Given,
) {
  const { layout, space } = tokenizer;
  const dims = { layout, space };
  const params = takeParams(config, dims, weights.again());
  const vector_BD = classVectors(weights, { ...config, none: 'row' }, { label_B, engine });
  const conditioning = modulationsOf(params, { vector_RD: vector_BD }, config.heads);
  const tokens_BLD = tf.concat([startOf({ params, dims }, vector_BD), wordsOf(params, estimates_BLC)], 1);
  const x_in = tf.add(tokens_BLD, placesOf({ params, dims }, layout.length)) as Tensor3D;
  const common = { sequence: null, heads: config.heads, past: null, bias: blockCausalMask(layout, layout.length) };
  const outputs: Record<string, Tensor> = { x_in };
  let x_RlD = x_in;
  for (const [i, block] of params.blocks.entries()) {
    const modulation_R6D = conditioning.blocks[i]!;
    if (i === 0) {
      const [, , scale, , shift] = tf.split(modulation_R6D, 6, 1);
      outputs['block0_attn'] = attend(block, { ...common, x_RlD: modulate(x_RlD, scale!, shift!) }).x_RlD;
    }
    x_RlD = runBlock(block, { ...common, x_RlD, modulation_R6D, drop: null }).x_RlD;
    outputs[`block.${i}`] = x_RlD;
  }
  outputs['head_nm'] = forward(params, { ...common, x_RlD: x_in, modulations: conditioning }).hidden_RlD;
  return outputs;
}

/** The backbone's own teaching forward, and the head's layer on it. */
function throughBackbone({ backbone, tokenizer, headLayer }: VarParts, { estimates_BLC, label_B }: Given): Tensor {
  const [batch] = label_B.shape;
  const { length } = tokenizer.layout;
  const trainBatch = {
    values_BLC: tf.zeros([batch, length, tokenizer.space.channels]) as Tensor3D,
    estimates_BLC,
    order_BL: tf.zeros([batch, length], 'int32') as Tensor2D,
    rank_BL: tf.zeros([batch, length], 'int32') as Tensor2D,
    cut: null,
    condition: { encoded: { label_R: label_B }, dropped_B: null },
  };
  const rng = { uniform: neverAsked, normal: neverAsked };
  const { values_BlD } = backbone.teach(trainBatch, { rng, train: false });
  return nn.linear(values_BlD, headLayer.weight_VD, headLayer.bias_V);
}
