import { TesseraError } from '@tessera/errors';
import type { Assume } from './weight-format.ts';

/** Of every group normalisation in the official autoencoders, whatever their size. */
const official = 32;

/**
 * Groups where nothing says them: those of the official code, told as assumed.
 * @throws TesseraError groups-unknown where the levels cannot be parted so
 */
export function officialGroups(
  { ch, ch_mult }: { readonly ch: number; readonly ch_mult: readonly number[] },
  { who, assume }: { readonly who: string; readonly assume?: Assume | undefined },
): number {
  const channels = ch_mult.map((mult) => ch * mult);
  if (channels.some((one) => one % official !== 0)) {
    throw new TesseraError({
      code: 'groups-unknown',
      who,
      got: `levels of ${channels.join(', ')} channels, which the ${official} groups of the official code do not divide`,
      expected: 'the number of groups of its normalisations, which weights do not show',
      next: 'State it: --groups.',
    });
  }
  assume?.(`groups ${official} (--groups), as in the official code`);
  return official;
}
