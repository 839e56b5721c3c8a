import type { Layout } from '@tessera/core';
import type { Trace, TraceStep, TraceTensor } from './record.ts';

/** Where an element of a tensor lies. */
export interface Place {
  /** Index along every axis. */
  readonly index: readonly number[];
  /** Row of the batch, counted from 0. */
  readonly image: number;
  /** Guided hidden states: whether the row saw the condition or the null class. */
  readonly half: 'condition' | 'null class' | null;
  /** Position of the token among all tokens of an image, where the element belongs to one. */
  readonly position: number | null;
  /** The scale that the token is on, counted from 1, and the token's row and column there. */
  readonly scale: { readonly number: number; readonly row: number; readonly column: number } | null;
}

/** How far one tensor of a trace is from the same tensor of another. */
export interface TensorDifference {
  /** Counted from 1; null for a finished image. */
  readonly step: number | null;
  readonly name: string;
  readonly shape: readonly number[];
  /** Why elements cannot be compared: another shape, missing in one trace. All measures are then infinite. */
  readonly mismatch: string | null;
  /** Whether its elements are integers, such as indices: then none may differ. */
  readonly exact: boolean;
  /** Largest |a - b|. */
  readonly max: number;
  /** The same as a share of the largest |a|; of integers infinite where any differs. */
  readonly relative: number;
  /** Mean |a - b|. */
  readonly mean: number;
  /** Elements that differ at all. */
  readonly differing: number;
  /** Elements that are not a number; in both traces at the same place, they count as equal. */
  readonly nans: NaNCounts;
  /** Where |a - b| is largest, or the first NaN of one trace alone; null where nothing differs. */
  readonly at: Place | null;
}

/** How many elements are NaN in the first trace alone, in the second alone, and in both at the same place. */
export interface NaNCounts {
  readonly first: number;
  readonly second: number;
  readonly both: number;
}

/** Compares two traces tensor by tensor, in the order in which the loop came to them. */
export function compareTraces(a: Trace, b: Trace): TensorDifference[] {
  const steps = Math.max(a.steps.length, b.steps.length);
  const compared = Array.from({ length: steps }, (_, i) => compareSteps(a, b, i)).flat();
  const images = compareLists(a.images, b.images, { step: null, placeOf: imagePlace });
  return [...compared, ...images];
}

/** The first tensor beyond the tolerance, a share of the largest element; null where there is none. */
export function firstDifference(all: readonly TensorDifference[], tolerance: number): TensorDifference | null {
  return all.find(({ relative }) => relative > tolerance) ?? null;
}

function compareSteps(a: Trace, b: Trace, index: number): TensorDifference[] {
  const [ours, theirs] = [a.steps[index], b.steps[index]];
  const step = index + 1;
  if (!ours || !theirs) {
    const counts = `${a.steps.length} and ${b.steps.length} steps`;
    return [incomparable({ step, name: 'step', shape: [] }, `the traces have ${counts}`)];
  }
  const placeOf = placesOf(a.layout, ours, a.steps[index - 1]);
  const drawn = differingPositions(ours.positions_Bl, theirs.positions_Bl);
  if (drawn !== null) return [incomparable({ step, name: 'step.positions_Bl', shape: [] }, drawn)];
  const written = differingPositions(ours.written_Bl, theirs.written_Bl);
  const wrong = written === null ? [] : [incomparable({ step, name: 'written.positions_Bl', shape: [] }, written)];
  const isLate = ({ name }: TraceTensor) => /^(written|canvas)\./.test(name);
  const early = compareLists(without(ours.tensors, isLate), without(theirs.tensors, isLate), { step, placeOf });
  const late = compareLists(ours.tensors.filter(isLate), theirs.tensors.filter(isLate), { step, placeOf });
  return [...early, ...wrong, ...late];
}

function without(tensors: readonly TraceTensor[], left: (tensor: TraceTensor) => boolean): TraceTensor[] {
  return tensors.filter((tensor) => !left(tensor));
}

function differingPositions(a: Int32Array, b: Int32Array): string | null {
  if (a.length !== b.length) return `${a.length} and ${b.length} tokens`;
  const first = a.findIndex((position, i) => position !== b[i]);
  return first < 0 ? null : `token ${first} is at position ${a[first]} and at ${b[first]}`;
}

interface Comparing {
  readonly step: number | null;
  readonly placeOf: (tensor: TraceTensor, index: readonly number[]) => Place;
}

function compareLists(a: readonly TraceTensor[], b: readonly TraceTensor[], how: Comparing): TensorDifference[] {
  const theirs = new Map(b.map((tensor) => [tensor.name, tensor]));
  const names = new Set(a.map(({ name }) => name));
  const extra = b.filter(({ name }) => !names.has(name));
  return [
    ...a.map((tensor) => compareTensors(tensor, theirs.get(tensor.name), how)),
    ...extra.map((tensor) => incomparable({ step: how.step, ...tensor }, 'missing in the first trace')),
  ];
}

const noNaN: NaNCounts = { first: 0, second: 0, both: 0 };

type Named = Pick<TensorDifference, 'step' | 'name' | 'shape'>;

