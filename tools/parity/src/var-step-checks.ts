import type { Tensor1D, Tensor3D } from '@tensorflow/tfjs';
import type { Kept } from '@tessera/core';
import { nn, type Engine } from '@tessera/engine';
import { drawIndex, filterLogits, smoothWeights, type Filter } from '@tessera/head-categorical';
import { mixGuided } from '@tessera/head-kit';
import { permute, toChannelsFirst } from './axes.ts';
import { metadataOf, seriesOf, tensorOf, type CaseFile } from './case-file.ts';
import type { Checks } from './checks.ts';
import type { Computed } from './comparison.ts';
import type { RecordedSample, RecordedStep } from './recorded-sample.ts';
import { softmax } from './softmax.ts';
import { floatTensor } from './tensors.ts';
import { convStack, exact, guided, linearStack, wholeImage } from './tolerance.ts';
import type { VarParts } from './var-parts.ts';

export interface StepChecks {
  readonly file: CaseFile;
  readonly checks: Checks;
  readonly parts: VarParts;
  readonly engine: Engine;
}

/** Compares everything a generation left at each scale. */
export async function checkSteps(context: StepChecks, { steps }: RecordedSample, kept: Kept | null): Promise<void> {
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
export function checkImages({ file, checks }: Pick<StepChecks, 'file' | 'checks'>, { images }: RecordedSample): void {
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
