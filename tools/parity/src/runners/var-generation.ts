import type { Tensor1D, Tensor2D, Tensor3D } from '@tensorflow/tfjs';
import { classOf, type Guidance, type Kept, rampGuidance, type Row } from '@tessera/core';
import { type Engine, nn } from '@tessera/engine';
import { drawIndex, type Filter, filterLogits, smoothWeights } from '@tessera/head-categorical';
import { mixGuided } from '@tessera/head-kit';
import { keptTokens } from '@tessera/models';
import { type CaseFile, metadataOf, seriesOf, tensorOf } from '../case-file.ts';
import { floatTensor, indexTensor, permute, softmax, toChannelsFirst, type Computed } from '../case-tensors.ts';
import type { Checks, CaseRunner } from '../comparison.ts';
import { recordedRng, scaleStream } from '../recorded-rng.ts';
import { recordedSample, type RecordedSample, type RecordedStep } from '../recorded-sample.ts';
import { convStack, exact, guided, linearStack, wholeImage } from '../tolerance.ts';
import { openVarParts, type VarParts } from '../var-case.ts';

/** Arguments of the official inference call. */
interface Call {
  readonly B: number;
  readonly cfg: number;
  readonly top_k: number;
  readonly top_p: number;
  readonly more_smooth: boolean;
}

/** A whole generation, scale by scale, through the sampling loop. */
export const varInferRunner: CaseRunner = {
  kind: 'var.infer',
  async run(file, { checks, engine }) {
    const parts = await openVarParts(file, { engine });
    const call = metadataOf(file, 'call') as Call;
    const recorded = await generate(file, parts, { call, guidance: bothHalves(call.cfg), kept: null });
    await checkSteps({ file, checks, parts, engine }, recorded, null);
    checkImages({ file, checks }, recorded);
    if (call.cfg === 0) {
      // Without guidance the loop skips the null class altogether; the pictures must be the same.
      checkImages({ file, checks }, await generate(file, parts, { call, guidance: rampGuidance(0), kept: null }));
    }
    parts.dispose();
  },
};

/** Zero-shot editing: given tokens stay where the mask says so. */
export const varEditRunner: CaseRunner = {
  kind: 'var.edit',
  async run(file, { checks, engine }) {
    const parts = await openVarParts(file, { engine });
    const call = metadataOf(file, 'call') as Call;
    const kept = await keptTokensOf(file, parts, engine);
    const recorded = await generate(file, parts, { call, guidance: bothHalves(call.cfg), kept });
    await checkSteps({ file, checks, parts, engine }, recorded, kept);
    checkImages({ file, checks }, recorded);
    kept.values_BLC.dispose();
    parts.dispose();
  },
};

/** The ramp, and always both halves of the batch, since cases record the logits of both. */
function bothHalves(cfg: number): Guidance {
  return { ...rampGuidance(cfg), active: true };
}

function generate(
  file: CaseFile,
  parts: VarParts,
  { call, guidance, kept }: { call: Call; guidance: Guidance; kept: Kept | null },
): Promise<RecordedSample> {
  const labels = tensorOf(file, 'in.label').data;
  const rows = Array.from({ length: call.B }, (_, row): Row => {
    const label = labels[row]!;
    return { seed: row, condition: classOf(label === parts.classes ? -1 : label) };
  });
  const place = { starts: parts.tokenizer.layout.scales.map(({ start }) => start), batch: call.B };
  const rng = recordedRng([
    ...scaleStream('token', { steps: seriesOf(file, 'rand.exp'), ...place }),
    ...scaleStream('gumbel', { steps: seriesOf(file, 'rand.gumbel_exp'), ...place }),
  ]);
  const head = { topK: call.top_k, topP: call.top_p, smooth: call.more_smooth };
  return recordedSample(parts, { rows, guidance, kept, options: { order: {}, head }, rng });
}

/** `in.img_tokens.k` where the mask says so, by the way that a user's picture takes once it is encoded. */
async function keptTokensOf(file: CaseFile, { tokenizer }: VarParts, engine: Engine): Promise<Kept> {
  const scales = seriesOf(file, 'in.img_tokens');
  const batch = scales[0]!.shape[0]!;
  const { length } = tokenizer.layout;
  const index = Array.from({ length: batch }, (_, row) =>
    scales.flatMap(({ data, shape }) => [...data.subarray(row * shape[1]!, (row + 1) * shape[1]!)]),
  );
  const index_BL = indexTensor<Tensor2D>({ data: Int32Array.from(index.flat()), shape: [batch, length] });
  const mask = Uint8Array.from(tensorOf(file, 'in.edit_mask').data);
  const kept = await keptTokens({ index_BL }, { tokenizer, engine, mask, batch });
  index_BL.dispose();
  return kept;
}

interface StepChecks {
  readonly file: CaseFile;
  readonly checks: Checks;
  readonly parts: VarParts;
  readonly engine: Engine;
}