function incomparable({ step, name, shape }: Named, mismatch: string): TensorDifference {
  const measures = { max: Infinity, relative: Infinity, mean: Infinity, differing: NaN, nans: noNaN, at: null };
  return { step, name, shape, mismatch, exact: false, ...measures };
}

function compareTensors(a: TraceTensor, b: TraceTensor | undefined, { step, placeOf }: Comparing): TensorDifference {
  const { name, shape } = a;
  if (!b) return incomparable({ step, name, shape }, 'missing in the second trace');
  if (shape.join() !== b.shape.join()) {
    return incomparable({ step, name, shape }, `shapes [${shape.join(', ')}] and [${b.shape.join(', ')}]`);
  }
  let [max, sum, differing, worst, largest] = [0, 0, 0, -1, 0];
  for (const [i, value] of a.data.entries()) {
    const distance = distanceOf(value, b.data[i]!);
    largest = Math.max(largest, Number.isFinite(value) ? Math.abs(value) : 0);
    if (distance === 0) continue;
    sum += distance;
    differing++;
    if (distance > max) [max, worst] = [distance, i];
  }
  const isExact = a.data instanceof Int32Array;
  const relative = max === 0 ? 0 : isExact || largest === 0 ? Infinity : max / largest;
  const { nans, alone } = nansOf(a, b);
  const place = alone < 0 ? worst : alone;
  const at = place < 0 ? null : placeOf(a, indexOf(place, shape));
  const mean = sum / Math.max(a.data.length, 1);
  return { step, name, shape, mismatch: null, exact: isExact, max, relative, mean, differing, nans, at };
}

/** Also the first element that is NaN in one trace alone; -1 where there is none. */
function nansOf(a: TraceTensor, b: TraceTensor): { readonly nans: NaNCounts; readonly alone: number } {
  let alone = -1;
  const nans = { ...noNaN };
  for (const [i, value] of a.data.entries()) {
    const [ours, theirs] = [Number.isNaN(value), Number.isNaN(b.data[i]!)];
    if (ours && theirs) nans.both++;
    else if (ours) nans.first++;
    else if (theirs) nans.second++;
    if (ours !== theirs && alone < 0) alone = i;
  }
  return { nans, alone };
}

/** Infinite where one value is finite and the other is not; 0 where both are NaN. */
function distanceOf(a: number, b: number): number {
  if (Object.is(a, b) || a === b) return 0;
  return Number.isFinite(a) && Number.isFinite(b) ? Math.abs(a - b) : Infinity;
}

/** The index along every axis of a place in row-major storage. */
function indexOf(place: number, shape: readonly number[]): number[] {
  const index: number[] = [];
  let rest = place;
  for (const size of [...shape].reverse()) {
    index.unshift(rest % size);
    rest = Math.floor(rest / size);
  }
  return index;
}

/** Finds the token of an element by the axes at the end of its tensor's name. */
function placesOf(layout: Layout, step: TraceStep, previous: TraceStep | undefined): Comparing['placeOf'] {
  const images = step.positions_Bl.length === 0 ? 1 : batchOf(step);
  return ({ name, shape }, index) => {
    const axes = name.slice(name.lastIndexOf('_') + 1);
    const row = index[0]!;
    const isHidden = axes.startsWith('R') && shape[0]! > images;
    const half = isHidden ? (row < images ? 'condition' : 'null class') : null;
    const image = row % images;
    const position = positionOf({ name, axes, token: index[1]!, image, images }, step, previous);
    return { index, image, half, position, scale: position === null ? null : scaleOf(layout, position) };
  };
}

interface TokenAt {
  readonly name: string;
  readonly axes: string;
  readonly token: number;
  readonly image: number;
  readonly images: number;
}

function positionOf({ name, axes, token, image, images }: TokenAt, step: TraceStep, previous?: TraceStep) {
  if (axes[1] === 'L') return token;
  if (axes[1] !== 'l') return null; // a map of pixels or features
  const newest = name.startsWith('read.') && step.reads === 'last';
  const positions = newest ? previous?.written_Bl : name.startsWith('written.') ? step.written_Bl : step.positions_Bl;
  return positions?.[(image * positions.length) / images + token] ?? null;
}

/** Images of the batch: rows of the tokens that were drawn. */
function batchOf({ tensors, guided }: TraceStep): number {
  const drawn = tensors.find(({ name }) => name === 'drawn.values_BlC');
  if (drawn) return drawn.shape[0]!;
  const hidden = tensors.find(({ name }) => name === 'hidden.values_RlD');
  return hidden ? hidden.shape[0]! / (guided ? 2 : 1) : 1;
}

function scaleOf({ scales }: Layout, position: number): Place['scale'] {
  const number = scales.findLastIndex(({ start }) => start <= position);
  const { start, width } = scales[number]!;
  const place = position - start;
  return { number: number + 1, row: Math.floor(place / width), column: place % width };
}

function imagePlace({ name }: TraceTensor, index: readonly number[]): Place {
  return { index, image: Number(name.split('.')[1]) - 1, half: null, position: null, scale: null };
}
