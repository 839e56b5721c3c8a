import * as tf from '@tensorflow/tfjs';
import { load, numbers, shake, valuesOf, type Bench, type BenchValues } from './bench.ts';
import { unequal } from './compare.ts';
import type { Trial } from './options.ts';

/** A part that is opened for a check, as `withHead` opens one, and numbers that depend on its weights. */
export interface Weighed<O> {
  readonly trial: Trial;
  readonly open: (use: (opened: O) => Promise<string | null>) => Promise<string | null>;
  readonly bench: (opened: O) => Bench;
  /** Of all that the part computes. */
  readonly numbers: (opened: O) => Promise<ArrayLike<number>>;
}

/** What a part computes with weights that it does not have any more, or null: it was used before they changed. */
export async function stale<O>({ trial: { seed }, open, bench, numbers: of }: Weighed<O>): Promise<string | null> {
  let [newest, used]: [BenchValues | null, ArrayLike<number>] = [null, []];
  await open(async (opened) => {
    shake(bench(opened), seed);
    await of(opened);
    shake(bench(opened), seed + 1);
    newest = await valuesOf(bench(opened));
    used = Float32Array.from(await of(opened));
    return null;
  });
  return open(async (opened) => {
    load(bench(opened), newest!);
    const far = unequal('numbers', await of(opened), used);
    return (
      far &&
      `${far} after the weights changed, of a part that was used before and of a new one: keep nothing that was computed from weights`
    );
  });
}

/** The name of a weight that changes nothing, as a sentence, or null. */
export async function unused<O>({
  trial: { seed, neutral },
  open,
  bench,
  numbers: of,
}: Weighed<O>): Promise<string | null> {
  return open(async (opened) => {
    shake(bench(opened), seed);
    const usual = Float32Array.from(await of(opened));
    for (const { name, variable } of bench(opened).params) {
      if (neutral[name]) continue;
      const own = tf.clone(variable);
      const other = tf.tidy(() => tf.add(variable, numbers(`other.${name}`, variable.shape, seed)));
      variable.assign(other);
      const moved = (await of(opened)) as Float32Array;
      variable.assign(own);
      tf.dispose([own, other]);
      if (usual.every((value, i) => Object.is(value, moved[i])))
        return `the weight ${name}, which changes nothing: use it, do not ask for it, or say in \`neutral\` why it is idle here`;
    }
    return null;
  });
}