/** Compares everything a generation left at each scale. */
async function checkSteps(context: StepChecks, { steps }: RecordedSample, kept: Kept | null): Promise<void> {
  const { file, checks, parts } = context;
  const { scales } = parts.tokenizer.layout;
  const logits = await stepLogits(context, steps);
  for (const [k, step] of steps.entries()) {
    checks.check(`out.logits_raw.${k}`, logits[k]!.raw, linearStack);
    checks.check(`out.logits_cfg.${k}`, logits[k]!.guided, guided(linearStack, step.weight));
    checkDraw(context, { k, of: steps.length, step, logits: logits[k]!.guided });
    const size = scales[k]!;
    const written = kept === null ? step.drawn : await replaceKept(step.drawn, kept, size.start);
    checks.check(`out.h.${k}`, asImage(written, size), convStack);
    checks.check(`out.f_hat.${k}`, toChannelsFirst(step.map!), convStack);
    const next = steps[k + 1]?.values;
    if (next) checks.check(`out.next_map.${k}`, asImage(next, scales[k + 1]!), convStack);
    if (step.index) checks.check(`out.idx.${k}`, step.index, exact);
  }
  if (steps.length !== seriesOf(file, 'out.idx').length) throw new Error(`${steps.length} steps were made`);
}

/** Pictures in [0, 1], all rows together. */
function checkImages({ file, checks }: Pick<StepChecks, 'file' | 'checks'>, { images }: RecordedSample): void {
  const { height, width, channels } = images[0]!;
  const expected = tensorOf(file, 'out.img01');
  const data = new Float32Array(expected.data.length);
  for (const [row, pixels] of images.entries()) data.set(pixels.data, row * height * width * channels);
  checks.check('out.img01', toChannelsFirst({ data, shape: [images.length, height, width, channels] }), wholeImage);
}

interface StepLogits {
  readonly raw: Computed;
  readonly guided: Computed;
}

/** The head's linear layer on the recorded hidden states: of both halves, and mixed. */
async function stepLogits({ parts, engine }: StepChecks, steps: readonly RecordedStep[]): Promise<StepLogits[]> {
  const { weight_VD, bias_V } = parts.headLayer;
  const program = engine.compile(
    (hidden_RlD: Tensor3D, weight_1: Tensor1D) => {
      const raw = nn.linear(hidden_RlD, weight_VD, bias_V);
      return { raw, guided: mixGuided(raw, weight_1) };
    },
    { name: 'parity.logits', axes: ['R l .', '.'] },
  );
  const all: StepLogits[] = [];
  for (const { hidden, weight } of steps) {
    const given = [floatTensor<Tensor3D>(hidden), floatTensor<Tensor1D>({ data: [weight], shape: [1] })] as const;
    const { raw, guided } = await program(...given);
    all.push({
      raw: { data: await raw.data<'float32'>(), shape: raw.shape },
      guided: { data: await guided.data<'float32'>(), shape: guided.shape },
    });
    for (const tensor of [...given, raw, guided]) tensor.dispose();
  }
  program.dispose();
  return all;
}

/** Filter, probabilities and draw of one step, by the head's own functions on the guided logits. */
function checkDraw(
  { file, checks }: StepChecks,
  { k, of, step, logits }: { k: number; of: number; step: RecordedStep; logits: Computed },
): void {
  const { shape } = logits;
  const vocabulary = shape.at(-1)!;
  const filtered = Float32Array.from(logits.data);
  const probs = new Float32Array(filtered.length);
  const soft = new Float32Array(filtered.length);
  const index: number[] = [];
  const filter = filterOf(file);
  const scratch = new Float32Array(vocabulary);
  for (let start = 0; start < filtered.length; start += vocabulary) {
    const row = filtered.subarray(start, start + vocabulary);
    filterLogits(row, filter, scratch);
    probs.set(softmax(row), start);
    index.push(drawIndex(row, recordedRow(file, `rand.exp.${k}`, { start, count: vocabulary })));
    if (!file.tensors.has(`rand.gumbel_exp.${k}`)) continue;
    smoothWeights(row, recordedRow(file, `rand.gumbel_exp.${k}`, { start, count: vocabulary }), k / (of - 1));
    soft.set(row, start);
  }
  checks.check(`out.probs.${k}`, { data: probs, shape }, linearStack);
  if (checks.has(`out.gumbel_soft.${k}`)) checks.check(`out.gumbel_soft.${k}`, { data: soft, shape }, linearStack);
  // A smoothed token carries no index; the draw that it overrides is compared all the same.
  if (!step.index) checks.check(`out.idx.${k}`, { data: index, shape: shape.slice(0, -1) }, exact);
}

function filterOf(file: CaseFile): Filter {
  const call = metadataOf(file, 'call') as { readonly top_k: number; readonly top_p: number };
  return { topK: call.top_k, topP: call.top_p };
}

function recordedRow(file: CaseFile, name: string, { start, count }: { start: number; count: number }): Float32Array {
  const record = file.tensors.get(name);
  return record ? Float32Array.from(record.data.subarray(start, start + count)) : new Float32Array(count).fill(1);
}

async function replaceKept({ data, shape }: Computed, kept: Kept, start: number): Promise<Computed> {
  const [batch, length, channels] = shape as [number, number, number];
  const given = await kept.values_BLC.data<'float32'>();
  const total = kept.keep_L.length;
  const mixed = Float32Array.from(data);
  for (let row = 0; row < batch; row++) {
    for (let i = 0; i < length; i++) {
      if (!kept.keep_L[start + i]) continue;
      const from = (row * total + start + i) * channels;
      mixed.set(given.subarray(from, from + channels), (row * length + i) * channels);
    }
  }
  return { data: mixed, shape };
}

/** Tokens [B, l, C] of a scale as a map [B, C, h, w]. */
function asImage({ data, shape }: Computed, { height, width }: { height: number; width: number }): Computed {
  const [batch, , channels] = shape as [number, number, number];
  return permute({ data, shape: [batch, height, width, channels] }, [0, 3, 1, 2]);
}
