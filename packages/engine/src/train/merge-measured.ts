import { TesseraError } from '@tessera/errors';
import type { Measured } from './step-backend.ts';
import type { TrainStepSpec } from './train-step.ts';

/**
 * The average over accumulated batches of the loss and of every float32 aux; int32 aux (indices) are the last batch's.
 * @throws TesseraError `aux-shape`
 */
export function mergeMeasured({ name }: TrainStepSpec, measured: readonly Measured[]): Measured {
  const last = measured.at(-1)!;
  if (measured.length === 1) return last;
  const loss = measured.reduce((sum, one) => sum + one.loss, 0) / measured.length;
  const aux = Object.entries(last.aux).map(([key, data]) => {
    if (data instanceof Int32Array) return [key, data] as const;
    const all = measured.map((one) => one.aux[key]!);
    if (all.some((other) => other.length !== data.length)) throw sizesDiffer(name, key);
    const mean = data.map((_, i) => all.reduce((sum, other) => sum + other[i]!, 0) / all.length);
    return [key, mean] as const;
  });
  return { loss, aux: Object.fromEntries(aux) };
}

function sizesDiffer(name: string, key: string): TesseraError {
  return new TesseraError({
    code: 'aux-shape',
    who: name,
    got: `aux "${key}" of different sizes in accumulated batches`,
    expected: 'one size, so that they can be averaged',
  });
}
