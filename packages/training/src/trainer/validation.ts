import type { TrainStep } from '@tessera/engine';
import type { Batch } from './stage.ts';

/** Numbers of a validation: means over its batches, weighed equally. */
export type Means = Readonly<Record<string, number | readonly number[]>>;

/** The size of held-out batches: as in training, but a split that is smaller is one batch. */
export function batchWithin(batch: number, count: number): number {
  return Math.max(1, Math.min(batch, count));
}

/**
 * Loss and the named aux figures on held-out batches, all drawn with the same random numbers each time, so that two
 * validations differ by the parameters alone. Names get the prefix `validation.`.
 */
export async function validate(
  trainStep: TrainStep,
  batches: AsyncIterable<Batch>,
  names: readonly string[],
): Promise<Means> {
  const sums = new Map<string, Float64Array>();
  let count = 0;
  for await (const batch of batches) {
    const { loss, aux } = await trainStep.evaluate(batch, count);
    for (const tensor of Object.values(batch)) tensor.dispose();
    add(sums, 'loss', [loss]);
    for (const name of names) add(sums, name, aux[name]!);
    count++;
  }
  return Object.fromEntries(
    [...sums].map(([name, sum]) => {
      const means = Array.from(sum, (value) => value / count);
      return [`validation.${name}`, means.length === 1 ? means[0]! : means];
    }),
  );
}

function add(sums: Map<string, Float64Array>, name: string, values: ArrayLike<number>): void {
  const sum = sums.get(name) ?? new Float64Array(values.length);
  for (let i = 0; i < sum.length; i++) sum[i]! += values[i]!;
  sums.set(name, sum);
}
