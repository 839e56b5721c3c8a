import type { Tensor, Tensor2D, Tensor3D } from '@tensorflow/tfjs';
import { tensorFrom } from '@tessera/engine';
import { schema, type Field } from '@tessera/schema';
import { load, type Bench } from '../bench.ts';

const { field, list, number, optional, refine, string } = schema;

/** Numbers row by row, all rows of one length. */
export type Rows = readonly (readonly number[])[];

export const rows: Field<Rows> = refine(list(list(number(), { min: 1 }), { min: 1 }), (given) =>
  given.every((row) => row.length === given[0]!.length) ? null : 'rows of one length',
);

/** Weights by their names, each as one list: parameters that are left out keep their fresh values. */
type GivenWeights = Readonly<Record<string, readonly number[]>>;

const numberList = list(number());

const weightsField: Field<GivenWeights> = field(
  (value, { who, path }) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      return schema.object({}).read(value, { who, path }) as GivenWeights;
    return Object.fromEntries(
      Object.entries(value).map(([name, one]) => [name, numberList.read(one, { who, path: `${path}.${name}` })]),
    );
  },
  { type: 'object' },
);

/** What the cases of all kinds may say. */
export const common = {
  /** What the report calls it. */
  name: refine(string(), (name) => (/[\p{L}\p{N}]/u.test(name) ? null : 'a name with a letter')),
  /** How far a number may lie from what is due, of numbers beyond 1 as a share of them. */
  tolerance: optional(number({ min: 0 }), 1e-3),
  weights: optional(weightsField, undefined),
} as const;

/** Gives a part the weights of a case. @throws Error naming one that it has not, or of another size */
export function giveWeights(bench: Bench, given: GivenWeights | undefined): void {
  if (given === undefined) return;
  const values = new Map(bench.params.map(({ name, variable }) => [name, variable.dataSync() as Float32Array]));
  for (const [name, own] of Object.entries(given)) {
    const size = values.get(name)?.length;
    if (size !== own.length) {
      const known = [...values.keys()].join(', ');
      throw new Error(
        size === undefined
          ? `weights of ${name}, where it has ${known}`
          : `${own.length} weights of ${name}, which has ${size}`,
      );
    }
    values.set(name, Float32Array.from(own));
  }
  load(bench, values);
}

/** [1, rows, columns]. */
export function tensorOf(given: Rows): Tensor3D {
  return tensorFrom(Float32Array.from(given.flat()), [1, given.length, given[0]!.length]) as Tensor3D;
}

/** [1, count]. */
export function rowTensor(given: readonly number[]): Tensor2D {
  return tensorFrom(Float32Array.from(given), [1, given.length]) as Tensor2D;
}

/** The first number that is not as due, or null. */
export function wrongNumber(
  what: string,
  found: ArrayLike<number>,
  due: readonly number[],
  tolerance: number,
): string | null {
  if (found.length !== due.length) return `${found.length} ${what}, of which ${due.length} are due`;
  const at = due.findIndex((value, i) => !(Math.abs(found[i]! - value) <= tolerance * Math.max(1, Math.abs(value))));
  return at < 0 ? null : `${what} with ${Number(found[at]!.toPrecision(6))} at ${at}, where ${due[at]} is due`;
}

export async function numbersIn(tensor: Tensor): Promise<number[]> {
  return Array.from(await tensor.data());
}
