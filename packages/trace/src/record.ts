import type { Tensor } from '@tensorflow/tfjs';
import type { Canvas, Layout, Moment, Observer, Pixels, Reads } from '@tessera/core';

/** Numbers of one tensor, copied. Its name ends in its axes: `hidden.values_RlD`. */
export interface TraceTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array | Int32Array;
}

/** What one step of a generation did, in the order in which it happened. */
export interface TraceStep {
  /** Counted from 0. */
  readonly index: number;
  readonly of: number;
  /** What the backbone read from the canvas. */
  readonly reads: Reads;
  /** Guidance weight w, and whether the null class was computed too. */
  readonly weight: number;
  readonly guided: boolean;
  /** Positions of the tokens that were drawn, [B, l] row after row. */
  readonly positions_Bl: Int32Array;
  /** Positions of those that were written: fewer where an order by confidence chose among them. */
  readonly written_Bl: Int32Array;
  /**
   * `read.values_*`, `read.known_BL`: the canvas before the step. `hidden.values_RlD`: hidden states; guided, rows B to 2B - 1
   * are those of the null class. `drawn.values_BlC`, `drawn.index_Bl`, `drawn.confidence_Bl`: tokens of the head.
   * `written.values_BlC`, `written.index_Bl`: those that were written. `canvas.map_BHWC`: the running map after the step, of
   * canvases that have one.
   */
  readonly tensors: readonly TraceTensor[];
}

/** What a trace is of, as plain JSON: the model, the target, the request. */
export type TraceFacts = Readonly<Record<string, unknown>>;

/** Everything that the loop saw of one generation. */
export interface Trace {
  readonly facts: TraceFacts;
  /** Where tokens lie: says of which scale a position is. */
  readonly layout: Layout;
  readonly steps: readonly TraceStep[];
  /**
   * `image.1.rendered_HWC` and so on: what the tokenizer made of the tokens, in [0, 1]. `image.1.pixels_HWC`: the finished image,
   * of edits, whose kept pixels are pasted last.
   */
  readonly images: readonly TraceTensor[];
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };
type OpenStep = Writable<TraceStep> & { tensors: TraceTensor[] };

/** Copies what passes through the sampling loop: give `observe` to a generation, then take `steps` and `images`. */
export class TraceRecorder {
  readonly steps: TraceStep[] = [];
  readonly images: TraceTensor[] = [];
  #step: OpenStep | null = null;

  readonly observe: Observer = async (moment) => {
    if (moment.type === 'read') this.#step = this.#open(moment);
    else if (moment.type === 'rendered') this.images.push(imageTensor(moment.row, 'rendered', moment.pixels));
    else if (this.#step) await noteMoment(this.#step, moment);
    if (moment.type === 'read') await noteContext(this.#step!, moment);
  };

  #open({ step, context, weight, guided }: Extract<Moment, { type: 'read' }>): OpenStep {
    const { index, of } = step;
    const positions_Bl = step.positions_Bl.slice();
    const { reads } = context;
    const open: OpenStep = { index, of, reads, weight, guided, positions_Bl, written_Bl: positions_Bl, tensors: [] };
    this.steps.push(open);
    return open;
  }
}

async function noteContext(open: OpenStep, { context }: Extract<Moment, { type: 'read' }>): Promise<void> {
  if (context.reads === 'known') {
    await note(open, 'read.values_BLC', context.values_BLC);
    await note(open, 'read.known_BL', context.known_BL);
  } else if (context.reads === 'scale') {
    await note(open, 'read.estimate_BnC', context.estimate_BnC);
    await note(open, 'read.values_BnC', context.values_BnC);
    await note(open, 'read.known_Bn', context.known_Bn);
  } else {
    await note(open, 'read.values_BlC', context.values_BlC);
  }
}

async function noteMoment(open: OpenStep, moment: Exclude<Moment, { type: 'read' | 'rendered' }>): Promise<void> {
  if (moment.type === 'hidden') {
    await note(open, 'hidden.values_RlD', moment.hidden.values_RlD);
  } else if (moment.type === 'drawn') {
    const { tokens, confidence_Bl } = moment.sampled;
    await note(open, 'drawn.values_BlC', tokens.values_BlC);
    await note(open, 'drawn.index_Bl', tokens.index_Bl);
    if (!confidence_Bl) return;
    const shape = tokens.values_BlC.shape.slice(0, 2);
    open.tensors.push({ name: 'drawn.confidence_Bl', shape, data: confidence_Bl.slice() });
  } else {
    const { step, tokens } = moment;
    const canvas: Canvas & { readonly map_BHWC?: Tensor | null } = moment.canvas;
    open.written_Bl = step.positions_Bl.slice();
    await note(open, 'written.values_BlC', tokens.values_BlC);
    await note(open, 'written.index_Bl', tokens.index_Bl);
    await note(open, 'canvas.map_BHWC', canvas.map_BHWC);
  }
}

async function note(open: OpenStep, name: string, tensor: Tensor | null | undefined): Promise<void> {
  if (!tensor) return;
  const numbers = await tensor.data();
  const data = tensor.dtype === 'int32' ? Int32Array.from(numbers) : Float32Array.from(numbers);
  open.tensors.push({ name, shape: tensor.shape, data });
}

/** An image of a trace; `row` counts from 0. */
export function imageTensor(row: number, what: 'rendered' | 'pixels', pixels: Pixels): TraceTensor {
  const { data, height, width, channels } = pixels;
  return { name: `image.${row + 1}.${what}_HWC`, shape: [height, width, channels], data: data.slice() };
}
