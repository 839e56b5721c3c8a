import * as tf from '@tensorflow/tfjs';
import type { Tensor3D } from '@tensorflow/tfjs';
import {
  classOf,
  constantGuidance,
  type Guidance,
  linearGuidance,
  type Order,
  randomSetsOrder,
  type Row,
  setSizes,
  setSteps,
  type Step,
} from '@tessera/core';
import type { Engine } from '@tessera/engine';
import { TesseraError } from '@tessera/errors';
import { keptTimesteps } from '@tessera/head-diffusion';
import { decodeLatent, fromTokens } from '@tessera/tokenizer-continuous';
import { type CaseFile, metadataOf, tensorOf } from '../case-file.ts';
import { floatTensor, toChannelsFirst, type Computed } from '../case-tensors.ts';
import type { Checks, CaseRunner } from '../comparison.ts';
import { type MarParts, openMarParts } from '../mar-case.ts';
import { recordedRng, setStream } from '../recorded-rng.ts';
import { recordedSample, type RecordedSample, type RecordedStep } from '../recorded-sample.ts';
import { chain, exact, linearStack, type Tolerance, wholeImage } from '../tolerance.ts';

/** Arguments of the official sampling call. */
interface Call {
  readonly bsz: number;
  readonly num_iter: number;
  readonly cfg: number;
  readonly cfg_schedule: string;
  readonly temperature: number;
  readonly labels: boolean;
}

/** What the official call noted of each iteration; tokens of all images together. */
interface NotedStep {
  readonly step: number;
  readonly n_pred: number;
  readonly cfg_iter: number;
}

/** A whole generation, set by set, through the sampling loop. */
export const marSampleRunner: CaseRunner = {
  kind: 'mar.sample',
  async run(file, { checks, engine }) {
    const parts = await openMarParts(file, { engine });
    const call = metadataOf(file, 'call') as Call;
    const plan = planOf(file, parts, call);
    const guidance = guidanceOf(file, call);
    checkPlan(file, parts, { plan, guidance });
    const recorded = await generate(file, parts, { call, plan, guidance });
    const context = { file, checks, engine, parts, plan };
    await checkSets(context, recorded);
    await checkImages(context, recorded);
    parts.dispose();
  },
};

/** Every iteration, also those that predict nothing. Generation goes from the end of each official order. */
function planOf(file: CaseFile, { sizes }: MarParts, { num_iter }: Call): readonly Step[] {
  const { data, shape } = tensorOf(file, 'rand.orders');
  const [batch, length] = shape as [number, number];
  const orders = Array.from({ length: batch }, (_, row) =>
    [...data.subarray(row * length, (row + 1) * length)].reverse(),
  );
  return [...setSteps(orders, setSizes(sizes.length, num_iter))];
}

function guidanceOf(file: CaseFile, { cfg, cfg_schedule }: Call): Guidance {
  if (cfg_schedule === 'linear') return linearGuidance(cfg);
  if (cfg_schedule === 'constant') return constantGuidance(cfg);
  const got = `cfg_schedule ${cfg_schedule}`;
  throw new TesseraError({ code: 'case-metadata', who: file.name, got, expected: 'linear or constant' });
}

/** Counts of tokens and weights of guidance, as the official call noted them. */
function checkPlan(
  file: CaseFile,
  { tokenizer }: MarParts,
  { plan, guidance }: { readonly plan: readonly Step[]; readonly guidance: Guidance },
): void {
  const noted = metadataOf(file, 'steps') as readonly NotedStep[];
  const own = plan.map((step) => [step.positions_Bl.length, guidance.weight(step, tokenizer.layout)] as const);
  const differ = noted.findIndex(({ n_pred, cfg_iter }, i) => {
    const [count, weight] = own[i] ?? [NaN, NaN];
    return count !== n_pred || !(Math.abs(weight - cfg_iter) <= 1e-6 * Math.abs(cfg_iter));
  });
  if (differ < 0 && noted.length === plan.length) return;
  throw new TesseraError({
    code: 'steps-differ',
    who: file.name,
    got: `${plan.length} steps, in step ${differ} ${own[differ]?.join(' tokens with weight ') ?? 'nothing'}`,
    expected: `${noted.length} steps: ${JSON.stringify(noted[differ] ?? noted.at(-1))}`,
  });
}

interface Generation {
  readonly call: Call;
  readonly plan: readonly Step[];
  readonly guidance: Guidance;
}

function generate(file: CaseFile, parts: MarParts, { call, plan, guidance }: Generation): Promise<RecordedSample> {
  const labels = call.labels ? tensorOf(file, 'in.label').data : new Int32Array(call.bsz).fill(-1);
  const rows = Array.from(labels, (label, seed): Row => ({ seed, condition: classOf(label) }));
  // Empty steps change nothing, and the loop's own orders have none.
  const steps = () => plan.filter(isFull);
  const order: Order = { ...randomSetsOrder.build({}), open: () => ({ steps, dispose: () => undefined }) };
  const head = { temperature: call.temperature, respacing: parts.sizes.respacing, lateSteps: 0 };
  const everywhere = (step: number): boolean => file.tensors.has(`out.decoder_z.${step}`);
  return recordedSample(
    { ...parts, order },
    { rows, guidance, kept: null, options: { order: {}, head }, rng: rngOf(file, plan, rows.length), everywhere },
  );
}

