import { layoutOf, type BackbonePlugin, type Layout } from '@tessera/core';
import { unequal } from '../compare.ts';
import type { PartTrial } from '../options.ts';
import { withBackbone, type Images, type OpenedBackbone } from './opened-backbone.ts';
import { roll } from './roll.ts';

/**
 * What is wrong with a backbone that says `anySize`, or null: for its own layout it must do as if nothing had been said of it,
 * and for a wider one what `check` looks at, from the same weights.
 */
export async function misplacedElsewhere(
  spec: PartTrial<BackbonePlugin>,
  images: Images,
  check: (opened: OpenedBackbone) => Promise<string | null>,
): Promise<string | null> {
  const [layout, usual] = await withBackbone(
    spec,
    async (opened) => [opened.layout, await roll(opened, images)] as const,
  );
  const told = await withBackbone({ ...spec, trained: layout }, (opened) => roll(opened, images));
  const other = unequal('hidden states', usual, told);
  if (other !== null) return `${other} where dims.trained is its own layout`;
  const trial = { ...spec.trial, layout: widened(layout) };
  const found = await withBackbone({ ...spec, trial, trained: layout }, async (opened) => {
    const { scales } = opened.layout;
    const numbers = await roll(opened, images);
    const due = images.seeds.length * opened.layout.length * opened.backbone.width;
    if (numbers.length !== due) return `${numbers.length} numbers of hidden states instead of ${due}`;
    if (!numbers.every(Number.isFinite)) return 'hidden states that are not finite';
    const wrong = await check(opened);
    return wrong && `${wrong} in maps of ${scales.map(({ height, width }) => `${height}x${width}`).join(', ')}`;
  });
  return found;
}

/** Maps twice as wide; one of a single token, which stands for the whole, stays. */
function widened({ scales }: Layout): Layout {
  return layoutOf(
    scales.map(({ height, width }) => (height * width === 1 ? { height, width } : { height, width: 2 * width })),
  );
}
