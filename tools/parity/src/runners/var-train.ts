import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor4D } from '@tensorflow/tfjs';
import type { Engine } from '@tessera/engine';
import { encodeFeatures, quantize } from '@tessera/tokenizer-vq';
import { learningRate, tokenWeights, weightDecay } from '@tessera/training';
import { namesAfter, seriesOf, tensorOf, type CaseFile } from '../case-file.ts';
import type { CaseRunner } from '../case-runner.ts';
import type { Checks } from '../checks.ts';
import { compare, type Computed } from '../comparison.ts';
import { afterSteps } from '../after-steps.ts';
import { checkDecay } from '../decay-check.ts';
import type { Gradients } from '../gradients.ts';
import { imageTensor } from '../tensors.ts';
import { gradient, loss as lossTolerance } from '../tolerance.ts';
import { backward, batchOf, disposeBatch, openStep, type Pass, type TrainingCase } from '../training-pass.ts';
import { trainingPlan } from '../training-plan.ts';
import { openVarParts, type VarParts } from '../var-parts.ts';

interface Run extends TrainingCase {
  readonly checks: Checks;
}

/** Gradients of one training step, progressive stages, and several AdamW steps, through compiled training steps. */
export const varTrainRunner: CaseRunner = {
  kind: 'var.train',
  async run(file, { checks, engine }) {
    const labelSmoothing = Number(file.metadata.get('label_smooth') ?? 0);
    const parts = await openVarParts(file, { engine, train: true, labelSmoothing });
    const plan = trainingPlan(file);
    const index_BL = await encode(file, parts, engine);
    const run = { file, checks, engine, parts, plan, index_BL };
    checkDecay(file, parts.weights.params);
    const first = await checkGradients(run);
    for (const stage of stagesOf(file)) await checkStage(run, stage, first);
    if (plan.steps > 0) await checkSteps(run, first);
    index_BL.dispose();
    parts.dispose();
  },
};

async function encode(file: CaseFile, { tokenizer }: VarParts, engine: Engine): Promise<Tensor> {
  const { model } = tokenizer;
  const program = engine.compile(
    (image_BHWC: Tensor4D) => tf.concat([...quantize(model.quantizer, encodeFeatures(model, image_BHWC)).index_Bl], 1),
    { name: 'parity.encode' },
  );
  const image_BHWC = imageTensor(tensorOf(file, 'in.img'));
  const index_BL = await program(image_BHWC);
  image_BHWC.dispose();
  program.dispose();
  return index_BL;
}

async function checkGradients(run: Run): Promise<Gradients> {
  const { file, checks } = run;
  const masks = seriesOf(file, 'rand.drop_path_keep');
  const first = await backward(run, { weight_L: allScales(run), masks });
  checks.checkNumber('out.loss', first.loss, lossTolerance);
  checks.checkNumber('out.global_grad_norm', first.gradNorm, { absolute: 0, relative: 1e-4 });
  for (const name of namesAfter(file, 'grad.')) {
    checks.check(`grad.${name}`, first.gradientOf(name), gradient(tensorOf(file, `grad.${name}`).data, 'linear'));
  }
  return first;
}

function sizesOf({ tokenizer }: VarParts): number[] {
  return tokenizer.layout.scales.map(({ height, width }) => height * width);
}

/** Every token weighs 1/L. */
function allScales({ parts }: Run): Float32Array {
  const sizes = sizesOf(parts);
  return tokenWeights(sizes, { stage: sizes.length - 1, newest: 1 });
}

function stagesOf(file: CaseFile): number[] {
  return namesAfter(file, 'out.prog_loss.').map(Number);
}

/** Progressive training: the scales up to `stage`, the newest fading in. */
async function checkStage(run: Run, stage: number, first: Gradients): Promise<void> {
  const { file, checks, parts, plan } = run;
  const weight_L = tokenWeights(sizesOf(parts), { stage, newest: plan.newestScale });
  const masks = seriesOf(file, `rand.prog${stage}.drop_path_keep`);
  const { loss, gradientOf } = await backward(run, { scales: stage + 1, weight_L, masks });
  checks.checkNumber(`out.prog_loss.${stage}`, loss, lossTolerance);
  const prefix = `grad_prog.${stage}.`;
  for (const name of namesAfter(file, prefix)) {
    const expected = { name, ...tensorOf(file, prefix + name) };
    const tolerance = gradient(expected.data, 'linear');
    const alone = gradientOf(name);
    const both = sum(alone, first.gradientOf(name));
    const carried = compare(expected, both, tolerance).share < compare(expected, alone, tolerance).share;
    checks.check(prefix + name, carried ? both : alone, tolerance);
  }
}

/** Several steps with schedule and clipping, as the trainer makes them. */
async function checkSteps(run: Run, first: Gradients): Promise<void> {
  const { file, checks, plan } = run;
  const weight_L = allScales(run);
  const masks = seriesOf(file, 'rand.steps.drop_path_keep');
  const perStep = masks.length / plan.steps;
  const masksOf = (it: number) => masks.slice(it * perStep, (it + 1) * perStep);
  const carried = await isCarried(run, { weight_L, masks: masksOf(0) });
  const step = openStep(run, { clip: plan.clip });
  for (let it = 0; it < plan.steps; it++) {
    const batches = it === 0 && carried ? firstBatches(run) : [];
    // The mean of losses that count as often as there are batches is their sum.
    batches.push(batchOf(run, { masks: masksOf(it), weight_L, gain: batches.length + 1 }));
    const result = await step.run(batches, {
      learningRate: learningRate(it, plan.learningRate),
      weightDecay: weightDecay(it, plan.weightDecay),
      emaDecay: 0,
      key: it,
    });
    const own = batches.length > 1 ? result.loss - first.loss : result.loss;
    checks.checkNumber(`out.step_loss.${it}`, own, { absolute: 0, relative: 1e-4 });
    checks.checkNumber(`out.step_grad_norm.${it}`, result.gradNorm, { absolute: 0, relative: 1e-3 });
    batches.forEach(disposeBatch);
  }
  const state = await step.state();
  const rates = Array.from({ length: plan.steps }, (_, it) => learningRate(it, plan.learningRate));
  for (const name of namesAfter(file, 'out.after_steps.')) {
    const tolerance = afterSteps(file.tensors.get(`grad.${name}`)?.data, rates);
    checks.check(`out.after_steps.${name}`, state.get(`param.${name}`)!, tolerance);
  }
  step.dispose();
}

/**
 * Whether the first step also descends the gradients of the file's first backward pass. PyTorch adds gradients up until
 * they are zeroed, and the recorder did not zero them before its second backward pass; its numbers tell.
 */
async function isCarried(run: Run, pass: Pass): Promise<boolean> {
  const { gradNorm } = await backward(run, pass);
  const expected = tensorOf(run.file, 'out.step_grad_norm.0').data[0]!;
  return Math.abs(gradNorm - expected) > 1e-3 * expected;
}

function firstBatches(run: Run): Readonly<Record<string, Tensor>>[] {
  const masks = seriesOf(run.file, 'rand.drop_path_keep');
  return [batchOf(run, { masks, weight_L: allScales(run), gain: 2 })];
}

function sum(a: Computed, b: Computed): Computed {
  return { data: Float32Array.from(a.data, (value, i) => value + b.data[i]!), shape: a.shape };
}
