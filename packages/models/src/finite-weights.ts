import { TesseraError } from '@tessera/errors';
import type { Named } from '@tessera/checkpoints';

/**
 * The values, if all are finite.
 * @throws TesseraError weights-not-finite: with a weight of NaN or infinity every picture is NaN
 */
export function finiteWeights(values: Float32Array, { who, name }: Named): Float32Array {
  let none = 0; // stays 0, unless some value is not finite
  for (let index = 0; index < values.length; index++) none += values[index]! * 0;
  if (none === 0) return values;
  const index = values.findIndex((value) => !Number.isFinite(value));
  throw new TesseraError({
    code: 'weights-not-finite',
    who,
    got: `${name}[${index}] = ${values[index]}`,
    expected: 'finite numbers in every weight',
    next: 'Copy or download it again, or take weights from before their training diverged.',
  });
}
