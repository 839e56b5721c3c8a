import { sample, type Composition, type Moment, type Pixels, type SampleRequest } from '@tessera/core';
import { TraceRecorder, type TraceStep } from '@tessera/trace';
import type { Computed } from './case-tensors.ts';

/** What one step of a generation read, computed and wrote. */
export interface RecordedStep {
  readonly step: TraceStep;
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
  /** By the index of their step: orders of cases leave empty steps out. */
  readonly steps: readonly RecordedStep[];
  readonly images: readonly Pixels[];
}

export type RecordedRequest = Pick<SampleRequest, 'rows' | 'guidance' | 'kept' | 'options' | 'rng'> & {
  /** Steps whose hidden states are also computed for every position. */
  readonly everywhere?: (step: number) => boolean;
};

/** Runs the sampling loop, with an observer that copies what passes through it. */
export async function recordedSample(parts: Composition, request: RecordedRequest): Promise<RecordedSample> {
  const { everywhere = () => false, ...given } = request;
  const recorder = new TraceRecorder();
  const everyPosition: (Computed | null)[] = [];
  const observe = async (moment: Moment): Promise<void> => {
    await recorder.observe(moment);
    if (moment.type !== 'read' || !everywhere(moment.step.index)) return;
    everyPosition[moment.step.index] = await hiddenEverywhere(
      moment,
      request.rows.length,
      parts.tokenizer.layout.length,
    );
  };
  const images: Pixels[] = [];
  const { signal } = new AbortController();
  for await (const event of sample(parts, { ...given, preview: 'none', written: [], signal, observe })) {
    if (event.type === 'image') images[event.row] = event.pixels;
  }
  const steps: RecordedStep[] = [];
  for (const step of recorder.steps) steps[step.index] = recordOf(step, everyPosition[step.index] ?? null);
  return { steps, images };
}

async function hiddenEverywhere(moment: Extract<Moment, { type: 'read' }>, batch: number, length: number) {
  const { context, step, guided, rollout } = moment;
  const all = Int32Array.from({ length: batch * length }, (_, i) => i % length);
  const { values_RlD } = await rollout.forward(context, { ...step, positions_Bl: all }, guided);
  const copy = { data: Float32Array.from(await values_RlD.data()), shape: values_RlD.shape };
  values_RlD.dispose();
  return copy;
}

function recordOf(step: TraceStep, everywhere: Computed | null): RecordedStep {
  const find = (...names: string[]): Computed | null => step.tensors.find(({ name }) => names.includes(name)) ?? null;
  return {
    step,
    values: find('read.values_BlC', 'read.values_BLC'),
    known: find('read.known_BL'),
    hidden: find('hidden.values_RlD')!,
    everywhere,
    weight: step.weight,
    drawn: find('drawn.values_BlC')!,
    index: find('drawn.index_Bl'),
    map: find('canvas.map_BHWC'),
  };
}
