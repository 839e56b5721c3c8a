import {
  classOf,
  constantGuidance,
  linearGuidance,
  randomSetsOrder,
  setSizes,
  setSteps,
  type Guidance,
  type Order,
  type Row,
  type Step,
} from '@tessera/core';
import { TesseraError } from '@tessera/errors';
import { metadataOf, tensorOf, type CaseFile } from '../case-file.ts';
import type { CaseRunner } from '../case-runner.ts';
import { openMarParts, type MarParts } from '../mar-parts.ts';
import { checkImages, checkSets } from '../mar-step-checks.ts';
import { recordedRng } from '../recorded-rng.ts';
import { recordedSample, type RecordedSample } from '../recorded-sample.ts';
import { setStream } from '../set-stream.ts';

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
