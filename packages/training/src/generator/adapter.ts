import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor2D } from '@tensorflow/tfjs';
import type { Weights } from '@tessera/core';
import type { Param } from '@tessera/engine';
import { TesseraError } from '@tessera/errors';
import { freshWeights, type FreshWeights, type SavedTensor } from '@tessera/models';
import { schema, type FieldType } from '@tessera/schema';

const { integer, list, number, object, optional, string } = schema;

/** Section `adapter` of a recipe: LoRA (Hu et al. 2021). */
export const adapterFields = object({
  rank: optional(integer({ min: 1, max: 4096 }), 8),
  /** What the product of the small matrices is multiplied by is `alpha / rank`. */
  alpha: optional(number({ min: 0 }), 8),
  /** Parts of names: matrices whose name contains one of them are adapted. Left out: every matrix of the backbone. */
  on: optional(list(string()), undefined),
});
export type AdapterRecipe = FieldType<typeof adapterFields>;

/**
 * Small matrices beside the matrices of a backbone: a part that asks for W [O, I] gets W + alpha / rank B A, with A [r, I]
 * and B [O, r] (Hu et al. 2021, section 4.1). B starts at zero, so that training starts from the given model. Parts do not
 * know of it.
 */
export interface Adapter {
  /** What is trained: the small matrices, and the embeddings of classes. */
  readonly params: readonly Param[];
  /** For building the backbone within a traced loss: its matrices are computed there. */
  readonly weights: Weights;
  /** All tensors of the backbone with the adapter added to them. */
  merged(): SavedTensor[];
  /** The small matrices (`NAME.lora_A`, `NAME.lora_B`), and the embeddings of classes under their own names. */
  apart(): SavedTensor[];
  dispose(): void;
}

interface AdapterOptions {
  readonly recipe: AdapterRecipe;
  /** Names of the parameters that have a row for each class. */
  readonly classTables: ReadonlySet<string>;
  readonly seed: number;
}

/**
 * Adapts the weights of a backbone that has been built from them once.
 * @throws TesseraError `adapter-misfit` if no matrix has a name that the recipe asks for
 */
export function openAdapter(base: FreshWeights, { recipe, classTables, seed }: AdapterOptions): Adapter {
  const own = freshWeights(seed);
  const pairs = new Map(
    adapted(base, { recipe, classTables }).map(({ name, variable }) => {
      const [outputs, inputs] = variable.shape as [number, number];
      const rank = Math.min(recipe.rank, outputs, inputs);
      const spread = { kind: 'normal', std: 1 / Math.sqrt(inputs) } as const;
      const a_rI = own.param(loraNames(name).a, [rank, inputs], { init: spread, decay: true });
      const b_Or = own.param(loraNames(name).b, [outputs, rank], { init: { kind: 'zeros' }, decay: true });
      return [name, { a_rI: a_rI as Tensor2D, b_Or: b_Or as Tensor2D }] as const;
    }),
  );
  const scale = recipe.alpha / recipe.rank;
  const tables = base.params.filter(({ name }) => classTables.has(name));
  return {
    params: [...own.params, ...tables],
    weights: {
      has: (name) => base.has(name),
      param(name, shape, spec) {
        const weight = base.param(name, shape, spec);
        const pair = pairs.get(name);
        return pair ? tf.add(weight, tf.mul(tf.matMul(pair.b_Or, pair.a_rI), scale)) : weight;
      },
    },
    merged: () => [
      ...base.params.map(({ name, variable }) => {
        const pair = pairs.get(name);
        if (!pair) return saved(name, variable);
        const matrices = async () => Promise.all([numbers(variable), numbers(pair.b_Or), numbers(pair.a_rI)]);
        const values = async () => {
          const [weight_OI, b_Or, a_rI] = await matrices();
          return mergedMatrix(weight_OI, { a_rI, b_Or, rank: pair.a_rI.shape[0], scale });
        };
        return { name, shape: variable.shape, values };
      }),
      ...base.buffers.map(({ name, variable }) => ({ ...saved(name, variable), buffer: true })),
    ],
    apart: () => [...own.params, ...tables].map(({ name, variable }) => saved(name, variable)),
    dispose: () => own.dispose(),
  };
}

/** The names of the small matrices beside a matrix, in a file. */
export function loraNames(name: string): { readonly a: string; readonly b: string } {
  return { a: `${name}.lora_A`, b: `${name}.lora_B` };
}

/** W + scale B A, [O, I], rounded once to float32. */
export function mergedMatrix(
  weight_OI: Float32Array,
  { a_rI, b_Or, rank, scale }: { a_rI: Float32Array; b_Or: Float32Array; rank: number; scale: number },
): Float32Array {
  const inputs = a_rI.length / rank;
  return weight_OI.map((weight, at) => {
    const [output, input] = [Math.floor(at / inputs), at % inputs];
    let sum = 0;
    for (let r = 0; r < rank; r++) sum += b_Or[output * rank + r]! * a_rI[r * inputs + input]!;
    return weight + scale * sum;
  });
}

/** The matrices that are adapted. */
function adapted(
  { params }: FreshWeights,
  { recipe: { on }, classTables }: Pick<AdapterOptions, 'recipe' | 'classTables'>,
): Param[] {
  const matrices = params.filter(({ name, variable }) => variable.shape.length === 2 && !classTables.has(name));
  const chosen = on ? matrices.filter(({ name }) => on.some((part) => name.includes(part))) : matrices;
  if (chosen.length > 0) return chosen;
  const some = matrices.slice(0, 5).map(({ name }) => name);
  throw new TesseraError({
    code: 'adapter-misfit',
    who: 'training',
    got: on ? `adapter.on = ${JSON.stringify(on)}, which no matrix of the backbone has in its name` : 'an adapter',
    expected: some.length > 0 ? `parts of names such as ${some.join(', ')}` : 'a backbone that has matrices',
  });
}

function saved(name: string, tensor: Tensor): SavedTensor {
  return { name, shape: tensor.shape, values: () => numbers(tensor) };
}

async function numbers(tensor: Tensor): Promise<Float32Array> {
  return (await tensor.data()) as Float32Array;
}