function isFull({ positions_Bl }: Step): boolean {
  return positions_Bl.length > 0;
}

/** Noise is recorded in the order of images and, within them, positions. */
function rngOf(file: CaseFile, plan: readonly Step[], batch: number) {
  return recordedRng([
    setStream('diffusion', (step) => {
      const { positions_Bl } = plan[step]!;
      const count = positions_Bl.length / batch;
      const rowOf = (row: number, position: number): number => positions_Bl.indexOf(position, row * count);
      const steps = tensorOf(file, `rand.step_noise.${step}`);
      return { init: tensorOf(file, `rand.init.${step}`), steps, rowOf };
    }),
  ]);
}

interface SetChecks {
  readonly file: CaseFile;
  readonly checks: Checks;
  readonly engine: Engine;
  readonly parts: MarParts;
  /** Every iteration; the loop leaves the empty ones out. */
  readonly plan: readonly Step[];
}

/** Compares what a generation read, computed and drew in each iteration. */
async function checkSets(context: SetChecks, { steps }: RecordedSample): Promise<void> {
  const { file, checks, plan } = context;
  const timesteps = tensorOf(file, 'in.timestep_map');
  const timestepMap = keptTimesteps(context.parts.sizes.respacing);
  checks.check('in.timestep_map', { data: timestepMap, shape: timesteps.shape }, exact);
  for (const { index } of plan) {
    // An empty iteration reads what the next full one reads; the last one is never empty.
    const next = steps.slice(index).find((record) => record !== undefined)!;
    const known = next.known!;
    checks.check(`out.mask_in.${index}`, { ...known, data: Array.from(known.data, (one) => 1 - one) }, exact);
    checkClose(context, `out.tokens_in.${index}`, next.values!);
    checkDrawn(context, index, steps[index] ?? null);
  }
}

/** Hidden states and tokens of one iteration; null for one that predicts nothing. */
function checkDrawn(context: SetChecks, index: number, record: RecordedStep | null): void {
  const { file, parts } = context;
  const { channels } = parts.sizes;
  const flat = ({ data, shape }: Computed): Computed => ({ data, shape: [shape[0]! * shape[1]!, shape[2]!] });
  const none = (width: number): Computed => ({ data: [], shape: [0, width] });
  checkClose(context, `out.z_pred.${index}`, record ? flat(record.hidden) : none(parts.backbone.width));
  checkClose(context, `out.latents.${index}`, record ? flat(record.drawn) : none(channels));
  const everywhere = `out.decoder_z.${index}`;
  if (file.tensors.has(everywhere) && record?.everywhere) checkClose(context, everywhere, record.everywhere);
}

/** The first iteration's hidden states come of layers alone, all else of chains of denoising steps. */
function checkClose({ file, checks }: SetChecks, name: string, computed: Computed): void {
  const first = /^out\.(z_pred|decoder_z)\.0$/.test(name);
  const tolerance: Tolerance = first ? linearStack : chain(tensorOf(file, name).data);
  checks.check(name, computed, tolerance);
}

/** Tokens at the end, as latents, and pictures where the case has them. */
async function checkImages(context: SetChecks, { steps, images }: RecordedSample): Promise<void> {
  const { file, checks, engine, parts } = context;
  const { tokenizer, sizes } = parts;
  const tokens_BLC = floatTensor<Tensor3D>(finalTokens(steps));
  const program = engine.compile(
    (tokens: Tensor3D) => {
      const latent = fromTokens(tokens, sizes.patch);
      return { latent, image: decodeLatent(tokenizer.model, tf.div(latent, sizes.latentScale)) };
    },
    { name: 'parity.mar-image' },
  );
  const { latent, image } = await program(tokens_BLC);
  const latents = { data: await latent.data<'float32'>(), shape: latent.shape };
  checks.check('out.tokens', toChannelsFirst(latents), chain(tensorOf(file, 'out.tokens').data));
  if (checks.has('out.img')) {
    const expected = tensorOf(file, 'out.img');
    const picture = { data: await image.data<'float32'>(), shape: image.shape };
    checks.check('out.img', toChannelsFirst(picture), wholeImage);
    const { height, width, channels } = images[0]!;
    const rendered = { data: images.flatMap(({ data }) => [...data]), shape: [images.length, height, width, channels] };
    const inRange = Float32Array.from(expected.data, (value) => Math.min(1, Math.max(0, (value + 1) / 2)));
    const view = { expected: { data: inRange, shape: expected.shape }, computed: toChannelsFirst(rendered) };
    checks.checkView('out.img', view, wholeImage);
  }
  tf.dispose([tokens_BLC, latent, image]);
  program.dispose();
}

/** What the last iteration read, and what it drew besides. */
function finalTokens(steps: readonly RecordedStep[]): Computed {
  const { step, values, drawn } = steps.at(-1)!;
  const [batch, length, channels] = values!.shape as [number, number, number];
  const data = Float32Array.from(values!.data);
  const drawnData = Float32Array.from(drawn.data);
  for (const [i, position] of step.positions_Bl.entries()) {
    const row = Math.floor((i * batch) / step.positions_Bl.length);
    data.set(drawnData.subarray(i * channels, (i + 1) * channels), (row * length + position) * channels);
  }
  return { data, shape: values!.shape };
}
