import type { Tensor } from '@tensorflow/tfjs';
import {
  isFilterInInt8,
  isInInt8,
  releaseInt8,
  releaseInt8Filter,
  useInt8,
  useInt8Filter,
  type Precision,
  type PrecisionChoice,
} from '@tessera/engine';
import type { ParamSpec } from '@tessera/core';
import { TesseraError } from '@tessera/errors';
import type { WeightedComponent } from './manifest.ts';
import type { FileWeights, ModelWeights } from './weights.ts';

/*
 * Which weights of a model are multiplied in 8 bits: the only place that says so. docs/precision.md has the measurements.
 */

/** Not those of tokenizers: nearest codes are compared exactly. */
const withMatrices: readonly WeightedComponent[] = ['backbone', 'head'];

/** Filters with fewer inputs or outputs were not faster in 8 bits; the first and the last one of a tokenizer matter most. */
const FEWEST_CHANNELS = 128;

/** `auto` is int8 from this width of the backbone on: 128 and 192 were not faster in 8 bits, 1024 is everywhere. */
const LEAST_WIDTH = 512;

interface Measures {
  /** What `model.json` says. */
  readonly own: Precision | undefined;
  /** Of the backbone. */
  readonly width: number;
}

/** What a model is opened with; a model that is stored in 8 bits says so itself. */
export function precisionFor(choice: PrecisionChoice | null, { own = 'float32', width }: Measures): Precision {
  if (choice !== 'auto') return choice ?? own;
  return own === 'int8' || width >= LEAST_WIDTH ? 'int8' : 'float32';
}

/**
 * The weights as parts get them when a model is opened with a precision.
 * @throws TesseraError precision-unavailable for float32 of weights that are stored in 8 bits
 */
export function weightsIn(precision: Precision, weights: ModelWeights, who: string): ModelWeights {
  if (precision === 'float32') return requireFloat32(who, weights);
  const entries = Object.entries(weights) as [WeightedComponent, FileWeights][];
  const marked = entries.map(([component, own]): [WeightedComponent, FileWeights] => [
    component,
    new Int8Weights(own, withMatrices.includes(component)),
  ]);
  return Object.fromEntries(marked) as ModelWeights;
}

function requireFloat32(who: string, weights: ModelWeights): ModelWeights {
  if (!Object.values(weights).some(({ isInt8 }) => isInt8)) return weights;
  throw new TesseraError({
    code: 'precision-unavailable',
    who,
    got: 'the precision float32',
    expected: 'int8: its weights are stored in 8 bits',
    next: 'Open the model from which it was made.',
  });
}

/** Matrices and filters are marked; `nn.linear` and `nn.conv2d` make codes of those that they multiply by. */
class Int8Weights implements FileWeights {
  readonly #weights: FileWeights;
  readonly #hasMatrices: boolean;
  readonly #matrices = new Map<string, Tensor>();
  readonly #filters = new Map<string, Tensor>();

  constructor(weights: FileWeights, hasMatrices: boolean) {
    this.#weights = weights;
    this.#hasMatrices = hasMatrices;
  }

  get parameters(): number {
    return this.#weights.parameters;
  }

  get taken(): ReadonlyMap<string, Tensor> {
    return this.#weights.taken;
  }

  get isInt8(): boolean {
    return this.#weights.isInt8;
  }

  has(name: string): boolean {
    return this.#weights.has(name);
  }

  param(name: string, shape: readonly number[], spec: ParamSpec): Tensor {
    const tensor = this.#weights.param(name, shape, spec);
    if (this.#hasMatrices && shape.length === 2 && !this.#matrices.has(name)) {
      if (!isInInt8(tensor)) useInt8(tensor);
      this.#matrices.set(name, tensor);
    }
    if (isLargeFilter(shape) && !isFilterInInt8(tensor)) {
      useInt8Filter(tensor);
      this.#filters.set(name, tensor);
    }
    return tensor;
  }

  check(): void {
    this.#weights.check();
  }

  finish(): void {
    this.#weights.finish();
  }

  dispose(): void {
    this.#matrices.forEach(releaseInt8);
    this.#filters.forEach(releaseInt8Filter);
    this.#matrices.clear();
    this.#filters.clear();
    this.#weights.dispose();
  }
}

function isLargeFilter(shape: readonly number[]): boolean {
  return shape.length === 4 && Math.min(shape[0]!, shape[1]!) >= FEWEST_CHANNELS;
}
