import type { Checkpoint } from '@tessera/checkpoints/web';
import { TesseraError } from '@tessera/errors';

/*
 * How weight files hold a weight [O, I] in 8 bits: codes [I, O] as int8, as runtimes multiply by them, and a scale for each
 * output as float32, under the name of the weight with an ending each.
 */

const CODES = ':codes_IO';
const SCALE = ':scale_O';

export function codesOf(name: string): string {
  return `${name}${CODES}`;
}

export function scaleOf(name: string): string {
  return `${name}${SCALE}`;
}

/** True for the name of codes. */
export function isCodes(name: string): boolean {
  return name.endsWith(CODES);
}

/** The name of the weight to which a tensor of the file belongs. */
export function nameOf(name: string): string {
  for (const ending of [CODES, SCALE]) if (name.endsWith(ending)) return name.slice(0, -ending.length);
  return name;
}

/** @throws TesseraError int8-not-trainable for a file whose weights cannot be trained or exported any more */
export function refuseInt8({ path, tensors }: Checkpoint): void {
  if (![...tensors.keys()].some(isCodes)) return;
  throw new TesseraError({
    code: 'int8-not-trainable',
    who: path,
    got: 'weights in 8 bits, which can make images alone',
    expected: 'weights in float32 or float16',
    next: 'Take the model from which it was made.',
  });
}
