import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor4D } from '@tensorflow/tfjs';
import type { Engine, TraceRng, TrainStep } from '@tessera/engine';
import { TesseraError } from '@tessera/errors';
import { encodeFeatures, quantize } from '@tessera/tokenizer-vq';
import { learningRate, nextScaleLoss, tokenWeights, weightDecay, type TokenBatch } from '@tessera/training';
import { metadataOf, seriesOf, tensorOf, type CaseFile } from '../case-file.ts';
import type { CaseRunner } from '../case-runner.ts';
import type { Checks } from '../checks.ts';
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
    await checkGradients(run);
    for (const stage of stagesOf(file)) await checkStage(run, stage);
    if (plan.steps > 0) await checkSteps(run);
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
    loss: (batch) => loss(batch as unknown as TokenBatch, recordedUniforms(batch)),
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
}

/** Drop-path masks become uniform numbers that are kept or dropped at any rate. */
function batchOf({ file, parts, index_BL }: Run, { masks, weight_L }: BatchOptions): Record<string, Tensor> {
  const label_B = indexTensor(nullLabels(tensorOf(file, 'in.label'), parts.classes));
  const streams = Array.from({ length: masks.length / 2 }, (_, block) =>
    // Blocks whose rate is 0 record nothing; with a rate, they are the last ones.
    BRANCHES.map((branch) => `drop-path.${block + Number(parts.config['depth']) - masks.length / 2}.${branch}`),
  ).flat();
  return {
    index_BL,
    label_B,
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

/** Loss and gradients: after one step from zero, the first moment is the gradient times 1 - beta1. */
async function lossAndGradients(run: Run, options: { scales?: number; weight_L: Float32Array; masks: Tensor[] }) {
  const { scales, weight_L, masks } = options;
  const step = openStep(run, { clip: null, ...(scales !== undefined && { scales }) });
  const batch = batchOf(run, { masks, weight_L });
  const { loss, gradNorm } = await step.run([batch], { learningRate: 0, weightDecay: 0, emaDecay: 0, key: 0 });
  const state = await step.state();
  disposeBatch(batch);
  step.dispose();
  const share = 1 - run.plan.betas[0];
  const gradientOf = (name: string) => {
    const { data, shape } = state.get(`m.${name}`)!;
    return { data: data.map((value) => value / share), shape };
  };
  return { loss, gradNorm, gradientOf };
}

async function checkGradients(run: Run): Promise<void> {
  const { file, checks, parts } = run;
  const sizes = sizesOf(parts);
  const weight_L = tokenWeights(sizes, { stage: sizes.length - 1, newest: 1 });
  const masks = seriesOf(file, 'rand.drop_path_keep').map((mask) => floatTensor(mask));
  const { loss, gradNorm, gradientOf } = await lossAndGradients(run, { weight_L, masks });
  checks.checkNumber('out.loss', loss, lossTolerance);
  checks.checkNumber('out.global_grad_norm', gradNorm, { absolute: 0, relative: 1e-4 });
  for (const name of namesAfter(file, 'grad.')) {
    checks.check(`grad.${name}`, gradientOf(name), gradient(tensorOf(file, `grad.${name}`).data));
  }
  tf.dispose(masks);
}

function stagesOf(file: CaseFile): number[] {
  return namesAfter(file, 'out.prog_loss.').map(Number);
}

/** Progressive training: the scales up to `stage`, the newest fading in. */
async function checkStage(run: Run, stage: number): Promise<void> {
  const { file, checks, parts, plan } = run;
  const weight_L = tokenWeights(sizesOf(parts), { stage, newest: plan.newestScale });
  const { loss, gradientOf } = await lossAndGradients(run, { scales: stage + 1, weight_L, masks: [] });
  checks.checkNumber(`out.prog_loss.${stage}`, loss, lossTolerance);
  const prefix = `grad_prog.${stage}.`;
  for (const name of namesAfter(file, prefix)) {
    checks.check(prefix + name, gradientOf(name), gradient(tensorOf(file, prefix + name).data));
  }
}

/** Several steps with schedule and clipping, as the trainer makes them. */
async function checkSteps(run: Run): Promise<void> {
  const { file, checks, parts, plan } = run;
  const sizes = sizesOf(parts);
  const weight_L = tokenWeights(sizes, { stage: sizes.length - 1, newest: 1 });
  const masks = seriesOf(file, 'rand.steps.drop_path_keep').map((mask) => floatTensor(mask));
  const perStep = masks.length / plan.steps;
  const step = openStep(run, { clip: plan.clip });
  for (let it = 0; it < plan.steps; it++) {
    const batch = batchOf(run, { masks: masks.slice(it * perStep, (it + 1) * perStep), weight_L });
    const result = await step.run([batch], {
      learningRate: learningRate(it, plan.learningRate),
      weightDecay: weightDecay(it, plan.weightDecay),
      emaDecay: 0,
      key: it,
    });
    checks.checkNumber(`out.step_loss.${it}`, result.loss, { absolute: 0, relative: 1e-4 });
    checks.checkNumber(`out.step_grad_norm.${it}`, result.gradNorm, { absolute: 0, relative: 1e-3 });
    disposeBatch(batch);
  }
  const state = await step.state();
  for (const name of namesAfter(file, 'out.after_steps.')) {
    checks.check(`out.after_steps.${name}`, state.get(`param.${name}`)!, afterSteps(file, name, plan));
  }
  step.dispose();
  tf.dispose(masks);
}

function namesAfter(file: CaseFile, prefix: string): string[] {
  return [...file.tensors.keys()].filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));
}
