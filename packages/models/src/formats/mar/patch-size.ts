import { TesseraError } from '@tessera/errors';

export interface PatchFacts {
  readonly who: string;
  /** Channels of the generator's tokens. */
  readonly tokenChannels: number;
  /** Channels of the tokenizer's latents. */
  readonly latentChannels: number;
  /** What the generator's file or the request say of the patch size. */
  readonly said: number | undefined;
}

/**
 * The side of the squares of latents that tokens are made of: tokens have that square times the channels of a latent.
 * @throws TesseraError channels-mismatch, patch-mismatch
 */
export function patchSizeOf({ who, tokenChannels, latentChannels, said }: PatchFacts): number {
  const side = Math.sqrt(tokenChannels / latentChannels);
  const fits = Number.isInteger(side) && side >= 1;
  if (fits && (said === undefined || said === side)) return side;
  const got = `tokens of ${tokenChannels} channels and a tokenizer whose latents have ${latentChannels}`;
  if (fits) {
    throw new TesseraError({
      code: 'patch-mismatch',
      who,
      got: `weights of another patch size: ${got}, a patch size of ${side}`,
      expected: `${said}, as the generator was made with`,
      next: 'Take the tokenizer that belongs to the generator.',
    });
  }
  throw new TesseraError({
    code: 'channels-mismatch',
    who,
    got,
    expected: `latents of ${tokenChannels} channels, or of that many over the square of a patch size`,
    next: 'Take the tokenizer that belongs to the generator.',
  });
}
