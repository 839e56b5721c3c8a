import type { ModelDescription } from '@tessera/host';
import { TesseraError } from '@tessera/errors';
import type { GenerationRequest } from '@tessera/request';

/**
 * Tokens of all images of a generation that tells details of each, but for a single image, which may always: a step may
 * draw all of them, and its event is one answer.
 */
export const MOST_DETAILED = 2048;

/** As many as the details of one step may hold, of any model. */
export function mostDetailed(models: readonly Pick<ModelDescription, 'tokens'>[]): number {
  return Math.max(MOST_DETAILED, ...models.map(({ tokens }) => tokens));
}

/** @throws TesseraError `details-too-many` */
export function requireFewDetails({ details, images }: GenerationRequest, { name, tokens }: ModelDescription): void {
  const most = Math.max(1, Math.floor(MOST_DETAILED / tokens));
  if (!details || images.length <= most) return;
  throw new TesseraError({
    code: 'details-too-many',
    who: 'createGeneration',
    got: `details of ${images.length} images of ${name}, each of ${tokens} tokens`,
    expected: most === 1 ? 'details of one image' : `details of at most ${most} images`,
    next: 'Spread the images over several generations, or leave details out.',
    field: ['input', 'details'],
  });
}
