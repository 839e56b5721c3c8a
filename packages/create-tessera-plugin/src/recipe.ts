import { kinds, type Kind, type KindName } from './kinds.ts';
import { layers, type ModelParts } from './model-parts.ts';

const optimiser = { learningRate: { shape: 'cos', peak: 0.002, warmup: 2 }, clip: 1 };
const every = { log: 1, validate: 4, picture: 8, checkpoint: 8 };

const usual: ModelParts = {
  tokenizer: {
    plugin: 'kl',
    config: {
      ...{ z_channels: 2, ch: 4, ch_mult: [1, 1, 2], num_res_blocks: 1, in_channels: 3, resolution: 16 },
      ...{ attn_resolutions: [], groups: 2 },
    },
  },
  order: { plugin: 'random-sets', config: {} },
  backbone: { plugin: 'masked-encoder-decoder', config: { classes: 2, encoder: layers, decoder: layers, buffer: 2 } },
  head: { plugin: 'diffusion', config: { blocks: 1, width: 16, repeats: 1 } },
  defaults: { options: { steps: 4, respacing: '4,0' } },
};

/**
 * A recipe of seconds with the new part among Tessera's own: on avatars of 16 x 16 pixels that are drawn for it, so that it
 * needs no data. It shows that all works; the pictures show nothing yet.
 */
export function trialRecipe(kind: KindName, plugin: string): object {
  const { parts, data, trained = true }: Kind = kinds[kind];
  const { defaults = usual.defaults, ...own } = parts(plugin);
  const guidance = { kind: 'constant', scale: 1.5 };
  return {
    format: 'tessera-recipe',
    version: 1,
    name: 'trial',
    title: `Trial of ${plugin}`,
    description: 'Every stage of a training in seconds: to see that all works, not to see pictures.',
    seed: 1,
    data: { kind: 'avatars', size: 16, perClass: 32, validation: 8, test: 8, styles: ['pixel-art', 'thumbs'], ...data },
    model: { ...usual, ...own, defaults: { guidance, ...defaults, preview: 'linear' } },
    ...(trained && {
      tokenizer: { kind: 'kl', steps: 8, batch: 8, optimiser, loss: { l1: 1, kl: 0.002 }, every },
    }),
    generator: { steps: 8, batch: 8, masking: { leastRate: 0.2, programs: 1 }, optimiser, every },
    evaluation: { samples: 8, neighbours: 4 },
  };
}
