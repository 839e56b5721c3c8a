import {
  sample,
  type Backbone,
  type Guidance,
  type Head,
  type Kept,
  type Pixels,
  type Row,
  type Tokenizer,
} from '@tessera/core';
import type { SampleRng } from '@tessera/engine';
import type { CategoricalOptions } from '@tessera/head-categorical';
import type { VqTokenizer } from '@tessera/tokenizer-vq';
import type { Computed } from './comparison.ts';
import type { VarParts } from './var-parts.ts';

/** What one step of a generation read, computed and wrote. */
export interface RecordedStep {
  /** The canvas' estimate that the step read, [B, l, C]; null at the first. */
  readonly estimate: Computed | null;
  /** Hidden states before the head, [R, l, D]. */
  readonly hidden: Computed;
  /** Guidance weight. */
  readonly weight: number;
  /** What the head drew, before kept tokens replace it. */
  readonly values: Computed;
  readonly index: Computed | null;
  /** The running map after the step, [B, H, W, C]. */
  readonly map: Computed;
}

export interface RecordedSample {
  readonly steps: readonly RecordedStep[];
  readonly images: readonly Pixels[];
}

export interface RecordedRequest {
  readonly rows: readonly Row[];
  readonly guidance: Guidance;
  readonly kept: Kept | null;
  readonly options: CategoricalOptions;
  readonly rng: SampleRng;
}

/** Runs the sampling loop itself, with parts that remember what passes through them. */
export async function recordedSample(parts: VarParts, request: RecordedRequest): Promise<RecordedSample> {
  const steps: Partial<Writable<RecordedStep>>[] = [];
  const composition = {
    order: parts.order,
    tokenizer: recordCanvas(parts.tokenizer, steps),
    backbone: recordHidden(parts.backbone, steps),
    head: recordTokens(parts.head, steps),
  };
  const images: Pixels[] = [];
  const signal = new AbortController().signal;
  const options = { order: {}, head: request.options };
  for await (const event of sample(composition, { ...request, options, preview: 'none', written: [], signal })) {
    if (event.type === 'image') images[event.row] = event.pixels;
  }
  return { steps: steps as RecordedStep[], images };
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };
type Steps = Partial<Writable<RecordedStep>>[];

/** The step with this index, made when it is first seen. */
function at(steps: Steps, index: number): Partial<Writable<RecordedStep>> {
  return (steps[index] ??= {});
}

function recordCanvas(tokenizer: VqTokenizer, steps: Steps): Tokenizer {
  return {
    ...tokenizer,
    openCanvas(rows, kept) {
      const canvas = tokenizer.openCanvas(rows, kept);
      return {
        async read(step, reads) {
          const context = await canvas.read(step, reads);
          if (context.reads !== 'known') {
            at(steps, step.index).estimate = context.values_BlC && (await copyOf(context.values_BlC));
          }
          return context;
        },
        async write(step, tokens) {
          await canvas.write(step, tokens);
          at(steps, step.index).map = await copyOf(canvas.map_BHWC!);
        },
        preview: (kind) => canvas.preview(kind),
        render: (row) => canvas.render(row),
        dispose: () => canvas.dispose(),
      };
    },
  };
}

function recordHidden(backbone: Backbone, steps: Steps): Backbone {
  return {
    ...backbone,
    async openRollout(rows, guidance) {
      const rollout = await backbone.openRollout(rows, guidance);
      return {
        remembers: rollout.remembers,
        async forward(context, step) {
          const hidden = await rollout.forward(context, step);
          at(steps, step.index).hidden = await copyOf(hidden.values_RlD);
          return hidden;
        },
        dispose: () => rollout.dispose(),
      };
    },
  };
}

function recordTokens(head: Head<CategoricalOptions>, steps: Steps): Head {
  return {
    ...head,
    async sample(hidden, context) {
      const sampled = await head.sample(hidden, { ...context, options: context.options as CategoricalOptions });
      const { values_BlC, index_Bl } = sampled.tokens;
      const step = at(steps, context.step.index);
      step.weight = context.weight;
      step.values = await copyOf(values_BlC);
      step.index = index_Bl ? await copyOf(index_Bl) : null;
      return sampled;
    },
  };
}

async function copyOf(tensor: { readonly shape: number[]; data(): Promise<ArrayLike<number>> }): Promise<Computed> {
  return { data: Float32Array.from(await tensor.data()), shape: tensor.shape };
}
