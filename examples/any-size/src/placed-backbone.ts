import * as tf from '@tensorflow/tfjs';
import type { Tensor } from '@tensorflow/tfjs';
import { nextScaleTransformer } from '@tessera/backbones';
import { defineBackbone, disposeAll, schema, type Layout, type Weights } from '@tessera/plugin-kit';

const { object, choice, optional, nested, described } = schema;

/** Names of the tables of learnt places in the transformer of VAR: [1, n, D], one row a token. */
const tables: readonly string[] = ['pos_1LC', 'pos_start'];

/**
 * The transformer of VAR (arXiv 2404.02905) whose places are computed instead of learnt: sines of where a token lies in its
 * picture. So no parameter has the layout in its shape, and the weights make pictures of any size and shape (after FlexVAR,
 * arXiv 2502.20313, section 3.2). D is the width, L the tokens of an image.
 */
export const placedBackbone = defineBackbone({
  contract: 2,
  name: '@tessera-examples/any-size',
  config: object({
    transformer: described(nested(nextScaleTransformer.config), 'As of next-scale-transformer.'),
    frame: described(
      optional(choice('stretch', 'middle'), 'stretch'),
      'Of pictures that are no squares: places stretch with the picture, or go on beyond the square in its middle.',
    ),
  }),
  // It can be built for any layout: the transformer says `anySize` too, since it interpolates what it has learnt.
  describe: ({ transformer }) => ({ ...nextScaleTransformer.describe(transformer), anySize: true }),
  build: ({ transformer, frame }, { layout, space }, { engine, weights }) => {
    const places: Tensor[] = [];
    const computed: Weights = {
      has: (name) => tables.includes(name) || weights.has(name),
      param: (name, shape, spec) => {
        if (!tables.includes(name)) return weights.param(name, shape, spec);
        const [, n, D] = shape as [number, number, number];
        const table_1nD = tf.keep(tf.tensor3d(sinesOf(placesOf(layout, frame).slice(0, n), D), [1, n, D]));
        places.push(table_1nD);
        return table_1nD;
      },
    };
    // `trained` is left out: there is nothing to interpolate.
    const built = nextScaleTransformer.build(transformer, { layout, space }, { engine, weights: computed });
    return { ...built, dispose: () => disposeAll([built, ...places]) };
  },
});

/** A token's centre: rows and columns as fractions of the picture, from 0 to 1 in a square. */
type Place = readonly [row: number, column: number];

/** The places of all tokens, scale after scale. */
export function placesOf({ scales }: Layout, frame: 'stretch' | 'middle'): Place[] {
  const { height, width } = scales.at(-1)!;
  const [tall, wide] = frame === 'stretch' ? [1, 1] : [height, width].map((side) => side / Math.min(height, width));
  const at = (index: number, count: number, length: number): number => ((index + 0.5) / count - 0.5) * length + 0.5;
  return scales.flatMap((scale) =>
    Array.from({ length: scale.height * scale.width }, (_, i): Place => [
      at(Math.floor(i / scale.width), scale.height, tall!),
      at(i % scale.width, scale.width, wide!),
    ]),
  );
}

/** Half waves across a square: the fewest and the most. */
const WAVES = [1, 32] as const;
/** Of about the size of what tokens are embedded as. */
const AMPLITUDE = 0.2;

/** [n, D]: for row and column each sine and cosine of D / 4 frequencies (arXiv 1706.03762, section 3.5, in two dimensions). */
function sinesOf(places: readonly Place[], D: number): Float32Array {
  const count = Math.ceil(D / 4);
  const ratio = WAVES[1] / WAVES[0];
  const table_nD = new Float32Array(places.length * D);
  for (const [token, [row, column]] of places.entries()) {
    for (let d = 0; d < D; d++) {
      const frequency = Math.PI * WAVES[0] * ratio ** (Math.floor(d / 4) / Math.max(1, count - 1));
      const angle = frequency * (d % 2 === 0 ? row : column);
      table_nD[token * D + d] = AMPLITUDE * (d % 4 < 2 ? Math.sin(angle) : Math.cos(angle));
    }
  }
  return table_nD;
}
