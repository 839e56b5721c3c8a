import { schema } from '@tessera/core';
import { TesseraError } from '@tessera/errors';
import { respacingMisfit, TRAINED_STEPS } from './respacing.ts';

/** Build time. */
export interface DiffusionConfig {
  /** Residual blocks of the denoiser. */
  readonly blocks: number;
  readonly width: number;
  /** Timesteps drawn per token in a training step: a denoiser costs little beside its backbone. */
  readonly repeats: number;
}

/** Request time. */
export interface DiffusionOptions {
  /** Factor on the noise of every denoising step, not on the first noise. */
  readonly temperature: number;
  /** Which of the trained chain's steps are taken; see `keptTimesteps`. */
  readonly respacing: string;
}

const { object, integer, optional, described, field, number, refine, string } = schema;

export const diffusionConfig = object({
  blocks: described(integer({ min: 1, max: 256 }), 'Residual blocks of the denoiser.'),
  width: described(integer({ min: 1, max: 65536 }), 'Width of the denoiser.'),
  repeats: described(optional(integer({ min: 1, max: 64 }), 4), 'Timesteps per token in a training step.'),
});

const anyNumber = number();

/** Noise ten times that of training leaves no picture long before. */
const hottest = 10;

/** Every number is judged here, so that NaN has the same code as zero. */
const temperature = field(
  (value, place) => {
    if (typeof value !== 'number' || (value > 0 && value <= hottest)) return anyNumber.read(value, place);
    throw new TesseraError({
      code: 'temperature-out-of-range',
      who: place.who,
      got: `${place.path || 'temperature'} = ${value}`,
      expected: `a number above 0, ${hottest} at most`,
      next: 'Choose 1 for the noise of training, or a little less for smoother images.',
    });
  },
  { type: 'number', exclusiveMinimum: 0, maximum: hottest },
);

const respacing = refine(
  string(),
  (text) => (text === '' ? `a number of steps, ${TRAINED_STEPS} for all` : respacingMisfit(text)),
  'respacing-misfit',
);

export const diffusionOptions = object({
  temperature: described(
    optional(temperature, 1),
    'Noise of the denoising steps, above 0: 1 as in training; less is smoother and less varied.',
  ),
  respacing: described(
    optional(respacing, '100'),
    'Denoising steps a token; fewer are faster. ddim25 takes every 40th of the 1000 timesteps; a plain number as 100 ' +
      'spreads its steps from the very noisiest timestep on, which only a long-trained model knows.',
  ),
});
