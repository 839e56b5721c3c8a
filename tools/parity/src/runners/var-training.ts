import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor4D } from '@tensorflow/tfjs';
import type { Engine, TrainStep } from '@tessera/engine';
import { TesseraError } from '@tessera/errors';
import { encodeFeatures, quantize } from '@tessera/tokenizer-vq';
import { learningRate, nextScaleLoss, type ScaleBatch, tokenWeights, weightDecay } from '@tessera/training';
import { type CaseFile, type CaseTensor, namesAfter, seriesOf, tensorOf } from '../case-file.ts';
import { floatTensor, imageTensor, indexTensor, nullLabels, type Computed } from '../case-tensors.ts';
import { type Checks, compare, type CaseRunner } from '../comparison.ts';
import { recordedTrace } from '../recorded-rng.ts';
import { gradient, loss as lossTolerance } from '../tolerance.ts';
import {
  afterSteps,
  checkDecay,
  type Gradients,
  gradientsOf,
  trainingPlan,
  type TrainingPlan,
} from '../training-cases.ts';
import { type CaseConfig, openVarParts, type VarParts } from '../var-case.ts';

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

/** The official label drop. */
const CONDITION_DROP = 0.1;
/** Branches of a block, in the order in which drop path asks for them. */
const BRANCHES = ['attention', 'feed-forward'] as const;

/** A training case with its parts. */
interface TrainingCase {
  readonly file: CaseFile;
  readonly engine: Engine;
  readonly parts: VarParts;
  readonly plan: TrainingPlan;
  /** Tokens of the case's images. */
  readonly index_BL: Tensor;
}

interface StepOptions {
  readonly clip: number | null;
  /** Scales that are trained; left out: all. */
  readonly scales?: number;
}

/** A training step whose random numbers come from its batch. */
function openStep({ engine, parts, plan }: TrainingCase, { clip, scales }: StepOptions): TrainStep {
  const loss = nextScaleLoss(parts, { conditionDrop: CONDITION_DROP, ...(scales !== undefined && { scales }) });
  return engine.compileTrainStep({
    name: 'parity.var',
    params: parts.weights.params,
    loss: (batch) => {
      const { loss: own } = loss(batch as unknown as ScaleBatch, recordedTrace(batch));
      return { loss: tf.mul(own, batch['gain']!) };
    },
    betas: plan.betas,
    eps: plan.eps,
    clip,
    ema: false,
  });
}

interface BatchOptions {
  /** Keep masks of one backward pass, in the order of the official calls. */
  readonly masks: readonly CaseTensor[];
  readonly weight_L: Float32Array;
  /** Factor on the loss. */
  readonly gain?: number;
}

/** Drop-path masks become uniform numbers that are kept or dropped at any rate. */
function batchOf(
  { file, parts, index_BL }: TrainingCase,
  { masks, weight_L, gain = 1 }: BatchOptions,
): Record<string, Tensor> {
  const label_B = indexTensor(nullLabels(tensorOf(file, 'in.label'), parts.classes));
  const streams = dropPathStreams(parts.config);
  if (masks.length !== streams.length) refuseMasks(file, masks.length, streams.length);
  return {
    index_BL,
    'condition.label_R': label_B,
    gain: floatTensor({ data: [gain], shape: [] }),
    weight_L: floatTensor({ data: weight_L, shape: [weight_L.length] }),
    'label-drop': floatTensor(tensorOf(file, 'rand.label_drop')),
    ...Object.fromEntries(streams.map((stream, i) => [stream, floatTensor(uniformsOf(masks[i]!))])),
  };
}

/** One stream for each branch that may be dropped: rates rise from 0, so that the first block has none. */
function dropPathStreams(config: CaseConfig): string[] {
  if (Number(config['drop_path_rate'] ?? 0) === 0) return [];
  const blocks = Array.from({ length: Number(config['depth']) - 1 }, (_, i) => i + 1);
  return blocks.flatMap((block) => BRANCHES.map((branch) => `drop-path.${block}.${branch}`));
}

function refuseMasks(file: CaseFile, found: number, wanted: number): never {
  throw new TesseraError({
    code: 'case-masks',
    who: file.name,
    got: `${found} keep masks for a pass`,
    expected: `${wanted}: one for each branch of the blocks whose drop-path rate is not 0`,
  });
}

function disposeBatch(batch: Readonly<Record<string, Tensor>>): void {
  for (const [name, tensor] of Object.entries(batch)) if (name !== 'index_BL') tensor.dispose();
}

interface Pass {
  readonly scales?: number;
  readonly weight_L: Float32Array;
  readonly masks: readonly CaseTensor[];
}

async function backward(training: TrainingCase, { scales, weight_L, masks }: Pass): Promise<Gradients> {
  const step = openStep(training, { clip: null, ...(scales !== undefined && { scales }) });
  const batch = batchOf(training, { masks, weight_L });
  const gradients = await gradientsOf(step, batch, training.plan.betas[0]);
  disposeBatch(batch);
  step.dispose();
  return gradients;
}

/** A keep mask as uniform numbers that drop path keeps or drops at any rate. */
function uniformsOf({ data, shape }: CaseTensor): Computed {
  return { data: Float32Array.from(data, (kept) => 1 - kept), shape };
}
