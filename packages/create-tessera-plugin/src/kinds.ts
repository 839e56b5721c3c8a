import { layers, type ModelParts } from './model-parts.ts';

/** What a package of each kind begins as. A new kind is one more entry, and an example that it starts from. */
export interface Kind {
  /** The folder of `examples`. */
  readonly example: string;
  /** What it does, for the package's description and readme. */
  readonly does: string;
  /** The parts of a small recipe that tries it, where they differ from the usual ones. */
  readonly parts: (plugin: string) => Partial<ModelParts>;
  /** What the data of that recipe say besides. */
  readonly data?: object;
  /** Whether recipes train it in a stage of its own. */
  readonly trained?: boolean;
}

export const kinds = {
  head: {
    example: 'head-gaussian',
    does: 'draws the tokens of each step from hidden states',
    parts: (plugin) => ({ head: { plugin, config: {} }, defaults: { options: { steps: 4 } } }),
  },
  order: {
    example: 'order-checkerboard',
    does: 'says which tokens come next',
    parts: (plugin) => ({ order: { plugin, config: {} } }),
  },
  tokenizer: {
    example: 'tokenizer-patches',
    does: 'makes tokens of images, and images of tokens',
    parts: (plugin) => ({ tokenizer: { plugin, config: { size: 16, channels: 3, patch: 4 } } }),
    trained: false,
  },
  backbone: {
    example: 'backbone-mixer',
    does: 'makes hidden states of the tokens that are written',
    parts: (plugin) => ({ backbone: { plugin, config: { classes: 2, width: 16, depth: 1 } } }),
  },
  condition: {
    example: 'condition-words',
    does: 'reads what an image is to show, and embeds it',
    parts: (plugin) => ({
      backbone: {
        plugin: 'masked-encoder-decoder',
        config: { attends: true, encoder: layers, decoder: layers, buffer: 2 },
      },
      condition: { plugin, config: {} },
    }),
    data: { input: ['text'] },
  },
  guidance: {
    example: 'guidance-interval',
    does: 'says how strongly conditions pull, step by step',
    parts: (plugin) => ({ defaults: { options: { steps: 4, respacing: '4,0', guidanceBy: plugin } } }),
  },
} as const satisfies Readonly<Record<string, Kind>>;

export type KindName = keyof typeof kinds;
