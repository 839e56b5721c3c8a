import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor1D, Tensor2D, Tensor3D } from '@tensorflow/tfjs';
import { defineBackbone, labelOf, nn, schema, tensorFrom, type Weights } from '@tessera/plugin-kit';

const NAME = '@tessera-examples/backbone-mixer';

const { object, integer, optional, described } = schema;

/**
 * An MLP-Mixer (arXiv 2105.01601) that reads all known tokens: each block mixes the places of an image, then the numbers of
 * each place. In names of tensors R are rows (with guidance each image has two), L all places, l those asked for, C the
 * channels of a token, D the width.
 */
export const mixerBackbone = defineBackbone({
  contract: 1,
  name: NAME,
  config: object({
    classes: described(integer({ min: 1 }), 'Classes of the images.'),
    width: described(optional(integer({ min: 1 }), 64), 'Numbers of a hidden state.'),
    depth: described(optional(integer({ min: 1 }), 4), 'Blocks.'),
  }),
  describe: ({ width, classes }) => ({
    width,
    reads: 'known',
    condition: { kind: 'class', classes },
    remembers: false, // a step depends on what it is given alone: there is no cache
  }),
  build: (config, { layout: { length: L }, space: { channels: C } }, { engine, weights }) => {
    const hiddenOf = mixer(weights, { ...config, L, C });
    // Sampling. One program for any number of images B, rows R and places l.
    const program = engine.compile(
      ({ values_BLC, known_BL, row_R, label_R, positions_Rl }: StepInput): Tensor3D => {
        const hidden_RLD = hiddenOf(tf.gather(values_BLC, row_R), tf.gather(known_BL, row_R), label_R);
        return at(hidden_RLD, positions_Rl);
      },
      { name: 'mixer', axes: ['B . .', 'B .', 'R', 'R', 'R l'] },
    );
    return {
      width: config.width,
      reads: 'known',
      openRollout: async (rows) => ({
        remembers: false,
        forward: async (context, { positions_Bl }, guided) => {
          if (context.reads !== 'known') throw new Error(`${NAME} reads all known tokens`);
          const labels = rows.map(({ condition }) => labelOf(condition));
          const images = [...rows.keys()];
          // Guided: rows B..2B-1 see the same tokens, and the null class, whose label is -1.
          const twice = <T>(own: Iterable<T>, other: Iterable<T>): T[] => [...own, ...(guided ? other : [])];
          const label_R = ints(
            twice(
              labels,
              labels.map(() => -1),
            ),
          ) as Tensor1D;
          const row_R = ints(twice(images, images)) as Tensor1D;
          const [R, l] = [label_R.size, positions_Bl.length / rows.length];
          const positions_Rl = ints(twice(positions_Bl, positions_Bl), [R, l]) as Tensor2D;
          const { values_BLC, known_BL } = context; // borrowed, as all arguments
          const made = program({ values_BLC, known_BL, row_R, label_R, positions_Rl });
          const values_RlD = await made.finally(() => tf.dispose([row_R, label_R, positions_Rl]));
          return { values_RlD, positions_Bl, guided };
        },
        dispose: () => undefined,
      }),
      // Training: the same layers, on the tokens before the cut; hidden states of all places from its `least` on.
      teach: ({ values_BLC, order_BL, rank_BL, cut, condition: { label_B } }) => {
        const { known, least } = cut!; // what reads 'known' is always given a cut
        const known_BL = tf.cast(tf.less(rank_BL, known), 'float32') as Tensor2D;
        const positions_Bl = tf.slice(order_BL, [0, least], [-1, L - least]) as Tensor2D;
        return { values_BlD: at(hiddenOf(values_BLC, known_BL, label_B as Tensor1D), positions_Bl), positions_Bl };
      },
      dispose: () => program.dispose(),
    };
  },
});

/** The argument of the program, in the order of its axes. */
type StepInput = {
  /** All tokens, and which of them are known: 1, else 0. */
  readonly values_BLC: Tensor3D;
  readonly known_BL: Tensor2D;
  /** Of each row its image and its label. */
  readonly row_R: Tensor1D;
  readonly label_R: Tensor1D;
  readonly positions_Rl: Tensor2D;
};

interface Sizes {
  readonly classes: number;
  readonly width: number;
  readonly depth: number;
  readonly L: number;
  readonly C: number;
}

/** Takes its weights; returns the layers, from all tokens to hidden states of all places, [R, L, D]. */
function mixer(weights: Weights, { classes, width: D, depth, L, C }: Sizes) {
  const table = (name: string, rows: number) =>
    weights.param(name, [rows, D], { init: { kind: 'normal', std: 0.02 }, decay: false });
  const layer = (name: string, outputs: number, inputs: number) => {
    const init = { kind: 'normal', std: 1 / Math.sqrt(inputs) } as const;
    const matrix = weights.param(`${name}.weight`, [outputs, inputs], { init, decay: true });
    const bias = weights.param(`${name}.bias`, [outputs], { init: { kind: 'zeros' }, decay: false });
    return <T extends Tensor>(x: T): T => nn.linear(x, matrix, bias);
  };
  const perceptron = (name: string, size: number) => {
    const [open, close] = [layer(`${name}.open`, 2 * size, size), layer(`${name}.close`, size, 2 * size)];
    return <T extends Tensor>(x: T): T => close(nn.gelu(open(x), 'tanh'));
  };
  const embed = layer('embed', D, C);
  const [mask_1D, place_LD, class_KD] = [table('mask', 1), table('place', L), table('class', classes + 1)];
  const blocks = Array.from({ length: depth }, (_, i) => ({
    places: perceptron(`blocks.${i}.places`, L),
    channels: perceptron(`blocks.${i}.channels`, D),
  }));
  return (values_RLC: Tensor3D, known_RL: Tensor2D, label_R: Tensor1D): Tensor3D => {
    const known_RL1 = tf.expandDims(known_RL, 2);
    const hidden_RLD = tf.mul(mask_1D, tf.sub(1, known_RL1)); // what stands for a missing token
    // The null class, -1, has the first entry.
    const class_R1D = tf.expandDims(nn.embedding(class_KD, tf.add(label_R, tf.scalar(1, 'int32'))), 1);
    let x_RLD = tf.add(tf.mul(embed(values_RLC), known_RL1), hidden_RLD);
    x_RLD = tf.add(tf.add(x_RLD, place_LD), class_R1D);
    for (const { places, channels } of blocks) {
      const across_RDL = places(tf.transpose(nn.layerNorm(x_RLD, 1e-6), [0, 2, 1]));
      x_RLD = tf.add(x_RLD, tf.transpose(across_RDL, [0, 2, 1]));
      x_RLD = tf.add(x_RLD, channels(nn.layerNorm(x_RLD, 1e-6)));
    }
    return x_RLD as Tensor3D;
  };
}

/** Of each row its own places: [R, L, D] and [R, l] -> [R, l, D]. */
function at(hidden_RLD: Tensor3D, positions_Rl: Tensor2D): Tensor3D {
  const L = hidden_RLD.shape[1];
  return tf.matMul(tf.oneHot(positions_Rl, L, 1, 0, 'float32') as Tensor3D, hidden_RLD);
}

function ints(values: readonly number[], shape: number[] = [values.length]): Tensor {
  return tensorFrom(Int32Array.from(values), shape, 'int32');
}
