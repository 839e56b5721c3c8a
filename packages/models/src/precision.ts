import type { Tensor } from '@tensorflow/tfjs';
import { isInInt8, releaseInt8, useInt8, type Precision } from '@tessera/engine';
import type { ParamSpec } from '@tessera/core';
import { TesseraError } from '@tessera/errors';
import type { WeightedComponent } from './manifest.ts';
import type { FileWeights, ModelWeights } from './weights.ts';

/*
 * Which weights of a model are multiplied in 8 bits: the only place that says so. docs/precision.md has the measurements.
 */

/** Tokenizers stay in float32: their convolutions are not linear layers, and nearest codes are compared exactly. */
const inInt8: readonly WeightedComponent[] = ['backbone', 'head'];

/**
 * The weights as parts get them when a model is opened with a precision.
 * @throws TesseraError precision-unavailable for float32 of weights that are stored in 8 bits
 */
export function weightsIn(precision: Precision, weights: ModelWeights, who: string): ModelWeights {
  if (precision === 'float32') return requireFloat32(who, weights);
  const entries = Object.entries(weights) as [WeightedComponent, FileWeights][];
  return Object.fromEntries(
    entries.map(([component, own]) => [component, inInt8.includes(component) ? new Int8Weights(own) : own]),
  ) as ModelWeights;
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

/** Matrices are marked; `nn.linear` makes codes of those that it multiplies by. */
class Int8Weights implements FileWeights {
  readonly #weights: FileWeights;
  readonly #matrices = new Map<string, Tensor>();

  constructor(weights: FileWeights) {
    this.#weights = weights;
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
    if (shape.length === 2 && !this.#matrices.has(name)) {
      if (!isInInt8(tensor)) useInt8(tensor);
      this.#matrices.set(name, tensor);
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
    this.#matrices.clear();
    this.#weights.dispose();
  }
}
