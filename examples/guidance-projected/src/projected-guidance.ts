import { defineGuidance, schema, type Mix, type PredictionShape } from '@tessera/plugin-kit';

const { object, number, optional, described } = schema;

/**
 * Adaptive projected guidance (Sadat et al. 2024, arXiv 2410.02416, algorithm 1): of the difference that a condition makes,
 * the part along the prediction oversaturates pictures, so it is left out; what remains may be cut to a length, and pushes
 * against what earlier denoising steps did. Where the paper projects a whole picture, here each token is projected, since
 * heads draw it alone, and of tokens of factors each factor.
 */
export const projectedGuidance = defineGuidance({
  contract: 2,
  name: '@tessera-examples/guidance-projected',
  mixes: ['logits', 'noise', 'velocity'],
  options: () =>
    object({
      parallel: described(
        optional(number({ min: 0, max: 1 }), 0),
        'How much stays of what goes along the prediction (the paper’s eta): 1 is plain guidance, 0 is the calmest.',
      ),
      momentum: described(
        optional(number({ min: -1, max: 1 }), -0.5),
        'Share of the differences of earlier denoising steps that is added (beta); below 0 it pushes away from them.',
      ),
      longest: described(
        optional(number({ min: 0, max: 1000 }), 0),
        'Longest difference of a token, as a root mean square (r); longer ones are cut. 0 cuts none.',
      ),
    }),
  open: ({ weight, over, options }) => ({
    step: () => ({ weight, mix: (shape) => projecting(shape, { over, ...options }) }),
  }),
});

interface Projection {
  /** w - 1. */
  readonly over: number;
  readonly parallel: number;
  readonly momentum: number;
  readonly longest: number;
}

/** Mixes one image at one step; the differences of the denoising steps before are remembered between its calls. */
function projecting({ kind, groups, tokens, width }: PredictionShape, projection: Projection): Mix {
  const { over, parallel, momentum, longest } = projection;
  const before_lX = new Float64Array(tokens * width);
  return ({ own_lX, none_lX, clean }) => {
    const mixed_lX = own_lX.slice();
    // The paper projects predictions of data: noise and velocities are projected as the data that they stand for.
    const factor = clean?.factor ?? 1;
    const data_lX = clean ? own_lX.map((own, i) => clean.keep * clean.state_lX[i]! + factor * own) : own_lX;
    for (let from = 0; from < own_lX.length;) {
      for (const size of groups) {
        const to = from + size;
        const difference = own_lX.slice(from, to).map((own, i) => factor * (own - none_lX[from + i]!));
        for (const [i, value] of difference.entries()) before_lX[from + i] = value + momentum * before_lX[from + i]!;
        const update = cut(around(before_lX.slice(from, to), kind), longest);
        const along = around(data_lX.slice(from, to), kind);
        const share = dot(along, along) === 0 ? 0 : dot(update, along) / dot(along, along);
        for (const [i, value] of update.entries()) {
          const turned = value - (1 - parallel) * share * along[i]!;
          mixed_lX[from + i]! += (over * turned) / factor;
        }
        from = to;
      }
    }
    return mixed_lX;
  };
}

/** Scores of a choice around their mean: a constant for all of them means nothing. */
function around(values: Float64Array, kind: PredictionShape['kind']): Float64Array {
  if (kind !== 'logits') return values;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return values.map((value) => value - mean);
}

function cut(values: Float64Array, longest: number): Float64Array {
  const length = Math.sqrt(dot(values, values) / values.length);
  return longest === 0 || length <= longest ? values : values.map((value) => (value * longest) / length);
}

function dot(a: Float64Array, b: Float64Array): number {
  return a.reduce((sum, value, i) => sum + value * b[i]!, 0);
}
