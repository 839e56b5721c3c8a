import { defineGuidance, schema, type PredictionShape, type Predictions, type Step } from '@tessera/plugin-kit';

const { object, number, optional, described } = schema;
const share = number({ min: 0, max: 1 });

/**
 * Guidance in an interval of the steps alone (Kynkäänniemi et al. 2024, arXiv 2404.07724, where it is an interval of noise
 * levels), with predictions that are rescaled to vary as much as those with the condition (Lin et al. 2023, arXiv
 * 2305.08891, section 3.4). Steps outside of the interval compute half of the rows; with caches, those after it do.
 */
export const intervalGuidance = defineGuidance({
  contract: 2,
  name: '@tessera-examples/guidance-interval',
  // Heads that predict so let it mix their predictions.
  mixes: ['logits', 'noise', 'velocity'],
  // In each request, besides its strength: what `--set` and the page offer.
  options: () =>
    object({
      guidedAfter: described(optional(share, 0.2), 'No guidance in this first share of the steps.'),
      guidedUntil: described(optional(share, 0.9), 'No guidance after this share of the steps.'),
      rescale: described(optional(share, 0.7), 'How far predictions are brought back to their usual spread; 0: not.'),
    }),
  open: ({ weight, over, options: { guidedAfter, guidedUntil, rescale } }) => ({
    step: (step) => {
      if (middle(step) < guidedAfter || middle(step) > guidedUntil) return null;
      return { weight, mix: (shape) => (predictions) => rescaled(predictions, shape, { over, rescale }) };
    },
    // Caches need no rows of the null class from here on.
    ended: (step) => middle(step) > guidedUntil,
  }),
});

/** Where the middle of a step is among all. */
function middle({ index, of }: Pick<Step, 'index' | 'of'>): number {
  return (index + 0.5) / of;
}

interface Strength {
  /** w - 1. */
  readonly over: number;
  /** The paper's phi. */
  readonly rescale: number;
}

/** Equations 15 and 16 of arXiv 2305.08891, for the numbers of one image around the middle of each choice or token. */
function rescaled(
  { own_lX, none_lX }: Predictions,
  { groups }: PredictionShape,
  { over, rescale }: Strength,
): Float64Array {
  const guided_lX = own_lX.map((own, i) => own + over * (own - none_lX[i]!));
  const [own, guided] = [centred(own_lX, groups), centred(guided_lX, groups)];
  const [spread, wide] = [deviation(own), deviation(guided)];
  if (wide === 0) return guided_lX;
  const missing = rescale * (spread / wide - 1);
  return guided_lX.map((value, i) => value + missing * guided[i]!);
}

/** Each number less the mean of its group: a constant for all scores of a choice means nothing. */
function centred(values: Float64Array, groups: readonly number[]): Float64Array {
  const around = values.slice();
  for (let from = 0; from < values.length;) {
    for (const size of groups) {
      const group = around.subarray(from, from + size);
      const mean = group.reduce((sum, value) => sum + value, 0) / size;
      for (const i of group.keys()) group[i]! -= mean;
      from += size;
    }
  }
  return around;
}

/** Of numbers around 0. */
function deviation(values: Float64Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
}
