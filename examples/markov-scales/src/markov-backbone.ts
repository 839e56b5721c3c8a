import * as tf from '@tensorflow/tfjs';
import type { Tensor1D, Tensor2D, Tensor3D } from '@tensorflow/tfjs';
import {
  forward,
  modulationsOf,
  nextScaleTransformer,
  placesOf,
  startOf,
  takeParams,
  wordsOf,
  type ClassModulatedConfig,
} from '@tessera/backbones';
import { defineBackbone, nn, scaleAt, schema, tensorFrom, type BackboneDims, type Weights } from '@tessera/plugin-kit';

const NAME = '@tessera-examples/markov-backbone';

const { object, nested, refine, described } = schema;

const transformer = refine(nested(nextScaleTransformer.config), ({ attends, map, dropPath }) =>
  attends || map || dropPath > 0 ? 'a transformer without attends, map and dropPath' : null,
);

/**
 * The transformer of VAR as a Markov chain of scales (HMAR, arXiv 2506.04421, section 3.2): a scale is predicted from its
 * estimate alone, which holds all that the coarser ones drew, so that there is no cache and attention stays within the
 * scale. Tokens of the scale that are known already come in besides. In names of tensors R are rows (with guidance each
 * image has two), n the tokens of a scale, l those of the step, D the width.
 */
export const markovBackbone = defineBackbone({
  contract: 2,
  name: NAME,
  package: '@tessera-examples/markov-scales',
  config: object({ transformer: described(transformer, 'As of next-scale-transformer.') }),
  describe: ({ transformer }) => ({ ...nextScaleTransformer.describe(transformer), reads: 'scale', remembers: false }),
  build: ({ transformer: config }, dims, { engine, weights }) => {
    const hiddenOf = layers(config, dims, weights);
    const programs = dims.layout.scales.map((_, scale) =>
      engine.compile(
        ({ estimate_BnC, values_BnC, known_Bn, row_R, vector_RD, places_Rl }: StepInput): Tensor3D => {
          const own = { values_RnC: tf.gather(values_BnC, row_R), known_Rn: tf.gather(known_Bn, row_R) as Tensor2D };
          const hidden_RnD = hiddenOf(scale, { estimate_RnC: tf.gather(estimate_BnC, row_R), ...own, vector_RD });
          return tf.gather(hidden_RnD, places_Rl, 1, 1);
        },
        { name: `markov.${scale}`, axes: ['B . .', 'B . .', 'B .', 'R', 'R .', 'R l'] },
      ),
    );
    return {
      width: config.width,
      reads: 'scale',
      openRollout: async ({ batch, own, guided: twice }) => ({
        remembers: false,
        forward: async (context, { positions_Bl }, guided) => {
          if (context.reads !== 'scale') throw new Error(`${NAME} reads scales`);
          const scale = scaleAt(dims.layout, positions_Bl[0]!);
          const { start } = dims.layout.scales[scale]!;
          const { estimate_BnC, values_BnC, known_Bn } = context; // borrowed, as all arguments
          const copies = guided ? [0, 1] : [0];
          const rows = copies.flatMap(() => Array.from({ length: batch }, (_, row) => row));
          const places = copies.flatMap(() => Array.from(positions_Bl, (position) => position - start));
          const row_R = tensorFrom(Int32Array.from(rows), [rows.length], 'int32') as Tensor1D;
          const places_Rl = tensorFrom(Int32Array.from(places), [rows.length, places.length / rows.length], 'int32');
          const values_RlD = await programs[scale]!({
            // The first scale has no estimate: its program does not look at it.
            ...{ estimate_BnC: estimate_BnC ?? values_BnC, values_BnC, known_Bn, row_R },
            ...{ vector_RD: (guided ? twice! : own).vector_RD!, places_Rl: places_Rl as Tensor2D },
          }).finally(() => tf.dispose([row_R, places_Rl]));
          return { values_RlD, positions_Bl, guided };
        },
        dispose: () => undefined,
      }),
      // Training: all scales, each from its true estimate and those of its tokens that are known.
      teach: ({ values_BLC, estimates_BLC, known_BL, embedded }) => {
        const first = dims.layout.scales[0]!.height * dims.layout.scales[0]!.width;
        const hidden = dims.layout.scales.map(({ start, height, width }, scale) => {
          const n = height * width;
          const [values_RnC, known_Rn] = [
            tf.slice(values_BLC, [0, start, 0], [-1, n, -1]),
            tf.slice(known_BL!, [0, start], [-1, n]),
          ];
          const estimate_RnC = scale === 0 ? values_RnC : tf.slice(estimates_BLC!, [0, start - first, 0], [-1, n, -1]);
          return hiddenOf(scale, { estimate_RnC, values_RnC, known_Rn, vector_RD: embedded.vector_RD! });
        });
        return { values_BlD: tf.concat(hidden, 1) as Tensor3D, positions_Bl: null };
      },
      dispose: () => programs.forEach((program) => program.dispose()),
    };
  },
});

/** The argument of a program, in the order of its axes. */
type StepInput = {
  readonly estimate_BnC: Tensor3D;
  readonly values_BnC: Tensor3D;
  readonly known_Bn: Tensor2D;
  /** Of each row its image, its condition, and the places in the scale that it is asked for. */
  readonly row_R: Tensor1D;
  readonly vector_RD: Tensor2D;
  readonly places_Rl: Tensor2D;
};

/** A scale as its rows see it. */
interface ScaleInput {
  /** Of the first scale it is not read. */
  readonly estimate_RnC: Tensor3D;
  readonly values_RnC: Tensor3D;
  readonly known_Rn: Tensor2D;
  readonly vector_RD: Tensor2D;
}

/** Takes VAR's parameters and two more, for known tokens and missing ones; returns the layers: a scale to hidden states. */
function layers(config: ClassModulatedConfig, dims: BackboneDims, weights: Weights) {
  const params = takeParams(config, dims, weights);
  const [D, C] = [config.width, dims.space.channels];
  const init = { kind: 'normal', std: Math.sqrt(1 / (3 * D)) } as const;
  const own_DC = weights.param('own_embed.weight', [D, C], { init, decay: true });
  const missing_1D = weights.param('missing', [1, D], { init, decay: false });
  return (scale: number, { estimate_RnC, values_RnC, known_Rn, vector_RD }: ScaleInput): Tensor3D => {
    const { start, height, width } = dims.layout.scales[scale]!;
    const n = height * width;
    const places_nD = tf.slice(placesOf({ params, dims }, start + n), [start, 0], [n, D]);
    const known_Rn1 = tf.expandDims(known_Rn, 2);
    const seen_RnD = tf.mul(nn.linear(values_RnC, own_DC), known_Rn1);
    const unseen_RnD = tf.mul(missing_1D, tf.sub(1, known_Rn1));
    const coarser_RnD = scale === 0 ? startOf({ params, dims }, vector_RD) : wordsOf(params, estimate_RnC);
    const x_RlD = tf.addN([tf.add(coarser_RnD, places_nD), seen_RnD, unseen_RnD]) as Tensor3D;
    const modulations = modulationsOf(params, { vector_RD }, config.heads);
    return forward(params, { x_RlD, modulations, heads: config.heads, past: null, bias: null }).hidden_RlD;
  };
}
