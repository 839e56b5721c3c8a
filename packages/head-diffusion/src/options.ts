import { schema, type OutputOf } from '@tessera/schema';
import { TesseraError } from '@tessera/errors';
import { keptTimesteps, respacingMisfit, TRAINED_STEPS } from './schedule.ts';

const { object, integer, optional, described, field, number, refine, string } = schema;

/** Build time. */
export const diffusionConfig = object({
  blocks: described(integer({ min: 1, max: 256 }), 'Residual blocks of the denoiser.'),
  width: described(integer({ min: 1, max: 65536 }), 'Width of the denoiser.'),
  /** A denoiser costs little beside its backbone, so each token is used several times. */
  repeats: described(optional(integer({ min: 1, max: 64 }), 4), 'Timesteps per token in a training step.'),
});

export type DiffusionConfig = OutputOf<typeof diffusionConfig>;

const anyNumber = number();

/** With noise ten times that of training no picture is left. */
const hottest = 10;

/** Every number is checked here, so that NaN has the same code as zero. */
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

const eachOption = object({
  /** Factor on the noise of every denoising step, not on the first noise. */
  temperature: described(
    optional(temperature, 1),
    'Noise of the denoising steps, above 0: 1 as in training; less is smoother and less varied.',
  ),
  /** Which steps of the trained chain are taken; see `keptTimesteps`. */
  respacing: described(
    optional(respacing, '100'),
    'Denoising steps a token; fewer are faster. ddim25 takes every 40th of the 1000 timesteps; a plain number as 100 ' +
      'begins at the very noisiest timestep, which needs a long-trained model: others draw smears.',
  ),
  /** Denoising steps at the last step of the order, 2 at least; 0: as many as at the first. See `annealedSteps`. */
  lateSteps: described(
    optional(integer({ min: 0, max: TRAINED_STEPS }), 0),
    'Denoising steps of the last tokens, down to which their number falls from step to step: fewer are faster. 0 takes ' +
      'as many for all.',
  ),
});

/** Request time. */
export type DiffusionOptions = OutputOf<typeof eachOption>;

/** The options, with the shortest chain no longer than the whole one. */
export const diffusionOptions = field((value, place) => {
  const options = eachOption.read(value, place);
  const { lateSteps } = options;
  const most = keptTimesteps(options.respacing).length;
  if (lateSteps === 0 || (lateSteps >= 2 && lateSteps <= most)) return options;
  throw new TesseraError({
    code: 'late-steps-misfit',
    who: place.who,
    got: `${place.path ? `${place.path}.` : ''}lateSteps = ${lateSteps}`,
    expected: `${most < 2 ? '' : `2 to ${most}, the steps of the whole chain, or `}0 for as many everywhere`,
    next: 'Choose fewer, or a longer chain by respacing.',
  });
}, eachOption.json);
