import * as tf from '@tensorflow/tfjs';
import type { Tensor } from '@tensorflow/tfjs';
import type { ParamSpec, Weights } from '@tessera/core';
import type { Param } from '@tessera/engine';
import { TesseraError } from '@tessera/errors';
import type { CaseTensor } from './case-file.ts';
import { floatTensor } from './case-tensors.ts';

export interface CaseWeightsOptions {
  /** Makes variables of what is trained, and lists them in `params`. */
  readonly train?: boolean;
  /** Zeros for whatever the source lacks. */
  readonly blank?: boolean;
  /** From the official name to the file's: `quantize.embedding.weight` -> `w.embedding.weight`. */
  readonly rename?: (name: string) => string;
}

/** Weights of a case, by official names, that live until `dispose`. */
export class CaseWeights implements Weights {
  readonly params: Param[] = [];
  readonly #source: ReadonlyMap<string, CaseTensor>;
  readonly #options: CaseWeightsOptions;
  readonly #taken = new Map<string, Tensor>();

  constructor(source: ReadonlyMap<string, CaseTensor>, options: CaseWeightsOptions = {}) {
    this.#source = source;
    this.#options = options;
  }

  has(name: string): boolean {
    return this.#source.has(this.#nameInFile(name));
  }

  /** @throws TesseraError `weight-missing`, `weight-shape` */
  param(name: string, shape: readonly number[], { decay, trainable }: ParamSpec): Tensor {
    const found = this.#source.get(this.#nameInFile(name)) ?? this.#blank(shape);
    if (!found) throw weightError('weight-missing', `no weight ${name}`, `one of shape [${shape.join(', ')}]`);
    if (found.shape.join() !== shape.join()) {
      throw weightError('weight-shape', `${name} of shape [${found.shape.join(', ')}]`, `[${shape.join(', ')}]`);
    }
    const value = floatTensor(found);
    if (!this.#options.train || trainable === false) {
      this.#taken.set(name, value);
      return value;
    }
    const variable = tf.variable(value);
    value.dispose();
    this.#taken.set(name, variable);
    this.params.push({ name, variable, decay });
    return variable;
  }

  /** The tensor that a part has asked for by this name. @throws TesseraError `weight-missing` */
  taken(name: string): Tensor {
    const tensor = this.#taken.get(name);
    if (tensor) return tensor;
    throw weightError('weight-missing', `no part that asked for ${name}`, 'one');
  }

  /** The same tensors once more, for looking at what a part is made of. */
  again(): Weights {
    return { has: (name) => this.has(name), param: (name) => this.taken(name) };
  }

  dispose(): void {
    for (const tensor of this.#taken.values()) tensor.dispose();
    this.#taken.clear();
  }

  #blank(shape: readonly number[]): CaseTensor | undefined {
    if (!this.#options.blank) return undefined;
    return { data: new Float32Array(shape.reduce((product, side) => product * side, 1)), shape };
  }

  #nameInFile(name: string): string {
    return this.#options.rename?.(name) ?? name;
  }
}

/** Weights that are arguments of a function under trace, so that it can be differentiated by them. */
export function weightsFrom(tensors: Readonly<Record<string, Tensor>>): Weights {
  return {
    has: (name) => Object.hasOwn(tensors, name),
    param(name) {
      const tensor = tensors[name];
      if (!tensor) throw weightError('weight-missing', `no weight ${name}`, 'one in the weight file');
      return tensor;
    },
  };
}

function weightError(code: string, got: string, expected: string): TesseraError {
  return new TesseraError({ code, who: 'parity', got, expected, next: 'Check the weight file that the case names.' });
}
