import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor4D } from '@tensorflow/tfjs';
import type { Engine, TraceRng, TrainStep } from '@tessera/engine';
import { TesseraError } from '@tessera/errors';
import { encodeFeatures, quantize } from '@tessera/tokenizer-vq';
import { learningRate, nextScaleLoss, tokenWeights, weightDecay, type TokenBatch } from '@tessera/training';
import { metadataOf, seriesOf, tensorOf, type CaseFile } from '../case-file.ts';
import type { CaseRunner } from '../case-runner.ts';
import type { Checks } from '../checks.ts';
import { compare, type Computed } from '../comparison.ts';
import { nullLabels } from '../null-labels.ts';
import { afterSteps } from '../after-steps.ts';
import { floatTensor, imageTensor, indexTensor } from '../tensors.ts';
import { gradient, loss as lossTolerance } from '../tolerance.ts';
import { trainingPlan, type TrainingPlan } from '../training-plan.ts';
import { openVarParts, type VarParts } from '../var-parts.ts';

/** The official label drop. */
const LABEL_DROP = 0.1;
/** Streams of the loss whose numbers a case records; drop path appends block and branch. */
const BRANCHES = ['attention', 'feed-forward'] as const;

interface Run {
  readonly file: CaseFile;
  readonly checks: Checks;
  readonly engine: Engine;
  readonly parts: VarParts;
  readonly plan: TrainingPlan;
  /** Tokens, labels and recorded uniforms of every step of the file. */
  readonly index_BL: Tensor;
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
    checkDecay(file, parts);
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

/** Which parameters decay is part of the recipe. */
function checkDecay(file: CaseFile, { weights }: VarParts): void {
  if (!file.metadata.has('no_decay_names')) return;
  const expected = (metadataOf(file, 'no_decay_names') as string[]).toSorted();
  const found = weights.params.filter(({ decay }) => !decay).map(({ name }) => name);
  if (found.toSorted().join() === expected.join()) return;
  throw new TesseraError({
    code: 'decay-differs',
    who: file.name,
    got: `${found.length} parameters without weight decay`,
    expected: `these ${expected.length}: ${expected.join(', ')}`,
  });
}

interface StepOptions {
  readonly clip: number | null;
  /** Scales that are trained; left out: all. */
  readonly scales?: number;
}

/** A training step whose random numbers come from its batch. */
function openStep({ engine, parts, plan }: Run, { clip, scales }: StepOptions): TrainStep {
  const loss = nextScaleLoss(parts, { labelDrop: LABEL_DROP, ...(scales !== undefined && { scales }) });
  return engine.compileTrainStep({
    name: 'parity.var',
    params: parts.weights.params,
    loss: (batch) => {
      const { loss: own } = loss(batch as unknown as TokenBatch, recordedUniforms(batch));
      return { loss: tf.mul(own, batch['gain']!) };
    },
    betas: plan.betas,
    eps: plan.eps,
    clip,
    ema: false,
  });
}

function recordedUniforms(batch: Readonly<Record<string, Tensor>>): TraceRng {
  const uniform = (stream: string, shape: readonly number[]): Tensor => {
    const recorded = batch[stream];
    if (recorded) return tf.reshape(recorded, [...shape]);
    throw new TesseraError({
      code: 'draw-not-recorded',
      who: 'parity',
      got: `a draw of stream ${stream}`,
      expected: `one of ${Object.keys(batch).join(', ')}`,
    });
  };
  return { uniform, normal: uniform };
}

interface BatchOptions {
  /** Keep masks in the order of the official calls, from this one on. */
  readonly masks: readonly Tensor[];
  readonly weight_L: Float32Array;
  /** Factor on the loss. */
  readonly gain?: number;
}

/** Drop-path masks become uniform numbers that are kept or dropped at any rate. */
function batchOf({ file, parts, index_BL }: Run, { masks, weight_L, gain = 1 }: BatchOptions): Record<string, Tensor> {
  const label_B = indexTensor(nullLabels(tensorOf(file, 'in.label'), parts.classes));
  const streams = Array.from({ length: masks.length / 2 }, (_, block) =>
    // Blocks whose rate is 0 record nothing; with a rate, they are the last ones.
    BRANCHES.map((branch) => `drop-path.${block + Number(parts.config['depth']) - masks.length / 2}.${branch}`),
  ).flat();
  return {
    index_BL,
    label_B,
    gain: floatTensor({ data: [gain], shape: [] }),
    weight_L: floatTensor({ data: weight_L, shape: [weight_L.length] }),
    'label-drop': floatTensor(tensorOf(file, 'rand.label_drop')),
    ...Object.fromEntries(streams.map((stream, i) => [stream, tf.sub(1, masks[i]!)])),
  };
}

function disposeBatch({ index_BL: shared, ...own }: Record<string, Tensor>): void {
  if (shared) tf.dispose(own);
}

function sizesOf({ tokenizer }: VarParts): number[] {
  return tokenizer.layout.scales.map(({ height, width }) => height * width);
}

interface Gradients {
  readonly loss: number;
  readonly gradNorm: number;
  gradientOf(name: string): Computed;
}

interface Pass {
  readonly scales?: number;
  readonly weight_L: Float32Array;
  readonly masks: readonly Tensor[];
}

/** One backward pass: after a step from zero, the first moment is the gradient times 1 - beta1. */
async function backward(run: Run, { scales, weight_L, masks }: Pass): Promise<Gradients> {
  const step = openStep(run, { clip: null, ...(scales !== undefined && { scales }) });
  const batch = batchOf(run, { masks, weight_L });
  const { loss, gradNorm } = await step.run([batch], { learningRate: 0, weightDecay: 0, emaDecay: 0, key: 0 });
  const state = await step.state();
  disposeBatch(batch);
  step.dispose();
  const share = 1 - run.plan.betas[0];
  const gradientOf = (name: string): Computed => {
    const { data, shape } = state.get(`m.${name}`)!;
    return { data: data.map((value) => value / share), shape };
  };
  return { loss, gradNorm, gradientOf };
}

async function checkGradients(run: Run): Promise<Gradients> {
  const { file, checks } = run;
  const masks = seriesOf(file, 'rand.drop_path_keep').map((mask) => floatTensor(mask));
  const first = await backward(run, { weight_L: allScales(run), masks });
  checks.checkNumber('out.loss', first.loss, lossTolerance);
  checks.checkNumber('out.global_grad_norm', first.gradNorm, { absolute: 0, relative: 1e-4 });
  for (const name of namesAfter(file, 'grad.')) {
    checks.check(`grad.${name}`, first.gradientOf(name), gradient(tensorOf(file, `grad.${name}`).data, 'linear'));
  }
  tf.dispose(masks);
  return first;
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
  const { loss, gradientOf } = await backward(run, { scales: stage + 1, weight_L, masks: [] });
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
  const masks = seriesOf(file, 'rand.steps.drop_path_keep').map((mask) => floatTensor(mask));
  const masksOf = (it: number): Tensor[] => masks.slice((it * masks.length) / plan.steps, ((it + 1) * masks.length) / plan.steps);
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
  for (const name of namesAfter(file, 'out.after_steps.')) {
    checks.check(`out.after_steps.${name}`, state.get(`param.${name}`)!, afterSteps(file, name, plan));
  }
  step.dispose();
  tf.dispose(masks);
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

function firstBatches(run: Run): Record<string, Tensor>[] {
  const masks = seriesOf(run.file, 'rand.drop_path_keep').map((mask) => floatTensor(mask));
  const batch = batchOf(run, { masks, weight_L: allScales(run), gain: 2 });
  tf.dispose(masks);
  return [batch];
}

function sum(a: Computed, b: Computed): Computed {
  return { data: Float32Array.from(a.data, (value, i) => value + b.data[i]!), shape: a.shape };
}

function namesAfter(file: CaseFile, prefix: string): string[] {
  return [...file.tensors.keys()].filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));
}
