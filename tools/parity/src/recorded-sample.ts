import type { Tensor } from '@tensorflow/tfjs';
import {
  type Backbone,
  type Canvas,
  type Composition,
  type Context,
  type Head,
  type Pixels,
  sample,
  type SampleRequest,
  type Step,
  type Tokenizer,
} from '@tessera/core';
import type { Computed } from './comparison.ts';

/** What one step of a generation read, computed and wrote. */
export interface RecordedStep {
  readonly step: Step;
  /** What the canvas gave: values [B, l or L, C], null at a first step that reads nothing; known tokens [B, L]. */
  readonly values: Computed | null;
  readonly known: Computed | null;
  /** Hidden states before the head, [R, l, D]. */
  readonly hidden: Computed;
  /** Hidden states of all positions, [R, L, D], where asked for. */
  readonly everywhere: Computed | null;
  /** Guidance weight. */
  readonly weight: number;
  /** What the head drew, before kept tokens replace it. */
  readonly drawn: Computed;
  readonly index: Computed | null;
  /** The running map after the step, [B, H, W, C], of canvases that have one. */
  readonly map: Computed | null;
}

export interface RecordedSample {
  readonly steps: readonly RecordedStep[];
  readonly images: readonly Pixels[];
}

export type RecordedRequest = Pick<SampleRequest, 'rows' | 'guidance' | 'kept' | 'options' | 'rng'> & {
  /** Steps whose hidden states are also computed for every position. */
  readonly everywhere?: (step: number) => boolean;
};

type Writable<T> = { -readonly [K in keyof T]: T[K] };
type Steps = Writable<RecordedStep>[];

/** Runs the sampling loop itself, with parts that remember what passes through them. */
export async function recordedSample(parts: Composition, request: RecordedRequest): Promise<RecordedSample> {
  const steps: Steps = [];
  const { everywhere = () => false, ...given } = request;
  const composition = {
    order: parts.order,
    tokenizer: recordCanvas(parts.tokenizer, steps),
    backbone: recordHidden(parts.backbone, { steps, everywhere, length: parts.tokenizer.layout.length }),
    head: recordTokens(parts.head, steps),
  };
  const images: Pixels[] = [];
  const { signal } = new AbortController();
  for await (const event of sample(composition, { ...given, preview: 'none', written: [], signal })) {
    if (event.type === 'image') images[event.row] = event.pixels;
  }
  return { steps, images };
}

/** The record of this step, made when it is first seen. */
function at(steps: Steps, step: Step): Writable<RecordedStep> {
  const none = { data: [], shape: [0] };
  const nothing = { values: null, known: null, everywhere: null, index: null, map: null };
  return (steps[step.index] ??= { step, ...nothing, hidden: none, weight: 1, drawn: none });
}

function recordCanvas(tokenizer: Tokenizer, steps: Steps): Tokenizer {
  return {
    ...tokenizer,
    openCanvas(rows, kept, reads) {
      const canvas: Canvas & { readonly map_BHWC?: Tensor | null } = tokenizer.openCanvas(rows, kept, reads);
      return {
        async read(step) {
          const context = await canvas.read(step);
          const record = at(steps, step);
          record.values = await copyIfAny(context.reads === 'known' ? context.values_BLC : context.values_BlC);
          record.known = await copyIfAny(context.reads === 'known' ? context.known_BL : null);
          return context;
        },
        async write(step, tokens) {
          await canvas.write(step, tokens);
          at(steps, step).map = await copyIfAny(canvas.map_BHWC);
        },
        preview: (kind) => canvas.preview(kind),
        render: (row) => canvas.render(row),
        dispose: () => canvas.dispose(),
      };
    },
  };
}

interface HiddenRecord {
  readonly steps: Steps;
  readonly everywhere: (step: number) => boolean;
  readonly length: number;
}

function recordHidden(backbone: Backbone, { steps, everywhere, length }: HiddenRecord): Backbone {
  return {
    ...backbone,
    async openRollout(rows, guidance) {
      const rollout = await backbone.openRollout(rows, guidance);
      const lookEverywhere = async (context: Context, step: Step, guided: boolean): Promise<Computed | null> => {
        const all = Int32Array.from({ length: rows.length * length }, (_, i) => i % length);
        const { values_RlD } = await rollout.forward(context, { ...step, positions_Bl: all }, guided);
        const copy = await copyOf(values_RlD);
        values_RlD.dispose();
        return copy;
      };
      return {
        remembers: rollout.remembers,
        async forward(context, step, guided) {
          const record = at(steps, step);
          if (everywhere(step.index)) record.everywhere = await lookEverywhere(context, step, guided);
          const hidden = await rollout.forward(context, step, guided);
          record.hidden = await copyOf(hidden.values_RlD);
          return hidden;
        },
        dispose: () => rollout.dispose(),
      };
    },
  };
}

function recordTokens(head: Head, steps: Steps): Head {
  return {
    ...head,
    async sample(hidden, context) {
      const sampled = await head.sample(hidden, context);
      const { values_BlC, index_Bl } = sampled.tokens;
      const record = at(steps, context.step);
      record.weight = context.weight;
      record.drawn = await copyOf(values_BlC);
      record.index = await copyIfAny(index_Bl);
      return sampled;
    },
  };
}

async function copyOf(tensor: Tensor): Promise<Computed> {
  return { data: Float32Array.from(await tensor.data()), shape: tensor.shape };
}

async function copyIfAny(tensor: Tensor | null | undefined): Promise<Computed | null> {
  return tensor ? copyOf(tensor) : null;
}
