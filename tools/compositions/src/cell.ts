/** The parts that are combined. `vq` is a tokenizer of one scale, `vq-scales` the same plug-in with several. */
export const axes = {
  tokenizer: ['vq', 'vq-scales', 'kl', 'kl-scales'],
  order: ['next-scale', 'raster', 'random', 'random-sets', 'confidence'],
  backbone: ['next-scale-transformer', 'causal-transformer', 'masked-encoder-decoder'],
  head: ['categorical', 'diffusion'],
} as const;

/** One of each. */
export type Cell = { readonly [Axis in keyof typeof axes]: (typeof axes)[Axis][number] };

/** All combinations, the head changing fastest. */
export const cells: readonly Cell[] = axes.tokenizer.flatMap((tokenizer) =>
  axes.order.flatMap((order) =>
    axes.backbone.flatMap((backbone) => axes.head.map((head) => ({ tokenizer, order, backbone, head }))),
  ),
);

/** Its name, as its picture's file has it. */
export function nameOf({ tokenizer, order, backbone, head }: Cell): string {
  return [tokenizer, order, backbone, head].join('_');
}
