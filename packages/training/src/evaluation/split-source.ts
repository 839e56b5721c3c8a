import { type ImageSource, toBytes } from '@tessera/evaluation';
import { permutation } from '../data/batches.ts';
import type { DataSet, Split } from '../data/data-set.ts';

/** Images of a data set that are measured: which split, how many, and the seed that chooses them. */
interface SomeImages {
  readonly split: 'train' | 'validation' | 'test';
  readonly count: number;
  readonly seed: number;
}

/** Chooses images of a data set at random, for measuring. The same seed gives the same ones. */
export function splitSource(data: DataSet, { split: name, count, seed }: SomeImages): ImageSource {
  const split = data[name];
  const members = someOf(split, { count, seed });
  const label_N = members.map((member) => split.label_N[member]!);
  return {
    name: `${data.name}: ${name}`,
    image: data.image,
    count: members.length,
    label_N: label_N.every((label) => label >= 0) ? label_N : null,
    async *batches(size) {
      for (let start = 0; start < members.length; start += size) {
        yield toBytes(await split.read(members.subarray(start, start + size)));
      }
    },
  };
}

/** Chooses members of a split at random, ascending. The same seed gives the same ones. */
export function someOf({ count: all }: Split, { count, seed }: { count: number; seed: number }): Int32Array {
  return permutation(all, { seed, epoch: -2 }).slice(0, count).sort();
}
